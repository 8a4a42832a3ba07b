// The states of the run cache on a store, whichever it is: each by real runs of the engine, none by a clock that can be moved.
// In: a way to open fresh handles of one empty store. Registers a suite.
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { TrueupError } from '../../../src/errors.js'
import { moveOwned, releaseOwned, type OwnedDependencies } from '../../../src/run-owned.js'
import { LEASE_MS, takeLease } from '../../../src/store/leases.js'
import type { ObjectStore, StoreKey } from '../../../src/store/object-store.js'
import { systemClock } from '../../../src/util/clock.js'
import { newUlid } from '../../../src/util/ulid.js'
import { createCachedRuns, type CachedRun, type CachedRuns, type Given } from '../cached-runs.js'
import { keysOf, watchStore } from '../failing-store.js'

export interface SharedStore {
  /** A further handle, as another process would have one. */
  open(): Promise<ObjectStore>
  /** How far the clocks of two handles may be apart, ms. */
  readonly precisionMs: number
  dispose(): Promise<void>
}

const HIT = ['skip', 'cache-hit', 'HIT', false]
const ran = (status: string): readonly unknown[] => ['run', `cache-${status.toLowerCase()}`, status, true]

const told = ({ record, planned }: CachedRun): readonly unknown[] => [
  record.decision.action,
  record.decision.reason,
  record.decision.cache?.status ?? null,
  planned,
]

