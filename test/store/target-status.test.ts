// When a target last succeeded and what is in doubt since, from its records: newest first, as the store gives them.
import { describe, expect, it } from 'vitest'
import type { ChangeOutcome, RunRecord } from '../../src/event.js'
import { createMemoryStore } from '../../src/store/memory-store.js'
import { createRecordStore } from '../../src/store/records.js'
import { targetStatus, type TargetStatus } from '../../src/store/target-status.js'
import { createFakeClock } from '../../src/util/fake-clock.js'
import { decision, outcome, plan, record } from '../report/samples.js'

const unknown = (key: string, shard: string | null = null): ChangeOutcome =>
  outcome({ key, shard, action: 'update', result: 'unknown' })
const planned = plan([])
const apply = (id: string, over: Parameters<typeof record>[0] = {}): RunRecord =>
  record({ plan: planned, ...over, run: { id, mode: 'apply', ...over.run } })
const look = (id: string): RunRecord => record({ plan: planned, run: { id } })
const skip = (id: string): RunRecord =>
  apply(id, { plan: null, decision: decision({ action: 'skip', reason: 'inputs-unchanged' }) })

/** Records oldest first. */
async function statusOf(
  records: readonly RunRecord[],
  { shards = [''], alive = [] }: { readonly shards?: readonly string[]; readonly alive?: readonly string[] } = {},
): Promise<TargetStatus> {
  const store = createRecordStore(createMemoryStore({ clock: createFakeClock() }))
  for (const record of records) await store.write(record, { durable: true })
  return targetStatus(store.list(), { shardsAt: () => Promise.resolve(shards), isAlive: (run) => alive.includes(run) })
}
const success = async (...given: Parameters<typeof statusOf>): Promise<string | undefined> =>
  (await statusOf(...given)).success?.run.id

describe('the last success', () => {
  it('is the last apply that ended with 0, or was skipped; a dry run, a failure and a block are none', async () => {
    expect(await success([])).toBeUndefined()
    expect(await success([apply('1'), apply('2', { exitCode: 5 }), apply('3', { exitCode: 3 })])).toBe('1')
    expect(await success([apply('1'), look('2')])).toBe('1')
    expect(await success([apply('1'), skip('2'), apply('3', { exitCode: 75 })])).toBe('2')
    expect((await statusOf([apply('1'), look('2')])).last?.run.id).toBe('2')
  })

  it('is none of undo, destroy, adopt, release and move: they leave the target other than desired', async () => {
    const others = [{ kind: 'destroy' }, { kind: 'adopt', keys: ['a'] }, { kind: 'release', keys: ['a'] }] as const
    expect(await success([apply('1'), ...others.map((instead, index) => apply(String(index + 2), { instead }))])).toBe(
      '1',
    )
  })

  it('of shards applied one by one is the oldest of those that make the whole', async () => {
    const of = (id: string, ...shards: string[]): RunRecord => apply(id, { run: { shards } })
    const shards = ['a', 'b']
    expect(await success([of('1', 'a'), of('2', 'a')], { shards })).toBeUndefined()
    expect(await success([of('1', 'b'), of('2', 'a'), of('3', 'a')], { shards })).toBe('1')
    expect(await success([of('1', 'a', 'b'), of('2', 'a', 'b'), of('3', 'a')], { shards })).toBe('2')
    // A skip is about all shards.
    expect(await success([of('1', 'a', 'b'), skip('2'), of('3', 'a')], { shards })).toBe('2')
  })
})

describe('doubts', () => {
  it('are unknown outcomes that no later apply has looked at', async () => {
    const doubtful = apply('1', { outcomes: [unknown('a'), unknown('b')], exitCode: 5 })
    expect((await statusOf([doubtful])).doubts).toEqual([
      { run: '1', key: 'a', shard: null, action: 'update' },
      { run: '1', key: 'b', shard: null, action: 'update' },
    ])
    expect((await statusOf([doubtful, apply('2', { outcomes: [unknown('b')], exitCode: 5 })])).doubts).toMatchObject([
      { run: '2', key: 'b' },
    ])
    expect((await statusOf([doubtful, apply('2', { plan: null, exitCode: 75 })])).doubts).toHaveLength(2)
    expect((await statusOf([doubtful, apply('2')])).doubts).toEqual([])
    expect((await statusOf([doubtful, look('2')])).doubts).toHaveLength(2)
  })

  it('of one shard stay when another one was applied', async () => {
    const doubtful = apply('1', {
      run: { shards: ['a', 'b'] },
      outcomes: [unknown('a/1', 'a'), unknown('b/1', 'b')],
      exitCode: 5,
    })
    const later = apply('2', { run: { shards: ['b'] } })
    expect((await statusOf([doubtful, later], { shards: ['a', 'b'] })).doubts).toMatchObject([{ key: 'a/1' }])
  })

  it('are none of a run that lives; of one that died they are', async () => {
    const running = apply('2', { state: 'running', outcomes: [unknown('a')] })
    expect(await statusOf([apply('1'), running], { alive: ['2'] })).toMatchObject({
      underWay: '2',
      success: { run: { id: '1' } },
      doubts: [],
    })
    expect(await statusOf([apply('1'), running])).toMatchObject({ underWay: undefined, doubts: [{ run: '2' }] })
  })
})
