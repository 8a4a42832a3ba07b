// A value comes in; an error with the path of what could not be restored exactly comes out, or nothing. Pure; calls nothing of the value.
// Must not: let through what devalue bends without a word (Buffers and errors excepted: values.ts encodes those itself).
import { TrueupError } from '../errors.js'
import { formatPath } from '../util/json-path.js'

export interface ValueFault {
  /** Inside the value: `orders[3].total`; empty for the value itself. */
  readonly path: string
  readonly found: string
}

/** `isSecret` tells whether a text holds something that must not be stored. */
export type SecretCheck = (text: string) => boolean

const DEEPEST = 500

/** What is wrong with a value, if anything. `values` are the names under which it is seen: arguments are a list. */
export function faultOf(value: unknown, isSecret?: SecretCheck): ValueFault | undefined {
  const walk = new Walk(isSecret)
  try {
    walk.visit(value, [])
    return undefined
  } catch (thrown) {
    if (thrown instanceof Fault) return { path: formatPath(thrown.path), found: thrown.found }
    throw thrown
  }
}

/** @throws value-unsupported. `what` begins the message: `create-account: argument`. */
export function refuseFault(what: string, fault: ValueFault, hint: string): TrueupError {
  const place = fault.path === '' ? '' : ` ${fault.path.startsWith('[') ? '' : '.'}${fault.path}`
  return new TrueupError('value-unsupported', `${what}${place} is ${fault.found}${hint}`, {
    details: { path: fault.path, found: fault.found },
  })
}

type Path = readonly (string | number)[]

/** Thrown inside alone. */
class Fault extends Error {
  readonly path: Path
  readonly found: string

  constructor(path: Path, found: string) {
    super(found)
    this.path = path
    this.found = found
  }
}

type TypedArrayClass = { readonly prototype: object; readonly name: string }
const TYPED_ARRAYS: readonly TypedArrayClass[] = [
  Int8Array,
  Uint8Array,
  Uint8ClampedArray,
  Int16Array,
  Uint16Array,
  Int32Array,
  Uint32Array,
  Float32Array,
  Float64Array,
  BigInt64Array,
  BigUint64Array,
  DataView,
]
/** Errors that come back as the same class. */
export const ERRORS: readonly ErrorConstructor[] = [
  Error,
  TypeError,
  RangeError,
  SyntaxError,
  ReferenceError,
  EvalError,
  URIError,
]

class Walk {
  readonly #isSecret: SecretCheck | undefined
  readonly #seen = new Set<object>()

  constructor(isSecret: SecretCheck | undefined) {
    this.#isSecret = isSecret
  }

  visit(value: unknown, path: Path): void {
    switch (typeof value) {
      case 'string':
        this.#text(value, path)
        return
      case 'bigint':
        this.#text(String(value), path)
        return
      case 'function':
      case 'symbol':
        throw new Fault(path, `a ${typeof value}`)
      case 'object':
        if (value !== null) this.#object(value, path)
        return
      default:
    }
  }

  #text(text: string, path: Path): void {
    if (this.#isSecret?.(text) === true) throw new Fault(path, 'or holds a secret')
  }

  #object(value: object, path: Path): void {
    if (this.#seen.has(value)) return
    this.#seen.add(value)
    if (path.length > DEEPEST) throw new Fault([], `nested more than ${DEEPEST} deep`)
    const prototype = Object.getPrototypeOf(value) as object | null
    if (prototype === Object.prototype || prototype === null) {
      this.#plain(value, path)
      return
    }
    if (Array.isArray(value)) {
      this.#array(value, prototype, path)
      return
    }
    if (prototype === Map.prototype) {
      this.#map(value as Map<unknown, unknown>, path)
      return
    }
    if (prototype === Set.prototype) {
      this.#noFurther(value, path)
      let index = 0
      for (const item of value as Set<unknown>) this.visit(item, [...path, index++])
      return
    }
    if (ERRORS.some((known) => known.prototype === prototype)) {
      this.#error(value as Error, path)
      return
    }
    this.#leaf(value, prototype, path)
  }

  #plain(value: object, path: Path): void {
    if (Object.prototype.toString.call(value) === '[object Arguments]')
      throw new Fault(path, '`arguments` of a function')
    for (const key of Reflect.ownKeys(value)) {
      if (typeof key === 'symbol') throw new Fault(path, 'an object with a symbol as key')
      const inside = [...path, key]
      if (key === '__proto__') throw new Fault(inside, 'a key named __proto__')
      this.#text(key, inside)
      this.visit(this.#dataOf(value, key, inside), inside)
    }
  }

