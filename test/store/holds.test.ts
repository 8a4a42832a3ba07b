// Holds in the store: of one target and of all, their end by the store's clock, and what happens when two people place one at once.
import { describe, expect, it } from 'vitest'
import { defineIntegration, diff, listing } from '../../src/index.js'
import {
  allHolds,
  endHold,
  endParts,
  holdsFor,
  holdsOn,
  placeHold,
  placeParts,
  tidyHolds,
  type HoldPart,
} from '../../src/store/holds.js'
import { readDocument, writeDocument } from '../../src/store/document.js'
import { createMemoryStore } from '../../src/store/memory-store.js'
import { storeKey, type ObjectStore } from '../../src/store/object-store.js'
import { recordRun } from '../../src/testing.js'
import { createFakeClock, type FakeClock } from '../../src/util/fake-clock.js'
import { keysOf, outage, watchStore } from '../support/failing-store.js'

const HOUR = 3_600_000
const by = { actor: 'jane', host: 'ci-7', url: 'https://ci.example.com/jobs/81' }

function placed(store: ObjectStore, target: string | null, hours: number, reason = 'frozen') {
  return placeHold(store, { target, reason, forMs: hours * HOUR, by })
}

describe('a hold', () => {
  it('stops its target alone until its end, and counts for none from then on', async () => {
    const clock = createFakeClock()
    const store = createMemoryStore({ clock })
    const { hold } = await placed(store, 'dns', 2)
    expect(hold).toEqual({ target: 'dns', reason: 'frozen', since: clock.now(), until: clock.now() + 2 * HOUR, by })
    expect(await holdsOn(store, 'dns')).toEqual([hold])
    expect(await holdsOn(store, 'dns-prod')).toEqual([])
    clock.advance(2 * HOUR - 1)
    expect(await holdsOn(store, 'dns')).toEqual([hold])
    clock.advance(1)
    expect(await holdsOn(store, 'dns')).toEqual([])
    expect(await allHolds(store)).toEqual([])
  })

  it('of all targets stands beside that of one; the later end comes first', async () => {
    const store = createMemoryStore({ clock: createFakeClock() })
    await placed(store, 'dns', 2)
    await placed(store, null, 1)
    await placed(store, 'all', 3)
    expect((await holdsOn(store, 'dns')).map(({ target }) => target)).toEqual(['dns', null])
    expect((await holdsOn(store, 'other')).map(({ target }) => target)).toEqual([null])
    const all = await allHolds(store)
    expect(all.map(({ target }) => target)).toEqual(['all', 'dns', null])
    expect(holdsFor('dns', all).map(({ target }) => target)).toEqual(['dns', null])
    expect(await endHold(store, null)).toMatchObject({ target: null })
    expect((await allHolds(store)).map(({ target }) => target)).toEqual(['all', 'dns'])
  })

  it('takes the place of one that is in force, which is told; not of one that has ended', async () => {
    const clock = createFakeClock()
    const store = createMemoryStore({ clock })
    const first = await placed(store, 'dns', 1)
    expect(first.replaced).toBeUndefined()
    const second = await placed(store, 'dns', 2, 'longer')
    expect(second.replaced).toEqual(first.hold)
    expect(await holdsOn(store, 'dns')).toEqual([second.hold])
    clock.advance(2 * HOUR)
    expect((await placed(store, 'dns', 1)).replaced).toBeUndefined()
  })

  it('that another places at the same moment is the one replaced, not lost unsaid', async () => {
    const inner = createMemoryStore({ clock: createFakeClock() })
    let other = false
    const { store } = watchStore(inner, async (call) => {
      if (call !== 'put' || other) return
      other = true
      await placed(inner, 'dns', 9, 'the other one')
    })
    expect((await placed(store, 'dns', 1)).replaced).toMatchObject({ reason: 'the other one' })
  })

  it('is ended once; what was not held is told by nothing', async () => {
    const clock = createFakeClock()
    const store = createMemoryStore({ clock })
    const { hold } = await placed(store, 'dns', 1)
    expect(await endHold(store, 'dns')).toEqual(hold)
    expect(await endHold(store, 'dns')).toBeUndefined()
    await placed(store, 'dns', 1)
    clock.advance(HOUR)
    expect(await endHold(store, 'dns')).toBeUndefined()
    expect(await keysOf(store)).toEqual([])
  })

  it('that has ended is tidied away, one in force is not', async () => {
    const clock = createFakeClock()
    const store = createMemoryStore({ clock })
    await placed(store, 'dns', 1)
    await placed(store, 'web', 2)
    clock.advance(HOUR)
    await tidyHolds(store)
    expect(await keysOf(store)).toEqual(['holds/target/web'])
  })

  it('that is damaged is an error, never none', async () => {
    const store = createMemoryStore({ clock: createFakeClock() })
    await store.put(storeKey('holds', 'all'), Buffer.from('{}'))
    await expect(holdsOn(store, 'dns')).rejects.toMatchObject({ code: 'store-corrupt' })
  })
})

