// ULIDs (https://github.com/ulid/spec): 48 bits of time and 80 of randomness in Crockford's base 32; they sort by time.
// Not the ulid package: it asks for WebCrypto, which costs more than all else in a skip.
import { randomBytes } from 'node:crypto'

const ALPHABET = '0123456789ABCDEFGHJKMNPQRSTVWXYZ'

/** @param now UTC ms */
export function newUlid(now: number, random: (bytes: number) => Uint8Array = randomBytes): string {
  let time = ''
  for (let rest = now, digit = 0; digit < 10; digit += 1) {
    time = (ALPHABET[rest % 32] ?? '') + time
    rest = Math.floor(rest / 32)
  }
  let chance = ''
  // 256 is a multiple of 32, so every letter is equally likely.
  for (const byte of random(16)) chance += ALPHABET[byte % 32] ?? ''
  return time + chance
}
