// The keys and values of one mapping in, the object and the places of its parts out: the last of equal keys, and what is merged in, as the dialect has it.
import type { Json } from '../../event.js'
import { DocumentFault, setKey } from '../document-fault.js'
import { numberText, rememberKeys, rememberNumber } from './exact-json.js'
import type { Dialect, ScalarValue } from './yaml-dialects.js'

/** Where a key and its value begin; of a list item both are the same. UTF-16 units. */
export interface Place {
  readonly key: number
  readonly value: number
}

export interface Built {
  readonly value: Json
  readonly offset: number
  /** Of a number: its text where JSON.stringify would write another. */
  readonly text?: string | undefined
  /** What an alias of it costs. */
  readonly cost: number
}

export type BuiltKey = ScalarValue & { readonly offset: number }

/** One mapping while it is read: keys as the dialect has them, and what is merged in. */
export class MapBuilder {
  readonly #dialect: Dialect
  readonly #text: string
  readonly #own = new Map<string, { readonly key: BuiltKey; readonly value: Built }>()
  readonly #merged: Built[] = []

  constructor(dialect: Dialect, text: string) {
    this.#dialect = dialect
    this.#text = text
  }

  add(key: BuiltKey, value: Built): void {
    const name = this.#dialect.keyText(key, key.offset)
    const before = this.#own.get(name)
    if (before !== undefined)
      this.#dialect.repeated({ name, offset: key.offset, first: before.key.offset, text: this.#text })
    this.#own.set(name, { key, value })
  }

  merge(from: Built): void {
    const parts = Array.isArray(from.value) ? [...(from.value as readonly Json[])].reverse() : [from.value]
    if (parts.some((part) => typeof part !== 'object' || part === null || Array.isArray(part)))
      throw new DocumentFault(from.offset, 'what << merges in must be a mapping, or a list of mappings')
    for (const value of parts) this.#merged.push({ ...from, value })
  }

  finish(): { readonly value: Record<string, Json>; readonly places: Map<string, Place> } {
    const value: Record<string, Json> = {}
    const places = new Map<string, Place>()
    // Own keys count over merged ones, wherever they stand.
    for (const { value: part, offset } of this.#merged) {
      for (const [key, item] of Object.entries(part as Readonly<Record<string, Json>>)) {
        setKey(value, key, item)
        const text = numberText(part as object, key)
        if (text !== undefined) rememberNumber(value, key, text)
        places.set(key, { key: offset, value: offset })
      }
    }
    for (const [name, { key, value: built }] of this.#own) {
      setKey(value, name, built.value)
      if (built.text !== undefined) rememberNumber(value, name, built.text)
      places.set(name, { key: key.offset, value: built.offset })
    }
    const order = this.#dialect.keyOrder([...this.#own.values()].map(({ key }) => key))
    if (order !== undefined && this.#merged.length === 0) rememberKeys(value, order)
    return { value, places }
  }
}
