// The table of decide.ts, row by row.
import { describe, expect, it } from 'vitest'
import { decide, wouldSkip, type Applied, type Finding } from '../../src/early-exit/decide.js'
import type { DecisionReason } from '../../src/event.js'

const side = { head: 'worktree', headCommit: 'c'.repeat(40), dirty: true }
const found = (reason: DecisionReason): Finding => ({
  reason,
  explanation: 'so it is.',
  base: 'b'.repeat(40),
  components: { config: { head: '1', base: '1', same: true } },
})
const env = { env: { head: '3', base: '4', same: false } }
const applied: Applied = { kind: 'applied', by: 'inputs', components: env }
const notApplied: Applied = {
  kind: 'not-applied',
  differs: 'env',
  explanation: 'x was last applied otherwise',
  components: env,
  digest: 'd',
}

const runs: readonly DecisionReason[] = [
  'no-comparison-asked',
  'forced',
  'config-changed',
  'code-changed',
  'code-unknown',
  'desired-changed',
  'base-missing',
  'base-failed',
  'base-not-applied',
]

describe('decide', () => {
  it.each(runs)('runs for %s in both modes, whatever the marks say', (reason) => {
    expect(wouldSkip(found(reason))).toBe(false)
    for (const mode of ['dry-run', 'apply'] as const) {
      for (const marks of [undefined, applied, notApplied]) {
        expect(decide(mode, found(reason), side, marks)).toMatchObject({
          action: 'run',
          reason,
          explanation: 'so it is.',
          ...side,
          base: 'b'.repeat(40),
        })
      }
    }
  })

  it.each(['inputs-unchanged', 'desired-unchanged'] as const)(
    '%s skips a dry run; an apply only when the marks say so',
    (reason) => {
      expect(wouldSkip(found(reason))).toBe(true)
      for (const marks of [undefined, applied, notApplied]) {
        expect(decide('dry-run', found(reason), side, marks)).toMatchObject({ action: 'skip', reason })
      }
      expect(decide('apply', found(reason), side, applied)).toMatchObject({ action: 'skip', reason })
      expect(decide('apply', found(reason), side, notApplied)).toMatchObject({
        action: 'run',
        reason: 'base-not-applied',
        explanation: 'so it is. But x was last applied otherwise, so it runs.',
      })
      // What nobody asked is not known, and what is not known runs.
      expect(decide('apply', found(reason), side)).toMatchObject({ action: 'run', reason: 'base-not-applied' })
    },
  )

  it('shows what the marks know beside what the commits say, which stands first', () => {
    const marks: Applied = { ...notApplied, components: { ...env, config: { head: '1', base: '9', same: false } } }
    const { components, digest } = decide('apply', found('inputs-unchanged'), side, marks)
    expect(components).toEqual({ ...env, config: { head: '1', base: '1', same: true } })
    expect(digest).toBe('d')
    expect(decide('apply', { ...found('desired-unchanged'), digest: 'e' }, side, marks).digest).toBe('e')
  })

  it('carries the first difference, and no field for none', () => {
    const difference = { path: '[0]', before: 1, after: 2 }
    expect(
      decide('dry-run', { ...found('desired-changed'), firstDifference: difference }, side).firstDifference,
    ).toEqual(difference)
    expect('firstDifference' in decide('dry-run', found('desired-changed'), side)).toBe(false)
  })
})