describe('a hold of a shard or an object', () => {
  const [eu, ann, euObject]: readonly HoldPart[] = [
    { kind: 'shard', key: 'eu' },
    { kind: 'object', key: 'ann' },
    { kind: 'object', key: 'eu' },
  ]
  const parts = (store: ObjectStore, which: readonly (HoldPart | undefined)[], hours: number, reason = 'frozen') =>
    placeParts(store, {
      target: 'dns',
      parts: which.filter((one) => one !== undefined),
      reason,
      forMs: hours * HOUR,
      by,
    })
  const held = async (store: ObjectStore, target = 'dns'): Promise<readonly unknown[]> =>
    (await holdsOn(store, target)).map(({ part, reason }) => [part?.key ?? null, reason])

  it('stands beside that of the target, and each has its own end', async () => {
    const clock = createFakeClock()
    const store = createMemoryStore({ clock })
    await placed(store, 'dns', 2)
    await parts(store, [eu, ann], 1)
    await parts(store, [euObject], 3, 'another')
    expect(await held(store)).toEqual([
      ['eu', 'another'],
      [null, 'frozen'],
      ['eu', 'frozen'],
      ['ann', 'frozen'],
    ])
    expect(await held(store, 'dns-prod')).toEqual([])
    expect(await allHolds(store)).toEqual(await holdsOn(store, 'dns'))
    clock.advance(HOUR)
    expect(await held(store)).toEqual([
      ['eu', 'another'],
      [null, 'frozen'],
    ])
    await tidyHolds(store)
    expect(await allHolds(store)).toHaveLength(2)
    clock.advance(2 * HOUR)
    await tidyHolds(store)
    expect(await keysOf(store)).toEqual([])
  })

  it('takes the place of one of the same part alone, and is ended alone', async () => {
    const store = createMemoryStore({ clock: createFakeClock() })
    await parts(store, [eu, ann], 1)
    const again = await parts(store, [ann, euObject], 2, 'longer')
    expect(again.map(({ replaced }) => replaced?.reason)).toEqual(['frozen', undefined])
    expect(await endParts(store, { target: 'dns', parts: [{ kind: 'object', key: 'eu' }] })).toMatchObject([
      { part: euObject, reason: 'longer' },
    ])
    expect(await held(store)).toEqual([
      ['ann', 'longer'],
      ['eu', 'frozen'],
    ])
    expect(await endHold(store, 'dns')).toBeUndefined()
    const all: readonly HoldPart[] = [...(await holdsOn(store, 'dns'))].flatMap(({ part }) => part ?? [])
    expect(await endParts(store, { target: 'dns', parts: all })).toHaveLength(2)
    expect(await endParts(store, { target: 'dns', parts: all })).toEqual([])
    expect(await keysOf(store)).toEqual([])
  })

  it('stands beside one of the target that an older version wrote, which itself goes no further', async () => {
    const store = createMemoryStore({ clock: createFakeClock() })
    const older = { kind: 'hold', version: 1 } as const
    const key = storeKey('holds', 'target', 'dns')
    const since = await store.now()
    await writeDocument(store, key, older, { target: 'dns', reason: 'long', since, until: since + 9 * HOUR, by })
    await parts(store, [eu], 1)
    expect(await held(store)).toEqual([
      [null, 'long'],
      ['eu', 'frozen'],
    ])
    await expect(readDocument(store, key, older)).rejects.toMatchObject({ code: 'store-refused' })
  })

  it('that two place at the same moment is lost by neither', async () => {
    const inner = createMemoryStore({ clock: createFakeClock() })
    let other = false
    const { store } = watchStore(inner, async (call) => {
      if (call !== 'put' || other) return
      other = true
      await parts(inner, [ann], 9)
    })
    await parts(store, [eu], 1)
    expect(await held(inner)).toEqual([
      ['ann', 'frozen'],
      ['eu', 'frozen'],
    ])
  })

  it('that is damaged is an error, never none', async () => {
    const store = createMemoryStore({ clock: createFakeClock() })
    await store.put(storeKey('holds', 'target', 'dns'), Buffer.from('{}'))
    await expect(holdsOn(store, 'dns')).rejects.toMatchObject({ code: 'store-corrupt' })
    await expect(allHolds(store)).rejects.toMatchObject({ code: 'store-corrupt' })
  })
})

