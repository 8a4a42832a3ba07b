// The run cache over the store port: looks entries up, and stores them. In: an address, and whether what an entry remembers still holds.
// Out: one of HIT MISS EXPIRED STALE UNTRUSTED ERROR. Trouble is told once and is never thrown: the run goes on without the cache.
import { isTrueupError, toError, TrueupError } from '../errors.js'
import type { CacheAnswer, CacheStatus } from '../event.js'
import type { ObjectStore, StoreKey } from '../store/object-store.js'
import type { Clock } from '../util/clock.js'
import { OVER } from '../util/deadline.js'
import type { CacheHealth } from './cache-health.js'
import {
  decodeEntry,
  type DecodedEntry,
  encodeEntry,
  entryId,
  LARGEST_ENTRY,
  placeOf,
  type CacheAddress,
  type CacheEntry,
} from './run-cache-entry.js'
import { readEvaluation, writeEvaluation, type Evaluation, type EvaluationAddress } from './evaluations.js'
import type { CacheKeys } from './signature.js'
import type { Zones } from './trust-zones.js'

/** What a whole look-up, or a storing, may take, ms. */
const READ_BUDGET = 5_000
const WRITE_BUDGET = 10_000
/** The largest part of a time to live that an entry may lose, so that entries made together do not all expire at once. */
const JITTER = 0.1

export interface RunCacheOptions {
  readonly store: ObjectStore
  readonly clock: Clock
  readonly zones: Zones
  readonly ttlMs: number
  readonly health: CacheHealth
  /** Reads the HMAC keys; undefined where entries are not signed. Called at most once. */
  readonly keys: (() => Promise<CacheKeys>) | undefined
  readonly warn: (message: string) => void
  /** Flags that say where the store is, with a space before them; for hints. */
  readonly place: string
  readonly stop: AbortSignal
}

export type Address = Omit<CacheAddress, 'zone'>

export type CacheLookup =
  | ({ readonly status: 'HIT'; readonly entry: CacheEntry } & Found)
  | ({ readonly status: Exclude<CacheStatus, 'HIT'>; readonly entry?: undefined; readonly why: string } & Found)

export type EntryContent = Omit<CacheEntry, 'address' | 'createdAt' | 'expiresAt'>

type Found = Pick<CacheAnswer, 'id' | 'zone' | 'ageMs' | 'expiresAt' | 'expiresInMs'>

export interface RunCache {
  /**
   * An entry is read, and told if it is not trusted, the first time that it is looked for.
   * @param stale why what the entry remembers holds no longer, as the end of a sentence; undefined if it does. What it throws is thrown: marks that
   * cannot be read are no trouble of the cache
   */
  look(address: Address, stale: (entry: CacheEntry) => Promise<string | undefined>): Promise<CacheLookup>
  /** What inputs evaluated to, as a run of a zone that is read remembers it. */
  evaluated(address: Omit<EvaluationAddress, 'zone'>): Promise<Evaluation | undefined>
  /**
   * Stores a converged run. `make` gives the entry but for its place and times, or nothing where it may not be stored after all.
   * @param evaluated what is remembered of its inputs beside it
   */
  keep(address: Address, make: () => Promise<EntryContent | undefined>, evaluated?: Evaluated): Promise<void>
}

export interface Evaluated {
  /** That of `evaluationKey`. */
  readonly key: string
  readonly evaluation: Evaluation
}

