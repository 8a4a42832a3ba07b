// The run cache in the whole engine: when a run answers for the next, and when it must not. Real engine and store, fake clock.
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { createCacheHealth } from '../src/early-exit/cache-health.js'
import { TrueupError } from '../src/errors.js'
import { openDirectoryStore } from '../src/store/directory-store.js'
import { createMarkStore } from '../src/store/marks.js'
import type { ObjectStore } from '../src/store/object-store.js'
import { createRecordStore } from '../src/store/records.js'
import { createCachedRuns, type CachedRun, type CachedRuns, type Given } from './support/cached-runs.js'
import { keysOf, outage, watchStore } from './support/failing-store.js'

const HOUR = 3_600_000

/** A world that is as desired, owned and applied; nothing is cached yet. */
async function applied(always: Partial<Given> = {}): Promise<CachedRuns> {
  const runs = createCachedRuns(always)
  const { record } = await runs.run({ mode: 'apply', cache: null })
  expect(record.exitCode).toBe(0)
  return runs
}

function told({ record, planned }: CachedRun): readonly unknown[] {
  return [record.decision.action, record.decision.reason, record.decision.cache?.status ?? null, planned]
}
const HIT = ['skip', 'cache-hit', 'HIT', false]
const MISS = ['run', 'cache-miss', 'MISS', true]
const STALE = ['run', 'cache-stale', 'STALE', true]
const EXPIRED = ['run', 'cache-expired', 'EXPIRED', true]
const UNCACHED = ['run', 'no-comparison-asked', null, true]

const entries = (store: ObjectStore): Promise<string[]> => keysOf(store, 'cache/')

describe('a run that converged', () => {
  it('answers for the next, and its log is replayed', async () => {
    const runs = await applied()
    const first = await runs.run({ logs: ['looking'] })
    expect(told(first)).toEqual(MISS)
    runs.clock.advance(12 * 60_000)
    const second = await runs.run({ logs: ['looking'] })
    expect(told(second)).toEqual(HIT)
    expect(second.record.exitCode).toBe(0)
    expect(second.record.run.destination).toBe('somewhere')
    expect(second.record.decision).toMatchObject({
      digest: first.record.decision.digest,
      cache: { zone: 'local', ageMs: 12 * 60_000, why: null },
      components: { code: { head: expect.any(String) as unknown }, node: { head: '22' }, params: { same: null } },
    })
    const replayed = second.events.filter((event) => event.kind === 'replayed')
    expect(replayed).toEqual([
      {
        kind: 'replayed',
        target: 'things',
        entry: second.record.decision.cache?.id,
        run: first.record.run.id,
        ageMs: 12 * 60_000,
        expiresAt: second.record.decision.cache?.expiresAt,
        zone: 'local',
        records: first.record.log.records,
        dropped: 0,
        forget: `trueup cache delete ${second.record.decision.cache?.id.slice(0, 8) ?? ''}`,
      },
    ])
    expect(second.record.log).toEqual({ ...first.record.log, replayedFrom: first.record.run.id })
    expect(second.record.log.records.map(({ message }) => message)).toContain('looking')
    // What was read of a secret is in no entry.
    expect(JSON.stringify(second.record.log)).not.toContain('first value')
    // What it replayed is kept once, with the run that logged it.
    const [kept] = await createRecordStore(runs.store).find(second.record.run.id)
    expect(kept?.log).toEqual({ records: [], dropped: 0, replayedFrom: first.record.run.id })
  })

  it('expires by the clock, at most a tenth early and the same for the same key', async () => {
    const runs = await applied()
    await runs.run()
    const { record } = await runs.run()
    const life = (record.decision.cache?.expiresAt ?? 0) - runs.clock.now()
    expect(life).toBeLessThanOrEqual(HOUR)
    expect(life).toBeGreaterThan(0.9 * HOUR)
    runs.clock.advance(life - 1)
    expect(told(await runs.run())).toEqual(HIT)
    runs.clock.advance(1)
    expect(told(await runs.run())).toEqual(EXPIRED)
    expect(told(await runs.run())).toEqual(HIT)
  })

  it('answers no longer than the reader wants, nor once the clock went back', async () => {
    const runs = await applied()
    await runs.run()
    runs.clock.advance(10 * 60_000)
    expect(told(await runs.run({ cache: { ttlMs: 600_000, access: 'r' } }))).toEqual(EXPIRED)
    expect(told(await runs.run({ cache: { ttlMs: 600_001, access: 'r' } }))).toEqual(HIT)
    runs.clock.setTime(runs.clock.now() - HOUR)
    expect(told(await runs.run({ cache: { access: 'r' } }))).toEqual(EXPIRED)
  })

  it('a dry run does not answer for an apply, nor an apply for a dry run', async () => {
    const runs = await applied()
    await runs.run()
    expect(told(await runs.run({ mode: 'apply' }))).toEqual(MISS)
    expect(told(await runs.run({ mode: 'apply' }))).toEqual(HIT)
    expect(told(await runs.run())).toEqual(HIT)
  })

  it.each<[string, Partial<Given>]>([
    ['only in the value of a secret', { secret: 'second value of the secret' }],
    ['only in a parameter', { params: { place: 'there' } }],
    ['in the code, of a package say', { code: 'code 2' }],
    ['in the version', { version: '2' }],
    ['in a variable that is set', { env: { FLAVOUR: '' } }],
    ['in the major of Node', { cache: { nodeMajor: 24 } }],
    ['in the target', { target: 'other' }],
    ['in what is desired', { data: { a: '1' } }],
  ])('is not asked by a run that differs %s', async (_, other) => {
    const runs = await applied()
    await runs.run()
    const { record } = await runs.run(other)
    expect([record.decision.action, record.decision.cache?.status]).toEqual(['run', 'MISS'])
    expect(told(await runs.run())).toEqual(HIT)
  })

  it('a shard that comes, and a choice of shards, are other runs', async () => {
    const runs = await applied({ sharded: 'name' })
    await runs.run()
    expect(told(await runs.run())).toEqual(HIT)
    expect(told(await runs.run({ shards: ['a'] }))).toEqual(MISS)
    expect(told(await runs.run({ shards: ['a'], data: { a: '1', b: 'another' } }))).toEqual(HIT)
    expect(told(await runs.run({ data: { a: '1', b: '2', c: '3' } }))).toEqual(MISS)
  })

  it('a run of one shard that leaves an object to another shard is not kept', async () => {
    const runs = await applied({ sharded: 'value', data: { x: 'a1', y: 'a2' } })
    const moved = await runs.run({ shards: ['a'], data: { x: 'a1', y: 'b2' } })
    expect([moved.record.plan?.changes, moved.record.exitCode]).toEqual([[], 0])
    expect(await entries(runs.store)).toEqual([])
    await runs.run({ shards: ['a'], data: { x: 'a1', y: 'a2' } })
    expect(await entries(runs.store)).toHaveLength(1)
  })
})

