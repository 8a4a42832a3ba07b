// Change or drift, through the real engine: what the range from base to head causes, and what was due before it.
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { defineIntegration, diff, groupBy, listing } from '../src/index.js'
import type { Integration } from '../src/integration.js'
import { createFakeClock, createMemoryStore, recordRun, type RecordedRun } from '../src/testing.js'

interface Thing {
  readonly name: string
  readonly size: number
}
type Sizes = Readonly<Record<string, number>>
interface Given {
  readonly sharded?: boolean
  /** `run()` makes objects of its own, or returns two plans. */
  readonly shape?: 'items' | 'mapped' | 'two plans'
}

/** Things in a Map. Counts how often it was read. */
function things(world: Map<string, number>, { sharded = false, shape = 'items' }: Given = {}) {
  const reads = { count: 0, before: (): void => undefined }
  const integration: Integration = defineIntegration<Thing[], Thing, 'owned'>({
    name: 'things',
    version: '1',
    inputs: ['data.json'],
    deletePolicy: 'owned',
    desiredState: async (ctx) =>
      Object.entries((await ctx.source.load('data.json')) as unknown as Sizes).map(([name, size]) => ({ name, size })),
    ...(sharded ? { shards: (all: Thing[]) => groupBy(all, ({ name }) => name.charAt(0)) } : {}),
    run: async (ctx, given) => {
      reads.count += 1
      reads.before()
      const scale = shape === 'mapped' ? 10 : 1
      const desired = given.map(({ name, size }) => ({ name, size: size * scale }))
      const mine = [...world].filter(([name]) => name.startsWith(ctx.shard)).map(([name, size]) => ({ name, size }))
      const plan = async (isIn: (thing: Thing) => boolean) =>
        ctx.plan(
          diff({
            desired: shape === 'items' ? given : desired.filter(isIn),
            current: await listing.fromPages(() => Promise.resolve({ items: mine.filter(isIn) })),
            key: ({ name }) => name,
          }),
          {
            create: ({ after }) => void world.set(after.name, after.size),
            update: ({ after }) => void world.set(after.name, after.size),
            delete: ({ key }) => void world.delete(key),
          },
        )
      const isFirst = ({ name }: Thing): boolean => name < 'b'
      return shape === 'two plans' ? [await plan(isFirst), await plan((thing) => !isFirst(thing))] : plan(() => true)
    },
  })
  return { integration, reads }
}

/** Applies `applied`, lets the world drift, and plans `head` against `base`. */
async function compare(
  given: Given & { applied: Sizes; base: Sizes; head: Sizes; drift?: Readonly<Record<string, number | null>> },
) {
  const world = new Map<string, number>()
  const clock = createFakeClock()
  const { integration, reads } = things(world, given)
  const shared = { clock, store: createMemoryStore({ clock }), limits: { allowEmpty: true, maxDeletes: '100%' } }
  const data = (sizes: Sizes): Record<string, string> => ({ 'data.json': JSON.stringify(sizes) })
  const applied = await recordRun(integration, { ...shared, data: data(given.applied), mode: 'apply' })
  expect(applied.record.exitCode).toBe(0)
  for (const [name, size] of Object.entries(given.drift ?? {})) {
    if (size === null) world.delete(name)
    else world.set(name, size)
  }
  reads.count = 0
  const run = await recordRun(integration, { ...shared, data: data(given.head), base: data(given.base), force: true })
  expect(run.record.error).toBeNull()
  return { run, reads, world }
}
const told = ({ plan }: RecordedRun): string[] =>
  (plan?.changes ?? [])
    .map(
      ({ action, key, cause, overwritesDrift }) => `${action} ${key}: ${cause}${overwritesDrift === true ? '!' : ''}`,
    )
    .sort()

