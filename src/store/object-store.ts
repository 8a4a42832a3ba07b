// The port for everything kept between runs: a conditional key-value store. Adapters: directory, S3, memory.
// Every adapter passes test/support/contracts/object-store.ts.

/** `a/b/c`: non-empty components joined by `/`, each made by {@link storeKey}. */
export type StoreKey = string & { readonly __brand: 'StoreKey' }

/**
 * Builds a key; each part may be any text and is percent-encoded (all but A–Z a–z 0–9 - _ . ~, and never only dots), so that a part never
 * contains `/` and prefixes are exact. An encoded part over 200 bytes is replaced by its start and the SHA-256 of the whole.
 */
export { storeKey, storePrefix } from './store-key.js'

export type PutCondition =
  | { readonly kind: 'always' }
  /** Only if the key is absent. */
  | { readonly kind: 'if-absent' }
  /** Only if the object still has this etag. */
  | { readonly kind: 'if-etag'; readonly etag: string }

export interface PutOptions {
  /** @defaultValue always */
  readonly condition?: PutCondition
  /** Small text facts kept beside the value (at most 1,500 bytes of ASCII JSON); given back by `head` without reading it. */
  readonly metadata?: Readonly<Record<string, string>>
  /**
   * The answer means: survives a crash of the machine. `false` for what may be lost without harm (caches, records of skips).
   * @defaultValue true
   */
  readonly durable?: boolean
}

export interface StoredHead {
  readonly kind: 'found'
  /** Opaque; changes with every write and is never used again. */
  readonly etag: string
  readonly size: number
  /** By the store's clock, UTC ms; whole seconds where the store knows no more, and then never later than the write. */
  readonly modifiedAt: number
  readonly metadata: Readonly<Record<string, string>>
}
export interface StoredObject extends StoredHead {
  readonly value: Uint8Array
}
export interface Missing {
  readonly kind: 'missing'
}

/** Written only over what was read: over that very object, or where there was none. Others may have written meanwhile, and then the put says so. */
export function ifUnchanged(
  read: { readonly etag: string | null } | Missing | undefined,
): Exclude<PutCondition, { readonly kind: 'always' }> {
  return read !== undefined && 'etag' in read && read.etag !== null
    ? { kind: 'if-etag', etag: read.etag }
    : { kind: 'if-absent' }
}

/** Its value has more bytes than were asked for; none of them was read. */
export interface TooLarge {
  readonly kind: 'too-large'
}

export type PutResult =
  | { readonly kind: 'stored'; readonly etag: string }
  /** `if-absent`, and somebody's object is there. */
  | { readonly kind: 'exists' }
  /** `if-etag`, and the object is another by now. */
  | { readonly kind: 'conflict' }
  /** `if-etag`, and there is none. */
  | { readonly kind: 'missing' }

export type DeleteResult = { readonly kind: 'deleted' } | { readonly kind: 'missing' } | { readonly kind: 'conflict' }

export interface ListEntry {
  readonly key: StoreKey
}

/**
 * Expected results are values. Thrown are only `store-unavailable` (retryable: nothing is known of what happened; `details.denied`: it is forbidden),
 * `store-corrupt` (an object that cannot be what was written: never taken for absent) and `store-refused` (this store must not be used).
 */
export interface ObjectStore {
  /** Where it is, for people: `file:.trueup`. Never with credentials. */
  readonly description: string
  /** Whether others on other machines can see it (then a dirty tree caches nothing in it). */
  readonly shared: boolean
  /**
   * `sound`: conditions hold by how the store is made. `unproven`: they are the far end's word, and what needs locking asks `requireLocking`
   * (store/locking.ts) first. Who wraps a store hands this on.
   */
  readonly conditions: 'sound' | 'unproven'
  get(key: StoreKey): Promise<StoredObject | Missing>
  /** As `get`, for what others may have written: a value of more than `atMost` bytes is not read, whatever the object says of itself. */
  getBounded(key: StoreKey, atMost: number): Promise<StoredObject | Missing | TooLarge>
  head(key: StoreKey): Promise<StoredHead | Missing>
  put(key: StoreKey, value: Uint8Array, options?: PutOptions): Promise<PutResult>
  /** `etag`: only if the object still has it. A delete is durable when it is answered. `deleted` is also what S3 may tell of several at once, and of nothing under an etag. */
  delete(key: StoreKey, options?: { readonly etag?: string }): Promise<DeleteResult>
  /** Keys that start with `prefix` (which ends in `/`, or is empty), in code-unit order; `after` skips up to and including that key. */
  list(prefix: string, options?: { readonly after?: string }): AsyncIterable<ListEntry>
  /** The store's clock, UTC ms. */
  now(): Promise<number>
  close(): Promise<void>
}
