// Whether a store may be locked with. In: a store. Out: nothing, or a `store-refused` error that says what it does wrong. A store whose conditions are the far
// end's word is probed once a week, and remembers itself that no fault was seen: who could forge that could forge the leases.
import { TrueupError } from '../errors.js'
import type { Clock } from '../util/clock.js'
import { digestBytes } from '../util/digest.js'
import { readDocument, writeDocument, type DocumentType } from './document.js'
import { storeKey, type ObjectStore, type StoreKey } from './object-store.js'
import { probeStore } from './probe.js'

/** `probed/<digest of the description>`: no fault was seen in the store under this address. */
interface Probed {
  readonly store: string
  /** Store's clock, UTC ms. */
  readonly at: number
}

const PROBED: DocumentType<Probed> = { kind: 'probed', version: 1 }
const REMEMBERED_MS = 7 * 24 * 3_600_000

/**
 * @throws store-refused when a fault was seen, or reading and writing is denied
 * @throws store-unavailable
 */
export async function requireLocking(store: ObjectStore, clock: Clock): Promise<void> {
  if (store.conditions === 'sound') return
  const key = probedKey(store)
  const found = await readDocument(store, key, PROBED)
  const now = await store.now()
  // Written ahead of the store's own clock it is nobody's honest word.
  if (found.kind === 'found' && found.modifiedAt <= now + 1000 && now - found.modifiedAt < REMEMBERED_MS) return
  const { fault } = await probeStore(store, clock)
  if (fault !== null) throw refused(store, fault)
  await writeDocument(store, key, PROBED, { store: store.description, at: now })
}

export function refused(store: ObjectStore, fault: string): TrueupError {
  return new TrueupError(
    'store-refused',
    `the store ${store.description} ${fault}, so runs could overlap: applies and durable functions are refused, dry runs and the run cache work. \`trueup store check\` shows the test.`,
    { details: { store: store.description, fault } },
  )
}

/** By the address too: the same bucket may be reached through something that drops conditions. */
function probedKey({ description }: ObjectStore): StoreKey {
  return storeKey('probed', digestBytes(description).slice(0, 16))
}
