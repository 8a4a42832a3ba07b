// A password comes in, what PostgreSQL stores of it goes out, and a keyed digest that shows a change of it. Nothing here logs or keeps it.
import { createHash, createHmac, pbkdf2, randomBytes } from 'node:crypto'
import { promisify } from 'node:util'
import { TrueupError } from 'trueup'
import { saslPrepare } from './sasl-prepare.js'

const derive = promisify(pbkdf2)
/** PostgreSQL's own number. */
const ITERATIONS = 4096

/**
 * `SCRAM-SHA-256$4096:<salt>$<stored key>:<server key>`: sent in place of the password, so that no log of the server can hold it. Equal to
 * what the server would make of the password and this salt.
 *
 * @throws TrueupError `apply-failed` for what no client can send (an empty password, one with a NUL character or half of a surrogate pair),
 * and for what clients prepare in different ways
 */
export async function scramVerifier(password: string, salt: Uint8Array = randomBytes(16)): Promise<string> {
  if (password === '' || /[\0\p{Surrogate}]/u.test(password)) {
    throw new TrueupError(
      'apply-failed',
      'the password is empty, or holds a NUL character or half of a character, which no client can send; choose another',
    )
  }
  const salted = await derive(await saslPrepare(password), salt, ITERATIONS, 32, 'sha256')
  const sign = (text: string): Buffer => createHmac('sha256', salted).update(text).digest()
  const storedKey = createHash('sha256').update(sign('Client Key')).digest('base64')
  const serverKey = sign('Server Key').toString('base64')
  return `SCRAM-SHA-256$${String(ITERATIONS)}:${Buffer.from(salt).toString('base64')}$${storedKey}:${serverKey}`
}

/** As the catalogue query computes it of what the server keeps. The random salt in a verifier makes it tell nothing. */
export function storedDigest(verifier: string): string {
  return createHash('sha256').update(verifier).digest('hex').slice(0, 32)
}

/** Equal for equal passwords of a role. Without the key, nothing can be tried against it. */
export function keyedDigest(password: string, { key, role }: { readonly key: string; readonly role: string }): string {
  return createHmac('sha256', key)
    .update(JSON.stringify(['postgres-access password', role, password]))
    .digest('hex')
    .slice(0, 32)
}
