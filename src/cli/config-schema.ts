// The JSON Schema of trueup.yaml for editors, made from the shape that the checker reads. Data out; writes no file.
import type { Json } from '../event.js'
import type { Shape } from './config-shape.js'
import { AMOUNT_PATTERN, configShape, DURATION_PATTERN } from './config-shape.js'

/** JSON Schema, draft 2020-12. */
export function configSchema(): { readonly [key: string]: Json } {
  return { $schema: 'https://json-schema.org/draft/2020-12/schema', title: 'trueup.yaml', ...schemaOf(configShape()) }
}

function schemaOf(shape: Shape): { readonly [key: string]: Json } {
  const { description } = shape
  switch (shape.kind) {
    case 'text':
      if (shape.choices !== undefined) return { description, type: 'string', enum: shape.choices }
      return { description, type: 'string', pattern: shape.pattern ?? '\\S' }
    case 'count':
      return shape.min === shape.max
        ? { description, const: shape.min }
        : { description, type: 'integer', minimum: shape.min, maximum: shape.max }
    case 'boolean':
      return { description, type: 'boolean' }
    case 'amount':
      return {
        description,
        anyOf: [
          { type: 'integer', minimum: 0 },
          { type: 'string', pattern: AMOUNT_PATTERN },
        ],
      }
    case 'duration':
      return {
        description,
        anyOf: [
          { type: 'integer', minimum: 1 },
          { type: 'string', pattern: DURATION_PATTERN },
        ],
      }
    case 'list':
      return { description, type: 'array', items: schemaOf(shape.of) }
    case 'map':
      // A key with nothing behind it is null to YAML and an empty mapping to trueup.
      return {
        description,
        type: ['object', 'null'],
        additionalProperties: schemaOf(shape.of),
        ...(shape.keys === undefined ? {} : { propertyNames: { pattern: shape.keys.pattern } }),
      }
    case 'object':
      return {
        description,
        type: shape.required === undefined ? ['object', 'null'] : 'object',
        additionalProperties: false,
        properties: Object.fromEntries(Object.entries(shape.keys).map(([key, inner]) => [key, schemaOf(inner)])),
        ...(shape.required === undefined ? {} : { required: shape.required }),
        ...(shape.exactlyOne === undefined ? {} : { oneOf: shape.exactlyOne.map((key) => ({ required: [key] })) }),
        ...(shape.depends === undefined ? {} : dependencyOf(shape.depends)),
      }
    case 'text-or-object':
      return { description, anyOf: [schemaOf(shape.text), schemaOf(shape.object)] }
    case 'json':
      return { description }
  }
}

function dependencyOf({ key, on, is }: { readonly key: string; readonly on: string; readonly is: string }): {
  readonly [key: string]: Json
} {
  return {
    if: { properties: { [on]: { const: is } }, required: [on] },
    then: { required: [key] },
    else: { properties: { [key]: false } },
  }
}
