// The text of a secret and the name of a field come in, the field's text goes out: what all backends that keep JSON share.
import { TrueupError } from '../errors.js'

export type SecretFields = Readonly<Record<string, unknown>>

/** The fields of a text that is a JSON object; undefined for any other text. */
export function parseFields(text: string): SecretFields | undefined {
  try {
    const value: unknown = JSON.parse(text)
    return typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as SecretFields) : undefined
  } catch {
    return undefined
  }
}

/** What was looked for; `place` says where, for messages: `environment, TRUEUP_SECRET_DNS_API`. */
export interface FieldQuestion {
  readonly path: string
  readonly field: string
  readonly place: string
}

/** @throws secret-missing, with the fields that exist, unless there is such a field and it is a text */
export function fieldValue(fields: SecretFields | undefined, question: FieldQuestion): string {
  const { path, field, place } = question
  const value = fields !== undefined && Object.hasOwn(fields, field) ? fields[field] : undefined
  if (typeof value === 'string' && value !== '') return value
  const found = fields === undefined ? [] : Object.keys(fields).sort()
  throw new TrueupError('secret-missing', `the secret ${path} ${whyNot(fields, value, field)}. (${place})`, {
    details: { path, field, fields: found },
  })
}

function whyNot(fields: SecretFields | undefined, value: unknown, field: string): string {
  if (value === '') return `has an empty field "${field}"`
  if (value !== undefined)
    return `has a field "${field}" that is ${value === null ? 'null' : `a ${typeof value}`}: make it a text`
  const names = Object.keys(fields ?? {}).sort()
  const has =
    fields === undefined
      ? 'it is a single text; make it a JSON object of fields'
      : names.length === 0
        ? 'it has none'
        : `it has: ${names.join(', ')}`
  return `has no field "${field}"; ${has}`
}
