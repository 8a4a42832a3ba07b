// A value comes in, pieces of its canonical JSON text go out: object keys sorted by code unit, array order kept, no spaces.
// For valid JSON the text is the one of fast-json-stable-stringify. What JSON would bend is refused with its path.
// Must not: hold the whole text, change the value, or call anything of it (toJSON, getters).
import { formatPath } from './json-path.js'

/** A value that JSON would bend or drop. `path` is like `[3].value` (empty for the value itself), `found` says what is there. */
export class InvalidJsonValue extends Error {
  readonly path: string
  readonly found: string

  constructor(path: string, found: string) {
    super(`${path === '' ? 'the value' : path} is ${found}, which JSON cannot hold`)
    this.name = 'InvalidJsonValue'
    this.path = path
    this.found = found
  }
}

/** Deeper nesting is refused. Every cycle ends here, so that no set of visited objects is needed. */
const maxDepth = 1000

/** A piece is handed on once it is this long (UTF-16 units); only a single longer string makes a longer piece. */
const pieceLength = 65_536

/** How the keys of an object are written. Consecutive records mostly have the same keys, so the last shape is kept per depth. */
interface Shape {
  readonly keys: readonly string[]
  readonly sorted: readonly string[]
  /** `{"a":`, `,"b":` … in sorted order. */
  readonly openings: readonly string[]
}

/** Of values written before: the shape that was last seen at each depth. Only a memo, and of small objects, so that nothing large is kept. */
const lastShapes: (Shape | undefined)[] = []
const longestKept = 1000

/** Thrown inside, so that the fast walk need not carry its path; {@link explain} then finds the place. */
class Refused extends Error {}

/**
 * Writes the canonical text of `value` to `emit`, piece by piece.
 *
 * Accepted are null, booleans, finite numbers (-0 is written `0`), strings, arrays and plain objects (of any realm, or without
 * prototype), nested at most 1,000 deep. A lone surrogate is written as its JSON escape, so equal texts mean equal values.
 * @throws {@link InvalidJsonValue} for all else: NaN, infinities, undefined, bigint, symbols, functions, class instances (Date, Map, …),
 * sparse arrays, further properties of arrays, symbol keys, hidden properties, getters and setters, cycles. Pieces may have been emitted before.
 */
export function writeCanonical(value: unknown, emit: (piece: string) => void): void {
  let rest: string
  try {
    rest = textOf(value, 0, { emit, open: [] })
  } catch (error) {
    if (error instanceof Refused)
      throw explain(value, [], new Map()) ?? new InvalidJsonValue('', 'a value that changes while it is read')
    throw error
  }
  emit(rest)
}

interface Writing {
  readonly emit: (piece: string) => void
  /** The unfinished text of each open container: written before anything inside it, when a piece is due. */
  readonly open: string[]
}

// Each of these returns text that was not emitted yet. This shape is what makes it fast: plain functions that are made once (there may be a hundred
// thousand small values), short local strings; what both of the containers do with an item is written out in each, for a function between costs 5 %.

function textOf(part: unknown, depth: number, writing: Writing): string {
  switch (typeof part) {
    case 'string':
      return quote(part)
    case 'number':
      // Infinity - Infinity and NaN - NaN are NaN.
      if (part - part !== 0) throw new Refused()
      return String(part)
    case 'boolean':
      return part ? 'true' : 'false'
    case 'object':
      if (part === null) return 'null'
      if (depth >= maxDepth) throw new Refused()
      return Array.isArray(part) ? arrayText(part, depth, writing) : objectText(part, depth, writing)
    default:
      throw new Refused()
  }
}

function arrayText(array: readonly unknown[], depth: number, writing: Writing): string {
  if (arrayFault(array) !== undefined) throw new Refused()
  const { open } = writing
  let written = '['
  for (let index = 0; index < array.length; index++) {
    if (index > 0) written += ','
    const item = array[index]
    if (typeof item === 'object' && item !== null) {
      open[depth] = written
      const inner = textOf(item, depth + 1, writing)
      written = (open[depth] ?? '') + inner
    } else written += textOf(item, depth, writing)
    if (written.length > pieceLength) written = flush(written, depth, writing)
  }
  return written + ']'
}

function objectText(object: object, depth: number, writing: Writing): string {
  const names = Object.getOwnPropertyNames(object)
  if (!isPlain(object) || Object.getOwnPropertySymbols(object).length > 0) throw new Refused()
  if (names.length === 0) return '{}'
  let shape = lastShapes[depth]
  if (shape === undefined || !sameKeys(shape.keys, names)) shape = shapeOf(names)
  if (names.length <= longestKept) lastShapes[depth] = shape
  const { sorted, openings } = shape
  const { open } = writing
  let written = ''
  for (let index = 0; index < sorted.length; index++) {
    // The descriptor, not the property: it tells a getter without calling it.
    const descriptor = Object.getOwnPropertyDescriptor(object, sorted[index] ?? '')
    if (descriptor?.enumerable !== true || descriptor.get !== undefined || descriptor.set !== undefined)
      throw new Refused()
    written += openings[index] ?? ''
    const item: unknown = descriptor.value
    if (typeof item === 'object' && item !== null) {
      open[depth] = written
      const inner = textOf(item, depth + 1, writing)
      written = (open[depth] ?? '') + inner
    } else written += textOf(item, depth, writing)
    if (written.length > pieceLength) written = flush(written, depth, writing)
  }
  return written + '}'
}

