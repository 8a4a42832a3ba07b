// Texts come in, a store key or a prefix goes out. Injective: two different lists of texts never give the same key.
// It must not know any adapter; what a key is on disk or in a bucket is theirs.

import { digestBytes } from '../util/digest.js'
import type { StoreKey } from './object-store.js'

const maxBytes = 200
/** Stand for what plain encoding cannot say. `%` is never followed by a small letter otherwise, so no text encodes to them. */
const emptyPart = '%empty'
const digestMark = '%sha256-'

/**
 * Builds a key from texts, one component each: percent-encoded UTF-8 (all but A–Z a–z 0–9 - _ . ~), only dots escaped, the empty text as `%empty`,
 * over 200 bytes as its start, `%sha256-` and the SHA-256 of the whole. Lone surrogates are kept apart from each other. At least one part.
 */
export function storeKey(...parts: readonly string[]): StoreKey {
  if (parts.length === 0) throw new Error('Internal error: a store key needs at least one part')
  return parts.map(encodePart).join('/') as StoreKey
}

/** What all keys below these parts start with: `a/b/`; without parts the empty prefix of everything. `storePrefix('a')` is no prefix of `storeKey('ab')`, nor of `storeKey('a')`. */
export function storePrefix(...parts: readonly string[]): string {
  return parts.map((part) => `${encodePart(part)}/`).join('')
}

/** Whether a text is made as {@link storeKey} makes it: what an adapter checks before it turns a key into a path. */
export function isStoreKey(text: string): text is StoreKey {
  return text.split('/').every((component) => /^[A-Za-z0-9\-_.~%]{1,200}$/.test(component) && !/^\.+$/.test(component))
}

function encodePart(part: string): string {
  if (part === '') return emptyPart
  if (/^[A-Za-z0-9\-_~][A-Za-z0-9\-_.~]*$/.test(part) && part.length <= maxBytes) return part
  const encoded = /^\.+$/.test(part) ? part.replaceAll('.', '%2E') : Array.from(part, encodeCharacter).join('')
  if (encoded.length <= maxBytes) return encoded
  const start = encoded.slice(0, maxBytes - digestMark.length - 64).replace(/%[0-9A-F]?$/, '')
  return `${start}${digestMark}${digestBytes(encoded)}`
}

function encodeCharacter(character: string): string {
  if (/[A-Za-z0-9\-_.~]/.test(character)) return character
  const unit = character.charCodeAt(0)
  // Buffer would turn every lone surrogate into the same replacement character: write its three bytes ourselves.
  const bytes =
    character.length === 1 && unit >= 0xd800 && unit <= 0xdfff
      ? [0xe0 | (unit >> 12), 0x80 | ((unit >> 6) & 0x3f), 0x80 | (unit & 0x3f)]
      : [...Buffer.from(character, 'utf8')]
  return bytes.map((byte) => `%${byte.toString(16).toUpperCase().padStart(2, '0')}`).join('')
}
