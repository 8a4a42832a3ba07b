// What the scalars and keys of a YAML file mean: YAML 1.2 core, strictly, and YAML 1.1 as PyYAML reads it. Pure; knows no parser.
import { checkWholeNumber, DocumentFault, duplicateKey, lineAndColumn } from '../document-fault.js'
import { floatText } from './exact-json.js'

/** A scalar as written. */
export interface Scalar {
  /** Without quotes, escapes resolved. */
  readonly source: string
  /** Not quoted, no block. */
  readonly plain: boolean
  /** As written (`!!str`), empty for none. */
  readonly tag: string
  readonly offset: number
  readonly role: 'key' | 'value'
}

export interface ScalarValue {
  readonly value: string | number | boolean | null
  /** Of a number: its text where JSON.stringify would write another. */
  readonly text?: string | undefined
}

export interface Dialect {
  /** The versions that a %YAML line may name, its own first. */
  readonly versions: readonly string[]
  /** `<<` merges. */
  readonly merges: boolean
  /** A key may be an alias of a scalar. */
  readonly aliasKeys: boolean
  scalar(scalar: Scalar): ScalarValue
  isCollectionTag(tag: string, kind: 'list' | 'map'): boolean
  /** The items of such a list are mappings of one key, which are read as a list of that key and its value. */
  isPairsTag(tag: string): boolean
  /** The key as JSON has it. */
  keyText(key: ScalarValue, offset: number): string
  /** The keys in the order in which they are written to JSON, where that is not the order of their texts. */
  keyOrder(keys: readonly (ScalarValue & { readonly offset: number })[]): readonly string[] | undefined
  /** Told that a mapping has a key twice. */
  repeated(key: { readonly name: string; readonly offset: number; readonly first: number; readonly text: string }): void
}

const CORE_NULL = /^(?:~|null|Null|NULL|)$/
const CORE_TRUE = /^(?:true|True|TRUE)$/
const CORE_FALSE = /^(?:false|False|FALSE)$/
const CORE_INT = /^(?:[-+]?\d+|0o[0-7]+|0x[\da-fA-F]+)$/
const CORE_FLOAT = /^[-+]?(?:\.\d+|\d+(?:\.\d*)?)(?:[eE][-+]?\d+)?$/
const NOT_FINITE = /^(?:[-+]?\.(?:inf|Inf|INF)|\.(?:nan|NaN|NAN))$/

/** YAML 1.2, core schema: duplicate keys, merges, tags, keys that are no texts and numbers that JSON cannot hold are refused. */
export const CORE: Dialect = {
  versions: ['1.2'],
  merges: false,
  aliasKeys: false,
  isCollectionTag: () => false,
  isPairsTag: () => false,
  scalar({ source, plain, tag, offset, role }) {
    if (tag !== '') throw unknownTag(tag, offset)
    if (!plain) return { value: source }
    if (role === 'key') {
      if (source === '<<')
        throw new DocumentFault(
          offset,
          'merge keys (<<) are not part of YAML 1.2: write the keys out, or give the whole value by an alias',
        )
      const value = coreValue(source, offset)
      if (typeof value === 'string' || String(value) === source) return { value: source }
      throw new DocumentFault(
        offset,
        `the key ${source === '' ? 'is empty' : `${source} is not a text`}: write it in quotes`,
      )
    }
    return { value: coreValue(source, offset) }
  },
  keyText: ({ value }) => String(value),
  keyOrder: () => undefined,
  repeated({ name, offset, first, text }) {
    throw duplicateKey(name, offset, `line ${lineAndColumn(text, first).line}`)
  },
}

function coreValue(source: string, offset: number): ScalarValue['value'] {
  if (CORE_NULL.test(source)) return null
  if (CORE_TRUE.test(source)) return true
  if (CORE_FALSE.test(source)) return false
  if (NOT_FINITE.test(source)) throw notFinite(source, offset)
  if (!CORE_INT.test(source) && !CORE_FLOAT.test(source)) return source
  const value = Number(source.replace(/^\+/, ''))
  checkWholeNumber(value, source, offset)
  return value === 0 ? 0 : value
}

const BOOLEAN = /^(?:yes|Yes|YES|no|No|NO|true|True|TRUE|false|False|FALSE|on|On|ON|off|Off|OFF)$/
const TRUE = /^(?:yes|true|on)$/i
const INT = /^[-+]?(?:0b[01_]+|0[0-7_]+|0|[1-9][\d_]*|0x[\da-fA-F_]+|[1-9][\d_]*(?::[0-5]?\d)+)$/
const FLOAT =
  /^(?:[-+]?\d[\d_]*\.[\d_]*(?:[eE][-+]\d+)?|\.\d[\d_]*(?:[eE][-+]\d+)?|[-+]?\d[\d_]*(?::[0-5]?\d)+\.[\d_]*)$/
