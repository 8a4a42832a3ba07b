// The map, through trueup/testing: what happens in a run, in which order, and what is written when. Real engine, memory store.
import { describe, expect, it } from 'vitest'
import { defineIntegration, diff, listing } from '../src/index.js'
import type { RunEvent } from '../src/event.js'
import type { Integration } from '../src/integration.js'
import { createRecordStore } from '../src/store/records.js'
import { readLedger } from '../src/store/ledger.js'
import { assertConverges, assertDryRunIsPure, createFakeClock, createMemoryStore, recordRun } from '../src/testing.js'
import { keysOf, outage, watchStore } from './support/failing-store.js'

interface Thing {
  readonly name: string
  readonly size: number
}
interface Given {
  readonly world: Map<string, Thing>
  readonly sharded?: boolean
  readonly refuse?: readonly string[]
}

/** Things in a Map, as data/things.json says. */
function things({ world, sharded = false, refuse = [] }: Given): Integration {
  const put = ({ key, after }: { readonly key: string; readonly after: Thing }): void => {
    if (refuse.includes(key)) throw new Error(`${key} is refused`)
    world.set(key, after)
  }
  return defineIntegration<Thing[], Thing, 'owned'>({
    name: 'things',
    version: '1',
    inputs: ['data/*.json'],
    deletePolicy: 'owned',
    desiredState: async (ctx) => {
      const files = (await ctx.source.loadAll('data/*.json')) as unknown as Thing[][]
      ctx.log.info('read', { files: files.length })
      return files.flat()
    },
    ...(sharded
      ? {
          shards: (desired: Thing[]) =>
            new Map(
              desired.map((thing) => [
                thing.name.slice(0, 1),
                desired.filter(({ name }) => name.startsWith(thing.name.slice(0, 1))),
              ]),
            ),
        }
      : {}),
    run: async (ctx, desired) => {
      const items = [...world.values()].filter(({ name }) => name.startsWith(ctx.shard))
      const current = await listing.fromPages(() => Promise.resolve({ items }))
      return ctx.plan(diff({ desired, current, key: (thing) => thing.name }), {
        create: put,
        update: put,
        delete: ({ key }) => {
          if (refuse.includes(key)) throw new Error(`${key} is refused`)
          world.delete(key)
        },
      })
    },
  })
}

const data = (...all: Thing[]): { data: Record<string, string> } => ({
  data: { 'data/things.json': JSON.stringify(all) },
})
const a = { name: 'a', size: 1 }
const b = { name: 'b', size: 2 }
const told = (events: readonly RunEvent[]): string[] =>
  events.map((event) => {
    if (event.kind === 'change-started') return `start ${event.change.key}`
    if (event.kind === 'change-finished') return `${event.outcome.result} ${event.outcome.key}`
    if (event.kind === 'logged') return `log ${event.record.message}`
    return event.kind
  })

describe('a run, from the outside', () => {
  it('of a dry run: desired state, decision, plan, end', async () => {
    const world = new Map<string, Thing>()
    const { events, record } = await recordRun(things({ world }), data(a))
    expect(told(events)).toEqual(['log read', 'decided', 'planned', 'finished'])
    expect(record).toMatchObject({ state: 'finished', exitCode: 0, outcomes: [], plan: { summary: { create: 1 } } })
    expect(record.log.records).toMatchObject([{ message: 'read', fields: { files: 1 } }])
    expect(world.size).toBe(0)
  })

  it('of an apply: the same, and every change between plan and end', async () => {
    const world = new Map<string, Thing>()
    const { events, record } = await recordRun(things({ world }), { ...data(a), mode: 'apply' })
    expect(told(events)).toEqual(['log read', 'decided', 'planned', 'start a', 'applied a', 'finished'])
    expect(record).toMatchObject({ exitCode: 0, outcomes: [{ key: 'a', result: 'applied' }] })
    expect([...world.values()]).toEqual([a])
  })

  it('that fails has a decision and an end all the same, and a record', async () => {
    const store = createMemoryStore({ clock: createFakeClock() })
    const { events, record } = await recordRun(things({ world: new Map() }), {
      data: { 'data/things.json': '{' },
      store,
    })
    expect(told(events)).toEqual(['decided', 'finished'])
    expect(record).toMatchObject({
      exitCode: 1,
      plan: null,
      decision: { action: 'none', reason: 'head-failed' },
      error: {},
    })
    expect(await keysOf(store, 'records/')).toHaveLength(1)
  })

  it('that is blocked calls no handler and ends with 3', async () => {
    const world = new Map<string, Thing>()
    const options = { ...data(a, b), mode: 'apply', limits: { maxChanges: 1 } } as const
    const { events, record } = await recordRun(things({ world }), options)
    expect(told(events)).toEqual(['log read', 'decided', 'planned', 'finished'])
    expect(record).toMatchObject({ exitCode: 3, outcomes: [], limits: [{ rule: 'max-changes', blocked: true }] })
    expect(world.size).toBe(0)
  })
})