export function runCacheStates(name: string, create: () => Promise<SharedStore>): void {
  describe(`the run cache on ${name}`, () => {
    let shared: SharedStore
    let runs: CachedRuns
    const opened: ObjectStore[] = []

    async function open(): Promise<ObjectStore> {
      const store = await shared.open()
      opened.push(store)
      return store
    }
    /** Each run opens the store anew: runs share nothing but it. */
    const run = async (given: Partial<Given> = {}): Promise<CachedRun> => runs.run({ store: await open(), ...given })
    const entryIn = async (store: ObjectStore): Promise<StoreKey> => {
      const [key, ...others] = await keysOf(store, 'cache/')
      expect(others).toEqual([])
      return key as StoreKey
    }

    beforeEach(async () => {
      shared = await create()
      runs = createCachedRuns()
      expect((await run({ mode: 'apply', cache: null })).record.exitCode).toBe(0)
    })
    afterEach(async () => {
      for (const store of opened.splice(0)) await store.close()
      await shared.dispose()
    })

    it('MISS, then HIT with the log of the run that converged', async () => {
      const first = await run({ logs: ['looking'] })
      expect(told(first)).toEqual(ran('MISS'))
      const second = await run()
      expect(told(second)).toEqual(HIT)
      expect(second.record.log).toEqual({ ...first.record.log, replayedFrom: first.record.run.id })
      expect(second.record.log.records.map(({ message }) => message)).toContain('looking')
    })

    it('HIT of an apply, once its marks are complete', async () => {
      expect(told(await run({ mode: 'apply' }))).toEqual(ran('MISS'))
      expect(told(await run({ mode: 'apply' }))).toEqual(HIT)
    })

    it('EXPIRED by the clock of the store', async () => {
      await run({ cache: { ttlMs: 1 } })
      const store = await open()
      const since = await store.now()
      while ((await store.now()) < since + 2 + shared.precisionMs) await new Promise((resolve) => setImmediate(resolve))
      expect(told(await run({ cache: { ttlMs: 3_600_000 } }))).toEqual(ran('EXPIRED'))
    })

    it('STALE after another state was applied outside of the cache, also when that is taken back', async () => {
      expect(told(await run())).toEqual(ran('MISS'))
      await run({ mode: 'apply', cache: null, data: { a: '1', c: '3' } })
      await run({ mode: 'apply', cache: null })
      expect(told(await run())).toEqual(ran('STALE'))
    })

    it('STALE after an apply of another state failed half-way', async () => {
      expect(told(await run())).toEqual(ran('MISS'))
      const { record } = await run({ mode: 'apply', cache: null, data: { a: '0', c: '3' }, refuse: ['c'] })
      expect(record.exitCode).toBe(5)
      expect(told(await run())).toEqual(ran('STALE'))
    })

    it('STALE after a shard came and went outside of the cache', async () => {
      const sharded = { sharded: 'name', target: 'sharded', data: { x: '1' } } as const
      await run({ ...sharded, mode: 'apply', cache: null })
      expect(told(await run(sharded))).toEqual(ran('MISS'))
      await run({ ...sharded, mode: 'apply', cache: null, data: { x: '1', y: '2' } })
      await run({ ...sharded, mode: 'apply', cache: null })
      expect(told(await run(sharded))).toEqual(ran('STALE'))
    })

    it.each<[string, (deps: OwnedDependencies) => Promise<unknown>]>([
      ['released', (deps) => releaseOwned(deps, { target: 'things', keys: ['a'] })],
      [
        'moved to another target',
        (deps) =>
          moveOwned(deps, { keys: ['a'], from: 'things', to: 'other', destination: 'somewhere', shard: 'its own' }),
      ],
    ])('STALE after what it owns was %s', async (_, change) => {
      for (const mode of ['dry-run', 'apply'] as const) expect(told(await run({ mode }))).toEqual(ran('MISS'))
      await change(ownedIn(await open()))
      for (const mode of ['dry-run', 'apply'] as const) expect(told(await run({ mode }))).toEqual(ran('STALE'))
    })

    it('HIT whatever another target of the destination applies', async () => {
      expect(told(await run())).toEqual(ran('MISS'))
      const { record } = await run({ mode: 'apply', cache: null, target: 'other', data: { z: '9' } })
      expect([record.exitCode, record.outcomes.length]).toEqual([0, 1])
      expect(told(await run())).toEqual(HIT)
    })

    it.each<[string, Partial<Given>]>([
      ['unsharded', {}],
      ['unsharded, and what its inputs come to is remembered', { secretly: false }],
      ['sharded', { sharded: 'name', target: 'sharded' }],
      ['sharded, and what its inputs come to is remembered', { sharded: 'name', target: 'sharded', secretly: false }],
    ])('HIT without a listing: %s', async (_, given) => {
      const always = { ...given, data: { x: '1', y: '2' } }
      await run({ ...always, mode: 'apply', cache: null })
      for (const mode of ['dry-run', 'apply'] as const) {
        await run({ ...always, mode })
        const listed: string[] = []
        const { store } = watchStore(await open(), (call, key) => {
          if (call === 'list') listed.push(key)
        })
        expect([...told(await run({ ...always, mode, store })), listed]).toEqual([...HIT, []])
      }
    })

    it.each<[string, (bytes: Buffer) => Uint8Array]>([
      ['cut short', (bytes) => bytes.subarray(0, bytes.length >> 1)],
      ['of a later trueup', (bytes) => Buffer.from(bytes.toString('utf8').replace(/"v": \d+/, '"v": 99'))],
      ['of another zone', (bytes) => Buffer.from(bytes.toString('utf8').replaceAll('"local"', '"other"'))],
      ['no entry at all', () => Buffer.from('not JSON')],
      ['larger than any entry', () => Buffer.alloc(17 * 1024 * 1024, ' ')],
    ])('UNTRUSTED: one that is %s causes no skip, no crash, and one warning', async (_, forged) => {
      await run()
      const store = await open()
      const key = await entryIn(store)
      const found = await store.get(key)
      if (found.kind === 'missing') throw new Error('the entry is gone')
      const { metadata } = found
      await store.put(key, forged(Buffer.from(found.value)), { metadata })
      const after = await run()
      expect([...told(after), after.record.exitCode]).toEqual([...ran('UNTRUSTED'), 0])
      expect(after.warnings).toHaveLength(1)
    })

    it('ERROR where the cache cannot be asked: the run goes on, with one warning', async () => {
      await run()
      const store = await open()
      const broken: ObjectStore = {
        ...wrapped(store),
        getBounded: (key, atMost) =>
          key.startsWith('cache/') ? Promise.reject(outage()) : store.getBounded(key, atMost),
      }
      const after = await run({ store: broken })
      expect([...told(after), after.record.exitCode, after.warnings.length]).toEqual([...ran('ERROR'), 0, 1])
    })

    it('zones lie apart: an untrusted one reads the trusted one, never the other way', async () => {
      await run({ cache: { zone: 'untrusted-pr', readZone: 'local' } })
      expect(await entryIn(await open())).toMatch(/^cache\/untrusted-pr\//)
      expect(told(await run())).toEqual(ran('MISS'))
      expect(told(await run({ cache: { zone: 'untrusted-other', readZone: 'local' } }))).toEqual(HIT)
    })
  })
}

function outage(): TrueupError {
  return new TrueupError('store-unavailable', 'the store does not answer', { retryable: true })
}

/** As a command has it that changes the ledger alone. */
function ownedIn(store: ObjectStore): OwnedDependencies {
  return {
    store,
    clock: systemClock,
    newId: () => newUlid(systemClock.now()),
    by: { actor: 'test', url: null, host: 'test', tool: 'test' },
    warn: (message) => expect.unreachable(message),
    lease: ({ run, target, destination, shards, atLeast }) =>
      takeLease({
        store,
        clock: systemClock,
        leaseMs: LEASE_MS,
        destination,
        shards,
        keys: null,
        holder: { run, target, host: 'test', url: null, actor: 'test', pid: 0, processStart: '' },
        isDead: () => false,
        waitMs: 0,
        atLeast,
        stop: new AbortController().signal,
        onWait: (message) => expect.unreachable(message),
      }),
  }
}

/** The methods of a class do not come along with a spread. */
function wrapped(store: ObjectStore): ObjectStore {
  return {
    description: store.description,
    shared: store.shared,
    conditions: store.conditions,
    get: (key) => store.get(key),
    getBounded: (key, atMost) => store.getBounded(key, atMost),
    head: (key) => store.head(key),
    put: (key, value, options) => store.put(key, value, options),
    delete: (key, options) => store.delete(key, options),
    list: (prefix, options) => store.list(prefix, options),
    now: () => store.now(),
    close: () => store.close(),
  }
}
