// The index of the shards: never without a shard that has a document, whoever writes at once and whatever was there before.
import { describe, expect, it } from 'vitest'
import { createKeeping } from '../../src/run-kept.js'
import { readDocuments, writeDocument } from '../../src/store/document.js'
import { writeLedger } from '../../src/store/ledger.js'
import { createMarkStore, type ApplyMark } from '../../src/store/marks.js'
import { createMemoryStore } from '../../src/store/memory-store.js'
import { storeKey, type ObjectStore } from '../../src/store/object-store.js'
import { createShardIndex, MARK, OWNERSHIP, shardIndexKey } from '../../src/store/shard-index.js'
import { createFakeClock } from '../../src/util/fake-clock.js'
import { watchStore } from '../support/failing-store.js'
import { applyMark } from '../support/marks.js'

const clock = createFakeClock()
const place = { target: 'dns', destination: 'https://dns' }
const mark = (shard: string): ApplyMark => applyMark(shard, { status: 'completed' })
const ledger = (shard: string): Parameters<typeof writeLedger>[2] => ({
  target: 'dns',
  shard,
  shape: 'list',
  objects: { [`${shard}/x`]: { state: 'owned', digest: 'd', run: 'RUN1' } },
})
const marksIn = (store: ObjectStore): ReturnType<typeof createMarkStore> =>
  createMarkStore(store, place.target, place.destination)
/** As an older trueup wrote it. */
async function writtenBefore(store: ObjectStore, shard: string): Promise<void> {
  await writeDocument(store, storeKey('marks', place.destination, place.target, shard), MARK, mark(shard))
  await writeDocument(
    store,
    storeKey('ownership', place.destination, place.target, `${shard} owned`),
    OWNERSHIP,
    ledger(`${shard} owned`),
  )
}
async function found(
  store: ObjectStore,
): Promise<{ readonly marks: readonly string[]; readonly owned: readonly string[]; readonly listed: boolean }> {
  let listed = false
  const watched = watchStore(store, (call) => void (listed ||= call === 'list'))
  const own = await createKeeping({
    store: watched.store,
    target: place.target,
    destination: () => Promise.resolve(place.destination),
  }).own()
  return { marks: [...own.marks.keys()].sort(), owned: own.ledger.map(({ value }) => value.shard).sort(), listed }
}

describe('the index of the shards', () => {
  it('names a shard before its first mark, and before what it first owns', async () => {
    const { store, writes } = watchStore(createMemoryStore({ clock }))
    const first = await marksIn(store).write(mark(''), undefined)
    await writeLedger(store, place.destination, ledger('a'), undefined)
    await marksIn(store).write({ ...mark(''), counter: 2 }, first)
    const index = `put ${shardIndexKey(place)}`
    expect(writes).toEqual([
      index,
      'put marks/https%3A%2F%2Fdns/dns/%empty',
      index,
      'put ownership/https%3A%2F%2Fdns/dns/a',
      'put marks/https%3A%2F%2Fdns/dns/%empty',
    ])
    expect(await marksIn(store).index.read()).toEqual(['', 'a'])
    expect(await found(store)).toEqual({ marks: [''], owned: ['a'], listed: false })
  })

  it('is no mark, and no shard has its key', async () => {
    const marks = marksIn(createMemoryStore({ clock }))
    for (const shard of ['shards', 'shards/index', 'index']) await marks.write(mark(shard), undefined)
    expect([...(await marks.all()).keys()].sort()).toEqual(['index', 'shards', 'shards/index'])
    expect(await marks.index.read()).toEqual(['index', 'shards', 'shards/index'])
  })

  it('keeps what another enters at the same moment', async () => {
    const inner = createMemoryStore({ clock })
    const other = createShardIndex(inner, place)
    for (const mine of ['a', 'b']) {
      let isFirst = true
      const { store } = watchStore(inner, async (call) => {
        if (call !== 'put' || !isFirst) return
        isFirst = false
        await other.enter([`${mine} of another`])
      })
      await createShardIndex(store, place).enter([mine])
    }
    expect(await other.read()).toEqual(['a', 'a of another', 'b', 'b of another'])
  })

  it('is asked and written once for many shards that are entered together', async () => {
    let calls = 0
    const { store } = watchStore(
      createMemoryStore({ clock }),
      (_call, key) => void (calls += key.includes('shards/index') ? 1 : 0),
    )
    const marks = marksIn(store)
    await marks.index.enter(['a', 'b', 'c'])
    for (const shard of ['a', 'b', 'c']) await marks.write(mark(shard), undefined)
    expect(calls).toBe(2)
  })

  it('of a store from before it: everything is found by listing, and is in it once it is made', async () => {
    const store = createMemoryStore({ clock })
    await writtenBefore(store, 'old')
    expect(await found(store)).toEqual({ marks: ['old'], owned: ['old owned'], listed: true })
    await marksIn(store).write(mark('new'), undefined)
    expect(await marksIn(store).index.read()).toEqual(['new', 'old', 'old owned'])
    expect(await found(store)).toEqual({ marks: ['new', 'old'], owned: ['old owned'], listed: false })
  })

  it('stops an older trueup, which would write marks that are in no index', async () => {
    const store = createMemoryStore({ clock })
    await marksIn(store).write(mark(''), undefined)
    // What it does before each apply.
    await expect(readDocuments(store, 'marks/https%3A%2F%2Fdns/dns/', MARK)).rejects.toMatchObject({
      code: 'store-refused',
      message: expect.stringMatching(/written by a newer trueup .* Upgrade trueup here/) as string,
    })
  })

  it('that was only entered, by a process that died before its first mark, names nothing that is there', async () => {
    const store = createMemoryStore({ clock })
    await marksIn(store).index.enter(['a', 'b'])
    await marksIn(store).write(mark('b'), undefined)
    expect(await found(store)).toEqual({ marks: ['b'], owned: [], listed: false })
  })

  it.each([
    ['a mark', MARK, mark('a')],
    ['something else', { kind: 'apply-mark', version: 2 }, { shards: 'a' }],
  ])('that holds %s is an error, never empty', async (_, type, value) => {
    const store = createMemoryStore({ clock })
    await writeDocument<unknown>(store, shardIndexKey(place), type, value)
    await expect(found(store)).rejects.toMatchObject({
      code: 'store-corrupt',
      message: expect.stringMatching(/shards\/index in memory: is damaged: it does not name shards/) as string,
    })
  })
})
