// Apply marks: per (target, destination, shard) what the last apply did. Read to decide a skip, written around every apply.
// Never tells how an object looks; that is the outside system's own knowledge.
import { readDocument, readDocumentsAt, writeDocument } from './document.js'
import { ifUnchanged, storeKey, type ObjectStore, type StoreKey } from './object-store.js'
import { createShardIndex, MARK, markKeys, type ShardIndex } from './shard-index.js'
import { TrueupError } from '../errors.js'

const EVALUATED = { kind: 'evaluated-shards', version: 1 } as const

/** What an apply was made of; a skip needs all of it equal. */
export interface MarkInputs {
  /** Digest of this shard's desired state. */
  readonly desired: string
  readonly code: string
  readonly config: string
  /** Digest of the trees of the declared inputs; null where the source is not git alone. */
  readonly inputs: string | null
  /** Digest of the declared environment variables (unset is not empty). */
  readonly env: string
  /** Digest of (path, field, version) of all secrets declared or referenced; null where a version could not be told. */
  readonly secrets: string | null
  /** Number of the engine's decision rules; raised when decisions change meaning. */
  readonly semantics: number
}

export interface ApplyMark extends MarkInputs {
  readonly shard: string
  /** Raised before the first change of every apply. */
  readonly counter: number
  /** Token of the lease under which this was written; one with a lower token is refused. @defaultValue 0 */
  readonly fence?: number
  readonly status: 'started' | 'completed' | 'failed'
  readonly run: string
  /** Store's clock, UTC ms. */
  readonly at: number
  /** Why a `failed` mark is none of a failure, as the end of a sentence: `undid run …`. */
  readonly reason?: string
}

export interface StoredMark {
  readonly mark: ApplyMark
  readonly etag: string
}

/** Names every shard that was evaluated for these digests, so that git alone can answer for all of them. */
export interface EvaluatedShards {
  readonly inputs: string | null
  readonly code: string
  readonly config: string
  readonly env: string
  readonly shards: readonly string[]
}

export interface MarkStore {
  read(shard: string): Promise<StoredMark | undefined>
  /** Names the shards that have marks; the first mark of a shard enters it there by itself, several at once are better entered before. */
  readonly index: ShardIndex
  /** The marks of these shards, without a listing. */
  of(shards: readonly string[]): Promise<ReadonlyMap<string, StoredMark>>
  /** Every mark of this target at this destination, found by listing; those that are known already are not read again. */
  all(known?: ReadonlyMap<string, StoredMark>): Promise<ReadonlyMap<string, StoredMark>>
  /** Writes only over the mark that was read, and never over a higher token: then another run has the lease, a `lease-lost` error. */
  write(mark: ApplyMark, previous: StoredMark | undefined): Promise<StoredMark>
  readEvaluated(): Promise<EvaluatedShards | undefined>
  writeEvaluated(value: EvaluatedShards): Promise<void>
}

export function createMarkStore(store: ObjectStore, target: string, destination: string): MarkStore {
  const keyOf = (shard: string): StoreKey => storeKey('marks', destination, target, shard)
  const index = createShardIndex(store, { target, destination })
  const evaluatedKey = storeKey('evaluated', destination, target)

  async function read(shard: string): Promise<StoredMark | undefined> {
    const found = await readDocument<ApplyMark>(store, keyOf(shard), MARK)
    return found.kind === 'found' ? { mark: found.value, etag: found.etag } : undefined
  }

  async function readAt(keys: readonly StoreKey[]): Promise<ReadonlyMap<string, StoredMark>> {
    const found = await readDocumentsAt<ApplyMark>(store, keys, MARK)
    return new Map(found.map(({ value, etag }) => [value.shard, { mark: value, etag }]))
  }

  return {
    index,
    read,
    of: (shards) => readAt(shards.map(keyOf)),
    async all(known = new Map()) {
      const read = new Set([...known.keys()].map(keyOf))
      const keys = await markKeys(store, { target, destination })
      return new Map([...known, ...(await readAt(keys.filter((key) => !read.has(key))))])
    },
    async write(mark, previous) {
      const isFenced = (previous?.mark.fence ?? 0) > (mark.fence ?? 0)
      // A mark that no reader of the index finds would be a wrong skip.
      if (previous === undefined) await index.enter([mark.shard])
      const condition = ifUnchanged(previous)
      const result = isFenced ? undefined : await writeDocument(store, keyOf(mark.shard), MARK, mark, { condition })
      if (result?.kind === 'stored') return { mark, etag: result.etag }
      throw new TrueupError(
        'lease-lost',
        `${target}: another apply wrote the mark of ${mark.shard === '' ? 'this target' : `shard ${mark.shard}`} meanwhile; nothing more is started. Run again.`,
        { retryable: true, details: { target, shard: mark.shard } },
      )
    },
    async readEvaluated() {
      const found = await readDocument<EvaluatedShards>(store, evaluatedKey, EVALUATED)
      return found.kind === 'found' ? found.value : undefined
    },
    async writeEvaluated(value) {
      await writeDocument(store, evaluatedKey, EVALUATED, value)
    },
  }
}

/** Keys of all shards of a target there, as its last apply found them; none where nothing tells. */
export async function evaluatedShards(
  store: ObjectStore,
  target: string,
  destination: string,
): Promise<readonly string[]> {
  return (await createMarkStore(store, target, destination).readEvaluated())?.shards ?? []
}
