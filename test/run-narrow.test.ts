// --check-only-affected-shards through the real engine: the plan of the affected shards is that of all, restricted to them.
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { defineIntegration, diff, groupBy, listing } from '../src/index.js'
import type { Integration } from '../src/integration.js'
import { createFakeClock, createMemoryStore, recordRun, type RecordedRun, type TestOptions } from '../src/testing.js'

/** `zone size` by name. */
type Things = Readonly<Record<string, string>>
interface Thing {
  readonly name: string
  readonly zone: string
  readonly size: string
}
const thing = ([name, text]: [string, string]): Thing => {
  const [zone = '', size = ''] = text.split(' ')
  return { name, zone, size }
}

function things(
  world: Map<string, Thing>,
  more: { readonly refuse?: Set<string>; readonly record?: boolean } = {},
): Integration {
  const put = ({ key, after }: { readonly key: string; readonly after: Thing }): void => {
    if (more.refuse?.has(key) === true) throw new Error(`${key} is refused`)
    world.set(key, after)
  }
  const plan = async (ctx: never, desired: readonly Thing[]): Promise<never> => {
    const { shard, plan: make } = ctx as { shard: string; plan: (...args: readonly unknown[]) => never }
    const items = [...world.values()].filter(({ zone }) => zone === shard)
    const current = await listing.fromPages(() => Promise.resolve({ items }))
    const remove = ({ key }: { readonly key: string }): void => void world.delete(key)
    return make(diff({ desired, current, key: ({ name }) => name }), { create: put, update: put, delete: remove })
  }
  const common = { name: 'things', version: '1', inputs: ['data.json'], deletePolicy: 'owned' } as const
  const read = async (ctx: { source: { load: (path: string) => Promise<unknown> } }): Promise<Thing[]> =>
    Object.entries((await ctx.source.load('data.json')) as Things).map(thing)
  const parts = (all: readonly Thing[]): ReadonlyMap<string, Thing[]> => groupBy(all, ({ zone }) => zone)
  if (more.record === true) {
    return defineIntegration({
      ...common,
      desiredState: async (ctx) => ({ all: await read(ctx) }),
      shards: ({ all }) => new Map([...parts(all)].map(([zone, part]) => [zone, { all: part }])),
      run: (ctx, { all }) => plan(ctx as never, all),
    })
  }
  return defineIntegration({
    ...common,
    desiredState: read,
    shards: parts,
    run: (ctx, desired) => plan(ctx as never, desired),
  })
}

function setUp(more: Parameters<typeof things>[1] = {}) {
  const clock = createFakeClock()
  const store = createMemoryStore({ clock })
  const world = new Map<string, Thing>()
  const integration = things(world, more)
  const data = (all: Things): Record<string, string> => ({ 'data.json': JSON.stringify(all) })
  const run = (head: Things, base: Things | null, options: TestOptions & { readonly mode?: 'apply' } = {}) =>
    recordRun(integration, {
      data: data(head),
      clock,
      store,
      limits: { allowEmpty: true, maxDeletes: '100%' },
      ...(base === null ? {} : { base: data(base) }),
      ...options,
    })
  const narrow = (head: Things, base: Things, mode: 'apply' | 'dry-run' = 'dry-run'): Promise<RecordedRun> =>
    run(head, base, { onlyAffectedShards: true, ...(mode === 'apply' ? { mode } : {}) })
  return { run, narrow, world }
}
const shardsOf = ({ record }: RecordedRun): string => record.run.shards.join(' ')
const logged = ({ events }: RecordedRun): string[] =>
  events.flatMap((event) => (event.kind === 'logged' ? [event.record.message] : []))
const ABC = { x: 'a 1', y: 'b 1', z: 'c 1' }

