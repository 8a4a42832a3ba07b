// JSON documents in the store: a value goes in, an envelope that says what it is, in which version, and that it is whole, is written; and back.
// It must not know what is in a document, and never takes a damaged or foreign one for absent.

import { TrueupError } from '../errors.js'
import { createBudget } from '../util/budget.js'
import { boundedMap } from '../util/bounded-map.js'
import { digestBytes } from '../util/digest.js'
import type { Missing, ObjectStore, PutOptions, PutResult, StoreKey } from './object-store.js'

/**
 * What a document is: `{ kind: 'apply-mark', version: 1 }`. `T` is the shape of the payload; it is the author's word, not checked at run time.
 */
export interface DocumentType<T> {
  /** Kebab-case, one word a shape. */
  readonly kind: string
  /** The newest version this code writes and reads; raised when older code must not read what is written. */
  readonly version: number
  /** Carries `T` only; never set. */
  readonly shape?: T
}

export interface FoundDocument<T> {
  readonly kind: 'found'
  readonly value: T
  /** As written; may be older than asked for, and then the caller brings it up to date. */
  readonly version: number
  readonly etag: string
  /** By the store's clock, UTC ms. */
  readonly modifiedAt: number
}

/** Reads a document. Throws `store-corrupt` (not one, another kind, damaged) or `store-refused` (written by a newer trueup), naming the key. */
export async function readDocument<T>(
  store: ObjectStore,
  key: StoreKey,
  type: DocumentType<T>,
): Promise<FoundDocument<T> | Missing> {
  const object = await store.get(key)
  if (object.kind === 'missing') return object
  const { value, version } = decodeDocument(object.value, type, `${key} in ${store.description}`)
  return { kind: 'found', value, version, etag: object.etag, modifiedAt: object.modifiedAt }
}

/** Reads under way at once, where many documents are wanted: far stores answer slowly, not seldom. */
const READS_AT_ONCE = 16

/** Every document under a prefix, in the order of the keys. One that was removed between listing and reading is left out. Throws as {@link readDocument}. */
export async function readDocuments<T>(
  store: ObjectStore,
  prefix: string,
  type: DocumentType<T>,
): Promise<readonly (FoundDocument<T> & { readonly key: StoreKey })[]> {
  return readDocumentsAt(store, await keysBelow(store, prefix), type)
}

/** Those of these documents that are there, in the order of the keys. Throws as {@link readDocument}. */
export async function readDocumentsAt<T>(
  store: ObjectStore,
  keys: readonly StoreKey[],
  type: DocumentType<T>,
): Promise<readonly (FoundDocument<T> & { readonly key: StoreKey })[]> {
  const found = await boundedMap(createBudget(READS_AT_ONCE))(keys, async (key) => ({
    key,
    ...(await readDocument(store, key, type)),
  }))
  return found.filter((one) => one.kind === 'found')
}

/** Keys and etags of those that are there, without reading them, in the order of the keys. */
export async function etagsAt(
  store: ObjectStore,
  keys: readonly StoreKey[],
): Promise<readonly (readonly [StoreKey, string])[]> {
  const found = await boundedMap(createBudget(READS_AT_ONCE))(keys, async (key) => ({
    key,
    head: await store.head(key),
  }))
  return found.flatMap(({ key, head }) => (head.kind === 'found' ? [[key, head.etag] as const] : []))
}

/** All keys that start with a prefix, in order. */
export async function keysBelow(store: ObjectStore, prefix: string): Promise<readonly StoreKey[]> {
  const keys: StoreKey[] = []
  for await (const { key } of store.list(prefix)) keys.push(key)
  return keys
}

/** Writes a document; conditions and answers are those of `store.put`. */
export function writeDocument<T>(
  store: ObjectStore,
  key: StoreKey,
  type: DocumentType<T>,
  value: T,
  options?: PutOptions,
): Promise<PutResult> {
  return store.put(key, encodeDocument(type, value), options)
}

/** The bytes of a document: indented JSON with a final newline, for people with `cat`. The value must be JSON. */
export function encodeDocument<T>(type: DocumentType<T>, value: T): Uint8Array {
  const text = JSON.stringify(value) as string | undefined
  if (text === undefined) throw new Error(`Internal error: a ${type.kind} document has no JSON value`)
  // What is digested is what is written but for the spaces: JSON leaves out and converts the same both times.
  const envelope = { format: 'trueup', kind: type.kind, v: type.version, digest: digestBytes(text), payload: value }
  return Buffer.from(`${JSON.stringify(envelope, null, 2)}\n`, 'utf8')
}

/** The value of a document's bytes. `where` names the key in errors, which are those of {@link readDocument}. */
export function decodeDocument<T>(
  bytes: Uint8Array,
  type: DocumentType<T>,
  where: string,
): { readonly value: T; readonly version: number } {
  const envelope = parse(bytes, where)
  if (envelope['format'] !== 'trueup' || typeof envelope['kind'] !== 'string' || typeof envelope['v'] !== 'number') {
    throw corrupt(where, 'it is not a trueup document')
  }
  if (envelope['kind'] !== type.kind)
    throw corrupt(where, `it holds a ${envelope['kind']} where a ${type.kind} should be`)
  // Before the digest: a newer version may count it otherwise.
  if (envelope['v'] > type.version) {
    throw new TrueupError(
      'store-refused',
      `${where} was written by a newer trueup (${type.kind} version ${String(envelope['v'])}, this one reads up to ${String(type.version)}). Upgrade trueup here.`,
      { details: { key: where, kind: type.kind, version: envelope['v'], supported: type.version } },
    )
  }
  const text = JSON.stringify(envelope['payload']) as string | undefined
  if (text === undefined || digestBytes(text) !== envelope['digest'])
    throw corrupt(where, 'its digest does not match its payload')
  return { value: envelope['payload'] as T, version: envelope['v'] }
}

function parse(bytes: Uint8Array, where: string): Record<string, unknown> {
  try {
    const parsed: unknown = JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(bytes))
    if (typeof parsed === 'object' && parsed !== null && !Array.isArray(parsed))
      return parsed as Record<string, unknown>
  } catch (error) {
    throw corrupt(where, 'it is not JSON', error)
  }
  throw corrupt(where, 'it is not a JSON object')
}

function corrupt(where: string, why: string, cause?: unknown): TrueupError {
  return new TrueupError(
    'store-corrupt',
    `${where} is damaged: ${why}. Restore it from a backup, or remove it if what it remembers may be forgotten.`,
    {
      cause,
      details: { key: where },
    },
  )
}
