// Holds of shards and objects in the whole engine: what an apply leaves out, what it says of it, and that nothing later takes it for done.
import { describe, expect, it } from 'vitest'
import { defineIntegration, diff, listing } from '../src/index.js'
import { createMarkStore } from '../src/store/marks.js'
import { createMemoryStore } from '../src/store/memory-store.js'
import { placeHold, placeParts, type HoldPart } from '../src/store/holds.js'
import { runRecorded, type RunOverrides } from '../src/testing-run.js'
import { createFakeClock } from '../src/util/fake-clock.js'
import type { PlanData, LimitCheck, RunRecord } from '../src/event.js'

const HOUR = 3_600_000
const by = { actor: 'jane', host: 'ci-7', url: null }
const hold = { target: 'things', reason: 'it is being moved', by }

interface Thing {
  readonly key: string
  readonly text: string
  /** Key of the one that it needs. */
  readonly needs?: string
}

const object = (key: string): HoldPart => ({ kind: 'object', key })
const shard = (key: string): HoldPart => ({ kind: 'shard', key })

/** Objects by key; with shards, that is the part of the text before the colon. */
function createThings({ sharded = false } = {}) {
  const world = new Map<string, Thing>()
  const fails = new Set<string>()
  const clock = createFakeClock()
  const store = createMemoryStore({ clock })
  const shardOf = ({ text }: Thing): string => text.split(':')[0] ?? ''
  const put = ({ key, after }: { readonly key: string; readonly after: Thing }): void => {
    if (fails.has(key)) throw new Error('refused')
    world.set(key, after)
  }
  const things = defineIntegration<Thing[], Thing, 'owned'>({
    name: 'things',
    version: '1',
    inputs: ['data/*.json'],
    deletePolicy: 'owned',
    desiredState: async (ctx) => (await ctx.source.loadAll('data/*.json')).flat() as unknown as Thing[],
    ...(sharded
      ? {
          shards: (desired: readonly Thing[]) =>
            new Map(
              [...new Set(desired.map(shardOf))].map((key) => [key, desired.filter((one) => shardOf(one) === key)]),
            ),
          items: (desired: readonly Thing[]) => desired,
        }
      : {}),
    run: async (ctx, desired) => {
      const items = [...world.values()].filter((one) => !sharded || shardOf(one) === ctx.shard)
      const current = await listing.fromPages(() => Promise.resolve({ items }))
      const dependsOn = (_: string, { desired: wanted }: { readonly desired?: Thing }): readonly string[] =>
        wanted?.needs === undefined ? [] : [wanted.needs]
      return ctx.plan(diff({ desired, current, key: ({ key }) => key, dependsOn }), {
        create: put,
        update: put,
        delete: ({ key }) => void world.delete(key),
      })
    },
  })
  const run = async (
    desired: readonly Thing[],
    overrides: RunOverrides & { readonly mode?: 'apply' | 'dry-run' } = {},
  ) => {
    clock.advance(1000)
    const data = { 'data/a.json': JSON.stringify(desired) }
    return (await runRecorded(things, { data, store, clock, mode: overrides.mode ?? 'apply' }, overrides)).record
  }
  return {
    world,
    fails,
    clock,
    store,
    run,
    texts: () => Object.fromEntries([...world].map(([key, { text }]) => [key, text])),
  }
}

const results = ({ outcomes }: RunRecord): object =>
  Object.fromEntries(outcomes.map(({ key, result }) => [key, result]))
const sinceApplied = { request: { base: 'last-applied' } }
const [a, b, c] = ['a', 'b', 'c'].map((key) => ({ key, text: `1:${key}` })) as [Thing, Thing, Thing]