describe('what was applied meanwhile', () => {
  it('another state, applied outside of the cache, and back: the old entry never answers', async () => {
    const runs = await applied()
    for (const mode of ['dry-run', 'apply'] as const) await runs.run({ mode })
    expect(told(await runs.run({ mode: 'apply' }))).toEqual(HIT)
    const other = { a: '1', b: 'changed', c: '3' }
    expect((await runs.run({ mode: 'apply', data: other, cache: null })).record.exitCode).toBe(0)
    for (const mode of ['dry-run', 'apply'] as const) {
      const back = await runs.run({ mode })
      expect(told(back)).toEqual(STALE)
      expect(back.record.decision.cache?.why).toMatch(/an apply has changed something since/)
    }
    // The way back was applied, so nothing of before holds.
    expect([...runs.world]).toEqual([
      ['a', '1'],
      ['b', '2'],
    ])
    expect(told(await runs.run())).toEqual(STALE)
    expect(told(await runs.run())).toEqual(HIT)
  })

  it('another state whose apply failed half-way, and back', async () => {
    const runs = await applied()
    for (const mode of ['dry-run', 'apply'] as const) await runs.run({ mode })
    const failed = await runs.run({ mode: 'apply', data: { a: 'changed', b: 'changed' }, refuse: ['b'], cache: null })
    expect(failed.record.exitCode).toBe(5)
    const back = await runs.run()
    expect(told(back)).toEqual(STALE)
    expect(back.record.decision.cache?.why).toMatch(/did not succeed/)
    expect(back.record.plan?.summary.update).toBe(1)
    expect(told(await runs.run({ mode: 'apply' }))).toEqual(STALE)
    expect(runs.world.get('a')).toBe('1')
    // It did something, so a real run follows.
    expect(told(await runs.run({ mode: 'apply' }))).toEqual(STALE)
    expect(told(await runs.run({ mode: 'apply' }))).toEqual(HIT)
  })

  it('a run that was killed while it applied', async () => {
    const runs = await applied()
    await runs.run()
    const marks = createMarkStore(runs.store, 'things', 'somewhere')
    const before = await marks.read('')
    if (before === undefined) throw new Error('there is no mark')
    await marks.write({ ...before.mark, status: 'started' }, before)
    const found = await runs.run()
    expect(told(found)).toEqual(STALE)
    expect(found.record.decision.cache?.why).toMatch(/was interrupted/)
  })

  it('what is owned: the counters alone would not tell', async () => {
    const runs = await applied()
    await runs.run()
    const [key] = await keysOf(runs.store, 'ownership/')
    if (key === undefined) throw new Error('nothing is owned')
    await runs.store.delete(key)
    const found = await runs.run()
    expect(told(found)).toEqual(STALE)
    expect(found.record.decision.cache?.why).toMatch(/owns/)
  })

  it('an apply between reading and storing keeps the entry out', async () => {
    const runs = await applied()
    let meddled = false
    const { store } = watchStore(runs.store)
    const meddling: ObjectStore = {
      ...store,
      list: (prefix, options) => {
        // The second reading of the marks is the one before storing.
        if (prefix.startsWith('marks/')) reads += 1
        return store.list(prefix, options)
      },
    }
    let reads = 0
    const marks = createMarkStore(runs.store, 'things', 'somewhere')
    const first = await runs.run({
      store: {
        ...meddling,
        list: async function* (prefix, options) {
          if (prefix.startsWith('marks/') && reads >= 1 && !meddled) {
            meddled = true
            const before = await marks.read('')
            if (before !== undefined) await marks.write({ ...before.mark, counter: before.mark.counter + 1 }, before)
          }
          yield* meddling.list(prefix, options)
        },
      },
    })
    expect([first.record.exitCode, meddled]).toEqual([0, true])
    expect(await entries(runs.store)).toEqual([])
  })

  it('an apply answers only once the marks say that exactly this was brought about', async () => {
    const runs = await applied()
    await runs.run({ mode: 'apply' })
    const marks = createMarkStore(runs.store, 'things', 'somewhere')
    const before = await marks.read('')
    if (before === undefined) throw new Error('there is no mark')
    await marks.write({ ...before.mark, desired: '0'.repeat(64) }, before)
    const found = await runs.run({ mode: 'apply' })
    expect(told(found)).toEqual(STALE)
    expect(found.record.decision.cache?.why).toMatch(/another desired state/)
  })
})

