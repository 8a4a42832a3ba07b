// The mark that `store copy` leaves in the store it copied from, and the stop that everybody else makes at it. In: a store. Out: the mark, or the
// same store behind a check. A configuration that still names the old store must not go on in it: its leases and marks count nowhere else.
import { TrueupError } from '../errors.js'
import { readDocument, type DocumentType, type FoundDocument } from './document.js'
import { storeKey, type ObjectStore } from './object-store.js'

/** `moved` */
export interface Moved {
  /** Store URL, as it was typed. */
  readonly to: string
  readonly state: 'moving' | 'moved'
  /** Store's clock, UTC ms. */
  readonly at: number
}

export const MOVED: DocumentType<Moved> = { kind: 'moved', version: 1 }
export const MOVED_KEY = storeKey('moved')

export async function readMoved(store: ObjectStore): Promise<FoundDocument<Moved> | undefined> {
  const found = await readDocument(store, MOVED_KEY, MOVED)
  return found.kind === 'found' ? found : undefined
}

/** @throws store-refused when it was moved, or is being moved */
export async function refuseMoved(store: ObjectStore): Promise<void> {
  const moved = (await readMoved(store))?.value
  if (moved === undefined) return
  const { to, state, at } = moved
  const day = new Date(at).toISOString().slice(0, 10)
  throw new TrueupError(
    'store-refused',
    state === 'moved'
      ? `The store ${store.description} was moved to ${to} on ${day}: write \`store: ${to}\` in trueup.yaml, or pass --store '${to}'.`
      : `The store ${store.description} is being moved to ${to} since ${day}: wait for it, or finish what was begun with \`trueup store copy <this store> '${to}'\`.`,
    { details: { store: store.description, to, state } },
  )
}

/** The store, with a look for the mark at its first use: beside a read, before a write. */
export function stopIfMoved(store: ObjectStore): ObjectStore {
  let looking: Promise<void> | undefined
  const look = (): Promise<void> =>
    (looking ??= refuseMoved(store).catch((error: unknown) => {
      // An outage is not the last word.
      looking = undefined
      throw error
    }))
  const beside = async <T>(read: Promise<T>): Promise<T> => {
    const [result] = await Promise.all([read, look()])
    return result
  }
  return {
    description: store.description,
    shared: store.shared,
    conditions: store.conditions,
    get: (key) => beside(store.get(key)),
    getBounded: (key, atMost) => beside(store.getBounded(key, atMost)),
    head: (key) => beside(store.head(key)),
    async put(key, value, options) {
      await look()
      return store.put(key, value, options)
    },
    async delete(key, options) {
      await look()
      return store.delete(key, options)
    },
    async *list(prefix, options) {
      await look()
      yield* store.list(prefix, options)
    },
    now: () => store.now(),
    close: () => store.close(),
  }
}
