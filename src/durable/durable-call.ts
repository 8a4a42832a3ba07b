// The document of one call of a durable function, and the random key under which calls and arguments are told apart.
// In: names, canonical texts. Out: ids, digests, documents. Must not: keep arguments, or take a lost key for a new store.
//
//   absent ─▶ claimed ─▶ done                       the claim is written before the effect, the result after it
//                │  └──▶ failed ─▶ claimed …         the function threw: nothing is kept of it, the next call may try
//                └─────▶ in-doubt ─▶ done | claimed  idempotent only: the claim ended without either
import { createHmac } from 'node:crypto'
import { TrueupError } from '../errors.js'
import { readDocument, writeDocument, type DocumentType } from '../store/document.js'
import { storeKey, storePrefix, type ObjectStore, type StoreKey } from '../store/object-store.js'

/** Who is at a call, or was. */
export interface Claimant {
  /** The run's id; null outside of runs. */
  readonly run: string | null
  readonly target: string | null
  readonly host: string
  readonly pid: number
  /** Tells two processes with one pid apart; empty where the system does not tell. */
  readonly processStart: string
  readonly url: string | null
  readonly actor: string | null
}

export interface DurableClaim extends Claimant {
  readonly id: string
  /** When it was made, by the claimant's clock, UTC ms. */
  readonly at: number
  /** How long it holds after it was last written, by the store's clock; ms. */
  readonly leaseMs: number
  /** Token of the lease under which it was made; null outside of applies. */
  readonly fence: number | null
}

/** Who said what became of a call in doubt. */
export interface DoubtResolution {
  readonly actor: string | null
  readonly host: string
  readonly url: string | null
  /** UTC ms. */
  readonly at: number
  readonly as: 'done' | 'absent'
}

export interface DurableCall {
  readonly namespace: string
  readonly name: string
  readonly version: string
  readonly idempotent: boolean
  readonly cached: boolean
  /** What a custom key gave, for people: shortened, without secrets. null: all arguments are the key. */
  readonly label: string | null
  /** Digest of the checked arguments, under the store's own key. */
  readonly args: string
  readonly state: 'claimed' | 'done' | 'failed' | 'in-doubt'
  /** The last one. */
  readonly claim: DurableClaim
  /** What values.ts made of the result; with `done`, unless `unstorable`. */
  readonly value?: string
  /** With `done`: the effect has happened, and its result could not be stored. */
  readonly unstorable?: { readonly path: string; readonly found: string }
  /** How long the result is used after it was written, ms; for ever without. */
  readonly ttlMs?: number
  readonly resolved?: DoubtResolution
}

export const DURABLE_CALL: DocumentType<DurableCall> = { kind: 'durable-call', version: 1 }
export const DURABLE_PREFIX = storePrefix('durable')

export const durableKey = (namespace: string, id: string): StoreKey => storeKey('durable', namespace, id)

/** What clocks may be wrong by: the claimant stops so much before its end, others wait so much after it. */
export const marginOf = (leaseMs: number): number => leaseMs / 6

interface DigestKey {
  readonly base64: string
}
const DIGEST_KEY: DocumentType<DigestKey> = { kind: 'durable-digest-key', version: 1 }
const DIGEST_KEY_PLACE = storeKey('durable-digest-key')

/**
 * The key of this store; undefined where there is none and none is to be made. Without it nothing that was done could be found again, so a store
 * that has calls and no key is refused.
 * @throws store-corrupt
 */
export async function digestKey(
  store: ObjectStore,
  { create, random }: { readonly create: boolean; readonly random: (size: number) => Uint8Array },
): Promise<Uint8Array | undefined> {
  const found = await readKey(store)
  if (found !== undefined) return found
  for await (const { key } of store.list(DURABLE_PREFIX)) {
    // Another process may have made both since.
    const again = await readKey(store)
    if (again !== undefined) return again
    throw new TrueupError(
      'store-corrupt',
      `${DIGEST_KEY_PLACE} is gone from ${store.description}, and without it durable functions cannot tell what they have done (${key} is there). Restore it from a backup.`,
      { details: { key: DIGEST_KEY_PLACE } },
    )
  }
  if (!create) return undefined
  const made: DigestKey = { base64: Buffer.from(random(32)).toString('base64') }
  await writeDocument(store, DIGEST_KEY_PLACE, DIGEST_KEY, made, { condition: { kind: 'if-absent' } })
  return readKey(store)
}

async function readKey(store: ObjectStore): Promise<Uint8Array | undefined> {
  const found = await readDocument(store, DIGEST_KEY_PLACE, DIGEST_KEY)
  return found.kind === 'found' ? Buffer.from(found.value.base64, 'base64') : undefined
}

/** A digest that says nothing of the text to who does not have the key: an argument may be a secret. */
export function keyedDigest(key: Uint8Array, ...texts: readonly string[]): string {
  const hmac = createHmac('sha256', key)
  for (const text of texts) hmac.update(`${String(text.length)}:${text}`)
  return hmac.digest('hex')
}