describe('a run, from the store', () => {
  const kinds = (writes: readonly string[]): string[] => writes.map((write) => write.split('/')[0] ?? '')

  it('an apply writes in the order that makes it safe', async () => {
    const clock = createFakeClock()
    const { store, writes } = watchStore(createMemoryStore({ clock }))
    await recordRun(things({ world: new Map() }), { ...data(a), mode: 'apply', store, clock })
    expect(kinds(writes)).toEqual([
      'put heartbeats', // the lease: one sign of life,
      'put lease-modes', // how the destination is in use,
      'put leases', // and each shard
      'put marks', // the shard is entered in the index,
      'put marks', // started
      'put records', // running, with the plan
      'put journal', // the intent
      'put journal', // the outcome
      'put ownership',
      'put records', // what was done
      'put marks', // completed
      'put evaluated',
      'delete journal',
      'put leases', // given back
      'delete lease-modes',
      'delete heartbeats',
      'put records', // finished
    ])
  })

  it('an apply with nothing to do writes nothing the second time but its record', async () => {
    const clock = createFakeClock()
    const { store, writes } = watchStore(createMemoryStore({ clock }))
    const options = { ...data(a), mode: 'apply', store, clock } as const
    const world = new Map([['a', a]])
    await recordRun(things({ world }), options)
    await recordRun(things({ world }), options)
    const before = writes.length
    await recordRun(things({ world }), options)
    expect(kinds(writes.slice(before))).toEqual([
      'put heartbeats',
      'put lease-modes',
      'put leases',
      'put leases',
      'delete lease-modes',
      'delete heartbeats',
      'put records',
    ])
  })

  it('a dry run writes its record and nothing else, and needs no store to be written to', async () => {
    const clock = createFakeClock()
    const { store, writes } = watchStore(createMemoryStore({ clock }))
    await recordRun(things({ world: new Map() }), { ...data(a), store, clock })
    expect(kinds(writes)).toEqual(['put records'])
    const full = watchStore(createMemoryStore({ clock }), (call) => {
      if (call === 'put') throw outage()
    })
    const { record, events } = await recordRun(things({ world: new Map() }), { ...data(a), store: full.store, clock })
    expect(record).toMatchObject({ exitCode: 0, plan: { summary: { create: 1 } } })
    expect(told(events)).toContain('warned')
  })

  it('an apply whose last record cannot be kept has failed, although everything was applied', async () => {
    const clock = createFakeClock()
    const inner = createMemoryStore({ clock })
    let records = 0
    const { store } = watchStore(inner, (call, key) => {
      if (call === 'put' && key.startsWith('records/') && ++records > 1) throw outage()
    })
    const world = new Map<string, Thing>()
    const { record } = await recordRun(things({ world }), { ...data(a), mode: 'apply', store, clock })
    expect([...world.keys()]).toEqual(['a'])
    expect(record).toMatchObject({ exitCode: 5, error: { code: 'store-unavailable' } })
  })

  it.each(['heartbeats', 'lease-modes', 'leases', 'marks', 'records', 'journal'])(
    'an apply that cannot write its %s starts no change and keeps no lease',
    async (kind) => {
      const clock = createFakeClock()
      const inner = createMemoryStore({ clock })
      const { store } = watchStore(inner, (call, key) => {
        if (call === 'put' && key.startsWith(`${kind}/`)) throw outage()
      })
      const world = new Map<string, Thing>()
      const { record } = await recordRun(things({ world }), { ...data(a), mode: 'apply', store, clock })
      expect(world.size).toBe(0)
      expect(record.exitCode).toBe(kind === 'journal' ? 4 : 1)
      expect([...(await keysOf(inner, 'heartbeats/')), ...(await keysOf(inner, 'lease-modes/'))]).toEqual([])
    },
  )

  it('an apply that cannot write the ledger has failed with 5, and the next one knows what it did', async () => {
    const clock = createFakeClock()
    const inner = createMemoryStore({ clock })
    const { store } = watchStore(inner, (call, key) => {
      if (call === 'put' && key.startsWith('ownership/')) throw outage()
    })
    const world = new Map<string, Thing>()
    const options = { ...data(a), mode: 'apply', clock } as const
    expect((await recordRun(things({ world }), { ...options, store })).record.exitCode).toBe(5)
    expect(await keysOf(inner, 'ownership/')).toEqual([])
    const next = await recordRun(things({ world }), { ...options, store: inner })
    expect(told(next.events)).toEqual(['log read', 'decided', 'recovered', 'planned', 'finished'])
    const [ledger] = await readLedger(inner, 'things')
    expect(Object.keys(ledger?.value.objects ?? {})).toEqual(['a'])
    expect(await keysOf(inner, 'journal/')).toEqual([])
  })
})

