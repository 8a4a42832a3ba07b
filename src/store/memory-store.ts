// A store that lives as long as its object: for tests, demos and dry runs. Takes the clock, gives an ObjectStore.
// It must not touch the disk, and never hands out the bytes it keeps.

import type { Clock } from '../util/clock.js'
import { digestBytes } from '../util/digest.js'
import type {
  DeleteResult,
  ListEntry,
  Missing,
  ObjectStore,
  PutOptions,
  PutResult,
  StoreKey,
  StoredHead,
  StoredObject,
  TooLarge,
} from './object-store.js'

/** An empty store in memory, not shared with any other. */
export function createMemoryStore(options: { readonly clock: Clock }): ObjectStore {
  return new MemoryStore(options.clock)
}

class MemoryStore implements ObjectStore {
  readonly description = 'memory:'
  readonly shared = false
  readonly conditions = 'sound'
  readonly #clock: Clock
  readonly #objects = new Map<StoreKey, StoredObject>()
  #writes = 0

  constructor(clock: Clock) {
    this.#clock = clock
  }

  get(key: StoreKey): Promise<StoredObject | Missing> {
    const object = this.#objects.get(key)
    return Promise.resolve(
      object === undefined
        ? { kind: 'missing' }
        : { ...object, metadata: { ...object.metadata }, value: object.value.slice() },
    )
  }

  getBounded(key: StoreKey, atMost: number): Promise<StoredObject | Missing | TooLarge> {
    const size = this.#objects.get(key)?.size ?? 0
    return size > atMost ? Promise.resolve({ kind: 'too-large' }) : this.get(key)
  }

  head(key: StoreKey): Promise<StoredHead | Missing> {
    const object = this.#objects.get(key)
    if (object === undefined) return Promise.resolve({ kind: 'missing' })
    const { kind, etag, size, modifiedAt, metadata } = object
    return Promise.resolve({ kind, etag, size, modifiedAt, metadata: { ...metadata } })
  }

  put(
    key: StoreKey,
    value: Uint8Array,
    { condition = { kind: 'always' }, metadata = {} }: PutOptions = {},
  ): Promise<PutResult> {
    const present = this.#objects.get(key)
    if (condition.kind === 'if-absent' && present !== undefined) return Promise.resolve({ kind: 'exists' })
    if (condition.kind === 'if-etag') {
      if (present === undefined) return Promise.resolve({ kind: 'missing' })
      if (present.etag !== condition.etag) return Promise.resolve({ kind: 'conflict' })
    }
    this.#writes += 1
    const etag = `${String(this.#writes)}-${digestBytes(value).slice(0, 16)}`
    this.#objects.set(key, {
      kind: 'found',
      etag,
      size: value.byteLength,
      modifiedAt: this.#clock.now(),
      metadata: { ...metadata },
      value: Uint8Array.from(value),
    })
    return Promise.resolve({ kind: 'stored', etag })
  }

  delete(key: StoreKey, options: { readonly etag?: string } = {}): Promise<DeleteResult> {
    const present = this.#objects.get(key)
    if (present === undefined) return Promise.resolve({ kind: 'missing' })
    if (options.etag !== undefined && options.etag !== present.etag) return Promise.resolve({ kind: 'conflict' })
    this.#objects.delete(key)
    return Promise.resolve({ kind: 'deleted' })
  }

  async *list(prefix: string, options: { readonly after?: string } = {}): AsyncGenerator<ListEntry> {
    const { after } = options
    const keys = [...this.#objects.keys()]
      .filter((key) => key.startsWith(prefix) && (after === undefined || key > after))
      .sort()
    for (const key of keys) yield { key }
  }

  now(): Promise<number> {
    return Promise.resolve(this.#clock.now())
  }

  close(): Promise<void> {
    return Promise.resolve()
  }
}
