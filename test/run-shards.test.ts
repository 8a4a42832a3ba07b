// Objects that move between shards, through the real engine: never deleted by one shard before the other has them.
import { describe, expect, it } from 'vitest'
import { defineIntegration, diff, groupBy, listing, staticShards } from '../src/index.js'
import type { Integration } from '../src/integration.js'
import { readLedger } from '../src/store/ledger.js'
import { createFakeClock, createMemoryStore, recordRun, type RecordedRun, type TestOptions } from '../src/testing.js'

interface Thing {
  readonly name: string
  readonly zone: string
  readonly size: number
}
type Run = (all: readonly Thing[], options?: TestOptions & { readonly mode?: 'dry-run' }) => Promise<RecordedRun>

/** Things in a Map. `scoped`: a shard lists its own zone alone. */
function things(
  world: Map<string, Thing>,
  more: { readonly scoped?: boolean; readonly grouped?: boolean } = {},
): Integration {
  const put = ({ after }: { readonly after: Thing }): void => void world.set(after.name, after)
  const common = {
    name: 'things',
    version: '1',
    inputs: ['data.json'],
    deletePolicy: 'owned',
  } as const
  const plan = async (ctx: never, shard: string, desired: readonly Thing[]): Promise<never> => {
    const items = [...world.values()].filter(({ zone }) => more.scoped !== true || zone === shard)
    const current = await listing.fromPages(() => Promise.resolve({ items }))
    const { plan: make } = ctx as { plan: (...args: readonly unknown[]) => never }
    return make(diff({ desired, current, key: (thing) => thing.name }), {
      create: put,
      update: put,
      delete: ({ key }: { readonly key: string }) => void world.delete(key),
    })
  }
  if (more.grouped === true) {
    return defineIntegration({
      ...common,
      desiredState: async (ctx) => ({ things: (await ctx.source.load('data.json')) as unknown as Thing[] }),
      shards: (desired) =>
        new Map([...groupBy(desired.things, ({ zone }) => zone)].map(([zone, part]) => [zone, { things: part }])),
      run: (ctx, desired) => plan(ctx as never, ctx.shard, desired.things),
    })
  }
  return defineIntegration({
    ...common,
    desiredState: async (ctx) => (await ctx.source.load('data.json')) as unknown as Thing[],
    shards: (desired) => groupBy(desired, ({ zone }) => zone),
    run: (ctx, desired) => plan(ctx as never, ctx.shard, desired),
  })
}

async function setUp(more: Parameters<typeof things>[1] = {}) {
  const clock = createFakeClock()
  const store = createMemoryStore({ clock })
  const world = new Map<string, Thing>()
  const integration = things(world, more)
  const run: Run = (all, options = {}) =>
    recordRun(integration, { data: { 'data.json': JSON.stringify(all) }, clock, store, mode: 'apply', ...options })
  const owned = async (): Promise<Record<string, readonly string[]>> =>
    Object.fromEntries(
      (await readLedger(store, 'things')).map(({ value }) => [value.shard, Object.keys(value.objects).sort()]),
    )
  const before = await run([x('a'), y])
  expect(before.record.exitCode).toBe(0)
  expect(await owned()).toEqual({ a: ['x'], b: ['y'] })
  return { run, owned, world, integration, clock, store }
}

const x = (zone: string): Thing => ({ name: 'x', zone, size: 1 })
const y: Thing = { name: 'y', zone: 'b', size: 1 }
const done = ({ record }: RecordedRun): string[] =>
  record.outcomes.map(({ action, key, shard, result }) => `${action} ${key} in ${String(shard)}: ${result}`)