function flush(written: string, depth: number, { emit, open }: Writing): string {
  for (let outer = 0; outer < depth; outer++) {
    const before = open[outer] ?? ''
    if (before !== '') emit(before)
    open[outer] = ''
  }
  emit(written)
  return ''
}

/** What JSON escapes, and surrogates: JSON.stringify then escapes the lone ones. */
// eslint-disable-next-line no-control-regex -- JSON escapes exactly these
const needsEscape = /["\\\u0000-\u001f\ud800-\udfff]/

function quote(value: string): string {
  // For short strings a loop is quicker than entering the regular expression.
  if (value.length > 40) return needsEscape.test(value) ? JSON.stringify(value) : `"${value}"`
  for (let index = 0; index < value.length; index++) {
    const unit = value.charCodeAt(index)
    if (unit < 0x20 || unit === 0x22 || unit === 0x5c || (unit >= 0xd800 && unit <= 0xdfff))
      return JSON.stringify(value)
  }
  return `"${value}"`
}

function shapeOf(keys: readonly string[]): Shape {
  // sort() without a comparison orders by code unit.
  const sorted = [...keys].sort()
  return { keys, sorted, openings: sorted.map((key, index) => `${index === 0 ? '{' : ','}${JSON.stringify(key)}:`) }
}

function sameKeys(one: readonly string[], other: readonly string[]): boolean {
  if (one.length !== other.length) return false
  for (let index = 0; index < one.length; index++) if (one[index] !== other[index]) return false
  return true
}

/** Objects of another realm (a vm context) are plain too: their prototype is a root that has the methods of Object.prototype. */
function isPlain(object: object): boolean {
  const prototype = Object.getPrototypeOf(object) as object | null
  if (prototype === Object.prototype || prototype === null) return true
  return Object.getPrototypeOf(prototype) === null && Object.hasOwn(prototype, 'isPrototypeOf')
}

/** What is wrong with an array itself. A hole is not seen here when a further property makes up for it: it then reads as undefined. */
function arrayFault(array: readonly unknown[]): string | undefined {
  // Array.prototype is itself an array, in every realm; the prototype of a subclass is not.
  if (!Array.isArray(Object.getPrototypeOf(array))) return instanceOf(array)
  const keys = Object.keys(array).length
  if (keys < array.length) return 'an array with holes'
  if (keys > array.length || Object.getOwnPropertySymbols(array).length > 0) return 'an array with further properties'
  return undefined
}

function instanceOf(object: object): string {
  const { constructor } = object as { constructor?: unknown }
  const name = typeof constructor === 'function' ? constructor.name : ''
  return name === '' ? 'an object with a prototype of its own' : `an instance of ${name}`
}

/** The slow twin of the walk above: finds the first value that was refused. `above` maps the open containers to their paths. */
function explain(value: unknown, path: (string | number)[], above: Map<object, string>): InvalidJsonValue | undefined {
  const here = formatPath(path)
  if (typeof value === 'number' && !Number.isFinite(value)) return new InvalidJsonValue(here, String(value))
  if (value === undefined) return new InvalidJsonValue(here, 'undefined')
  if (typeof value === 'function' || typeof value === 'symbol' || typeof value === 'bigint') {
    return new InvalidJsonValue(here, `a ${typeof value}`)
  }
  if (typeof value !== 'object' || value === null) return undefined

  const cycle = above.get(value)
  if (cycle !== undefined)
    return new InvalidJsonValue(here, `a cycle back to ${cycle === '' ? 'the value itself' : cycle}`)
  if (path.length >= maxDepth) return new InvalidJsonValue('', `nested more than ${maxDepth} deep`)
  above.set(value, here)
  const found = Array.isArray(value) ? explainArray(value, path, above) : explainObject(value, path, above)
  above.delete(value)
  return found
}

function explainArray(
  array: readonly unknown[],
  path: (string | number)[],
  above: Map<object, string>,
): InvalidJsonValue | undefined {
  const fault = arrayFault(array)
  if (fault !== undefined) return new InvalidJsonValue(formatPath(path), fault)
  for (const [index, item] of array.entries()) {
    const found = explain(item, [...path, index], above)
    if (found !== undefined) return found
  }
  return undefined
}

function explainObject(
  object: object,
  path: (string | number)[],
  above: Map<object, string>,
): InvalidJsonValue | undefined {
  if (!isPlain(object)) return new InvalidJsonValue(formatPath(path), instanceOf(object))
  if (Object.getOwnPropertySymbols(object).length > 0)
    return new InvalidJsonValue(formatPath(path), 'an object with a symbol as key')
  for (const key of Object.getOwnPropertyNames(object).sort()) {
    const inside = [...path, key]
    const descriptor = Object.getOwnPropertyDescriptor(object, key)
    if (descriptor?.get !== undefined || descriptor?.set !== undefined)
      return new InvalidJsonValue(formatPath(inside), 'a getter or setter')
    if (descriptor?.enumerable !== true)
      return new InvalidJsonValue(formatPath(inside), 'a hidden (non-enumerable) property')
    const found = explain(descriptor.value, inside, above)
    if (found !== undefined) return found
  }
  return undefined
}