describe.each<Given>([
  { shape: 'items' },
  { shape: 'items', sharded: true },
  { shape: 'mapped' },
  { shape: 'two plans', sharded: true },
])('the causes of a plan (%o)', (given) => {
  it('are the range and drift, told apart', async () => {
    const { run, reads } = await compare({
      ...given,
      applied: { a1: 1, a2: 2, a3: 3, b1: 4, b2: 5 },
      base: { a1: 1, a2: 2, a3: 3, b1: 4, b2: 5 },
      head: { a1: 9, a2: 9, a3: 3, b1: 4, c1: 6 },
      drift: { a2: 77, a3: 77, b1: null },
    })
    expect(told(run)).toEqual([
      'create b1: drift',
      'create c1: change',
      'delete b2: change',
      'update a1: change',
      'update a2: change!',
      'update a3: drift',
    ])
    // Read again only where run() makes its objects itself.
    const shards = given.sharded === true ? 3 : 1
    expect(reads.count).toBe(given.shape === 'items' ? shards : 2 * shards)
  })

  it('are none of the range where it changes nothing', async () => {
    const sizes = { a1: 1, b1: 2 }
    const { run } = await compare({ ...given, applied: sizes, base: sizes, head: sizes, drift: { a1: 8 } })
    expect(told(run)).toEqual(['update a1: drift'])
  })

  it('are drift where the base was never applied, and change where the range goes on from there', async () => {
    const { run } = await compare({
      ...given,
      applied: { a1: 1 },
      base: { a1: 1, b1: 2 },
      head: { a1: 1, b1: 2, b2: 3 },
    })
    expect(told(run)).toEqual(['create b1: drift', 'create b2: change'])
  })
})

describe('causes', () => {
  it('are unknown where an object changed between the two readings', async () => {
    const world = new Map<string, number>()
    const { integration, reads } = things(world, { shape: 'mapped' })
    // Another value each time that it is read.
    reads.before = () => void world.set('a1', reads.count)
    const data = (sizes: Sizes): Record<string, string> => ({ 'data.json': JSON.stringify(sizes) })
    const run = await recordRun(integration, { data: data({ a1: 5, b1: 2 }), base: data({ a1: 5 }), force: true })
    expect(told(run)).toEqual(['create b1: change', 'update a1: unknown'])
  })

  it('are unknown, with a warning, where the base cannot be evaluated; the plan is as it is', async () => {
    const { integration } = things(new Map())
    const run = await recordRun(integration, {
      data: { 'data.json': '{"a1":1}' },
      base: { 'data.json': '[' },
      force: true,
    })
    expect(told(run)).toEqual(['create a1: unknown'])
    const warnings = run.events.flatMap((event) => (event.kind === 'warned' ? [event.message] : []))
    expect(warnings).toEqual([expect.stringContaining('what caused the changes cannot be told')])
  })

  it('do not change the plan or its digest', async () => {
    const { integration } = things(new Map())
    const data = { 'data.json': '{"a1":1,"b1":2}' }
    const [alone, compared] = await Promise.all([
      recordRun(integration, { data }),
      recordRun(integration, { data, base: { 'data.json': '{"a1":1}' } }),
    ])
    expect(compared.plan?.digest).toBe(alone.plan?.digest)
    expect(told(compared)).toEqual(['create a1: drift', 'create b1: change'])
    expect(told(alone)).toEqual(['create a1: unknown', 'create b1: unknown'])
  })

  it('say: without the range, exactly the drift would be due', async () => {
    const sizes = fc.dictionary(fc.constantFrom('a1', 'a2', 'b1', 'b2', 'c1'), fc.integer({ min: 1, max: 3 }))
    await fc.assert(
      fc.asyncProperty(sizes, sizes, sizes, fc.boolean(), async (applied, base, head, sharded) => {
        const { run } = await compare({ sharded, applied, base, head })
        // A shard that only the base has is not part of the run.
        const shards = new Set(Object.keys({ ...applied, ...head }).map((name) => (sharded ? name.charAt(0) : '')))
        const wanted = Object.entries(base).filter(([name]) => shards.has(sharded ? name.charAt(0) : ''))
        const isDue = (name: string): boolean => wanted.find(([key]) => key === name)?.[1] !== applied[name]
        for (const change of run.plan?.changes ?? []) {
          const same = head[change.key] === Object.fromEntries(wanted)[change.key]
          const expected = same && isDue(change.key) ? 'drift' : 'change'
          expect(`${change.key} ${change.cause}`).toBe(`${change.key} ${expected}`)
          expect(change.overwritesDrift === true).toBe(!same && isDue(change.key))
        }
      }),
      { numRuns: 60 },
    )
  })
})