describe('an object that is held', () => {
  it('is left out and what depends on it is skipped; all else is applied, and the run is one to be done again', async () => {
    const { store, clock, run, texts } = createThings()
    await placeParts(store, { ...hold, parts: [object('b'), object('other')], forMs: HOUR })
    const record = await run([a, b, { ...c, needs: 'b' }])
    expect(texts()).toEqual({ a: '1:a' })
    expect(results(record)).toEqual({ a: 'applied', b: 'skipped', c: 'skipped' })
    expect(record.outcomes.map(({ error }) => error)).toEqual([
      null,
      'held until 2026-01-01 01:00 UTC by jane on ci-7: it is being moved',
      'it depends on b, which was not applied',
    ])
    expect(record).toMatchObject({
      exitCode: 75,
      decision: { action: 'run' },
      error: { code: 'held', details: { target: 'things', holds: [{ target: 'things', shard: null, key: 'b' }] } },
      holds: [
        { shard: null, key: 'b', reason: 'it is being moved', until: clock.now() - 1000 + HOUR, by, keys: ['b'] },
      ],
      limits: [{ rule: 'held', blocked: false, keys: ['b'] }],
    })
    expect(record.error?.message).toContain('\nTo end the hold: trueup release things --key b')
  })

  it('is not taken for done: the next apply is not skipped, whether the hold lasts, has ended, or was released', async () => {
    const { store, clock, run, texts } = createThings()
    await placeParts(store, { ...hold, parts: [object('b')], forMs: HOUR })
    await run([a, b])
    const mark = await createMarkStore(store, 'things', 'things').read('')
    expect(mark?.mark).toMatchObject({ status: 'failed', reason: 'left out what is held' })
    const again = await run([a, b], sinceApplied)
    expect(again).toMatchObject({ exitCode: 75, decision: { action: 'run', reason: 'base-not-applied' } })
    expect(again.decision.explanation).toContain('left out what is held')
    expect(results(again)).toEqual({ b: 'skipped' })
    clock.advance(HOUR)
    expect(await run([a, b], sinceApplied)).toMatchObject({ exitCode: 0, decision: { action: 'run' } })
    expect(texts()).toEqual({ a: '1:a', b: '1:b' })
    expect((await run([a, b], sinceApplied)).decision.action).toBe('skip')
  })

  it('that was changed by hand is not put right, and not forgotten either', async () => {
    const { world, store, clock, run, texts } = createThings()
    await run([a, b])
    world.set('b', { key: 'b', text: 'by hand' })
    await placeParts(store, { ...hold, parts: [object('b')], forMs: HOUR })
    expect(await run([a, b])).toMatchObject({ exitCode: 75, holds: [{ keys: ['b'] }] })
    expect(texts()).toEqual({ a: '1:a', b: 'by hand' })
    clock.advance(HOUR)
    // Nothing but the mark tells that the last apply has left it.
    expect(await run([a, b], sinceApplied)).toMatchObject({ exitCode: 0, decision: { reason: 'base-not-applied' } })
    expect(texts()).toEqual({ a: '1:a', b: '1:b' })
  })

  it('is not deleted, and owned as before', async () => {
    const { store, clock, run, texts } = createThings()
    await run([a, b])
    await placeParts(store, { ...hold, parts: [object('b')], forMs: HOUR })
    expect(await run([a])).toMatchObject({ exitCode: 75, plan: { summary: { delete: 1, of: 2 } } })
    expect(texts()).toEqual({ a: '1:a', b: '1:b' })
    clock.advance(HOUR)
    expect(await run([a])).toMatchObject({ exitCode: 0, plan: { summary: { delete: 1, of: 2 } } })
    expect(texts()).toEqual({ a: '1:a' })
  })

  it.each([
    { applies: true, exitCode: 5 },
    { applies: false, exitCode: 1 },
  ])('hides no failure beside it: $exitCode', async ({ applies, exitCode }) => {
    const { store, fails, run } = createThings()
    await placeParts(store, { ...hold, parts: [object('b')], forMs: HOUR })
    fails.add('c')
    const record = await run(applies ? [a, b, c] : [b, c])
    expect(record.exitCode).toBe(exitCode)
    expect(results(record)).toEqual({ ...(applies ? { a: 'applied' } : {}), b: 'skipped', c: 'failed' })
  })

  it('does not stop an apply that has nothing to do there; one of the whole target does', async () => {
    const { store, run } = createThings()
    await run([a, b])
    await placeParts(store, { ...hold, parts: [object('b')], forMs: HOUR })
    const record = await run([a, b, c])
    expect(record).toMatchObject({ exitCode: 0, error: null })
    expect(record.holds).toBeUndefined()
    await placeHold(store, { ...hold, forMs: HOUR })
    expect(await run([a])).toMatchObject({ exitCode: 75, decision: { action: 'none', reason: 'held' }, outcomes: [] })
  })

  it('is planned as ever, and said to be held; a plan of it ends as it would', async () => {
    const { store, run } = createThings()
    await placeParts(store, { ...hold, parts: [object('b')], forMs: HOUR })
    const record = await run([a, b], { mode: 'dry-run', request: { detailedExitcode: true } })
    expect(record).toMatchObject({
      exitCode: 2,
      error: null,
      plan: { summary: { create: 2 } },
      holds: [{ key: 'b', keys: ['b'] }],
    })
    expect(record.limits).toMatchObject([
      { rule: 'held', message: 'b until 2026-01-01 01:00 UTC by jane on ci-7: it is being moved; left out: b' },
    ])
  })

  it('is told to who is asked; where there is nothing else, nobody is asked', async () => {
    const { store, run } = createThings()
    await placeParts(store, { ...hold, parts: [object('b')], forMs: HOUR })
    const asked: (readonly string[])[] = []
    const confirm = (_: PlanData, limits: readonly LimitCheck[]): Promise<boolean> => {
      asked.push(limits.flatMap(({ rule, keys }) => [rule, ...keys]))
      return Promise.resolve(true)
    }
    expect((await run([b], { deps: { confirm } })).exitCode).toBe(75)
    expect(asked).toEqual([])
    await run([a, b], { deps: { confirm } })
    expect(asked).toEqual([['held', 'b']])
  })

  it('stays left out when its hold ends while somebody is asked; one that is placed meanwhile counts too', async () => {
    const { store, clock, run, texts } = createThings()
    await placeParts(store, { ...hold, parts: [object('b')], forMs: HOUR })
    const confirm = async (): Promise<boolean> => {
      clock.advance(HOUR)
      await placeParts(store, { ...hold, parts: [object('c')], forMs: HOUR })
      return true
    }
    const record = await run([a, b, c], { deps: { confirm } })
    expect(results(record)).toEqual({ a: 'applied', b: 'skipped', c: 'skipped' })
    expect(record.holds?.map(({ key }) => key)).toEqual(['c', 'b'])
    expect(texts()).toEqual({ a: '1:a' })
  })
})

