// JSON text comes in, its value and the offset of every part go out. Strict (RFC 8259), and besides: no duplicate keys.
// JSON.parse can do neither: it takes the last of two equal keys, and knows no places.
import type { Json } from '../event.js'
import type { JsonPath } from '../util/json-path.js'
import {
  checkWholeNumber,
  DocumentFault,
  duplicateKey,
  lineAndColumn,
  maxNesting,
  nestedTooDeeply,
  setKey,
} from './document-fault.js'

/** What a reader gives: data, and where each value begins (UTF-16 units); of a missing one, where the nearest around it begins. */
export interface DocumentWithOffsets {
  readonly value: Json
  offsetOf(path: JsonPath): number
}

interface Node {
  readonly value: Json
  readonly offset: number
  readonly parts?: ReadonlyMap<string | number, Node>
}

/** @throws DocumentFault at the first thing that is not JSON */
export function parseJson(text: string): DocumentWithOffsets {
  const root = new JsonReader(text).readAll()
  return {
    value: root.value,
    offsetOf(path) {
      let node = root
      for (const part of path) {
        const next = node.parts?.get(part) ?? (Array.isArray(node.value) ? node.parts?.get(Number(part)) : undefined)
        if (next === undefined) break
        node = next
      }
      return node.offset
    },
  }
}

const words: ReadonlyMap<string, Json> = new Map([
  ['true', true],
  ['false', false],
  ['null', null],
])
const numberPattern = /-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][-+]?\d+)?/y

class JsonReader {
  readonly #text: string
  #at = 0
  #depth = 0

  constructor(text: string) {
    this.#text = text
  }

  readAll(): Node {
    const root = this.#value()
    this.#space()
    if (this.#at < this.#text.length) throw this.#fault('there is more text after the value')
    return root
  }

  #value(): Node {
    this.#space()
    const character = this.#text[this.#at]
    if (character === '{' || character === '[') {
      if (this.#depth >= maxNesting) throw nestedTooDeeply(this.#at)
      this.#depth += 1
      const node = character === '{' ? this.#object() : this.#array()
      this.#depth -= 1
      return node
    }
    const offset = this.#at
    if (character === '"') return { value: this.#string(), offset }
    return { value: this.#scalar(), offset }
  }

  #object(): Node {
    const offset = this.#at++
    const value: Record<string, Json> = {}
    const parts = new Map<string, Node>()
    const keys = new Map<string, number>()
    while (this.#moreParts('}', keys.size)) {
      this.#space()
      const keyOffset = this.#at
      if (this.#text[keyOffset] !== '"') throw this.#fault('a key in double quotes is missing here')
      const key = this.#string()
      const first = keys.get(key)
      if (first !== undefined) throw duplicateKey(key, keyOffset, `line ${lineAndColumn(this.#text, first).line}`)
      keys.set(key, keyOffset)
      this.#space()
      if (this.#text[this.#at] !== ':') throw this.#fault('a colon is missing here')
      this.#at += 1
      const node = this.#value()
      parts.set(key, node)
      setKey(value, key, node.value)
    }
    return { value, offset, parts }
  }

  #array(): Node {
    const offset = this.#at++
    const value: Json[] = []
    const parts = new Map<number, Node>()
    while (this.#moreParts(']', value.length)) {
      const node = this.#value()
      parts.set(value.length, node)
      value.push(node.value)
    }
    return { value, offset, parts }
  }

  /** Steps over the comma before a further part, or over the end. */
  #moreParts(end: '}' | ']', count: number): boolean {
    this.#space()
    const character = this.#text[this.#at]
    if (character === end) {
      this.#at += 1
      return false
    }
    if (count === 0) return true
    if (character !== ',') throw this.#fault(`a comma or ${end} is missing here`)
    this.#at += 1
    this.#space()
    if (this.#text[this.#at] === end) throw this.#fault(`JSON allows no comma before ${end}`)
    return true
  }

  #string(): string {
    const start = this.#at
    for (let at = start + 1; at < this.#text.length; at++) {
      const unit = this.#text.charCodeAt(at)
      if (unit === 0x5c) at += 1
      else if (unit < 0x20) {
        this.#at = at
        throw this.#fault('a line end or control character inside a text must be written as an escape')
      } else if (unit === 0x22) {
        this.#at = at + 1
        return this.#unescaped(start, at + 1)
      }
    }
    this.#at = start
    throw this.#fault('this text has no closing quote')
  }

  #unescaped(start: number, end: number): string {
    const quoted = this.#text.slice(start, end)
    if (!quoted.includes('\\')) return quoted.slice(1, -1)
    const bad = /\\(?!["\\/bfnrt]|u[\da-fA-F]{4})/.exec(quoted.replaceAll('\\\\', '__'))
    if (bad !== null) {
      this.#at = start + bad.index
      throw this.#fault('this escape is not known in JSON')
    }
    return JSON.parse(quoted) as string
  }

  #scalar(): Json {
    const offset = this.#at
    numberPattern.lastIndex = offset
    const found = numberPattern.exec(this.#text)?.[0] ?? /^[a-z]*/.exec(this.#text.slice(offset, offset + 8))?.[0] ?? ''
    const word = words.get(found)
    if (word !== undefined) {
      this.#at += found.length
      return word
    }
    if (!/^[-\d]/.test(found))
      throw this.#fault(
        offset >= this.#text.length ? 'the text ends where a value is missing' : 'a value is missing here',
      )
    this.#at += found.length
    const value = Number(found)
    checkWholeNumber(value, found, offset)
    // -0 and 0 have one canonical text.
    return value === 0 ? 0 : value
  }

  #space(): void {
    for (;;) {
      const unit = this.#text.charCodeAt(this.#at)
      if (unit !== 0x20 && unit !== 0x0a && unit !== 0x0d && unit !== 0x09) return
      this.#at += 1
    }
  }

  #fault(message: string): DocumentFault {
    return new DocumentFault(this.#at, message)
  }
}
