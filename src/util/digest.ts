// A JSON value or bytes come in, a SHA-256 goes out. Pure: no clock, no log.
import { createHash, hash, type Hash } from 'node:crypto'
import { writeCanonical } from './canonical-json.js'

export { InvalidJsonValue } from './canonical-json.js'

/** Lower-case hex of a SHA-256 (64 digits); the same type as the `Digest` of event.ts. */
type Digest = string & { readonly __brand: 'Digest' }

/**
 * SHA-256 over the canonical JSON of a value. Object keys are sorted; array order, multiplicity, type and null-or-absent all count.
 * Uses little memory beside the value, whatever its size.
 * @throws InvalidJsonValue where JSON would bend the value; its `path` says where.
 */
export function digestOf(value: unknown): Digest {
  // Mostly there is one piece, and no object is needed to take more.
  let first: string | undefined
  let many: Hash | undefined
  writeCanonical(value, (piece) => {
    if (first === undefined) first = piece
    else many = (many ?? createHash('sha256').update(first)).update(piece)
  })
  return (many?.digest('hex') ?? hash('sha256', first ?? '', 'hex')) as Digest
}

/** The canonical JSON text itself: for keys and small documents. @throws InvalidJsonValue as {@link digestOf}. */
export function canonicalText(value: unknown): string {
  let text = ''
  writeCanonical(value, (piece) => {
    text += piece
  })
  return text
}

/** SHA-256 of bytes; of a text, of its UTF-8. */
export function digestBytes(content: Uint8Array | string): Digest {
  return hash('sha256', content, 'hex') as Digest
}
