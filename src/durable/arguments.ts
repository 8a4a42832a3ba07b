// Arguments come in, one text that is the same for equal arguments and for no others goes out. Pure.
// Object keys are sorted; the order of lists, Maps and Sets counts, and so do types: 1, '1' and 1n are three arguments.
import { formatPath } from '../util/json-path.js'
import { faultOf, type ValueFault } from './refuse-bent.js'

export type Canonical =
  { readonly kind: 'text'; readonly text: string } | { readonly kind: 'refused'; readonly fault: ValueFault }

/** Longest canonical text of arguments: 64 MiB. It is only digested. */
const LONGEST = 64 * 1024 * 1024

export function canonicalArguments(value: unknown): Canonical {
  const fault = faultOf(value)
  if (fault !== undefined) return { kind: 'refused', fault }
  const writer = new Writer()
  try {
    return { kind: 'text', text: writer.write(value, []) }
  } catch (thrown) {
    if (thrown instanceof Refused) return { kind: 'refused', fault: thrown.fault }
    throw thrown
  }
}

class Refused extends Error {
  readonly fault: ValueFault

  constructor(fault: ValueFault) {
    super(fault.found)
    this.fault = fault
  }
}

type Path = readonly (string | number)[]

class Writer {
  readonly #open = new Set<object>()
  #length = 0

  write(value: unknown, path: Path): string {
    const text = this.#textOf(value, path)
    // Shared parts are written out each time: they could grow without end.
    this.#length += text.length
    if (this.#length > LONGEST) throw new Refused({ path: '', found: 'too large to be told apart' })
    return text
  }

  #textOf(value: unknown, path: Path): string {
    switch (typeof value) {
      case 'string':
        return JSON.stringify(value)
      case 'number':
        return Object.is(value, -0) ? '-0' : String(value)
      case 'bigint':
        return `${String(value)}n`
      case 'object':
        return value === null ? 'null' : this.#object(value, path)
      default:
        return String(value)
    }
  }

  #object(value: object, path: Path): string {
    if (this.#open.has(value)) throw new Refused({ path: formatPath(path), found: 'a cycle' })
    this.#open.add(value)
    try {
      return this.#inside(value, path)
    } finally {
      this.#open.delete(value)
    }
  }

  #inside(value: object, path: Path): string {
    const list = (items: readonly unknown[]): string =>
      items.map((item, index) => this.write(item, [...path, index])).join(',')
    if (Array.isArray(value)) {
      const items: readonly unknown[] = value
      // A hole is not an undefined.
      return `[${Array.from(items, (item, index) => (Object.hasOwn(items, index) ? this.write(item, [...path, index]) : 'hole')).join(',')}]`
    }
    if (value instanceof Map)
      return `Map(${[...(value as Map<unknown, unknown>)].map((pair) => this.write(pair, path)).join(',')})`
    if (value instanceof Set) return `Set(${list([...(value as Set<unknown>)])})`
    if (value instanceof Date) return `Date(${String(value.getTime())})`
    if (value instanceof RegExp) return `RegExp(${JSON.stringify(String(value))})`
    if (value instanceof URL) return `URL(${JSON.stringify(value.href)})`
    if (value instanceof URLSearchParams) return `URLSearchParams(${JSON.stringify(value.toString())})`
    if (value instanceof Error) return `Error(${this.write(errorFacts(value), path)})`
    if (value instanceof ArrayBuffer) return `ArrayBuffer(${Buffer.from(value).toString('base64')})`
    if (ArrayBuffer.isView(value)) {
      const bytes = Buffer.from(value.buffer, value.byteOffset, value.byteLength)
      return `${value.constructor.name}(${bytes.toString('base64')})`
    }
    const keys = Object.keys(value).sort()
    const record = value as Readonly<Record<string, unknown>>
    const fields = keys.map((key) => `${JSON.stringify(key)}:${this.write(record[key], [...path, key])}`).join(',')
    return Object.getPrototypeOf(value) === null ? `null{${fields}}` : `{${fields}}`
  }
}

/** Where an error was made (its stack) is no part of an argument. */
function errorFacts(error: Error): Readonly<Record<string, unknown>> {
  const keys = Reflect.ownKeys(error).filter((key): key is string => typeof key === 'string' && key !== 'stack')
  const own = Object.fromEntries(keys.map((key) => [key, (error as unknown as Record<string, unknown>)[key]]))
  return { ...own, name: error.name, message: error.message }
}