describe('what is never kept', () => {
  it.each<[string, Partial<Given>, Partial<Given>]>([
    ['a run that planned something', { mode: 'apply', cache: null }, { data: { a: 'changed' } }],
    ['a run that applied something', { mode: 'apply', cache: null }, { mode: 'apply', data: { a: 'changed' } }],
    ['a run that failed', { mode: 'apply', cache: null }, { mode: 'apply', data: { c: '3' }, refuse: ['c'] }],
    ['a run whose listing is incomplete', { mode: 'apply', cache: null }, { incomplete: true }],
    ['a run that may only read', { mode: 'apply', cache: null }, { cache: { access: 'r' } }],
    ['a run without the cache', { mode: 'apply', cache: null }, { cache: null }],
  ])('%s', async (_, before, given) => {
    const runs = createCachedRuns()
    await runs.run(before)
    await runs.run(given)
    expect(await entries(runs.store)).toEqual([])
  })

  it('unknown code, and unknown secrets: it says why', async () => {
    const runs = await applied()
    const unknown = await runs.run({ code: null })
    expect(told(unknown)).toEqual(UNCACHED)
    const secret = await runs.run({ secret: undefined })
    expect(told(secret)).toEqual(UNCACHED)
    expect(secret.warnings).toEqual([expect.stringMatching(/not cached: the version of a secret/)])
    expect(unknown.warnings).toEqual([expect.stringMatching(/not cached: what the integration imports/)])
    expect(await entries(runs.store)).toEqual([])
  })

  it('a dirty tree, in a store that others read; it may read there', async () => {
    const runs = await applied()
    const shared: ObjectStore = { ...watchStore(runs.store).store, shared: true }
    const dirty = await runs.run({ dirty: true, store: shared })
    expect(told(dirty)).toEqual(MISS)
    expect(dirty.warnings).toEqual([expect.stringMatching(/not cached: the working tree is not as committed/)])
    expect(await entries(runs.store)).toEqual([])
    await runs.run({ store: shared })
    expect(told(await runs.run({ dirty: true, store: shared }))).toEqual(HIT)
    await runs.run({ dirty: true, data: { a: '1' }, mode: 'apply', cache: null })
    expect(told(await runs.run({ dirty: true, data: { a: '1' } }))).toEqual(MISS)
    expect(told(await runs.run({ dirty: true, data: { a: '1' } }))).toEqual(HIT)
  })

  it('warns where the store ends with the job', async () => {
    const { warnings } = await (await applied()).run({ fresh: true })
    expect(warnings).toEqual([expect.stringMatching(/is empty and this is CI: the run cache can only answer/)])
  })
})

