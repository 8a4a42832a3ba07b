// The ownership ledger: one document per (destination, target, shard) that names the objects this target owns there.
// Written after an apply from its outcomes; after a crash the journal of the dead run is folded in first.
import { TrueupError } from '../errors.js'
import { compareText } from '../util/compare-text.js'
import { digestOf } from '../util/digest.js'
import { etagsAt, keysBelow, readDocuments, readDocumentsAt, writeDocument } from './document.js'
import type { JournalEntry } from './journal.js'
import { ifUnchanged, storeKey, storePrefix, type ObjectStore, type StoreKey } from './object-store.js'
import { createShardIndex, OWNERSHIP, type ShardIndex, type TargetPlace } from './shard-index.js'

/** `intended`: changes were started and their end was not seen; counts only if the object matches one of the claims. */
export interface LedgerObject {
  readonly state: 'owned' | 'intended'
  /** Digest of the object as this target last made it, or last meant to. */
  readonly digest: string | null
  /** Of one that is intended: what earlier changes meant it to be whose end nobody saw either, the latest first. */
  readonly also?: readonly string[]
  /** The run that last touched it. */
  readonly run: string
}

export interface LedgerShard {
  readonly target: string
  readonly shard: string
  /** Whether the shard's desired state was a list or an object: what "nothing desired" looks like once the shard is gone. */
  readonly shape: 'list' | 'object'
  readonly objects: Readonly<Record<string, LedgerObject>>
  /**
   * Keys of objects that a person has released: while the target does not own one again, it is nobody's, also where the object itself still says
   * that it is this target's. @defaultValue none
   */
  readonly released?: readonly string[]
  /** Where: the key of a document may hold no more than its digest. Written always, read by those who look at all destinations. */
  readonly destination?: string
  /** Token of the lease under which this was written; one with a lower token is refused. @defaultValue 0 */
  readonly fence?: number
}

export interface StoredLedger {
  readonly value: LedgerShard
  /** null while it is only in memory. */
  readonly etag: string | null
}

/** Everything owned at a destination, by every target, found by listing; documents that are known already are not read again. */
export async function readLedger(
  store: ObjectStore,
  destination: string,
  known: readonly StoredLedger[] = [],
): Promise<readonly StoredLedger[]> {
  const read = new Set(known.map(({ value }) => ledgerKey({ ...value, destination })))
  const keys = (await keysBelow(store, storePrefix('ownership', destination))).filter((key) => !read.has(key))
  return [...known, ...(await readLedgersAt(store, keys))]
}

/** What one target owns there: in these shards, without a listing; undefined: in all of them. */
export async function readLedgerOf(
  store: ObjectStore,
  place: TargetPlace,
  shards: readonly string[] | undefined,
): Promise<readonly StoredLedger[]> {
  return readLedgersAt(store, await ledgerKeysOf(store, place, shards))
}

/** Stands for the documents of {@link readLedgerOf}, without reading them: where it is the same, so is all that they say. */
export async function ledgerStamp(
  store: ObjectStore,
  place: TargetPlace,
  shards: readonly string[] | undefined,
): Promise<string> {
  return stampOf(await etagsAt(store, await ledgerKeysOf(store, place, shards)))
}

/** That of documents that were read. */
export function ledgerStampOf(destination: string, read: readonly StoredLedger[]): string {
  return stampOf(read.map(({ value, etag }) => [ledgerKey({ ...value, destination }), etag]))
}

function stampOf(etags: readonly (readonly [StoreKey, string | null])[]): string {
  return digestOf([...etags].sort(([a], [b]) => compareText(a, b)))
}

async function ledgerKeysOf(
  store: ObjectStore,
  place: TargetPlace,
  shards: readonly string[] | undefined,
): Promise<readonly StoreKey[]> {
  return (
    shards?.map((shard) => ledgerKey({ ...place, shard })) ??
    (await keysBelow(store, storePrefix('ownership', place.destination, place.target)))
  )
}

async function readLedgersAt(store: ObjectStore, keys: readonly StoreKey[]): Promise<readonly StoredLedger[]> {
  const found = await readDocumentsAt<LedgerShard>(store, keys, OWNERSHIP)
  return found.map(({ value, etag }) => ({ value, etag }))
}

function ledgerKey({ target, destination, shard }: TargetPlace & { readonly shard: string }): StoreKey {
  return storeKey('ownership', destination, target, shard)
}

/** One ledger document among all of a store. `destination` is null where neither the document nor its key tells it. */
export interface PlacedLedger extends StoredLedger {
  readonly destination: string | null
}

