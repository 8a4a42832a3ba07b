// What a target remembers at its destination: one document a key. In: JSON values. Out: the same, or an error; a damaged value is never "none".
import type { Json } from '../event.js'
import { readDocument, writeDocument, type DocumentType } from './document.js'
import { ifUnchanged, storeKey, storePrefix, type ObjectStore, type StoreKey } from './object-store.js'

interface StateDocument {
  /** The key of a document may hold no more than its digest. */
  readonly key: string
  readonly value: Json
  /** The run, or the command, that wrote it. */
  readonly run: string
}
const STATE: DocumentType<StateDocument> = { kind: 'state', version: 1 }

export interface StoredState {
  readonly value: Json
  readonly etag: string
  readonly run: string
  /** By the store's clock, UTC ms. */
  readonly modifiedAt: number
}

export interface StateStore {
  read(key: string): Promise<StoredState | undefined>
  /** Over exactly what was read (undefined: over nothing); `value` undefined deletes. False when somebody was quicker. */
  write(key: string, value: Json | undefined, before: StoredState | undefined): Promise<boolean>
  /** All that begin with exactly `prefix`, in code-unit order. */
  keys(prefix: string): Promise<readonly string[]>
}

/** @param run who writes */
export function createStateStore(
  store: ObjectStore,
  { target, destination, run }: { readonly target: string; readonly destination: string; readonly run: string },
): StateStore {
  const placeOf = (key: string): StoreKey => storeKey('state', target, destination, key)
  const keyOf = async (place: StoreKey): Promise<string | undefined> => {
    const part = place.slice(place.lastIndexOf('/') + 1)
    if (!part.includes('%sha256-')) {
      try {
        return decodeURIComponent(part)
      } catch {
        // Half of a surrogate pair: only the document can tell.
      }
    }
    const found = await readDocument(store, place, STATE)
    return found.kind === 'found' ? found.value.key : undefined
  }
  return {
    async read(key) {
      const found = await readDocument(store, placeOf(key), STATE)
      if (found.kind === 'missing') return undefined
      return { value: found.value.value, run: found.value.run, etag: found.etag, modifiedAt: found.modifiedAt }
    },
    async write(key, value, before) {
      if (value === undefined) {
        if (before === undefined) return true
        return (await store.delete(placeOf(key), { etag: before.etag })).kind !== 'conflict'
      }
      const condition = ifUnchanged(before)
      const put = await writeDocument(store, placeOf(key), STATE, { key, value, run }, { condition })
      return put.kind === 'stored'
    },
    async keys(prefix) {
      const found: string[] = []
      for await (const { key: place } of store.list(storePrefix('state', target, destination))) {
        const key = await keyOf(place)
        if (key?.startsWith(prefix) === true) found.push(key)
      }
      return found.sort()
    },
  }
}