describe('a shard that is held', () => {
  it('is left out, and no other', async () => {
    const { store, run, texts } = createThings({ sharded: true })
    await placeParts(store, { ...hold, parts: [shard('1')], forMs: HOUR })
    const record = await run([a, b, { key: 'c', text: '2:c' }])
    expect(texts()).toEqual({ c: '2:c' })
    expect(record).toMatchObject({
      exitCode: 75,
      holds: [{ shard: '1', key: null, keys: ['a', 'b'] }],
      limits: [{ rule: 'held', shard: '1' }],
    })
    expect(record.outcomes[0]?.error).toMatch(/^shard 1 is held until /)
    const marks = await createMarkStore(store, 'things', 'things').all()
    expect([...marks.values()].map(({ mark }) => [mark.shard, mark.status])).toEqual([
      ['1', 'failed'],
      ['2', 'completed'],
    ])
  })

  it('keeps what another shard would take from it', async () => {
    const { store, clock, run, texts } = createThings({ sharded: true })
    await run([a, b])
    await placeParts(store, { ...hold, parts: [shard('1')], forMs: HOUR })
    const moved = [b, { key: 'a', text: '2:a' }]
    const record = await run(moved)
    expect(record).toMatchObject({ exitCode: 75, holds: [{ shard: '1', keys: ['a'] }] })
    expect(texts()).toEqual({ a: '1:a', b: '1:b' })
    clock.advance(HOUR)
    expect((await run(moved, sinceApplied)).exitCode).toBe(0)
    expect(texts()).toEqual({ a: '2:a', b: '1:b' })
  })

  it('is left alone when it is gone from the desired state', async () => {
    const { store, run, texts } = createThings({ sharded: true })
    const others = ['c', 'd', 'e', 'f'].map((key) => ({ key, text: `2:${key}` }))
    await run([a, ...others])
    await placeParts(store, { ...hold, parts: [shard('1')], forMs: HOUR })
    expect(await run(others)).toMatchObject({ exitCode: 75, holds: [{ shard: '1', keys: ['a'] }] })
    expect(texts()).toMatchObject({ a: '1:a' })
  })
})