let whilePlanning = (): Promise<unknown> => Promise.resolve()
const world = new Map<string, { readonly name: string }>()
const things = defineIntegration<{ name: string }[], { name: string }, 'never'>({
  name: 'things',
  version: '1',
  inputs: ['data/*.json'],
  deletePolicy: 'never',
  desiredState: async (ctx) => (await ctx.source.loadAll('data/*.json')) as unknown as { name: string }[],
  run: async (ctx, desired) => {
    await whilePlanning()
    const current = await listing.fromPages(() => Promise.resolve({ items: [...world.values()] }))
    return ctx.plan(diff({ desired, current, key: ({ name }) => name }), {
      create: ({ key, after }) => void world.set(key, after),
      update: ({ key, after }) => void world.set(key, after),
    })
  },
})
const data = { 'data/a.json': '{"name":"a"}' }

describe('a run', () => {
  function twoMachines(apart: number): {
    readonly store: ObjectStore
    readonly clock: FakeClock
    readonly stores: FakeClock
  } {
    const stores = createFakeClock()
    world.clear()
    whilePlanning = () => Promise.resolve()
    return { store: createMemoryStore({ clock: stores }), stores, clock: createFakeClock(stores.now() + apart) }
  }

  it.each([-60_000, 60_000])('whose clock is %i ms off obeys a hold until the store says it is over', async (apart) => {
    const { store, stores, clock } = twoMachines(apart)
    await placeHold(store, { target: 'things', reason: 'frozen', forMs: 30_000, by })
    stores.advance(29_999)
    const { record } = await recordRun(things, { data, store, clock, mode: 'apply' })
    expect(record).toMatchObject({
      exitCode: 75,
      decision: { action: 'none', reason: 'held' },
      error: { code: 'held', details: { target: 'things', holds: [{ reason: 'frozen', by }] } },
      outcomes: [],
    })
    expect(world.size).toBe(0)
    // It is told before anything is made or waited for.
    expect(await keysOf(store, 'leases/')).toEqual([])
    stores.advance(1)
    expect((await recordRun(things, { data, store, clock, mode: 'apply' })).record.exitCode).toBe(0)
    expect([...world.keys()]).toEqual(['a'])
  })

  it('obeys a hold that is placed while it takes its lease', async () => {
    const { store: inner, clock } = twoMachines(0)
    let isPlaced = false
    const { store } = watchStore(inner, async (call, key) => {
      if (isPlaced || call !== 'put' || !key.startsWith('leases/')) return
      isPlaced = true
      await placed(inner, 'things', 1)
    })
    const { record } = await recordRun(things, { data, store, clock, mode: 'apply' })
    expect(record).toMatchObject({ exitCode: 75, decision: { action: 'none', reason: 'held' }, plan: null })
    expect(world.size).toBe(0)
    expect(await keysOf(inner, 'heartbeats/')).toEqual([])
  })

  it('obeys a hold that is placed while it plans, or while somebody is asked', async () => {
    const { store, clock } = twoMachines(0)
    whilePlanning = () => placed(store, 'things', 1)
    const { record, events } = await recordRun(things, { data, store, clock, mode: 'apply' })
    expect(record).toMatchObject({
      exitCode: 75,
      error: { code: 'held' },
      plan: { summary: { create: 1 } },
      outcomes: [],
    })
    expect(world.size).toBe(0)
    expect([...(await keysOf(store, 'marks/')), ...(await keysOf(store, 'heartbeats/'))]).toEqual([])
    // It was decided to run before there was a hold, and one run has one decision.
    expect(events.filter(({ kind }) => kind === 'decided')).toMatchObject([{ decision: { action: 'run' } }])
  })

  it('that cannot read holds applies nothing, and still plans', async () => {
    const { store: inner, clock } = twoMachines(0)
    const { store } = watchStore(inner, (call, key) => {
      if (call === 'get' && key.startsWith('holds/')) throw outage()
    })
    const { record } = await recordRun(things, { data, store, clock, mode: 'apply' })
    expect(record).toMatchObject({ exitCode: 1, decision: { reason: 'store-failed' }, outcomes: [] })
    expect(world.size).toBe(0)
    const dry = await recordRun(things, { data, store, clock })
    expect(dry.record).toMatchObject({ exitCode: 0, plan: { summary: { create: 1 } } })
    expect(dry.events).toContainEqual(
      expect.objectContaining({ kind: 'warned', message: 'whether things is held cannot be told: the disk is full' }),
    )
  })
})
