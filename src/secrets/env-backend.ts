// Secrets from environment variables: TRUEUP_SECRET_<PATH> holds a text, or a JSON object of fields.
// Values never appear in messages; only paths and field names do.
import { TrueupError } from '../errors.js'
import type { SecretBackend } from './secret-backend.js'
import { fieldValue, parseFields } from './secret-fields.js'

/** `dns/api` → `TRUEUP_SECRET_DNS_API`: upper case, any other character becomes `_`. */
export function secretVariable(path: string): string {
  return `TRUEUP_SECRET_${path.toUpperCase().replace(/[^A-Z0-9]/g, '_')}`
}

export function createEnvBackend(environment: Readonly<Record<string, string | undefined>>): SecretBackend {
  const textOf = (path: string): string => {
    const variable = secretVariable(path)
    const text = environment[variable]
    if (text !== undefined && text !== '') return text
    throw new TrueupError('secret-missing', `the secret ${path} is not set: set ${variable} (environment)`, {
      details: { path, variable },
    })
  }
  return {
    description: 'environment',
    async read(path, field) {
      const text = textOf(path)
      if (field === undefined) return { value: text }
      const place = `environment, ${secretVariable(path)}`
      return { value: fieldValue(parseFields(text), { path, field, place }) }
    },
    versionOf: () => Promise.resolve(undefined),
    async fields(path) {
      const fields = parseFields(textOf(path))
      return fields === undefined ? undefined : Object.keys(fields).sort()
    },
    accept(paths) {
      const byVariable = new Map<string, string>()
      for (const path of paths) {
        const variable = secretVariable(path)
        const other = byVariable.get(variable) ?? path
        if (other !== path)
          throw new TrueupError(
            'usage',
            `the secrets ${other} and ${path} would both be read from ${variable}: rename one of them`,
            { details: { paths: [other, path], variable } },
          )
        byVariable.set(variable, path)
      }
    },
  }
}