  #array(value: readonly unknown[], prototype: object | null, path: Path): void {
    if (prototype !== Array.prototype) throw new Fault(path, nameOf(value))
    let items = 0
    for (const key of Reflect.ownKeys(value)) {
      if (key === 'length') continue
      const index = typeof key === 'string' ? Number(key) : NaN
      if (!Number.isInteger(index) || index < 0 || String(index) !== key)
        throw new Fault(path, 'an array with further properties')
      items += 1
      this.visit(this.#dataOf(value, key, [...path, index]), [...path, index])
    }
    // A list with holes is kept as one; more holes than a file can be are not.
    if (value.length - items > 1_000_000) throw new Fault(path, 'an array of almost nothing but holes')
  }

  #map(value: Map<unknown, unknown>, path: Path): void {
    this.#noFurther(value, path)
    let index = 0
    for (const [key, item] of value) {
      const inside = [...path, typeof key === 'string' || typeof key === 'number' ? key : index]
      this.visit(key, inside)
      this.visit(item, inside)
      index += 1
    }
  }

  #error(error: Error, path: Path): void {
    for (const key of Reflect.ownKeys(error)) {
      if (typeof key === 'symbol') throw new Fault(path, 'an error with a symbol as key')
      const inside = [...path, key]
      // Some engines keep the stack behind an accessor.
      if (key === 'stack') this.visit(error.stack, inside)
      else this.visit(this.#dataOf(error, key, inside, true), inside)
    }
  }

  #leaf(value: object, prototype: object | null, path: Path): void {
    if (Buffer.isBuffer(value) && prototype === Buffer.prototype) {
      this.#noFurther(value, path, value.length)
      if (this.#isSecret !== undefined) this.#text(value.toString('utf8'), path)
      return
    }
    if (prototype === Date.prototype || prototype === URL.prototype || prototype === URLSearchParams.prototype) {
      this.#noFurther(value, path)
      if (prototype !== Date.prototype) this.#text((value as URL | URLSearchParams).toString(), path)
      return
    }
    if (prototype === RegExp.prototype) {
      this.#noFurther(value, path, 0, ['lastIndex'])
      if ((value as RegExp).lastIndex !== 0) throw new Fault(path, 'a RegExp in the middle of matching (lastIndex)')
      this.#text((value as RegExp).source, path)
      return
    }
    if (prototype === ArrayBuffer.prototype) {
      this.#noFurther(value, path)
      if ((value as { readonly resizable?: boolean }).resizable === true)
        throw new Fault(path, 'a resizable ArrayBuffer')
      return
    }
    if (TYPED_ARRAYS.some((known) => known.prototype === prototype)) {
      const view = value as Uint8Array
      this.#noFurther(value, path, prototype === DataView.prototype ? 0 : view.length)
      if (view.byteLength !== view.buffer.byteLength)
        throw new Fault(path, `a ${nameOf(value)} on a part of a larger buffer; slice() gives one of its own`)
      this.#object(view.buffer, path)
      return
    }
    throw new Fault(path, nameOf(value))
  }

  /** Own properties beyond the `indexes` first ones would be lost. */
  #noFurther(value: object, path: Path, indexes = 0, known: readonly string[] = []): void {
    // Classes of the platform keep symbols of their own.
    const names = Object.getOwnPropertyNames(value)
    if (names.length > indexes + known.length) throw new Fault(path, `a ${nameOf(value)} with further properties`)
  }

  #dataOf(value: object, key: string | symbol, path: Path, mayHide = false): unknown {
    const descriptor = Object.getOwnPropertyDescriptor(value, key)
    if (descriptor?.get !== undefined || descriptor?.set !== undefined) throw new Fault(path, 'a getter or setter')
    if (descriptor?.enumerable !== true && !mayHide) throw new Fault(path, 'a hidden (non-enumerable) property')
    return descriptor?.value
  }
}

function nameOf(value: object): string {
  const { constructor } = value as { constructor?: unknown }
  const name = typeof constructor === 'function' ? constructor.name : ''
  if (name === '') return 'an object with a prototype of its own'
  return Object.getPrototypeOf(value) === (constructor as { prototype?: unknown }).prototype && isPlatform(name)
    ? name
    : `an instance of ${name}`
}

const isPlatform = (name: string): boolean =>
  /^(Date|Map|Set|RegExp|URL|URLSearchParams|Buffer|ArrayBuffer|DataView|\w+Array)$/.test(name)
