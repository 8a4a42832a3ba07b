// A store that does what another does, except where a test says otherwise: refuse a call, or wait before it. In: a store and rules.
import { TrueupError } from '../../src/errors.js'
import type { ObjectStore, StoreKey } from '../../src/store/object-store.js'

export type StoreCall = 'put' | 'delete' | 'get' | 'head' | 'list'

export interface WatchedStore {
  readonly store: ObjectStore
  /** Every write, in order: `put journal/…`, `delete heartbeats/…`. */
  readonly writes: readonly string[]
}

/** `before` is asked with each call; what it throws, the store throws. */
export function watchStore(
  inner: ObjectStore,
  before: (call: StoreCall, key: string) => void | Promise<void> = () => undefined,
): WatchedStore {
  const writes: string[] = []
  const store: ObjectStore = {
    description: inner.description,
    shared: inner.shared,
    conditions: inner.conditions,
    get: async (key) => {
      await before('get', key)
      return inner.get(key)
    },
    getBounded: async (key, atMost) => {
      await before('get', key)
      return inner.getBounded(key, atMost)
    },
    head: async (key) => {
      await before('head', key)
      return inner.head(key)
    },
    put: async (key, value, options) => {
      await before('put', key)
      writes.push(`put ${key}`)
      return inner.put(key, value, options)
    },
    delete: async (key, options) => {
      await before('delete', key)
      writes.push(`delete ${key}`)
      return inner.delete(key, options)
    },
    async *list(prefix, options) {
      await before('list', prefix)
      yield* inner.list(prefix, options)
    },
    now: () => inner.now(),
    close: () => inner.close(),
  }
  return { store, writes }
}

/** What a store says that cannot be reached. */
export function outage(): TrueupError {
  return new TrueupError('store-unavailable', 'the disk is full', { retryable: true })
}

/** Every key that is kept, in order. */
export async function keysOf(store: ObjectStore, prefix = ''): Promise<StoreKey[]> {
  const keys: StoreKey[] = []
  for await (const { key } of store.list(prefix)) keys.push(key)
  return keys
}