describe('what an apply remembers', () => {
  it('a failed change is planned again, and what was applied is not', async () => {
    const clock = createFakeClock()
    const store = createMemoryStore({ clock })
    const world = new Map<string, Thing>()
    const options = { ...data(a, b), store, clock } as const
    const first = await recordRun(things({ world, refuse: ['b'] }), { ...options, mode: 'apply' })
    expect(first.record).toMatchObject({ exitCode: 5 })
    const again = await recordRun(things({ world }), options)
    expect(again.plan?.changes.map(({ action, key }) => `${action} ${key}`)).toEqual(['create b'])
  })

  it('a refused delete is owned until it is gone, then forgotten', async () => {
    const clock = createFakeClock()
    const store = createMemoryStore({ clock })
    const world = new Map<string, Thing>()
    await recordRun(things({ world }), { ...data(a, b), store, clock, mode: 'apply' })
    const owned = async (): Promise<string[]> =>
      Object.keys((await readLedger(store, 'things'))[0]?.value.objects ?? {})
    expect(
      (await recordRun(things({ world, refuse: ['b'] }), { ...data(a), store, clock, mode: 'apply' })).record.exitCode,
    ).toBe(1)
    expect(await owned()).toEqual(['a', 'b'])
    expect((await recordRun(things({ world }), { ...data(a), store, clock, mode: 'apply' })).record.exitCode).toBe(0)
    expect(await owned()).toEqual(['a'])
  })

  it('a removed shard is reconciled to nothing, and then no longer known', async () => {
    const clock = createFakeClock()
    const store = createMemoryStore({ clock })
    const world = new Map<string, Thing>()
    const shared = { store, clock, mode: 'apply' } as const
    await recordRun(things({ world, sharded: true }), { ...data(a, b), ...shared })
    const second = await recordRun(things({ world, sharded: true }), {
      ...data(a),
      ...shared,
      limits: { allowEmpty: true },
    })
    expect(second.record).toMatchObject({
      exitCode: 0,
      outcomes: [{ action: 'delete', key: 'b', shard: 'b', result: 'applied' }],
    })
    expect([...world.keys()]).toEqual(['a'])
    const third = await recordRun(things({ world, sharded: true }), { ...data(a), ...shared })
    expect(third.record.plan?.changes).toEqual([])
  })

  it('every apply has its own record, found by its id', async () => {
    const clock = createFakeClock()
    const store = createMemoryStore({ clock })
    const { record } = await recordRun(things({ world: new Map() }), { ...data(a), store, clock, mode: 'apply' })
    expect((await createRecordStore(store).find(record.run.id)).map(({ run }) => run.mode)).toEqual(['apply'])
  })
})

describe('what run() is given', () => {
  it('has no source, for a skip compares desired state: code without types is told why, and the run fails', async () => {
    const { definition } = things({ world: new Map() })
    const untyped = {
      definition: {
        ...definition,
        run: (ctx: object) => (ctx as { source: { read(path: string): unknown } }).source.read('data/things.json'),
      },
    } as unknown as Integration
    const { record } = await recordRun(untyped, data(a))
    expect(record).toMatchObject({ exitCode: 1, error: { code: 'integration-invalid' } })
    expect(record.error?.message).toMatch(
      /^things.*run\(\) asks for ctx\.source.*Read it in desiredState\(\) and return/s,
    )
  })
})

describe('the helpers of trueup/testing', () => {
  it('say that an integration converges and that its dry run is pure', async () => {
    const world = new Map<string, Thing>()
    await assertDryRunIsPure(things({ world }), { ...data(a), world: () => [...world] })
    await assertConverges(things({ world }), data(a))
  })

  it('fail one that does not converge', async () => {
    /** Takes everything and keeps nothing. */
    class Forgetful extends Map<string, Thing> {
      override set(): this {
        return this
      }
    }
    const forgetful = new Forgetful()
    await expect(assertConverges(things({ world: forgetful }), data(a))).rejects.toThrow(/does not converge.*create a/)
  })
})
