// The text of one `--param name=value` and what the schema says of the parameter in, the value out. Pure.
import type { Json } from '../event.js'
import { isRecord } from '../util/is-record.js'

/** What a flag's text is read as. `any`: the schema takes more than one kind, or says nothing that JSON can say. */
export type ParamType = 'string' | 'number' | 'integer' | 'boolean' | 'array' | 'object' | 'null' | 'any'

export interface ParamDescription {
  readonly name: string
  readonly type: ParamType
  readonly required: boolean
  readonly default?: Json
  readonly description?: string
  readonly enum?: readonly Json[]
  /** Of an array: what its items are. */
  readonly items?: ParamType
}

export type Coerced =
  { readonly kind: 'value'; readonly value: unknown } | { readonly kind: 'wrong'; readonly expected: string }

/** A flag's text as what its parameter is; a text that cannot be that is told by what it should be. */
export function coerceText(text: string, description: ParamDescription | undefined): Coerced {
  const type = description?.type ?? 'any'
  switch (type) {
    case 'string':
      return { kind: 'value', value: text }
    case 'any':
      return { kind: 'value', value: text }
    case 'number':
      return isNumber(text) ? { kind: 'value', value: Number(text) } : { kind: 'wrong', expected: 'a number' }
    case 'integer':
      return isNumber(text) && Number.isInteger(Number(text))
        ? { kind: 'value', value: Number(text) }
        : { kind: 'wrong', expected: 'a whole number' }
    case 'boolean':
      return text === 'true' || text === 'false'
        ? { kind: 'value', value: text === 'true' }
        : { kind: 'wrong', expected: 'true or false' }
    case 'null':
      return text === 'null' ? { kind: 'value', value: null } : { kind: 'wrong', expected: 'null' }
    case 'array':
      return coerceList(text, description?.items ?? 'any')
    case 'object': {
      const value = parseJson(text)
      return isRecord(value)
        ? { kind: 'value', value }
        : { kind: 'wrong', expected: 'a JSON object such as {"key":"value"}' }
    }
  }
}

/** JSON, or items with commas between them where the items are plain. */
function coerceList(text: string, items: ParamType): Coerced {
  const value = parseJson(text)
  if (Array.isArray(value)) return { kind: 'value', value }
  const isPlain = ['string', 'number', 'integer', 'boolean'].includes(items)
  const expected = isPlain ? 'a JSON list, or values with commas between them' : 'a JSON list'
  if (!isPlain || text.trimStart().startsWith('[')) return { kind: 'wrong', expected }
  if (text === '') return { kind: 'value', value: [] }
  const parts = text.split(',').map((part) => coerceText(part.trim(), { name: '', type: items, required: true }))
  return parts.every((part) => part.kind === 'value')
    ? { kind: 'value', value: parts.map(({ value: each }) => each) }
    : { kind: 'wrong', expected }
}

function isNumber(text: string): boolean {
  return /^[+-]?(?:\d+\.?\d*|\.\d+)(?:e[+-]?\d+)?$/i.test(text.trim())
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text) as unknown
  } catch {
    return undefined
  }
}
