// The declared secrets of a target and their backend in, what can be read for a plan and for an apply out. Shows no value.
import { toError } from '../errors.js'
import type { SecretRef } from '../integration.js'
import type { SecretBackend } from '../secrets/secret-backend.js'
import { addressText } from '../secrets/secret-reference.js'
import type { Check } from './commands/doctor.js'

/** One line for each mode that has all it declares, else one for each secret that it misses. Only an apply misses what is for apply. */
export async function checkSecrets(declared: readonly SecretRef[], backend: SecretBackend): Promise<readonly Check[]> {
  if (declared.length === 0) return []
  try {
    backend.accept(declared.map(({ path }) => path))
  } catch (thrown) {
    return [{ result: 'fail', what: 'secrets', text: toError(thrown).message }]
  }
  const troubles = new Map<SecretRef, string | null>()
  for (const secret of declared) troubles.set(secret, await troubleWith(secret, backend))
  return (['plan', 'apply'] as const).flatMap((mode): Check[] => {
    const needed = declared.filter((secret) => secret.for === undefined || secret.for === mode)
    const missing = needed.filter((secret) => troubles.get(secret) !== null)
    if (needed.length === 0) return []
    const what = `${mode} secrets`
    if (missing.length === 0)
      return [{ result: 'ok', what, text: `${needed.map(addressText).join(', ')} (${backend.description})` }]
    return missing.map((secret) => ({
      result: secret.for === 'apply' ? 'warn' : 'fail',
      what,
      text: `${mode === 'plan' ? 'no run works' : 'no apply works'}: ${troubles.get(secret) ?? ''}`,
    }))
  })
}

async function troubleWith({ path, field, version }: SecretRef, backend: SecretBackend): Promise<string | null> {
  try {
    // Of a secret declared without a field any field may be read.
    const names = field === undefined ? await backend.fields(path) : undefined
    if (names === undefined || names.length === 0) await backend.read(path, field, version)
    return null
  } catch (thrown) {
    return toError(thrown).message
  }
}
