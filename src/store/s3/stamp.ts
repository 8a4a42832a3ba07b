// What the S3 store writes beside a value, and how it finds it again: one metadata header, and a tail that makes the bytes of every write differ.
// Pure. It must not take an object for the store's own that is not whole.
//
//   body    value, then 64 spaces and tabs made from the write id        ETags are made from the bytes: no two writes have the same one,
//                                                                        and a JSON value is still JSON for jq
//   header  x-amz-meta-trueup: ASCII JSON of a Stamp
import { createHash } from 'node:crypto'
import { digestBytes } from '../../util/digest.js'

/** Kept in the object's metadata. */
export interface Stamp {
  /** `<put>.<attempt>`: whose write it is. */
  readonly write: string
  /** Of the value, without the tail; bytes. */
  readonly size: number
  /** Of the value, hex. */
  readonly sha256: string
  /** What the write took the place of: `''` nothing, a write id, or null where it did not look. */
  readonly before: string | null
  readonly metadata: Readonly<Record<string, string>>
}

/** Bytes. S3 takes 2 KB of metadata in all; with the stamp's own fields this stays below. */
export const LARGEST_METADATA = 1_500
const TAIL = 64

export interface Stamped {
  readonly body: Uint8Array
  readonly header: string
  readonly stamp: Stamp
}

export function stampValue(
  value: Uint8Array,
  facts: Pick<Stamp, 'write' | 'before'> & { readonly metadata: Stamp['metadata']; readonly sha256: string },
): Stamped {
  const { write, before, metadata, sha256 } = facts
  const stamp: Stamp = { write, size: value.byteLength, sha256, before, metadata }
  const body = new Uint8Array(value.byteLength + TAIL)
  body.set(value)
  body.set(tailOf(write), value.byteLength)
  return { body, header: asciiJson(stamp), stamp }
}

/** Length of the body of a value. */
export function lengthOf(size: number): number {
  return size + TAIL
}

/** Undefined for an object that this store did not write. */
export function readStamp(header: string | undefined): Stamp | undefined {
  if (header === undefined) return undefined
  try {
    const parsed: unknown = JSON.parse(header)
    return isStamp(parsed) ? parsed : undefined
  } catch {
    return undefined
  }
}

/** The value in a body, a copy of its own; undefined when the body is not the one the stamp was written with. */
export function valueOf(body: Uint8Array, stamp: Stamp): Uint8Array | undefined {
  if (body.byteLength !== stamp.size + TAIL) return undefined
  const value = new Uint8Array(body.subarray(0, stamp.size))
  return digestBytes(value) === stamp.sha256 ? value : undefined
}

/** Whether a body of that length can be whole. */
export function isWholeLength(length: number, stamp: Stamp): boolean {
  return length === stamp.size + TAIL
}

/** Of a write id: the put it is an attempt of. */
export function putOf(write: string): string {
  return write.replace(/\.\d+$/, '')
}

export function metadataSize(metadata: Stamp['metadata']): number {
  return asciiJson(metadata).length
}

function tailOf(write: string): Uint8Array {
  const bits = createHash('sha256').update(write).digest()
  const tail = new Uint8Array(TAIL)
  for (let at = 0; at < TAIL; at += 1) tail[at] = (((bits[at >> 3] ?? 0) >> (at & 7)) & 1) === 1 ? 0x20 : 0x09
  return tail
}

/** Headers hold ASCII, and a signature counts runs of spaces as one. */
function asciiJson(value: unknown): string {
  const escaped = (unit: string): string => `\\u${unit.charCodeAt(0).toString(16).padStart(4, '0')}`
  return JSON.stringify(value).replace(/[^\x21-\x7e]/g, escaped)
}

function isStamp(value: unknown): value is Stamp {
  if (typeof value !== 'object' || value === null) return false
  const { write, size, sha256, before, metadata } = value as Partial<Record<keyof Stamp, unknown>>
  return (
    typeof write === 'string' &&
    Number.isSafeInteger(size) &&
    (size as number) >= 0 &&
    typeof sha256 === 'string' &&
    (before === null || typeof before === 'string') &&
    typeof metadata === 'object' &&
    metadata !== null &&
    Object.values(metadata).every((text) => typeof text === 'string')
  )
}
