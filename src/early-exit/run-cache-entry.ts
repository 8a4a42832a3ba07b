// One entry of the run cache as bytes: what is in it, and that it is whole, ours and signed. In: bytes from a store that others may write to.
// Out: the entry, or why it is not to be trusted. Never throws on what it reads.
import { isTrueupError, toError } from '../errors.js'
import type { KeyParts, LogRecord, LogSource, RunMode } from '../event.js'
import { decodeDocument, encodeDocument } from '../store/document.js'
import { storeKey, type StoreKey } from '../store/object-store.js'
import { digestBytes } from '../util/digest.js'
import { sign, signatureFault, type CacheKeys, type Signature } from './signature.js'

const ENTRY = { kind: 'run-cache-entry', version: 1 } as const
/** First part of every key of the cache in the store. */
export const CACHE_ROOT = 'cache'
/** No log that is kept comes near; what is larger is not read at all. */
export const LARGEST_ENTRY = 16 * 1024 * 1024

export interface CacheAddress {
  readonly zone: string
  readonly target: string
  readonly destination: string
  readonly mode: RunMode
  /** Digest of the key. */
  readonly key: string
}

/** What applies had done when the run began to read: a hit needs it to be the same. */
export interface Basis {
  /** Counter of each shard's mark; shards without changes ever are left out. */
  readonly counters: Readonly<Record<string, number>>
  /** Digest of what the target owned there. */
  readonly owned: string
  /** What that was told from. Older versions left it out: then it is to be read. */
  readonly ledger?: {
    /** Stands for the documents as they were: with the same ones, the same was owned. */
    readonly stamp: string
    /** What the desired state of each shard is that owned something. */
    readonly shapes: Readonly<Record<string, 'list' | 'object'>>
  }
}

export interface CacheEntry {
  readonly address: CacheAddress
  /** The run that converged. */
  readonly run: string
  /** By the store's clock, UTC ms. */
  readonly createdAt: number
  readonly expiresAt: number
  readonly basis: Basis
  /** Every component of the key by name. */
  readonly components: Readonly<Record<string, string>>
  readonly parts: KeyParts
  readonly log: { readonly records: readonly LogRecord[]; readonly dropped: number }
}

interface StoredEntry {
  readonly entry: CacheEntry
  readonly signature?: Signature
}

export type DecodedEntry =
  | { readonly kind: 'entry'; readonly entry: CacheEntry; readonly keyId: string | null }
  /** `why` ends the sentence "the entry cannot be trusted: …". */
  | { readonly kind: 'untrusted'; readonly why: string }

export function placeOf({ zone, target, destination, mode, key }: CacheAddress): StoreKey {
  return storeKey(CACHE_ROOT, zone, target, destination, mode, key)
}

/** The id that people see and type; of the place alone, so that a listing knows it without reading. */
export function entryId(place: StoreKey): string {
  return digestBytes(place)
}

export function encodeEntry(entry: CacheEntry, keys: CacheKeys | undefined): Uint8Array {
  if (keys === undefined) return encodeDocument<StoredEntry>(ENTRY, { entry })
  return encodeDocument<StoredEntry>(ENTRY, { entry, signature: sign(signedText(entry), keys) })
}

/** @param keys when given, an entry without a good signature by one of them is not trusted */
export function decodeEntry(bytes: Uint8Array, address: CacheAddress, keys: CacheKeys | undefined): DecodedEntry {
  const decoded = readEntry(bytes)
  if (decoded.kind === 'untrusted') return decoded
  const { entry, signature } = decoded
  if (placeText(entry.address) !== placeText(address)) return untrusted('it was made for another place')
  if (keys === undefined) return { kind: 'entry', entry, keyId: signature?.keyId ?? null }
  const fault = signatureFault(signedText(entry), signature, keys)
  return fault === undefined ? { kind: 'entry', entry, keyId: signature?.keyId ?? null } : untrusted(fault)
}

/** Whole and of the right shape; says nothing of where it came from. */
export function readEntry(bytes: Uint8Array): ({ readonly kind: 'stored' } & StoredEntry) | Untrusted {
  try {
    const { value } = decodeDocument<unknown>(bytes, ENTRY, 'it')
    if (!isStoredEntry(value)) return untrusted('it does not hold what an entry holds')
    return { kind: 'stored', ...value }
  } catch (thrown) {
    const error = toError(thrown)
    if (isTrueupError(error) && error.code === 'store-refused')
      return untrusted('it was written by a newer trueup. Upgrade trueup here')
    return untrusted('it is damaged')
  }
}

type Untrusted = Extract<DecodedEntry, { readonly kind: 'untrusted' }>

function untrusted(why: string): Untrusted {
  return { kind: 'untrusted', why }
}

/** The place, the expiry and the digest of all there is; the text is the one that is stored. */
function signedText(entry: CacheEntry): string {
  return JSON.stringify([placeText(entry.address), entry.expiresAt, digestBytes(JSON.stringify(entry))])
}

function placeText({ zone, target, destination, mode, key }: CacheAddress): string {
  return JSON.stringify([zone, target, destination, mode, key])
}

type Fields = Readonly<Record<string, unknown>>

function isStoredEntry(value: unknown): value is StoredEntry {
  if (!isObject(value) || !isObject(value['entry'])) return false
  const { entry, signature } = value as { entry: Fields; signature?: unknown }
  const { address, basis, log } = entry
  return (
    (signature === undefined || (isObject(signature) && areTexts(signature, ['keyId', 'hmac']))) &&
    isObject(address) &&
    areTexts(address, ['zone', 'target', 'destination', 'mode', 'key']) &&
    typeof entry['run'] === 'string' &&
    isTime(entry['createdAt']) &&
    isTime(entry['expiresAt']) &&
    isBasis(basis) &&
    areAllTexts(entry['components']) &&
    isObject(entry['parts']) &&
    Object.values(entry['parts']).every(areAllTexts) &&
    isObject(log) &&
    isTime(log['dropped']) &&
    Array.isArray(log['records']) &&
    log['records'].every(isLogRecord)
  )
}

function isBasis(value: unknown): boolean {
  if (!isObject(value)) return false
  const { counters, owned, ledger } = value
  return (
    typeof owned === 'string' &&
    isObject(counters) &&
    Object.values(counters).every((counter) => typeof counter === 'number') &&
    (ledger === undefined ||
      (isObject(ledger) &&
        typeof ledger['stamp'] === 'string' &&
        isObject(ledger['shapes']) &&
        Object.values(ledger['shapes']).every((shape) => shape === 'list' || shape === 'object')))
  )
}

const LOG_SOURCES: ReadonlySet<unknown> = new Set<LogSource>(['log', 'console', 'warning', 'exec', 'stdout', 'stderr'])

function isLogRecord(value: unknown): boolean {
  if (!isObject(value)) return false
  const { level, time, message, source, fields, shard } = value
  return (
    (level === 'debug' || level === 'info' || level === 'warn' || level === 'error') &&
    isTime(time) &&
    typeof message === 'string' &&
    (source === undefined || LOG_SOURCES.has(source)) &&
    (fields === undefined || isObject(fields)) &&
    (shard === undefined || typeof shard === 'string')
  )
}

function isObject(value: unknown): value is Fields {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

function areTexts(value: Fields, names: readonly string[]): boolean {
  return names.every((name) => typeof value[name] === 'string')
}

function areAllTexts(value: unknown): boolean {
  return isObject(value) && Object.values(value).every((text) => typeof text === 'string')
}

/** One that a Date can hold. */
function isTime(value: unknown): value is number {
  return typeof value === 'number' && value >= 0 && value <= 8.64e15
}
