import { describe, expect, it } from 'vitest'
import type { RunRecord } from '../../src/event.js'
import { notConverging } from '../../src/schedule/convergence.js'
import { decision, outcome, plan, record } from '../report/samples.js'

type Change = NonNullable<RunRecord['plan']>['changes'][number]

const change = (key: string, after: string, before = 'theirs'): Change => ({
  action: 'update',
  key,
  shard: null,
  cause: 'unknown',
  destructive: false,
  fields: [{ path: 'value', before, after }],
  dependsOn: [],
  live: null,
})

/** An apply that made these changes; one in `failed` did not succeed. */
function apply(
  changes: readonly Change[],
  more: { readonly digest?: string; readonly failed?: string } = {},
): RunRecord {
  return record({
    run: { mode: 'apply' },
    decision: decision({ action: 'run', digest: more.digest ?? 'd' }),
    plan: plan(changes),
    outcomes: changes.map(({ key }) =>
      outcome({ key, action: 'update', result: key === more.failed ? 'failed' : 'applied' }),
    ),
  })
}
const keys = (records: readonly RunRecord[]): readonly string[] => notConverging(records).map(({ key }) => key)

describe('not converging', () => {
  it('is what the last three applies all did, whatever was there before', () => {
    const both = [change('b', 'ours'), change('a', 'ours')]
    expect(keys([apply(both), apply([change('a', 'ours', 'x'), change('b', 'ours')]), apply(both)])).toEqual(['a', 'b'])
    expect(keys([apply(both), apply([change('a', 'ours')]), apply(both), apply(both)])).toEqual(['a'])
  })

  it('is nothing before the third, with another value, after a failure, a change of what is desired, or an apply that found nothing', () => {
    const one = apply([change('a', 'ours')])
    expect(keys([])).toEqual([])
    expect(keys([one, one])).toEqual([])
    expect(keys([one, apply([change('a', 'other')]), one])).toEqual([])
    expect(keys([one, apply([change('a', 'ours')], { failed: 'a' }), one])).toEqual([])
    expect(keys([apply([change('a', 'ours')], { digest: 'e' }), one, one])).toEqual([])
    expect(keys([one, apply([]), one, one])).toEqual([])
  })

  it('passes over dry runs, skips and what has not ended', () => {
    const one = apply([change('a', 'ours')])
    const dry = record({ ...one, run: { ...one.run, mode: 'dry-run' } })
    const skipped = record({ ...one, decision: decision({ action: 'skip' }) })
    const running = record({ ...one, state: 'running' })
    expect(keys([dry, one, skipped, one, running, one])).toEqual(['a'])
  })
})
