// The entries of the run cache as a listing shows them: from keys, sizes and metadata, without reading one. Changes nothing.
// What it tells may be a lie of whoever may write there; a look-up believes none of it.
import { isTrueupError } from '../errors.js'
import { storeKey, storePrefix, type ObjectStore, type StoreKey } from '../store/object-store.js'
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
export async function entryPlaces(store: ObjectStore, { zone, target }: EntryFilter = {}): Promise<EntryPlace[]> {
  const prefix = zone === undefined ? storePrefix(CACHE_ROOT) : storePrefix(CACHE_ROOT, zone)
  const found: EntryPlace[] = []
  for await (const { key: place } of store.list(prefix)) {
    const [, zonePart = '', targetPart = '', , mode = '', key] = place.split('/')
    if (key === undefined || (target !== undefined && targetPart !== storeKey(target))) continue
    found.push({ place, id: entryId(place), zone: textOf(zonePart), target: textOf(targetPart), mode })
  }
  return found
}

export async function listEntries(store: ObjectStore, filter?: EntryFilter): Promise<ListedEntry[]> {
  const listed: ListedEntry[] = []
  for (const place of await entryPlaces(store, filter)) {
    try {
      const head = await store.head(place.place)
      if (head.kind === 'missing') continue
      const { created, expires } = head.metadata
      listed.push({ ...place, size: head.size, createdAt: timeOf(created), expiresAt: timeOf(expires) })
    } catch (thrown) {
      if (!isTrueupError(thrown) || thrown.code !== 'store-corrupt') throw thrown
      listed.push({ ...place, size: null, createdAt: null, expiresAt: null })
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
