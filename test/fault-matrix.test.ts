// What happens when one step of an apply goes wrong: every row of docs/faults.md, on the real engine. And what holds in each of them.
import { describe, expect, it } from 'vitest'
import { FAULT_ROWS, IMPOSSIBLE, type FaultRow } from './support/fault-rows.js'
import { AFTER, CHANGES, CHANGE_TEXT, FAULTS, STEPS, strike, type Change, type Strike } from './support/fault-run.js'

/** Steps that are several writes. */
const WRITES: Partial<Record<Strike['step'], readonly string[]>> = {
  lease: ['put heartbeats/', 'put lease-modes/', 'put leases/'],
  state: ['list marks/', 'get marks/', 'list ownership/', 'get ownership/'],
  tidying: ['put evaluated/', 'delete journal/'],
}
/** Steps that every change has of its own. */
const EACH_CHANGE: ReadonlySet<string> = new Set(['intent', 'effect', 'outcome'])

const cases = FAULT_ROWS.flatMap((row) =>
  row.faults.flatMap((fault) =>
    (row.changes ?? (EACH_CHANGE.has(row.step) ? CHANGES : (['create'] as const))).flatMap((change) =>
      (WRITES[row.step] ?? [undefined]).map((write) => {
        const at: Strike = { step: row.step, fault, change, ...(write === undefined ? {} : { write }) }
        const name = [
          row.step,
          ...(EACH_CHANGE.has(row.step) ? [`of the ${change}`] : []),
          ...(write === undefined ? [] : [`(${write})`]),
        ]
        return { name: `${name.join(' ')}: ${fault}`, row, at }
      }),
    ),
  ),
)

function parts(change: Change): { readonly earlier: string[]; readonly it: string[]; readonly later: string[] } {
  const index = CHANGES.indexOf(change)
  const all = CHANGES.map((each) => CHANGE_TEXT[each])
  return { earlier: all.slice(0, index), it: all.slice(index, index + 1), later: all.slice(index + 1) }
}

function effectsOf({ effects }: FaultRow, change: Change): readonly string[] {
  const { earlier, it, later } = parts(change)
  return {
    none: [],
    earlier,
    'and it': [...earlier, ...it],
    'all but it': [...earlier, ...later],
    all: [...earlier, ...it, ...later],
  }[effects]
}

function outcomesOf({ outcomes }: FaultRow, change: Change): readonly string[] {
  const { earlier, it, later } = parts(change)
  return [earlier, it, later].flatMap((changes, index) => {
    const result = outcomes[index] ?? 'none'
    return result === 'none' ? [] : changes.map((each) => `${result} ${each}`)
  })
}

function exitOf({ exit, outcomes }: FaultRow, change: Change): number | null {
  if (exit !== 'by outcome') return exit
  const has = outcomesOf({ outcomes } as FaultRow, change).some((each) => /^(applied|unknown)/.test(each))
  return has ? 5 : 1
}

describe('an apply in which one step goes wrong, and the apply after it', () => {
  it.each(cases)('$name', async ({ row, at }) => {
    const { first, next, rest } = await strike(at)
    const done = effectsOf(row, at.change)

    expect(first).toMatchObject({
      exitCode: exitOf(row, at.change),
      outcomes: outcomesOf(row, at.change),
      effects: done,
      mark: row.mark === 'as before' ? 'completed 1' : `${row.mark} 2`,
    })

    expect(next).toMatchObject({
      action: row.next,
      exitCode: 0,
      recovered: row.recovers === 'nothing' ? undefined : row.recovers === 'the run' ? [] : parts(at.change).it,
    })
    // What was done is seen as done, whoever knew of it: nothing is made twice, and nothing is left out.
    expect(next.planned).toEqual(CHANGES.map((each) => CHANGE_TEXT[each]).filter((each) => !done.includes(each)))
    expect([...next.effects].sort()).toEqual(Object.values(CHANGE_TEXT).sort())
    expect(next.world).toEqual(AFTER)
    expect(rest.planned).toEqual([])
    // Of a process that died nothing lies about after that; one that lives on has told that it could not clean up.
    if (first.exitCode === null) expect(rest.journal).toBe(0)

    // Ours is what we made, and nothing else; all tell the same.
    expect(next.ledger).toEqual({ a: 'owned', b: 'owned' })
    expect(next.mark).toMatch(/^completed /)
    expect(['finished', 'none']).toContain(next.struckRecord)
    // Wherever the run got as far as to change something, its record is there and tells of it.
    if (done.length > 0) expect(next.struckOutcomes).toEqual(expect.arrayContaining(recorded(row, at.change)))
    if (row.next === 'run') expect(next).toMatchObject({ journal: 0, isHeld: false })
  })
})

/** Outcomes that the record of the struck run must have once the next run was there: what that run could not write is unknown for good. */
function recorded(row: FaultRow, change: Change): string[] {
  const outcomes = outcomesOf(row, change).filter((each) => !each.startsWith('not-attempted'))
  if (row.recovers !== 'the change') return outcomes
  const { it } = parts(change)
  return outcomes.map((each) =>
    it.some((one) => each === `applied ${one}`) ? each.replace('applied', 'unknown') : each,
  )
}

describe('the matrix', () => {
  it('has every fault of every step once, for each change where steps are of a change', () => {
    const seen = cases.map(({ at }) => `${at.step}: ${at.fault}: ${at.change}: ${at.write ?? ''}`)
    expect(new Set(seen).size).toBe(seen.length)
    const told = new Set(cases.map(({ at }) => `${at.step}: ${at.fault}: ${at.change}`))
    const possible = STEPS.flatMap((step) =>
      FAULTS.filter((fault) => !IMPOSSIBLE.some(([a, b]) => a === step && b === fault)).flatMap((fault) =>
        (EACH_CHANGE.has(step) ? CHANGES : (['create'] as const)).map((change) => `${step}: ${fault}: ${change}`),
      ),
    )
    expect([...told].sort()).toEqual(possible.sort())
  })
})
