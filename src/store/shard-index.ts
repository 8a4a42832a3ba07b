// Which shards of a target have a mark or own something at a destination, in one document: who decides a skip finds them all without a listing.
// In: a store and a place. Out: shards, never fewer than have documents. It must never lose one.
//
//   enter the shard ─▶ write its first mark, or its first ledger document
//
// A crash between the two leaves a name without a document, which is read as missing, as it is.
import { keysBelow, readDocument, readDocuments, readDocumentsAt, writeDocument } from './document.js'
import { ifUnchanged, storeKey, storePrefix, type ObjectStore, type StoreKey } from './object-store.js'
import { TrueupError } from '../errors.js'

export const MARK = { kind: 'apply-mark', version: 1 } as const
export const OWNERSHIP = { kind: 'ownership', version: 1 } as const
/**
 * It lies among the marks and says that it is one of a later version: a trueup that knows of no index lists the marks before it writes one, and
 * then says that it is to be upgraded, instead of writing what nobody would find.
 */
const INDEX = { kind: 'apply-mark', version: 2 } as const

export interface TargetPlace {
  readonly target: string
  readonly destination: string
}

export interface ShardIndex {
  /** Every shard with a document, perhaps more; undefined where there is no index, so that only a listing tells. */
  read(): Promise<readonly string[] | undefined>
  /** Answers once the index names all of these; comes before the first document of a shard. What was entered is not asked for again. */
  enter(shards: readonly string[]): Promise<void>
  /** Makes the index where there is none, of all that a listing finds: what reads it later needs no listing. */
  make(): Promise<void>
}

/** One part deeper than marks are, so that no shard has its key. */
export function shardIndexKey({ target, destination }: TargetPlace): StoreKey {
  return storeKey('marks', destination, target, 'shards', 'index')
}

export function createShardIndex(store: ObjectStore, place: TargetPlace): ShardIndex {
  const key = shardIndexKey(place)
  const entered = new Set<string>()

  async function readIndex(): Promise<{ readonly shards: readonly string[]; readonly etag: string } | undefined> {
    const found = await readDocument<unknown>(store, key, INDEX)
    if (found.kind === 'missing') return undefined
    const { value, version, etag } = found
    if (version === INDEX.version && isIndex(value)) return { shards: value.shards, etag }
    throw new TrueupError(
      'store-corrupt',
      `${key} in ${store.description} is damaged: it does not name shards. Restore it from a backup, or remove it: it is made anew by the next apply.`,
      { details: { key } },
    )
  }

  async function hold(shards: readonly string[]): Promise<void> {
    for (;;) {
      const found = await readIndex()
      const known = found?.shards ?? (await listedShards(store, place))
      const all = [...new Set([...known, ...shards])].sort()
      if (found === undefined || all.length > found.shards.length) {
        const put = await writeDocument(store, key, INDEX, { shards: all }, { condition: ifUnchanged(found) })
        // Another shard was entered meanwhile: what it is with that one is looked at again.
        if (put.kind !== 'stored') continue
      }
      for (const shard of all) entered.add(shard)
      return
    }
  }

  return {
    read: async () => (await readIndex())?.shards,
    enter: async (shards) => {
      if (!shards.every((shard) => entered.has(shard))) await hold(shards)
    },
    make: () => hold([]),
  }
}

/** Of a store that was written before there was an index: the shards that its documents tell of. */
async function listedShards(store: ObjectStore, place: TargetPlace): Promise<readonly string[]> {
  const { target, destination } = place
  const [marks, ledger] = await Promise.all([
    markKeys(store, place).then((keys) => readDocumentsAt<{ readonly shard: string }>(store, keys, MARK)),
    readDocuments<{ readonly shard: string }>(store, storePrefix('ownership', destination, target), OWNERSHIP),
  ])
  return [...marks, ...ledger].map(({ value }) => value.shard)
}

/** Keys of all marks of a target, found by listing. */
export async function markKeys(store: ObjectStore, place: TargetPlace): Promise<readonly StoreKey[]> {
  const index = shardIndexKey(place)
  return (await keysBelow(store, storePrefix('marks', place.destination, place.target))).filter((key) => key !== index)
}

function isIndex(value: unknown): value is { readonly shards: readonly string[] } {
  if (typeof value !== 'object' || value === null || !('shards' in value)) return false
  const { shards } = value
  return Array.isArray(shards) && shards.every((shard) => typeof shard === 'string')
}
