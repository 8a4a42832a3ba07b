// Run records: newest first, found by a part of their id; one that its run never ended tells what its journal knows.
import { describe, expect, it } from 'vitest'
import type { RunRecord } from '../../src/event.js'
import { createJournal } from '../../src/store/journal.js'
import { createMemoryStore } from '../../src/store/memory-store.js'
import { createRecordStore, type RecordStore } from '../../src/store/records.js'
import { createFakeClock } from '../../src/util/fake-clock.js'
import { unguarded } from '../support/unguarded.js'

const clock = createFakeClock()
const record = (id: string, target = 'dns', state: RunRecord['state'] = 'finished'): RunRecord => ({
  run: {
    id,
    target,
    integration: target,
    version: '1',
    mode: 'apply',
    destination: 'place',
    shards: [],
    startedAt: 0,
    durationMs: 1,
    by: { actor: null, url: null, host: 'h', tool: 't' },
  },
  state,
  decision: {
    action: 'run',
    reason: 'no-comparison-asked',
    base: null,
    head: 'worktree',
    headCommit: null,
    dirty: false,
    digest: null,
    explanation: '',
    components: {},
  },
  plan: null,
  limits: [],
  outcomes: [],
  log: { records: [], dropped: 0, replayedFrom: null },
  error: null,
  exitCode: 0,
})
const [first, second, third] = [
  '01M81ARJ87AF7G8XBAN65MW09J',
  '01M81ARK3QPHBWET2R1SG3P00B',
  '01M81ASV4EPZTD114SE7EHWY6Q',
] as const

async function ids(list: AsyncIterable<RunRecord>): Promise<string[]> {
  const found: string[] = []
  for await (const { run } of list) found.push(run.id)
  return found
}
async function filled(): Promise<RecordStore> {
  const records = createRecordStore(createMemoryStore({ clock }))
  await records.write(record(second, 'web'), { durable: false })
  await records.write(record(third), { durable: true })
  await records.write(record(first), { durable: true })
  return records
}

describe('records', () => {
  it('come newest first, over all targets or of one', async () => {
    const records = await filled()
    expect(await ids(records.list())).toEqual([third, second, first])
    expect(await ids(records.list('dns'))).toEqual([third, first])
    expect(await ids(records.list('dn'))).toEqual([])
  })

  it('are found by the beginning or the end of an id, in any case', async () => {
    const records = await filled()
    const find = async (id: string): Promise<string[]> => (await records.find(id)).map(({ run }) => run.id)
    expect(await find(first)).toEqual([first])
    expect(await find('01m81ark')).toEqual([second])
    expect(await find('G8XBAN65MW09J')).toEqual([first])
    expect(await find('01M81AR')).toEqual([second, first])
    expect(await find('9J')).toEqual([])
  })

  it('of a run that has not ended tell of its changes what its journal knows', async () => {
    const store = createMemoryStore({ clock })
    const records = createRecordStore(store)
    await records.write(record(first, 'dns', 'running'), { durable: true })
    expect((await records.find(first))[0]).toMatchObject({ outcomes: [], exitCode: 0 })

    const journal = createJournal(store, first, unguarded)
    const entry = (sequence: number, key: string) =>
      ({ sequence, action: 'create', key, shard: '', after: 'd' }) as const
    await (await journal.intend(entry(0, 'a'))).settle('applied')
    await journal.intend(entry(1, 'b'))
    const [running] = await records.find(first)
    expect(running?.outcomes.map(({ key, result }) => [key, result])).toEqual([
      ['a', 'applied'],
      ['b', 'unknown'],
    ])
    expect(running).toMatchObject({ state: 'running', exitCode: 5 })

    // A run that has ended has said it all itself.
    await records.write(record(first), { durable: true })
    expect((await records.find(first))[0]?.outcomes).toEqual([])
  })
})