describe('what else was asked for', () => {
  it('--force does not read, but keeps', async () => {
    const runs = await applied()
    await runs.run()
    const forced = await runs.run({ force: true })
    expect(told(forced)).toEqual(['run', 'forced', null, true])
    runs.clock.advance(50 * 60_000)
    await runs.run({ force: true })
    runs.clock.advance(50 * 60_000)
    expect(told(await runs.run())).toEqual(HIT)
  })

  it('an expected plan is judged by making it; write-only asks nothing', async () => {
    const runs = await applied()
    await runs.run()
    expect((await runs.run({ expectPlan: '0'.repeat(64) })).planned).toBe(true)
    expect(told(await runs.run({ cache: { access: 'w' } }))).toEqual(UNCACHED)
  })

  it('a comparison that skips neither reads nor writes it; one that runs stays the reason', async () => {
    const runs = await applied()
    const calls: string[] = []
    const looking = watchStore(runs.store, (call, key) => void calls.push(`${call} ${key}`)).store
    const same = { store: looking, base: 'base', code: 'code 1' }
    // Base and head are the same files, but the base has other code.
    const ran = await runs.run(same)
    expect([ran.record.decision.reason, ran.record.decision.cache?.status]).toEqual(['code-changed', 'MISS'])
    expect(ran.record.decision.explanation).toMatch(/The run cache had no answer: no run with this key/)
    expect(told(await runs.run(same))).toEqual(HIT)
    expect((await runs.run(same)).record.decision.base).toMatch(/^[0-9a-f]{40}$/)
    calls.length = 0
    const skipped = await runs.run({ ...same, mode: 'apply', base: 'last-applied' })
    expect(told(skipped)).toEqual(['skip', 'desired-unchanged', null, false])
    expect(calls.filter((call) => call.includes(' cache/'))).toEqual([])
  })
})

