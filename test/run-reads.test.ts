// How often an apply asks its store: far stores answer slowly, and each is asked once where once is enough. Real engine, counting store.
import { expect, it } from 'vitest'
import { defineIntegration, diff, groupBy, listing } from '../src/index.js'
import type { Integration } from '../src/integration.js'
import { createFakeClock, createMemoryStore, recordRun } from '../src/testing.js'
import { readLedger, writeLedger } from '../src/store/ledger.js'
import { watchStore } from './support/failing-store.js'

interface Thing {
  readonly name: string
  readonly size: number
}

/** Things named `<shard>/<name>`. */
function things(world: Map<string, Thing>): Integration {
  const put = ({ after }: { readonly after: Thing }): void => void world.set(after.name, after)
  return defineIntegration<Thing[], Thing, 'owned'>({
    name: 'things',
    version: '1',
    inputs: ['data.json'],
    deletePolicy: 'owned',
    desiredState: (ctx) => ctx.source.load('data.json') as unknown as Promise<Thing[]>,
    shards: (desired) => groupBy(desired, ({ name }) => name.split('/')[0] ?? ''),
    run: async (ctx, desired) => {
      const items = [...world.values()].filter(({ name }) => name.startsWith(`${ctx.shard}/`))
      const current = await listing.fromPages(() => Promise.resolve({ items }))
      return ctx.plan(diff({ desired, current, key: ({ name }) => name }), {
        create: put,
        update: put,
        delete: ({ key }) => void world.delete(key),
      })
    },
  })
}

/** Calls of an apply, by call and kind of object: `get marks` → 2. */
async function callsOf(shards: number, grown: number): Promise<Readonly<Record<string, number>>> {
  const clock = createFakeClock()
  const counts = new Map<string, number>()
  let counting = false
  const { store } = watchStore(createMemoryStore({ clock }), (call, key) => {
    const name = `${call} ${key.split('/')[0] ?? ''}`
    if (counting) counts.set(name, (counts.get(name) ?? 0) + 1)
  })
  const integration = things(new Map())
  const data = (size: number): { data: Record<string, string> } => {
    const all = Array.from({ length: shards }, (_, index) => ({
      name: `s${String(index)}/x`,
      size: index === 0 ? size : 0,
    }))
    return { data: { 'data.json': JSON.stringify(all) } }
  }
  await recordRun(integration, { ...data(0), mode: 'apply', store, clock })
  counting = true
  const { record } = await recordRun(integration, { ...data(grown), mode: 'apply', store, clock })
  expect({ code: record.exitCode, changes: record.plan?.changes.length }).toEqual({
    code: 0,
    changes: grown === 0 ? 0 : 1,
  })
  return Object.fromEntries([...counts].sort())
}

/** Of what there is one of for each shard; everything else must not depend on how many there are. */
const OF_SHARDS = /^(get|list) (marks|ownership|leases|evaluated|journal)$/
function readsOf(counts: Readonly<Record<string, number>>): Readonly<Record<string, number>> {
  return Object.fromEntries(Object.entries(counts).filter(([call]) => OF_SHARDS.test(call)))
}
function otherReads(counts: Readonly<Record<string, number>>): number {
  const others = Object.entries(counts).filter(([call]) => /^(get|list|head) /.test(call) && !OF_SHARDS.test(call))
  return others.reduce((sum, [, count]) => sum + count, 0)
}
const reads = (shards: number): Readonly<Record<string, number>> => ({
  'list marks': 2,
  'list ownership': 2,
  'get marks': 2 * shards,
  'get ownership': 2 * shards,
  'get evaluated': 1,
  'get leases': shards,
})

it.each([1, 100])(
  'an apply of %d shards without a change reads marks and ledger before the lease and under it, no more',
  async (shards) => {
    const counts = await callsOf(shards, 0)
    expect(readsOf(counts)).toEqual(reads(shards))
    expect(otherReads(counts)).toBeLessThan(20)
    expect(counts).not.toHaveProperty('put marks')
  },
)

it.each([1, 100])('an apply of %d shards with one change reads them no more often', async (shards) => {
  const counts = await callsOf(shards, 1)
  // The journal to remove it, and the index of the shards once.
  expect(readsOf(counts)).toEqual({ ...reads(shards), 'list journal': 1, 'get marks': 2 * shards + 1 })
  expect(otherReads(counts)).toBeLessThan(20)
})

it('what was read before the lease is read again under it: who had it until then may have changed all of it', async () => {
  const clock = createFakeClock()
  const inner = createMemoryStore({ clock })
  const world = new Map([['s/gone', { name: 's/gone', size: 1 }]])
  const data = { data: { 'data.json': '[{ "name": "s/x", "size": 1 }]' } }
  const { store } = watchStore(inner, async (call, key) => {
    if (call !== 'put' || !key.startsWith('leases/')) return
    const [known] = await readLedger(inner, 'things')
    if (known !== undefined) return
    const objects = { 's/gone': { state: 'owned', digest: null, run: 'OTHER' } } as const
    await writeLedger(inner, 'things', { target: 'things', shard: 's', shape: 'list', objects }, undefined)
  })
  const { record } = await recordRun(things(world), { ...data, mode: 'apply', store, clock })
  expect(record.outcomes.map(({ action, key, result }) => `${result} ${action} ${key}`)).toEqual([
    'applied delete s/gone',
    'applied create s/x',
  ])
})
