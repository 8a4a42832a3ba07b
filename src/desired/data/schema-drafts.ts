// A schema as its draft means it in, one that ajv reads the same way out. Pure but for reading ajv's own copy of the draft 6 metaschema.
import type { Json } from '../../event.js'
import { isRecord } from '../../util/is-record.js'

/** Of JSON Schema. */
export type Draft = '6' | '7' | '2020'

type Schema = Readonly<Record<string, Json>>

const MAPS = ['properties', 'patternProperties', 'definitions', 'dependencies']
const LISTS = ['allOf', 'anyOf', 'oneOf']
const SINGLE = [
  'items',
  'additionalItems',
  'additionalProperties',
  'contains',
  'not',
  'propertyNames',
  'if',
  'then',
  'else',
]
/** Keywords of other drafts and of OpenAPI that ajv would follow, or stop at. */
const LATER = ['if', 'then', 'else', 'nullable', 'discriminator', 'id', '$async', '$anchor', '$defs']

/** Before draft 2019-09 nothing beside `$ref` counts, and draft 6 knows fewer keywords than ajv. */
export function preparedSchema(schema: Schema, draft: Draft): Schema {
  const { $schema: _, ...rest } = schema
  return draft === '2020' ? rest : prepared(rest, draft)
}

function prepared(schema: Json, draft: Draft): Schema
function prepared(schema: Json, draft: Draft): Json {
  if (!isRecord(schema)) return schema
  const object = schema as Schema
  if (typeof object['$ref'] === 'string') return { $ref: object['$ref'] }
  const entries = Object.entries(object).filter(([key]) => draft === '7' || !LATER.includes(key))
  return Object.fromEntries(entries.map(([key, value]) => [key, inside(key, value, draft)]))
}

function inside(key: string, value: Json, draft: Draft): Json {
  if (MAPS.includes(key) && isRecord(value))
    return Object.fromEntries(
      Object.entries(value as Schema).map(([name, inner]) => [
        name,
        isRecord(inner) ? prepared(inner as Schema, draft) : inner,
      ]),
    )
  if (Array.isArray(value) && (LISTS.includes(key) || key === 'items'))
    return (value as readonly Json[]).map((inner) => prepared(inner, draft))
  return SINGLE.includes(key) ? prepared(value, draft) : value
}

/** ajv carries it, as a file beside its code. */
export function draft6Schema(require: (name: string) => unknown): Schema {
  return require('ajv/dist/refs/json-schema-draft-06.json') as Schema
}
