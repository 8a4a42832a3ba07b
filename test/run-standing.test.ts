// How things stand at a place, told in three ways that must agree: read by the index of shards, read by a listing, and told at a glance.
import { describe, expect, it } from 'vitest'
import { createKeeping } from '../src/run-kept.js'
import type { RunSession } from '../src/run-session.js'
import { glanceAtStanding, listStanding, readStanding } from '../src/run-standing.js'
import { writeLedger } from '../src/store/ledger.js'
import { createMarkStore, type ApplyMark } from '../src/store/marks.js'
import { createMemoryStore } from '../src/store/memory-store.js'
import type { ObjectStore } from '../src/store/object-store.js'
import { shardIndexKey } from '../src/store/shard-index.js'
import { createFakeClock } from '../src/util/fake-clock.js'

const PLACE = { target: 'things', destination: 'somewhere' }
const MARK: ApplyMark = {
  shard: '',
  counter: 3,
  status: 'completed',
  run: 'r',
  at: 0,
  desired: 'd',
  code: 'c',
  config: 'k',
  inputs: null,
  env: 'e',
  secrets: null,
  semantics: 1,
}

function sessionOn(store: ObjectStore): RunSession {
  const destination = (): Promise<string> => Promise.resolve(PLACE.destination)
  const keeping = createKeeping({ store, target: PLACE.target, destination })
  const marks = createMarkStore(store, PLACE.target, PLACE.destination)
  const request = { target: PLACE.target, mode: 'apply' }
  return { ...keeping, destination, request, marks: () => Promise.resolve(marks) } as unknown as RunSession
}

/** A list and an object that own something, one that owns nothing any more, names that objects have of themselves, and another target. */
async function owning(): Promise<ObjectStore> {
  const store = createMemoryStore({ clock: createFakeClock() })
  const marks = createMarkStore(store, PLACE.target, PLACE.destination)
  const object = { state: 'owned', digest: 'x', run: 'r' } as const
  for (const [target, shard, shape, objects] of [
    ['things', 'eu', 'list', { a: object }],
    ['things', '__proto__', 'object', { b: object }],
    ['things', 'gone', 'object', {}],
    ['others', 'eu', 'object', { c: object }],
  ] as const)
    await writeLedger(store, PLACE.destination, { target, shard, shape, objects }, undefined)
  for (const shard of ['eu', '__proto__']) await marks.write({ ...MARK, shard }, undefined)
  return store
}

describe('a glance tells what reading tells', () => {
  it.each([
    ['with an index of shards', false],
    ['without one', true],
  ])('%s', async (_, listed) => {
    const store = await owning()
    if (listed) await store.delete(shardIndexKey(PLACE))
    const session = sessionOn(store)
    const read = await readStanding(session)
    expect([...read.owning.keys()].sort()).toEqual(['__proto__', 'eu'])
    expect(new Set(read.owning.values()).size).toBe(2)
    expect((await listStanding(session)).basis).toEqual(read.basis)
    const like = await glanceAtStanding(session)
    expect(like(read.basis)).toEqual(read)
    // As it comes out of the store.
    expect(like(JSON.parse(JSON.stringify(read.basis)) as typeof read.basis)).toEqual(read)
    const { ledger, ...older } = read.basis
    expect(ledger).toBeDefined()
    expect(like(older)).toBeUndefined()
  })
})
