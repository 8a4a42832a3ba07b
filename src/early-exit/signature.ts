// HMACs of what others might write too. In: a text that says all, and the keys by their ids. Out: a signature, or what is wrong with one.
import { createHmac, timingSafeEqual } from 'node:crypto'

/** HMAC keys by their ids; all of them are good for reading. */
export interface CacheKeys {
  /** The one that signs. */
  readonly signWith: string
  readonly byId: ReadonlyMap<string, string>
}

export interface Signature {
  readonly keyId: string
  /** Hex. */
  readonly hmac: string
}

export function sign(text: string, { signWith, byId }: CacheKeys): Signature {
  const secret = byId.get(signWith)
  if (secret === undefined) throw new Error(`Internal error: there is no key ${signWith}`)
  return { keyId: signWith, hmac: hmacOf(text, secret).toString('hex') }
}

/** The end of the sentence "it cannot be trusted: …"; undefined for a good one. */
export function signatureFault(text: string, signature: Signature | undefined, keys: CacheKeys): string | undefined {
  if (signature === undefined) return 'it is not signed'
  const secret = keys.byId.get(signature.keyId)
  if (secret === undefined) return 'it is signed with a key that is not known here'
  const given = Buffer.from(signature.hmac, 'hex')
  const expected = hmacOf(text, secret)
  return given.length === expected.length && timingSafeEqual(given, expected)
    ? undefined
    : 'its signature does not match'
}

function hmacOf(text: string, secret: string): Buffer {
  return createHmac('sha256', secret).update(text).digest()
}