const DATE =
  /^(?:\d{4}-\d\d-\d\d|\d{4}-\d\d?-\d\d?(?:[Tt]|[ \t]+)\d\d?:\d\d:\d\d(?:\.\d*)?(?:[ \t]*(?:Z|[-+]\d\d?(?::\d\d)?))?)$/
const TAG = /^(?:!!|!<tag:yaml\.org,2002:)(str|int|float|bool|null|seq|map)>?$/

/** YAML 1.1 as PyYAML's safe loader reads it, with what json.dumps then makes of keys and numbers. What makes those fail is refused with its reason. */
export const PYYAML: Dialect = {
  versions: ['1.1', '1.2', '1.0'],
  merges: true,
  aliasKeys: true,
  isCollectionTag: (tag, kind) => tag === '!' || TAG.exec(tag)?.[1] === (kind === 'list' ? 'seq' : 'map'),
  isPairsTag: (tag) => /^(?:!!|!<tag:yaml\.org,2002:)(?:omap|pairs)>?$/.test(tag),
  scalar({ source, plain, tag, offset, role }) {
    if (tag === '' && !plain) return { value: source }
    if (tag === '' || tag === '!') return pyValue(source, offset, role)
    switch (TAG.exec(tag)?.[1]) {
      case 'str':
        return { value: source }
      case 'null':
        return { value: null }
      case 'bool':
        if (BOOLEAN.test(source)) return { value: TRUE.test(source) }
        break
      case 'int':
        if (INT.test(source)) return integer(source, offset)
        break
      case 'float':
        if (FLOAT.test(source) || INT.test(source)) return float(source, offset)
        break
      case undefined:
        break
    }
    throw unknownTag(tag, offset)
  },
  keyText({ value, text }) {
    return text ?? String(value)
  },
  keyOrder(keys) {
    const kinds = new Set(
      keys.map(({ value }) => (typeof value === 'string' ? 'text' : value === null ? 'null' : 'number')),
    )
    const other = keys.find(({ value }) => typeof value !== 'string')
    if (other === undefined) return undefined
    if (kinds.size > 1)
      throw new DocumentFault(
        other.offset,
        'keys that are texts and keys that are not are mixed here: write them in quotes',
      )
    const names = new Map(keys.map((key) => [PYYAML.keyText(key, key.offset), Number(key.value)]))
    return [...names].sort(([, one], [, next]) => one - next).map(([name]) => name)
  },
  repeated: () => undefined,
}

function pyValue(source: string, offset: number, role: 'key' | 'value'): ScalarValue {
  if (CORE_NULL.test(source)) return { value: null }
  if (BOOLEAN.test(source)) return { value: TRUE.test(source) }
  if (INT.test(source)) return integer(source, offset)
  if (FLOAT.test(source)) return float(source, offset)
  if (NOT_FINITE.test(source)) throw notFinite(source, offset)
  if (DATE.test(source))
    throw new DocumentFault(offset, `${source} reads as a date, which JSON cannot hold: write it in quotes`)
  if (role === 'value' && (source === '=' || source === '<<'))
    throw new DocumentFault(offset, `a plain ${source} is no value in YAML 1.1: write it in quotes`)
  return { value: source }
}

function integer(source: string, offset: number): ScalarValue {
  const plain = source.replaceAll('_', '')
  const isNegative = plain.startsWith('-')
  const digits = plain.replace(/^[-+]/, '')
  let whole: bigint
  try {
    if (digits.includes(':')) whole = digits.split(':').reduce((sum, part) => sum * 60n + BigInt(part), 0n)
    else if (/^0[bx]/.test(digits) || digits === '0') whole = BigInt(digits)
    else whole = BigInt(digits.startsWith('0') ? `0o${digits.slice(1)}` : digits)
  } catch {
    throw new DocumentFault(offset, `${source} is no whole number: write it in quotes`)
  }
  if (isNegative) whole = -whole
  const value = Number(whole)
  if (!Number.isFinite(value)) throw notFinite(source, offset)
  return String(whole) === String(value) ? { value } : { value, text: String(whole) }
}

function float(source: string, offset: number): ScalarValue {
  const plain = source.replaceAll('_', '').toLowerCase()
  const sign = plain.startsWith('-') ? -1 : 1
  const parts = plain.replace(/^[-+]/, '').split(':')
  const value = sign * parts.reduce((sum, part) => sum * 60 + Number(part), 0)
  if (!Number.isFinite(value)) throw notFinite(source, offset)
  const text = floatText(value)
  return { value: value === 0 ? 0 : value, text: text === String(value) ? undefined : text }
}

function unknownTag(tag: string, offset: number): DocumentFault {
  return new DocumentFault(offset, `the tag ${tag} is not read: leave it out, and write the value as plain data`)
}

function notFinite(source: string, offset: number): DocumentFault {
  return new DocumentFault(offset, `${source} is too large, or no number: JSON cannot hold it`)
}
