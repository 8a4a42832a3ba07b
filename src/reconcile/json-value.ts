// One author value comes in, its JSON form and digest go out. A property that is undefined counts as absent.
// Must not: compare or digest what JSON would bend (dates, maps, NaN): it is refused with its path.
import { TrueupError } from '../errors.js'
import type { Digest, Json } from '../event.js'
import { InvalidJsonValue } from '../util/canonical-json.js'
import { digestOf } from '../util/digest.js'

export interface JsonForm {
  readonly json: Json
  readonly digest: Digest
}

/**
 * @param where what the value is, for the message: `current[3]`
 * @throws TrueupError `plan-invalid` for a value that JSON cannot hold, with its path
 */
export function jsonForm(value: unknown, where: string): JsonForm {
  const json = withoutUndefined(value, 0)
  try {
    // The digest refuses whatever is not JSON, so the cast below holds.
    return { digest: digestOf(json), json: json as Json }
  } catch (error) {
    if (!(error instanceof InvalidJsonValue)) throw error
    const separator = error.path === '' || error.path.startsWith('[') ? '' : '.'
    const place = `${where}${separator}${error.path}`
    throw new TrueupError(
      'plan-invalid',
      `${place} is ${error.found}, which cannot be compared: diff() takes plain JSON values, let normalize give one`,
      { details: { path: place } },
    )
  }
}

/** The value itself where nothing in it is undefined; else a copy without those properties. */
function withoutUndefined(value: unknown, depth: number): unknown {
  // Deeper than the digest goes (a cycle, mostly): the digest refuses it.
  if (typeof value !== 'object' || value === null || depth > 1000) return value
  // Mostly nothing is undefined: then nothing is copied.
  if (Array.isArray(value)) {
    const items = value as readonly unknown[]
    let copies: unknown[] | undefined
    for (let index = 0; index < items.length; index++) {
      const copy = withoutUndefined(items[index], depth + 1)
      if (copy !== items[index]) copies ??= items.slice(0, index)
      copies?.push(copy)
    }
    return copies ?? value
  }
  if (!isPlain(value)) return value
  const object = value as Readonly<Record<string, unknown>>
  const keys = Object.keys(object)
  let copies: [string, unknown][] | undefined
  for (let index = 0; index < keys.length; index++) {
    const key = keys[index] ?? ''
    const property = object[key]
    const copy = withoutUndefined(property, depth + 1)
    if (copy === undefined || copy !== property) copies ??= keys.slice(0, index).map((name) => [name, object[name]])
    if (copy !== undefined) copies?.push([key, copy])
  }
  return copies === undefined ? value : Object.fromEntries(copies)
}

/** Objects of another realm are plain too: their prototype is a root. */
function isPlain(object: object): boolean {
  const prototype = Object.getPrototypeOf(object) as object | null
  return prototype === null || prototype === Object.prototype || Object.getPrototypeOf(prototype) === null
}