describe.each([{ scoped: false }, { scoped: true }])('an object that moves to another shard (listing: %o)', (more) => {
  it('is updated by the one that gets it, with both in the run', async () => {
    const { run, owned, world } = await setUp(more)
    const moved = await run([x('b'), y])
    expect(done(moved)).toEqual([`${more.scoped ? 'create' : 'update'} x in b: applied`])
    expect([...world.keys()].sort()).toEqual(['x', 'y'])
    expect(await owned()).toMatchObject({ b: ['x', 'y'] })
    expect((await run([x('b'), y])).plan?.changes).toEqual([])
  })

  it('is left by the one that loses it, alone in the run, which nothing blocks', async () => {
    const { run, owned, world } = await setUp(more)
    const moved = await run([x('b'), y], { shards: ['a'] })
    expect(done(moved)).toEqual([])
    expect(moved.record).toMatchObject({ exitCode: 0, limits: [] })
    expect([...world.keys()].sort()).toEqual(['x', 'y'])
    expect(await owned()).toEqual({ a: ['x'], b: ['y'] })
    // And the one that gets it comes later.
    await run([x('b'), y], { shards: ['b'] })
    expect(await owned()).toMatchObject({ b: ['x', 'y'] })
    expect((await run([x('b'), y])).plan?.changes).toEqual([])
    expect(world.get('x')?.zone).toBe('b')
  })

  it('is taken over by the one that gets it, alone in the run', async () => {
    const { run, owned, world } = await setUp(more)
    const moved = await run([x('b'), y], { shards: ['b'] })
    expect(done(moved)).toEqual([`${more.scoped ? 'create' : 'update'} x in b: applied`])
    expect(await owned()).toMatchObject({ b: ['x', 'y'] })
    const rest = await run([x('b'), y])
    expect(done(rest)).toEqual([])
    expect([...world.keys()].sort()).toEqual(['x', 'y'])
  })
})

describe('a run of some shards', () => {
  it('deletes what no shard desires any more', async () => {
    const { run, world } = await setUp()
    const gone = await run([y], { shards: ['a'], limits: { allowEmpty: true } })
    expect(done(gone)).toEqual(['delete x in a: applied'])
    expect([...world.keys()]).toEqual(['y'])
  })

  it('is refused where what the others desire cannot be told', async () => {
    const clock = createFakeClock()
    const store = createMemoryStore({ clock })
    const options = { data: { 'data.json': JSON.stringify([x('a'), y]) }, clock, store, mode: 'apply' } as const
    const grouped = things(new Map(), { grouped: true })
    expect((await recordRun(grouped, options)).record.exitCode).toBe(0)
    const { record } = await recordRun(grouped, { ...options, shards: ['a'] })
    expect(record).toMatchObject({ exitCode: 64, error: { code: 'usage' } })
    expect(record.error?.message).toContain('what shard b desires cannot be told')
    expect(record.error?.message).toContain('declare items()')
    const { definition } = grouped
    const telling = { ...definition, items: (desired: unknown) => (desired as { things: Thing[] }).things }
    expect((await recordRun(telling, { ...options, shards: ['a'] })).record).toMatchObject({ exitCode: 0, error: null })
  })

  it('whose parts are none fails before anything is read', async () => {
    const { run, integration, clock, store } = await setUp()
    expect((await run([x('a'), y])).record.error).toBeNull()
    const broken = { ...integration.definition, shards: (all: unknown) => new Map([['a', (all as Thing[]).slice(1)]]) }
    const { record } = await recordRun(broken, {
      data: { 'data.json': JSON.stringify([x('a'), y]) },
      clock,
      store,
      mode: 'apply',
    })
    expect(record).toMatchObject({ exitCode: 1, plan: null, error: { code: 'desired-invalid' } })
    expect(record.error?.message).toContain('{"name":"x","size":1,"zone":"a"} is in none of the 1 shards')
  })
})

describe('a fixed shard', () => {
  it('that is emptied deletes under the delete limits, and stays known', async () => {
    const world = new Map<string, Thing>()
    const fixed = { ...things(world).definition, shards: staticShards(4, ({ name }: Thing) => name) as never }
    const clock = createFakeClock()
    const shared = { clock, store: createMemoryStore({ clock }), mode: 'apply' } as const
    const run = (all: readonly Thing[]): Promise<RecordedRun> =>
      recordRun(fixed, { ...shared, data: { 'data.json': JSON.stringify(all) } })
    expect((await run([x('a'), y])).record).toMatchObject({ exitCode: 0, run: { shards: ['00', '01', '02', '03'] } })
    const gone = await run([y])
    expect(done(gone)).toEqual([expect.stringMatching(/^delete x in 0[0-3]: applied$/)])
    // Nothing at all is another matter.
    const nothing = (await run([])).record
    expect(nothing.exitCode).toBe(3)
    expect(nothing.limits[0]).toMatchObject({ rule: 'empty-desired', shard: null, blocked: true })
  })
})
