// What a record lets a way back restore, and what it must leave; and which records may go.
import { describe, expect, it } from 'vitest'
import type { ChangeAction, Json, OutcomeResult, RunRecord } from '../../src/event.js'
import { historyOf } from '../../src/store/history.js'
import { expendable, type RecordFacts } from '../../src/store/retention.js'
import { wayBack } from '../../src/store/undo.js'
import { record as sample } from '../report/samples.js'

interface Change {
  readonly key: string
  readonly action: ChangeAction
  readonly result?: OutcomeResult
  readonly before?: Json
}

function record(id: string, changes: readonly Change[]): RunRecord {
  return sample({
    run: { id, mode: 'apply', destination: 'here' },
    outcomes: changes.map(({ key, action, result = 'applied' }) => ({ key, action, shard: null, result, error: null })),
    before: Object.fromEntries(changes.flatMap(({ key, before }) => (before === undefined ? [] : [[key, before]]))),
  })
}

const back = (one: RunRecord, later: readonly RunRecord[] = [], only: string | null = null) =>
  wayBack({ record: one, later: later.flatMap((other) => historyOf(other)), only, who: ({ run }) => run })

describe('wayBack', () => {
  it('wants what was before: created objects gone, updated and deleted ones as they were; failures changed nothing', () => {
    const { wanted, left } = back(
      record('1', [
        { key: 'a', action: 'create' },
        { key: 'b', action: 'update', before: { v: 1 } },
        { key: 'c', action: 'delete', before: { v: 2 }, result: 'unknown' },
        { key: 'd', action: 'update', before: { v: 3 }, result: 'failed' },
        { key: 'e', action: 'delete', before: { v: 3 }, result: 'skipped' },
      ]),
    )
    expect(wanted.map(({ key, value }) => [key, value])).toEqual([
      ['a', undefined],
      ['b', { v: 1 }],
      ['c', { v: 2 }],
    ])
    expect(left).toEqual([])
  })

  it('guesses no value that was not kept or holds a secret', () => {
    const { wanted, left } = back(
      record('1', [
        { key: 'a', action: 'delete' },
        { key: 'b', action: 'update', before: { password: ['***'] } },
        { key: 'c', action: 'adopt' },
        { key: 'd', action: 'update', before: { '***': 1 } },
        { key: 'user-***', action: 'create' },
      ]),
    )
    expect(wanted).toEqual([])
    expect(left.map(({ key, why }) => `${key} ${why.slice(0, 30)}`)).toEqual([
      'a its value before was not kept',
      'b its value before holds a secre',
      'c it was only adopted; give it u',
      'd its value before holds a secre',
      'user-*** its key or shard holds a secre',
    ])
  })

  it('leaves what another run changed since, and names the last', () => {
    const one = record('1', [
      { key: 'a', action: 'create' },
      { key: 'b', action: 'create' },
    ])
    const later = [
      record('3', [{ key: 'a', action: 'update', before: 1 }]),
      record('2', [
        { key: 'a', action: 'update', before: 1 },
        { key: 'b', action: 'update', before: 1, result: 'failed' },
      ]),
    ]
    const { wanted, left } = back(one, later)
    expect([wanted.map(({ key }) => key), left]).toEqual([['b'], [{ key: 'a', why: 'changed since: 3' }]])
  })

  it('may be about one object alone', () => {
    const one = record('1', [
      { key: 'a', action: 'create' },
      { key: 'b', action: 'create' },
    ])
    expect(back(one, [], 'b')).toMatchObject({ wanted: [{ key: 'b' }], left: [], keys: ['a', 'b'] })
  })
})

describe('expendable', () => {
  const DAY = 86_400_000
  const facts = (count: number, more: (index: number) => Partial<RecordFacts> = () => ({})): RecordFacts[] =>
    Array.from({ length: count }, (_, index) => ({
      id: String(index),
      target: 't',
      at: (1000 - index) * DAY,
      changed: [],
      doubtful: false,
      ...more(index),
    }))
  const gone = (records: readonly RecordFacts[], now = 2000 * DAY): readonly string[] =>
    expendable({ records, isOwned: (_, key) => key !== 'foreign', now }).map(({ id }) => id)

  it('keeps the last hundred of each target', () => {
    expect(gone(facts(102))).toEqual(['100', '101'])
    expect(gone(facts(102, (index) => ({ target: index % 2 === 0 ? 't' : 'u' })))).toEqual([])
  })

  it('keeps all of the last thirty days', () => {
    expect(gone(facts(200, (index) => ({ at: 2000 * DAY - (index < 150 ? 30 : 31) * DAY })))).toHaveLength(50)
  })

  it('keeps the last two changes of what is owned, counted over all records, and every doubt', () => {
    const changed = (index: number): readonly string[] => (index === 5 || index > 100 ? ['a', 'foreign'] : [])
    const records = facts(106, (index) => ({ changed: changed(index), doubtful: index === 104 }))
    expect(gone(records)).toEqual(['100', '102', '103', '105'])
  })
})
