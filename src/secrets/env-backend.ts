// Secrets from environment variables: TRUEUP_SECRET_<PATH> holds a text, or a JSON object of fields.
// Values never appear in messages; only paths and field names do.
import { TrueupError } from '../errors.js'
import type { SecretBackend } from './secret-backend.js'

/** `dns/api` → `TRUEUP_SECRET_DNS_API`: upper case, any other character becomes `_`. */
export function secretVariable(path: string): string {
  return `TRUEUP_SECRET_${path.toUpperCase().replace(/[^A-Z0-9]/g, '_')}`
}

export function createEnvBackend(environment: Readonly<Record<string, string | undefined>>): SecretBackend {
  return {
    description: 'environment',
    read(path, field) {
      const variable = secretVariable(path)
      const text = environment[variable]
      if (text === undefined || text === '') {
        return Promise.reject(new TrueupError('secret-missing', `the secret ${path} is not set: set ${variable} (environment)`, { details: { path, variable } }))
      }
      if (field === undefined) return Promise.resolve({ value: text })
      const fields = fieldsOf(text)
      const value = fields?.[field]
      if (typeof value === 'string') return Promise.resolve({ value })
      const has = fields === undefined ? 'it is a single text; make it a JSON object of fields' : `it has: ${Object.keys(fields).sort().join(', ')}`
      return Promise.reject(new TrueupError('secret-missing', `the secret ${path} has no field "${field}"; ${has}. (environment, ${variable})`, { details: { path, field, variable } }))
    },
  }
}

function fieldsOf(text: string): Readonly<Record<string, unknown>> | undefined {
  try {
    const value: unknown = JSON.parse(text)
    return typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as Record<string, unknown>) : undefined
  } catch {
    return undefined
  }
}
