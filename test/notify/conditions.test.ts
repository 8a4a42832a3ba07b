import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { afterRun, told, withOverdue, type EndFacts } from '../../src/notify/conditions.js'
import type { Condition } from '../../src/notify/notice.js'

const end = (exitCode: number, more: Partial<EndFacts> = {}): EndFacts => ({
  mode: 'apply',
  exitCode,
  isLater: false,
  failed: 0,
  unknown: 0,
  isInDoubt: false,
  ...more,
})

describe('what is wrong after a run', () => {
  it.each<readonly [string, readonly Condition[], EndFacts, readonly Condition[]]>([
    ['all is well', [], end(0), []],
    ['a limit', [], end(3), ['blocked']],
    ['a limit, in a dry run', [], end(3, { mode: 'dry-run' }), ['blocked']],
    ['some changes failed', ['failed'], end(5, { failed: 1 }), ['partly-applied']],
    ['the time was over', [], end(5), ['partly-applied']],
    ['an answer was lost', [], end(5, { unknown: 1 }), ['doubt']],
    ['both', [], end(5, { failed: 1, unknown: 1 }), ['doubt', 'partly-applied']],
    ['a durable call in doubt', [], end(1, { isInDoubt: true }), ['doubt', 'failed']],
    ['it fails otherwise', ['blocked'], end(1), ['failed']],
    ['an apply settles all', ['blocked', 'doubt', 'overdue'], end(0), []],
    [
      'a plan settles no doubt and brings nothing up to date',
      ['blocked', 'doubt', 'overdue'],
      end(0, { mode: 'dry-run' }),
      ['doubt', 'overdue'],
    ],
    ['changes pending are no trouble', ['failed'], end(2, { mode: 'dry-run' }), []],
    ['a hold says nothing', ['blocked', 'overdue'], end(75, { isLater: true }), ['blocked', 'overdue']],
  ])('%s', (_what, open, facts, expected) => {
    expect(afterRun(open, facts)).toEqual(expected)
  })

  it('it is overdue beside what else is wrong', () => {
    expect(withOverdue(['failed'], true)).toEqual(['failed', 'overdue'])
    expect(withOverdue(['failed', 'overdue'], false)).toEqual(['failed'])
  })
})

describe('what is told', () => {
  it('is each thing that came to be wrong, and when nothing is any more', () => {
    expect(told([], [])).toEqual([])
    expect(told([], ['blocked', 'overdue'])).toEqual(['blocked', 'overdue'])
    expect(told(['blocked'], ['failed'])).toEqual(['failed'])
    expect(told(['blocked', 'overdue'], ['overdue'])).toEqual([])
    expect(told(['overdue'], [])).toEqual(['recovered'])
  })

  it('is nothing while nothing changes, and recovered exactly after something was told', () => {
    const condition = fc.constantFrom<Condition>('blocked', 'partly-applied', 'failed', 'doubt', 'overdue')
    fc.assert(
      fc.property(fc.array(fc.uniqueArray(condition, { maxLength: 3 }), { maxLength: 20 }), (states) => {
        let open: readonly Condition[] = []
        let heard = 0
        for (const next of states) {
          const kinds = told(open, next)
          expect(told(next, next)).toEqual([])
          if (kinds.includes('recovered')) expect(heard).toBeGreaterThan(0)
          heard = next.length === 0 ? 0 : heard + kinds.length
          if (next.length > 0) expect(heard).toBeGreaterThan(0)
          open = next
        }
      }),
    )
  })
})
