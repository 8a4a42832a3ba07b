// JSON as Python's json module writes and reads it, in which 1.0 and 1 differ and whole numbers have any length. JavaScript's numbers cannot hold
// that, so the text of such a number is remembered beside the object that holds it. Values in, text out, and back.
import type { Json } from '../../event.js'
import { compareCodePoints } from '../../util/compare-text.js'
import type { JsonPath } from '../../util/json-path.js'
import { setKey } from '../document-fault.js'

interface Written {
  readonly numbers: Map<string, string>
  /** Set where the order is not that of the texts of the keys: keys that were numbers sort as numbers. */
  keys?: readonly string[]
}

/** How parts of an object or list were written, where JSON.stringify would write them otherwise. Says nothing about what they mean. */
const written = new WeakMap<object, Written>()

/** Remembers how the number at `key` of `container` is written. */
export function rememberNumber(container: object, key: string | number, text: string): void {
  of(container).numbers.set(String(key), text)
}

/** The text that is remembered for a number. */
export function numberText(container: object, key: string): string | undefined {
  return written.get(container)?.numbers.get(key)
}

/** Remembers the order of the keys of an object. */
export function rememberKeys(container: object, keys: readonly string[]): void {
  of(container).keys = keys
}

function of(container: object): Written {
  let known = written.get(container)
  if (known === undefined) written.set(container, (known = { numbers: new Map() }))
  return known
}

/** How Python writes a float: always with a point or an exponent. */
export function floatText(value: number): string {
  if (Object.is(value, -0)) return '-0.0'
  const [digits = '', power = '0'] = value.toExponential().split('e')
  const exponent = Number(power)
  if (exponent < -4 || exponent >= 16)
    return `${digits}e${exponent < 0 ? '-' : '+'}${String(Math.abs(exponent)).padStart(2, '0')}`
  const plain =
    exponent < 0 ? value.toFixed(Math.max(0, digits.replace(/[-.]/g, '').length - 1 - exponent)) : String(value)
  return plain.includes('.') ? plain : `${plain}.0`
}

/** A copy with its keys in code point order at every depth, frozen; what is remembered of it is kept. Shared parts stay shared. */
export function sortedAndFrozen(value: Json): Json {
  return copyOf(value, Object.freeze, new Map())
}

/** The same, to be changed. */
export function editableCopy(value: Json): Json {
  return copyOf(value, (copy) => copy, new Map())
}

function copyOf(value: Json, finish: (copy: object) => object, seen: Map<object, Json>): Json {
  if (typeof value !== 'object' || value === null) return value
  const known = seen.get(value)
  if (known !== undefined) return known
  const copy: Json[] | Record<string, Json> = Array.isArray(value)
    ? value.map((item: Json) => copyOf(item, finish, seen))
    : {}
  if (!Array.isArray(copy)) {
    const object = value as Readonly<Record<string, Json>>
    for (const key of keysInOrder(object)) setKey(copy, key, copyOf(object[key] ?? null, finish, seen))
  }
  const kept = written.get(value)
  if (kept !== undefined) written.set(copy, kept)
  seen.set(value, copy)
  finish(copy)
  return copy
}

/** A copy of an object with further keys. */
export function withKeys(
  object: Readonly<Record<string, Json>>,
  more: Readonly<Record<string, Json>>,
): Record<string, Json> {
  const copy = { ...object, ...more }
  const kept = written.get(object)
  if (kept !== undefined)
    written.set(copy, { numbers: new Map([...kept.numbers].filter(([key]) => !Object.hasOwn(more, key))) })
  return copy
}

/** A copy with some of the keys. */
export function onlyKeys(object: Readonly<Record<string, Json>>, keys: readonly string[]): Record<string, Json> {
  const copy: Record<string, Json> = {}
  for (const key of keys) {
    setKey(copy, key, object[key] ?? null)
    const text = numberText(object, key)
    if (text !== undefined) rememberNumber(copy, key, text)
  }
  return copy
}

function keysInOrder(object: Readonly<Record<string, Json>>): readonly string[] {
  const keys = Object.keys(object)
  const kept = written.get(object)?.keys
  return kept?.length === keys.length ? kept : keys.sort(compareCodePoints)
}

