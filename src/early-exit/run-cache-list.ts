// The entries of the run cache as a listing shows them: from keys, sizes and metadata, without reading one. Changes nothing.
// What it tells may be a lie of whoever may write there; a look-up believes none of it.
import { isTrueupError } from '../errors.js'
import { storeKey, storePrefix, type ObjectStore, type StoredHead, type StoreKey } from '../store/object-store.js'
import { CACHE_ROOT, entryId, LARGEST_ENTRY } from './run-cache-entry.js'

/** What a place in the store tells of an entry. */
export interface EntryPlace {
  readonly place: StoreKey
  readonly id: string
  readonly zone: string
  readonly target: string
  readonly mode: string
}

export interface ListedEntry extends EntryPlace {
  /** Bytes; null where it cannot be read. */
  readonly size: number | null
  /** By the store's clock, UTC ms; null where nothing tells. */
  readonly createdAt: number | null
  readonly expiresAt: number | null
}

export interface EntryFilter {
  readonly zone?: string | undefined
  readonly target?: string | undefined
}

/** By zone, target, destination and mode. */
export async function entryPlaces(store: ObjectStore, filter?: EntryFilter): Promise<EntryPlace[]> {
  const found: EntryPlace[] = []
  for await (const place of places(store, filter)) {
    const [, zone = '', target = '', , mode = '', key] = place.split('/')
    if (key === undefined) continue
    found.push({ place, id: entryId(place), zone: textOf(zone), target: textOf(target), mode })
  }
  return found
}

/** What is remembered of inputs beside the entries (evaluations.ts), and until when it is kept; null where nothing tells. */
export async function listEvaluations(
  store: ObjectStore,
  filter?: EntryFilter,
): Promise<{ readonly place: StoreKey; readonly expiresAt: number | null }[]> {
  const listed: { place: StoreKey; expiresAt: number | null }[] = []
  for await (const place of places(store, filter)) {
    if (place.split('/').length !== 5) continue
    const head = await headOf(store, place)
    if (head !== 'missing') listed.push({ place, expiresAt: head === null ? null : timeOf(head.metadata['expires']) })
  }
  return listed
}

async function* places(store: ObjectStore, { zone, target }: EntryFilter = {}): AsyncGenerator<StoreKey> {
  const prefix = zone === undefined ? storePrefix(CACHE_ROOT) : storePrefix(CACHE_ROOT, zone)
  for await (const { key } of store.list(prefix))
    if (target === undefined || key.split('/')[2] === storeKey(target)) yield key
}

/** Null where it cannot be read. */
async function headOf(store: ObjectStore, place: StoreKey): Promise<StoredHead | 'missing' | null> {
  try {
    const head = await store.head(place)
    return head.kind === 'missing' ? 'missing' : head
  } catch (thrown) {
    if (!isTrueupError(thrown) || thrown.code !== 'store-corrupt') throw thrown
    return null
  }
}

export async function listEntries(store: ObjectStore, filter?: EntryFilter): Promise<ListedEntry[]> {
  const listed: ListedEntry[] = []
  for (const place of await entryPlaces(store, filter)) {
    const head = await headOf(store, place.place)
    if (head === null) listed.push({ ...place, size: null, createdAt: null, expiresAt: null })
    else if (head !== 'missing') {
      const { created, expires } = head.metadata
      listed.push({ ...place, size: head.size, createdAt: timeOf(created), expiresAt: timeOf(expires) })
    }
  }
  return listed
}

/** Whether it can answer for nothing any more. @param now - the store's clock, UTC ms */
export function isSpent({ size, expiresAt }: ListedEntry, now: number): boolean {
  return size === null || size > LARGEST_ENTRY || expiresAt === null || expiresAt <= now
}

function timeOf(text: string | undefined): number | null {
  return text !== undefined && /^\d{1,15}$/.test(text) ? Number(text) : null
}

/** A part that was too long to be kept whole stays as it is. */
function textOf(part: string): string {
  try {
    return part.includes('%sha256-') ? part : decodeURIComponent(part)
  } catch {
    return part
  }
}