/** What every target owns, at every destination. */
export async function readAllLedgers(store: ObjectStore): Promise<readonly PlacedLedger[]> {
  return (await readDocuments<LedgerShard>(store, storePrefix('ownership'), OWNERSHIP)).map(({ key, value, etag }) => {
    const part = key.split('/')[1] ?? ''
    const named = part.includes('%sha256-') || part === '%empty' ? null : decodeURIComponent(part)
    return { value, etag, destination: value.destination ?? named }
  })
}

/**
 * Writes one shard's document over the one that was read, and never over a higher token. One that owns nothing any more stays, so that a
 * run that lost its lease finds it in its way.
 *
 * @param index where the first document of a shard is entered before it is written
 */
export async function writeLedger(
  store: ObjectStore,
  destination: string,
  value: LedgerShard,
  previous: StoredLedger | undefined,
  index: ShardIndex = createShardIndex(store, { target: value.target, destination }),
): Promise<void> {
  const key = ledgerKey({ ...value, destination })
  const condition = ifUnchanged(previous)
  const isFenced = (previous?.value.fence ?? 0) > (value.fence ?? 0)
  // As of a mark: what no reader of the index finds would be a wrong skip.
  if (condition.kind === 'if-absent') await index.enter([value.shard])
  const result = isFenced
    ? undefined
    : await writeDocument(store, key, OWNERSHIP, { ...value, destination }, { condition })
  if (result?.kind !== 'stored') {
    throw new TrueupError(
      'lease-lost',
      `the ownership ledger of ${value.target} was written by another run meanwhile; what this run did is in its journal and is read by the next run`,
      {
        retryable: true,
        details: { target: value.target, shard: value.shard },
      },
    )
  }
}

/** The field of a document for what stays released: not what is owned again. */
export function stillReleased(
  released: readonly string[] | undefined,
  isOwned: (key: string) => boolean,
): Pick<LedgerShard, 'released'> {
  if (released === undefined) return {}
  const left = [...new Set(released)].filter((key) => !isOwned(key)).sort()
  return left.length === 0 ? {} : { released: left }
}

/** Claims that are kept of one object. One that fails for months with another value each time must not grow without end. */
const MOST_CLAIMS = 32

/** What a change was planned on and meant to bring about; `live` is the digest of the object before, null where there was none. */
export interface StartedChange {
  readonly live: string | null
  readonly after: string | null
  readonly run: string
}

/**
 * An object of which nobody knows what a change made of it. What was planned on an object as a claim has it, was planned on one of ours: from
 * then on it is owned, however it looks. Otherwise the claim stands beside those before it, for each of them may be what is there.
 */
export function claimedBy(before: LedgerObject | undefined, { live, after, run }: StartedChange): LedgerObject {
  const known = provenBy(before, live)
  if (known?.state === 'owned') return known
  const also = claimsOf(known).filter((digest) => digest !== after)
  return { state: 'intended', digest: after, run, ...(also.length === 0 ? {} : { also: also.slice(0, MOST_CLAIMS) }) }
}

/** As it is known once a change was planned on the object as it was then. */
export function provenBy(before: LedgerObject | undefined, live: string | null): LedgerObject | undefined {
  if (before?.state !== 'intended' || live === null || !claimsOf(before).includes(live)) return before
  return { state: 'owned', digest: live, run: before.run }
}

function claimsOf(object: LedgerObject | undefined): readonly string[] {
  return typeof object?.digest === 'string' ? [object.digest, ...(object.also ?? [])] : []
}

/** The ledger's objects after what a journal tells: applied counts, a started change is only intended, a failed delete is still owned. */
export function foldJournal(
  objects: Readonly<Record<string, LedgerObject>>,
  entries: readonly JournalEntry[],
  run: string,
): Record<string, LedgerObject> {
  const folded = new Map(Object.entries(objects))
  for (const { action, key, live = null, after, state } of entries) {
    const before = folded.get(key)
    if (state === 'applied') {
      if (action === 'delete') folded.delete(key)
      else folded.set(key, { state: 'owned', digest: after, run })
    } else if (action !== 'delete') {
      // A failed or unfinished create may have happened all the same.
      folded.set(key, claimedBy(before, { live, after, run }))
    } else {
      const known = provenBy(before, live)
      if (known !== undefined) folded.set(key, known)
    }
  }
  return Object.fromEntries([...folded].sort(([a], [b]) => (a < b ? -1 : 1)))
}