export function createRunCache(options: RunCacheOptions): RunCache {
  const { store, clock, zones, ttlMs, health, warn, stop } = options
  let keys: Promise<CacheKeys> | undefined
  /** What was read of entries, by their ids: how old they are, and whether what they remember holds, is asked each time. */
  const read = new Map<string, DecodedEntry | { readonly kind: 'missing' }>()
  const signing = async (): Promise<CacheKeys | undefined> => (keys ??= options.keys?.())

  function lookFor(address: CacheAddress): LookFor {
    const place = placeOf(address)
    const nothing = { id: entryId(place), zone: address.zone, ageMs: null, expiresAt: null, expiresInMs: null }
    return {
      nothing,
      async look() {
        const found = read.get(nothing.id) ?? (await readAt(place, address))
        read.set(nothing.id, found)
        if (found.kind === 'entry') return judge(found.entry, nothing)
        return found.kind === 'untrusted'
          ? { status: 'UNTRUSTED', ...nothing, why: found.why }
          : { status: 'MISS', ...nothing, why: `no run with this key has converged in zone ${address.zone}` }
      },
    }
  }

  async function readAt(place: StoreKey, address: CacheAddress): Promise<DecodedEntry | { readonly kind: 'missing' }> {
    const known = await signing()
    try {
      const found = await store.getBounded(place, LARGEST_ENTRY)
      if (found.kind === 'missing') return found
      if (found.kind === 'too-large') return { kind: 'untrusted', why: 'it is larger than any entry' }
      return decodeEntry(found.value, address, known)
    } catch (thrown) {
      if (isTrueupError(thrown) && thrown.code === 'store-corrupt') return { kind: 'untrusted', why: 'it is damaged' }
      throw thrown
    }
  }

  /** Of its age alone it is a HIT. */
  async function judge(entry: CacheEntry, place: Found): Promise<CacheLookup> {
    const now = await store.now()
    // Whoever asks for a shorter life gets it, whatever the writer asked for.
    const expiresAt = Math.min(entry.expiresAt, entry.createdAt + ttlMs)
    const ageMs = Math.max(0, now - entry.createdAt)
    const found = { ...place, ageMs, expiresAt, expiresInMs: Math.max(0, expiresAt - now) }
    if (now >= expiresAt) return { status: 'EXPIRED', ...found, why: 'the entry is older than it may be' }
    // A clock that went back would let it live for longer than it may.
    if (now < entry.createdAt)
      return { status: 'EXPIRED', ...found, why: 'the entry was made later than it is now by the clock of the store' }
    return { status: 'HIT', ...found, entry }
  }

  async function write({ address, make, evaluated }: Writing): Promise<void> {
    const content = await make()
    if (content === undefined) return
    const known = await signing()
    const createdAt = await store.now()
    const expiresAt = createdAt + lifeOf(ttlMs, address.key)
    const bytes = encodeEntry({ address, ...content, createdAt, expiresAt }, known)
    if (bytes.byteLength > LARGEST_ENTRY) {
      warn('the run converged but is not kept in the run cache: it is larger than any entry may be')
      return
    }
    // Seen by a listing, and by the rules of a bucket; a look-up believes the entry alone.
    const metadata = { created: String(createdAt), expires: String(expiresAt) }
    await store.put(placeOf(address), bytes, { metadata, durable: false })
    if (evaluated === undefined) return
    const { zone, target } = address
    const { key, evaluation } = evaluated
    await writeEvaluation(store, { address: { zone, target, key }, evaluation, keys: known, expiresAt })
  }

  /** What failed once is not tried again. */
  function fail(what: string, thrown: unknown): string {
    const why = toError(thrown).message
    // What is wrong with one object says nothing of others, which this or another run may ask for.
    const isOfStore = !(isTrueupError(thrown) && thrown.code === 'store-corrupt')
    if (health.fault() === undefined) warn(`${what}, and the run goes on without the cache: ${why}`)
    if (isOfStore) health.failed(why)
    return why
  }

  return {
    async look(address, stale) {
      let best: CacheLookup | undefined
      for (const zone of zones.reads) {
        const { nothing, look } = lookFor({ ...address, zone })
        const fault = health.fault()
        if (fault !== undefined) return { status: 'ERROR', ...nothing, why: fault }
        const isNew = !read.has(nothing.id)
        let found: CacheLookup
        try {
          found = await within({ work: look(), ms: READ_BUDGET, clock, stop, what: 'asking it' })
        } catch (thrown) {
          stop.throwIfAborted()
          return { status: 'ERROR', ...nothing, why: fail('the run cache could not be asked', thrown) }
        }
        if (found.status === 'UNTRUSTED' && isNew)
          warn(
            `the entry ${found.id.slice(0, 8)} of the run cache (zone ${zone}) is not trusted: ${found.why}. To forget it: trueup cache delete ${found.id.slice(0, 8)}${options.place}`,
          )
        if (found.status === 'HIT') {
          const { entry, ...rest } = found
          const why = await stale(entry)
          if (why === undefined) return found
          found = { ...rest, status: 'STALE', why }
        }
        // The run's own zone speaks first, unless it has nothing to say.
        if (best === undefined || best.status === 'MISS') best = found.status === 'MISS' ? (best ?? found) : found
      }
      if (best === undefined) throw new Error('Internal error: no zone was asked')
      return best
    },

    async evaluated(address) {
      if (health.fault() !== undefined) return undefined
      try {
        const work = (async () => {
          const known = await signing()
          for (const zone of zones.reads) {
            const found = await readEvaluation(store, { ...address, zone }, known)
            if (found !== undefined) return found
          }
          return undefined
        })()
        return await within({ work, ms: READ_BUDGET, clock, stop, what: 'asking it' })
      } catch (thrown) {
        stop.throwIfAborted()
        fail('the run cache could not be asked', thrown)
        return undefined
      }
    },

    async keep(address, make, evaluated) {
      if (health.fault() !== undefined) return
      try {
        const work = write({ address: { ...address, zone: zones.own }, make, evaluated })
        await within({ work, ms: WRITE_BUDGET, clock, stop, what: 'writing to it' })
      } catch (thrown) {
        // The run is over and whole; an entry that a stop prevented is no loss.
        if (!stop.aborted) fail('the run converged but could not be kept in the run cache', thrown)
      }
    },
  }
}

interface Writing {
  readonly address: CacheAddress
  readonly make: () => Promise<EntryContent | undefined>
  readonly evaluated: Evaluated | undefined
}

interface LookFor {
  readonly nothing: Found
  readonly look: () => Promise<CacheLookup>
}

/** Never longer than asked for, and the same for the same key. */
export function lifeOf(ttlMs: number, key: string): number {
  const share = Number.parseInt(key.slice(0, 8), 16) / 0x1_0000_0000
  return Math.max(1, Math.floor(ttlMs * (1 - JITTER * share)))
}

interface Budget<T> {
  readonly work: Promise<T>
  readonly ms: number
  readonly clock: Clock
  readonly stop: AbortSignal
  readonly what: string
}

async function within<T>({ work, ms, clock, stop, what }: Budget<T>): Promise<T> {
  const done = new AbortController()
  const late = clock.sleep(ms, AbortSignal.any([done.signal, stop])).then((): never => {
    throw new TrueupError('store-unavailable', `${what} took longer than ${String(ms / 1000)} s`, { retryable: true })
  })
  try {
    return await Promise.race([work, late])
  } finally {
    done.abort(OVER)
  }
}
