// Leases under a fake clock, on a memory store and on the double of S3 (whose times are whole seconds): who gets what, when it changes hands, and what a run
// that lost it can still write.
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { TrueupError } from '../../src/errors.js'
import { heartbeatKey, type LeaseHolder } from '../../src/store/lease-documents.js'
import { createJournal, readJournal, sealJournal } from '../../src/store/journal.js'
import { readLedger, writeLedger } from '../../src/store/ledger.js'
import { listLeases, releaseLeases } from '../../src/store/lease-list.js'
import { takeLease, type Lease, type LeaseRequest } from '../../src/store/leases.js'
import { createMarkStore, type ApplyMark } from '../../src/store/marks.js'
import { createMemoryStore } from '../../src/store/memory-store.js'
import type { ObjectStore } from '../../src/store/object-store.js'
import { openS3Store } from '../../src/store/s3-store.js'
import { settingsOf } from '../../src/store/s3/settings.js'
import { createFakeClock, type FakeClock } from '../../src/util/fake-clock.js'
import { keysOf } from '../support/failing-store.js'
import { KEYS } from '../support/s3-double/open.js'
import { startS3Double, type S3Double } from '../support/s3-double/server.js'

const LEASE_MS = 60_000
const never = new AbortController().signal
const nobodyDies = (): boolean => false

interface Rig {
  readonly clock: FakeClock
  readonly store: ObjectStore
  take(run: string, request?: Partial<LeaseRequest> & { readonly who?: Partial<LeaseHolder> }): Promise<Lease>
  keys(): Promise<readonly string[]>
}

/** Calls under way: where the store is on the other side of a connection, nothing rests before they are answered. */
let underWay = 0
let double: S3Double | undefined
let makeStore: (clock: FakeClock) => ObjectStore

function rig(): Rig {
  const clock = createFakeClock()
  const store = counted(makeStore(clock))
  return {
    clock,
    store,
    take: (run, { who, ...request } = {}) =>
      takeLease({
        store,
        clock,
        destination: 'db',
        shards: [''],
        keys: null,
        holder: { run, target: 'db', host: 'one', pid: 1, processStart: 's', url: null, actor: null, ...who },
        isDead: nobodyDies,
        leaseMs: LEASE_MS,
        waitMs: 0,
        atLeast: () => 0,
        stop: never,
        onWait: () => undefined,
        random: () => 1,
        ...request,
      }),
    keys: () => keysOf(store),
  }
}

function counted(store: ObjectStore): ObjectStore {
  const count = async <T>(call: Promise<T>): Promise<T> => {
    underWay += 1
    return call.finally(() => (underWay -= 1))
  }
  return {
    description: store.description,
    shared: store.shared,
    // What is looked at here are leases; the probe has its own tests.
    conditions: 'sound',
    get: (...args) => count(store.get(...args)),
    getBounded: (...args) => count(store.getBounded(...args)),
    head: (...args) => count(store.head(...args)),
    put: (...args) => count(store.put(...args)),
    delete: (...args) => count(store.delete(...args)),
    list: (...args) => store.list(...args),
    now: () => count(store.now()),
    close: () => store.close(),
  }
}

/** Lets everything that waits for no clock come to rest. */
async function settled(): Promise<void> {
  for (let quiet = 0; quiet < 20; quiet = underWay > 0 ? 0 : quiet + 1)
    await new Promise((resolve) => setImmediate(resolve))
}

/** Time passes as it does for a process that is not stopped. */
async function pass(clock: FakeClock, ms: number): Promise<void> {
  for (let left = ms; left > 0; left -= 1000) {
    clock.advance(Math.min(1000, left))
    await settled()
  }
}

const held = { code: 'lease-held', retryable: true }
const lost = { code: 'lease-lost' }

/** A store that can be out of reach, for reads and writes of one run. */
function failing(store: ObjectStore): { readonly store: ObjectStore; mode: 'up' | 'down' | 'answer-lost' } {
  const state = { mode: 'up' as 'up' | 'down' | 'answer-lost', store }
  const through = async <T>(work: () => Promise<T>, isWrite: boolean): Promise<T> => {
    if (state.mode === 'down') throw new Error('the store is away')
    const answer = await work()
    if (state.mode === 'up' || !isWrite) return answer
    state.mode = 'up'
    throw new Error('the answer was lost')
  }
  state.store = {
    description: store.description,
    shared: store.shared,
    conditions: store.conditions,
    get: (...args) => through(() => store.get(...args), false),
    getBounded: (...args) => through(() => store.getBounded(...args), false),
    head: (...args) => through(() => store.head(...args), false),
    put: (...args) => through(() => store.put(...args), true),
    delete: (...args) => through(() => store.delete(...args), true),
    list: (...args) => store.list(...args),
    now: () => store.now(),
    close: () => store.close(),
  }
  return state
}