/** The compact text: keys sorted by code point at every depth unless `sorted` is false, everything beyond ASCII escaped. */
export function exactJson(value: Json, sorted = true): string {
  if (typeof value === 'string') return quoted(value)
  if (typeof value !== 'object' || value === null) return JSON.stringify(value)
  const numbers = written.get(value)?.numbers
  const member = (key: string | number, item: Json): string =>
    (typeof item === 'number' ? numbers?.get(String(key)) : undefined) ?? exactJson(item, sorted)
  if (Array.isArray(value)) return `[${value.map((item: Json, index) => member(index, item)).join(',')}]`
  const object = value as Readonly<Record<string, Json>>
  const keys = sorted ? keysInOrder(object) : Object.keys(object)
  return `{${keys.map((key) => `${quoted(key)}:${member(key, object[key] ?? null)}`).join(',')}}`
}

function quoted(text: string): string {
  const plain = JSON.stringify(text)
  // Also DEL, which JSON.stringify leaves and Python escapes.
  return /[\u007f-\uffff]/.test(plain)
    ? plain.replace(/[\u007f-\uffff]/g, (unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, '0')}`)
    : plain
}

/** Begins a text that stands for a number until the whole is parsed; lengthened until the text that is read does not hold it. */
const MARK = '\u0001number'
const TOKENS = /"(?:[^"\\]|\\.)*"|-?\d+(?:\.\d+)?(?:[eE][-+]?\d+)?/g

/**
 * Reads JSON text; equal keys: the last one counts, as in Python.
 *
 * @throws SyntaxError of JSON.parse
 */
export function parseExactJson(text: string): Json {
  let mark = MARK
  while (text.includes(mark.slice(1))) mark += '+'
  const marked = text.replace(TOKENS, (token) => {
    return token.startsWith('"') || isPlain(token) ? token : JSON.stringify(mark + token)
  })
  if (marked === text) return JSON.parse(text) as Json
  // The marks must not make a text valid that is not.
  JSON.parse(text)
  return unmarked(JSON.parse(marked) as Json, mark)
}

function isPlain(token: string): boolean {
  return String(Number(token)) === token
}

/** Puts the numbers back, in place, and remembers how they are written. */
function unmarked(value: Json, mark: string): Json {
  if (typeof value === 'string') return value.startsWith(mark) ? Number(value.slice(mark.length)) : value
  if (typeof value !== 'object' || value === null) return value
  const container = value as Record<string, Json>
  for (const key of Object.keys(container)) {
    const item = container[key] ?? null
    if (typeof item === 'object') unmarked(item, mark)
    if (typeof item !== 'string' || !item.startsWith(mark)) continue
    const token = item.slice(mark.length)
    const number = Number(token)
    const text = /[.eE]/.test(token) ? floatText(number) : String(BigInt(token))
    if (text !== String(number)) rememberNumber(container, key, text)
    setKey(container, key, number === 0 ? 0 : number)
  }
  return value
}

/** A value as text for {@link parseKept}: with the keys as written, and the orders that differ from those of their texts. */
export function keptText(value: Json): string {
  const orders: [JsonPath, readonly string[]][] = []
  collectOrders(value, [], orders)
  return `[${JSON.stringify(orders)},${exactJson(value, false)}]`
}

export function parseKept(text: string): Json {
  const [orders, value] = parseExactJson(text) as unknown as [[JsonPath, readonly string[]][], Json]
  for (const [path, keys] of orders) {
    let inside: Json | undefined = value
    for (const part of path) {
      if (typeof inside !== 'object' || inside === null) break
      inside = (inside as Readonly<Record<string, Json>>)[part]
    }
    if (typeof inside === 'object' && inside !== null) rememberKeys(inside, keys)
  }
  return value
}

function collectOrders(value: Json, at: JsonPath, into: [JsonPath, readonly string[]][]): void {
  if (typeof value !== 'object' || value === null) return
  const keys = written.get(value)?.keys
  if (keys !== undefined) into.push([at, keys])
  for (const [key, item] of Object.entries<Json>(value))
    if (typeof item === 'object') collectOrders(item, [...at, key], into)
}