describe('trouble with the store', () => {
  const failing = (inner: ObjectStore, calls: readonly string[], how = outage): ObjectStore => {
    const { store } = watchStore(inner, (call, key) => {
      if (calls.includes(call) && key.startsWith('cache/')) throw how()
    })
    return store
  }

  it.each([['get'], ['put']])('an outage at %s changes no exit code and is told once', async (call) => {
    const runs = await applied()
    const { record, warnings, planned } = await runs.run({ store: failing(runs.store, [call]) })
    expect([record.exitCode, record.error, planned, warnings.length]).toEqual([0, null, true, 1])
    expect(warnings[0]).toMatch(/goes on without the cache: the disk is full/)
    expect(record.decision.reason).toBe(call === 'put' ? 'cache-miss' : 'cache-error')
  })

  it('a whole outage is told once, and nothing is written after a failed look', async () => {
    const runs = await applied()
    const { warnings } = await runs.run({ store: failing(runs.store, ['get', 'put']) })
    expect(warnings).toHaveLength(1)
    expect(await entries(runs.store)).toEqual([])
  })

  it('read-only credentials suffice to read', async () => {
    const runs = await applied()
    await runs.run()
    const denied = (): TrueupError => new TrueupError('store-refused', '403 AccessDenied')
    const hit = await runs.run({ store: failing(runs.store, ['put'], denied) })
    expect([...told(hit), hit.warnings.length]).toEqual([...HIT, 0])
  })

  it('later runs of the process leave it alone, until it is time to try again', async () => {
    const runs = await applied()
    await runs.run()
    const health = createCacheHealth({ clock: runs.clock, retryAfterMs: 60_000 })
    const first = await runs.run({ store: failing(runs.store, ['get']), health })
    expect(told(first)).toEqual(['run', 'cache-error', 'ERROR', true])
    const second = await runs.run({ health })
    expect([...told(second), second.warnings.length]).toEqual(['run', 'cache-error', 'ERROR', true, 0])
    runs.clock.advance(60_000)
    expect(told(await runs.run({ health }))).toEqual(HIT)
  })

  it.each([
    ['get', 5_000, 'asking it took longer than 5 s', 'cache-error'],
    ['put', 10_000, 'writing to it took longer than 10 s', 'cache-miss'],
  ])('a store that does not answer at %s is waited for no longer than its time', async (call, ms, why, reason) => {
    const runs = await applied()
    let reached: () => void = () => undefined
    const hanging = new Promise<void>((resolve) => {
      reached = resolve
    })
    const hang = (): Promise<never> => {
      reached()
      return new Promise<never>(() => undefined)
    }
    const store: ObjectStore = {
      ...watchStore(runs.store).store,
      getBounded: (key, atMost) =>
        call === 'get' && key.startsWith('cache/') ? hang() : runs.store.getBounded(key, atMost),
      put: (key, value, options) =>
        call === 'put' && key.startsWith('cache/') ? hang() : runs.store.put(key, value, options),
    }
    const running = runs.run({ store })
    await hanging
    runs.clock.advance(ms)
    const { record, warnings } = await running
    expect([record.exitCode, record.decision.reason]).toEqual([0, reason])
    expect(warnings).toEqual([expect.stringContaining(why)])
  })
})

describe('trust zones', () => {
  const untrusted = (given: Partial<Given['cache']> = {}): Partial<Given> => ({
    cache: { zone: 'untrusted-pr', readZone: 'local', ...given },
  })

  it('an untrusted run reads the trusted zone, but writes only its own', async () => {
    const runs = await applied()
    expect(told(await runs.run(untrusted()))).toEqual(MISS)
    expect(await entries(runs.store)).toEqual([expect.stringMatching(/^cache\/untrusted-pr\//)])
    expect(told(await runs.run(untrusted()))).toEqual(HIT)
    // A trusted run believes only its own zone, whatever it is told to read.
    expect(told(await runs.run({ cache: { readZone: 'untrusted-pr' } }))).toEqual(MISS)
    const other = await runs.run({ cache: { zone: 'untrusted-other', readZone: 'local' } })
    expect([...told(other), other.record.decision.cache?.zone]).toEqual([...HIT, 'local'])
    expect(told(await runs.run({ cache: { zone: 'untrusted-other' } }))).toEqual(MISS)
  })

  it('never skips an apply, and keeps none', async () => {
    const runs = await applied()
    await runs.run({ mode: 'apply' })
    expect(told(await runs.run({ mode: 'apply' }))).toEqual(HIT)
    const found = await runs.run({ ...untrusted(), mode: 'apply' })
    expect(told(found)).toEqual(UNCACHED)
    expect(found.warnings).toEqual([expect.stringMatching(/not cached: an apply is never skipped/)])
    expect((await entries(runs.store)).filter((key) => key.startsWith('cache/untrusted'))).toEqual([])
  })

  it('makes no key for secrets outside of its zone', async () => {
    const runs = createCachedRuns({ data: {} })
    const found = await runs.run(untrusted())
    expect(found.warnings).toEqual([expect.stringMatching(/version of a secret/)])
    expect(await keysOf(runs.store, 'secrets/')).toEqual([])
  })
})

it('works on a directory as in memory, across processes that share nothing but it', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'trueup-cache-'))
  try {
    const runs = createCachedRuns()
    const open = (): Promise<ObjectStore> => openDirectoryStore(folder, { clock: runs.clock })
    await runs.run({ mode: 'apply', cache: null, store: await open() })
    expect(told(await runs.run({ store: await open() }))).toEqual(MISS)
    expect(told(await runs.run({ store: await open() }))).toEqual(HIT)
    await runs.run({ mode: 'apply', data: { c: '3' }, cache: null, store: await open() })
    expect(told(await runs.run({ store: await open() }))).toEqual(STALE)
  } finally {
    await rm(folder, { recursive: true })
  }
})