describe('a run of the affected shards', () => {
  it('takes what differs on either side, and says so', async () => {
    const { run, narrow } = setUp()
    await run(ABC, null, { mode: 'apply' })
    const found = await narrow({ x: 'a 2', y: 'b 1', new: 'd 1' }, ABC)
    expect(shardsOf(found)).toBe('a c d')
    expect(found.plan?.changes.map(({ action, key, shard }) => `${action} ${key} ${String(shard)}`)).toEqual([
      'delete z c',
      'create new d',
      'update x a',
    ])
    expect(logged(found)).toContain('only the shards that are affected run: a, c, d (of 3)')
  })

  it('takes all where nothing was compared', async () => {
    const { run } = setUp()
    expect(shardsOf(await run(ABC, null, { onlyAffectedShards: true }))).toBe('a b c')
    expect(shardsOf(await run(ABC, ABC, { onlyAffectedShards: true, force: true }))).toBe('a b c')
  })

  it('takes all where what the others desire cannot be told', async () => {
    const { narrow } = setUp({ record: true })
    const found = await narrow({ ...ABC, x: 'a 2' }, ABC)
    expect([shardsOf(found), found.record.error]).toEqual(['a b c', null])
    expect(logged(found)).toContain(
      'all shards run: what each desires cannot be told without items() in the integration',
    )
  })

  it('applies also what is not known to be applied', async () => {
    const refuse = new Set(['y'])
    const { run, narrow, world } = setUp({ refuse })
    // Never applied: all of them.
    expect(shardsOf(await narrow({ ...ABC, x: 'a 2' }, ABC, 'apply'))).toBe('a b c')
    refuse.clear()
    const head = { ...ABC, x: 'a 3' }
    // b failed, and a differs.
    expect(shardsOf(await narrow(head, { ...ABC, x: 'a 2' }, 'apply'))).toBe('a b')
    expect([...world.values()].map(({ name, size }) => `${name}${size}`).sort()).toEqual(['x3', 'y1', 'z1'])
    // A dry run does not ask the marks; an apply with a base that is not what was applied does.
    const later = { ...head, z: 'c 2' }
    expect(shardsOf(await narrow(later, { ...later, x: 'a 9' }))).toBe('a')
    expect(shardsOf(await narrow(later, { ...later, x: 'a 9' }, 'apply'))).toBe('a c')
    expect((await run(later, null)).plan?.changes).toEqual([])
  })

  it('leaves nothing undone: after it, a full run finds nothing that the range caused', async () => {
    const { run, narrow } = setUp()
    await run(ABC, null, { mode: 'apply' })
    const moved = { x: 'b 1', y: 'b 1', z: 'c 7', w: 'd 1' }
    const applied = await narrow(moved, ABC, 'apply')
    expect([applied.record.exitCode, shardsOf(applied)]).toEqual([0, 'a b c d'])
    expect((await run(moved, null)).plan?.changes).toEqual([])
  })

  it('plans what a full run plans for these shards, whatever was edited', async () => {
    const name = fc.constantFrom('m', 'n', 'o', 'p', 'q', 'r')
    const value = fc
      .tuple(fc.constantFrom('a', 'b', 'c', 'd'), fc.integer({ min: 1, max: 2 }))
      .map(([zone, size]) => `${zone} ${String(size)}`)
    const state = fc.dictionary(name, value)
    await fc.assert(
      fc.asyncProperty(state, state, state, state, async (applied, drift, base, head) => {
        const { run, narrow, world } = setUp()
        await run(applied, null, { mode: 'apply' })
        // Behind its back: some sizes, some objects of nobody.
        for (const entry of Object.entries(drift)) if (!world.has(entry[0])) world.set(entry[0], thing(entry))
        const [full, some] = [await run(head, base), await narrow(head, base)]
        if (full.record.decision.action === 'skip') {
          expect(some.record.decision.action).toBe('skip')
          return
        }
        const affected = zonesThatDiffer(base, head)
        const selected = new Set(some.record.run.shards)
        const known = new Set(full.record.run.shards)
        const wanted = [...affected].filter((zone) => known.has(zone)).sort()
        expect([...selected].sort()).toEqual(wanted.length === 0 ? [...known].sort() : wanted)
        // What a shard outside the run was due to do for the base is not known to it: that remark alone may be missing.
        const plain = (run: RecordedRun) =>
          run.plan?.changes.map((change) => ({ ...change, overwritesDrift: undefined }))
        expect(plain(some)).toEqual(plain(full)?.filter(({ shard }) => selected.has(shard ?? '')))
      }),
      { numRuns: 150 },
    )
  })
})

function zonesThatDiffer(base: Things, head: Things): ReadonlySet<string> {
  const zones = (all: Things): Map<string, string> =>
    new Map(
      [...groupBy(Object.entries(all), ([, text]) => text.charAt(0))].map(([zone, part]) => [
        zone,
        JSON.stringify(part),
      ]),
    )
  const [before, after] = [zones(base), zones(head)]
  return new Set([...before.keys(), ...after.keys()].filter((zone) => before.get(zone) !== after.get(zone)))
}