describe.each(['memory', 'S3'])('on %s', (kind) => {
  /** The store as a retention makes it: nothing can be deleted. */
  const retaining = (store: ObjectStore): ObjectStore => ({
    ...store,
    delete: () => Promise.reject(new TrueupError('store-unavailable', 'denied', { details: { denied: true } })),
  })

  beforeEach(async () => {
    underWay = 0
    if (kind === 'memory') {
      makeStore = (clock) => createMemoryStore({ clock })
      return
    }
    for (const [name, value] of Object.entries(KEYS)) vi.stubEnv(name, value)
    let now = (): number => 0
    const started = await startS3Double({ now: () => now() })
    double = started
    makeStore = (clock) => {
      now = () => clock.now()
      const place = { kind: 's3', bucket: started.bucket, prefix: '', endpoint: started.endpoint } as const
      return openS3Store(settingsOf(place, {}), { clock })
    }
  })
  afterEach(async () => double?.[Symbol.asyncDispose]())

  describe('who gets a lease', () => {
    it('one run at a time; the next gets a higher token, and what is left is only the token', async () => {
      const { take, keys } = rig()
      const first = await take('A')
      await expect(take('B')).rejects.toMatchObject(held)
      expect(first.token('')).toBe(1)
      await first.release()
      const second = await take('B')
      expect(second.token('')).toBe(2)
      expect(second.abandoned).toEqual(new Set())
      await second.release()
      expect(await keys()).toEqual(['leases/db/%empty'])
    })

    it('the refusal names run, host, job and end', async () => {
      const { take } = rig()
      await take('A', { who: { host: 'ci-7', url: 'https://ci.example.com/jobs/81' } })
      await expect(take('B')).rejects.toThrow(
        'db is held by run A on ci-7 (https://ci.example.com/jobs/81) until 00:01:00 UTC. Wait for it with --lease-wait 2m.',
      )
    })

    it('all or nothing: on a conflict what was taken is given back', async () => {
      const { take, store } = rig()
      const keys = 'k'
      const b = await take('B', { keys, shards: ['b'] })
      await expect(take('A', { keys, shards: ['c', 'a', 'b'] })).rejects.toThrow('db, shard b, is held by run B')
      expect((await listLeases({ store, isDead: nobodyDies })).map(({ lease }) => [lease.shard, lease.run])).toEqual([
        ['b', 'B'],
      ])
      await take('C', { keys, shards: ['a', 'c'] })
      await b.release()
      await take('D', { keys, shards: ['b'] })
    })

    it.each([
      ['same shard keys', 'k', 'k', true],
      ['different shard keys', 'k', 'other', false],
      ['a sharded run in an unsharded one', null, 'k', false],
      ['an unsharded run in a sharded one', 'k', null, false],
    ])('two runs at one destination: %s', async (_name, first, second, isShared) => {
      const { take } = rig()
      const a = await take('A', { keys: first, shards: first === null ? [''] : ['a'] })
      const other = (): Promise<Lease> =>
        take('B', { keys: second, shards: second === null ? [''] : ['b'], who: { target: 'other' } })
      if (isShared) await other()
      else {
        await expect(other()).rejects.toThrow('other (its destination db) is held by run A (db) on one')
        await a.release()
        await other()
      }
    })

    it('is not waited for by a run whose own heartbeat was late in an attempt: the lease is lost, not an internal error', async () => {
      const { clock, take } = rig()
      await take('A')
      const standsStill = (): boolean => {
        clock.advance(LEASE_MS * 0.9)
        return false
      }
      await expect(take('B', { waitMs: LEASE_MS * 10, isDead: standsStill })).rejects.toMatchObject(lost)
    })

    it('waits as long as it was told, says so once, and takes it when it is free', async () => {
      const { take, clock } = rig()
      const said: string[] = []
      const wait = { waitMs: 30_000, onWait: (message: string) => void said.push(message) }
      const a = await take('A')
      const second = take('B', wait)
      await pass(clock, 10_000)
      await a.release()
      await pass(clock, 3_000)
      const b = await second
      expect(said).toEqual(['db is held by run A on one until 00:01:00 UTC. Waiting for it up to 30s.'])
      const third = expect(take('C', wait)).rejects.toThrow('Waited 30s for it.')
      await pass(clock, 31_000)
      await third
      await b.verify()
    })

    it('stops waiting when told to', async () => {
      const { take, clock, keys } = rig()
      const a = await take('A')
      const stop = new AbortController()
      const second = take('B', { waitMs: 30_000, stop: stop.signal })
      await pass(clock, 1000)
      stop.abort(new Error('ended by SIGTERM'))
      await expect(second).rejects.toThrow('ended by SIGTERM')
      expect(await keys()).not.toContain('heartbeats/B')
      await a.verify()
    })
  })

  describe('when a lease changes hands', () => {
    it('not while it is renewed, however long', async () => {
      const { take, clock } = rig()
      const a = await take('A')
      for (let minute = 0; minute < 5; minute += 1) {
        await pass(clock, 60_000)
        await expect(take('B')).rejects.toMatchObject(held)
      }
      await a.verify()
    })

    it('ends for its holder before anybody can take it', async () => {
      const { take, clock, store } = rig()
      const mine = failing(store)
      const a = await take('A', { store: mine.store })
      mine.mode = 'down'
      let lostAt = 0
      let takenAt = 0
      for (let second = 1; takenAt === 0 && second < 200; second += 1) {
        await pass(clock, 1000)
        if (lostAt === 0 && a.signal.aborted) lostAt = second
        const other = await take('B').catch(() => undefined)
        if (other !== undefined) takenAt = second
      }
      expect([lostAt, takenAt]).toEqual([50, 71])
      expect(a.signal.reason).toMatchObject({ ...lost, retryable: true })
      mine.mode = 'up'
      await expect(a.check()).rejects.toMatchObject(lost)
    })

    it('a holder that stood still notices before its timers do', async () => {
      const { take, clock } = rig()
      const a = await take('A')
      clock.advance(61_000)
      await expect(a.check()).rejects.toMatchObject(lost)
      expect(a.signal.aborted).toBe(true)
    })

    it('a machine that slept asks the store: still mine, or not', async () => {
      const { take, clock } = rig()
      const a = await take('A')
      clock.setTime(clock.now() + 3_600_000)
      await a.check()
      clock.setTime(clock.now() + 3_600_000)
      const b = await take('B')
      expect(b.abandoned).toEqual(new Set(['']))
      await expect(a.check()).rejects.toMatchObject(lost)
      await b.verify()
    })

    it.each([-60_000, 60_000, 3_600_000])('not because its own clock is %i ms off the store', async (skew) => {
      const { take, clock, store } = rig()
      await take('A')
      const skewed = { ...clock, now: () => clock.now() + skew }
      await expect(take('B', { clock: skewed })).rejects.toMatchObject(held)
      const there = await take('C', { destination: 'elsewhere', clock: skewed })
      await expect(take('D', { destination: 'elsewhere' })).rejects.toMatchObject(held)
      expect((await listLeases({ store, isDead: nobodyDies })).map(({ standing }) => standing.kind)).toEqual([
        'alive',
        'alive',
      ])
      await there.verify()
    })

    it('at once when its process on this host is dead', async () => {
      const { take, clock } = rig()
      const a = await take('A', { keys: 'k', shards: ['a', 'b'], who: { pid: 7 } })
      const b = await take('B', { keys: 'k', shards: ['b', 'c'], isDead: ({ pid }) => pid === 7 })
      expect(b.abandoned).toEqual(new Set(['b']))
      expect([b.token('b'), b.token('c')]).toEqual([2, 1])
      await pass(clock, 21_000)
      expect(a.signal.aborted).toBe(true)
      await a.release()
      await b.verify()
      await expect(take('C', { keys: 'k', shards: ['b'] })).rejects.toThrow('held by run B')
    })

    it('keeps it when only the answer to a renewal was lost', async () => {
      const { take, clock, store } = rig()
      const mine = failing(store)
      const a = await take('A', { store: mine.store })
      mine.mode = 'answer-lost'
      await pass(clock, 120_000)
      await a.verify()
      await expect(take('B')).rejects.toMatchObject(held)
    })

    it('not when its holder renews it between the look and the take', async () => {
      const { take, clock, store } = rig()
      const mine = failing(store)
      const a = await take('A', { store: mine.store })
      mine.mode = 'down'
      await pass(clock, 80_000)
      const renewing: ObjectStore = {
        ...failing(store).store,
        async delete(key, options) {
          const found = await store.get(key)
          if (key === 'heartbeats/A' && found.kind === 'found') await store.put(key, found.value)
          return store.delete(key, options)
        },
      }
      await expect(take('B', { store: renewing })).rejects.toMatchObject(held)
      expect(await store.get(heartbeatKey('A'))).toMatchObject({ kind: 'found' })
      mine.mode = 'up'
      await a.release()
    })

    it('is given back, ends and is released also where nothing can be deleted', async () => {
      const { take, clock, store } = rig()
      const kept = retaining(store)
      const first = await take('A', { store: kept })
      await first.release()
      const second = await take('B', { store: kept })
      expect(second.token('')).toBe(2)
      clock.setTime(clock.now() + 3_600_000)
      const third = await take('C', { store: kept })
      expect(third.abandoned).toEqual(new Set(['']))
      await expect(second.check()).rejects.toMatchObject(lost)
      await releaseLeases(kept, 'C')
      await expect(third.verify()).rejects.toThrow('released by hand')
      const fourth = await take('D', { store: kept })
      expect((await listLeases({ store: kept, isDead: nobodyDies })).map(({ lease }) => lease.run)).toEqual(['D'])
      await fourth.verify()
    })

    it('is released by hand: the holder sees it before its next change', async () => {
      const { take, store } = rig()
      const a = await take('A', { keys: 'k', shards: ['a', 'b'] })
      expect((await releaseLeases(store, 'A')).map(({ shard }) => shard)).toEqual(['a', 'b'])
      await expect(a.verify()).rejects.toThrow('released by hand')
      const b = await take('B')
      expect(await listLeases({ store, isDead: nobodyDies })).toMatchObject([{ lease: { run: 'B' } }])
      await a.release()
      await b.verify()
    })
  })

  describe('fencing', () => {
    const mark = (run: string, fence: number, status: ApplyMark['status'] = 'completed'): ApplyMark => ({
      desired: 'd',
      code: 'c',
      config: 'f',
      inputs: null,
      env: 'e',
      secrets: null,
      semantics: 1,
      shard: '',
      counter: 1,
      status,
      run,
      at: 0,
      fence,
    })

    it('tokens go on where state documents stopped, when the leases were removed', async () => {
      const { take } = rig()
      const a = await take('A', { atLeast: () => 41 })
      expect(a.token('')).toBe(42)
    })

    it('refuses a mark and a ledger with a lower token, also over what was just read', async () => {
      const { store } = rig()
      const marks = createMarkStore(store, 'db', 'db')
      const stored = await marks.write(mark('B', 2), undefined)
      await expect(marks.write(mark('A', 1), stored)).rejects.toMatchObject(lost)
      expect((await marks.read(''))?.mark.run).toBe('B')
      const shard = { target: 'db', shard: '', shape: 'list', objects: {} } as const
      await writeLedger(store, 'db', { ...shard, fence: 2 }, undefined)
      const [ledger] = await readLedger(store, 'db')
      await expect(writeLedger(store, 'db', { ...shard, fence: 1 }, ledger)).rejects.toMatchObject(lost)
      await expect(writeLedger(store, 'db', { ...shard, fence: 1 }, undefined)).rejects.toMatchObject(lost)
      expect((await readLedger(store, 'db'))[0]?.value.fence).toBe(2)
    })

    it('starts nothing when the lease went between the intent and the effect', async () => {
      const { take, store, clock } = rig()
      const a = await take('A')
      const journal = createJournal(store, 'A', { ...a, check: () => Promise.resolve() })
      clock.setTime(clock.now() + 3_600_000)
      await take('B')
      const entry = { sequence: 0, action: 'create', key: 'x', shard: '', after: 'd' } as const
      await expect(journal.intend(entry)).rejects.toMatchObject(lost)
      expect(await readJournal(store, 'A')).toEqual([])
    })

    it('an outcome that comes after another run settled it is refused', async () => {
      const { take, store } = rig()
      const journal = createJournal(store, 'A', await take('A'))
      const seen = await journal.intend({ sequence: 0, action: 'create', key: 'x', shard: '', after: 'd' })
      const late = await journal.intend({ sequence: 1, action: 'create', key: 'y', shard: '', after: 'd' })
      await seen.settle('applied')
      const entries = await sealJournal(store, 'A', { run: 'B', shards: new Set(['']) })
      expect(entries.map(({ key, state, fence }) => [key, state, fence])).toEqual([
        ['x', 'applied', 1],
        ['y', 'intent', 1],
      ])
      await expect(late.settle('applied')).rejects.toMatchObject(lost)
      expect((await readJournal(store, 'A'))[1]).toMatchObject({ state: 'intent', sealedBy: 'B' })
    })
  })
})
