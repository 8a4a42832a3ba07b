// YAML text and a dialect in, plain JSON data out, and on demand the place of every part. The only file that knows `js-yaml`: its parser gives
// events, the data is built here, so that keys, scalars, merges and aliases mean what the dialect says.
import { getScalarValue, parseEvents, YAMLException, type Event, type MappingEvent, type ScalarEvent } from 'js-yaml'
import type { Json } from '../../event.js'
import type { JsonPath } from '../../util/json-path.js'
import { DocumentFault, maxNesting, nestedTooDeeply } from '../document-fault.js'
import { rememberNumber } from './exact-json.js'
import type { Dialect, ScalarValue } from './yaml-dialects.js'
import { MapBuilder, type Built, type BuiltKey, type Place } from './yaml-mapping.js'

/** What all aliases of a file together may add: 10 for each value, and the length of its text. */
const aliasBudget = 2_000_000

/** The places of the parts of each object and list. */
type Places = Map<object, Map<string, Place>>

/** The value of the one document of a text; undefined where there is none, or an empty one. Throws DocumentFault at the first thing that is wrong. */
export function readYaml(text: string, dialect: Dialect): Json | undefined {
  return new Reader(text, dialect, undefined).read()
}

/** Where the key (`at: 'key'`) or value at `path` begins; of what is not there, where the nearest around it begins. Reads the text again. */
export function offsetInYaml(text: string, dialect: Dialect, path: JsonPath, at: 'key' | 'value'): number {
  const places: Places = new Map()
  const reader = new Reader(text, dialect, places)
  let value = reader.read()
  let offset = reader.rootOffset
  for (const part of path) {
    const place = typeof value === 'object' && value !== null ? places.get(value)?.get(String(part)) : undefined
    if (place === undefined || typeof value !== 'object' || value === null) break
    offset = at === 'key' && part === path.at(-1) ? place.key : place.value
    value = (value as Readonly<Record<string, Json>>)[part]
  }
  return offset
}

class Reader {
  rootOffset = 0
  readonly #text: string
  readonly #dialect: Dialect
  readonly #places: Places | undefined
  readonly #anchors = new Map<string, Built | 'open'>()
  #events: readonly Event[] = []
  #at = 0
  #depth = 0
  #spent = 0

  constructor(text: string, dialect: Dialect, places: Places | undefined) {
    this.#text = text
    this.#dialect = dialect
    this.#places = places
  }

  read(): Json | undefined {
    try {
      this.#events = parseEvents(this.#text, { maxDepth: maxNesting })
    } catch (error) {
      if (!(error instanceof YAMLException)) throw error
      const offset = error.mark?.position ?? 0
      throw error.reason.includes('nesting') ? nestedTooDeeply(offset) : new DocumentFault(offset, error.reason)
    }
    const [first] = this.#events
    if (first === undefined) return undefined
    if (first.type === 1) this.#checkDirectives(first.directives)
    this.#at = 1
    if (this.#events[1]?.type === 6) return undefined
    const { value, offset } = this.#node()
    this.rootOffset = offset
    this.#at += 1
    const second = this.#events[this.#at + 1]
    if (this.#events[this.#at] !== undefined)
      throw new DocumentFault(
        second === undefined ? this.#text.length : offsetOf(second),
        'a file holds one document: put the others into files of their own',
      )
    return value
  }

  #checkDirectives(directives: readonly { readonly kind: string; readonly version?: string }[]): void {
    const version = directives.find(({ kind }) => kind === 'yaml')?.version
    const { versions } = this.#dialect
    if (version !== undefined && !versions.includes(version))
      throw new DocumentFault(
        0,
        `YAML ${version} is not read: remove the %YAML line, the file then is YAML ${versions[0] ?? ''}`,
      )
  }

  #node(): Built {
    const event = this.#events[this.#at]
    if (event === undefined) throw new Error('Internal error: the events of a YAML file end inside a value')
    this.#at += 1
    switch (event.type) {
      case 5:
        return this.#alias(this.#text.slice(event.anchorStart, event.anchorEnd), event.anchorStart - 1)
      case 4:
        return this.#anchored(event, () => this.#scalar(event))
      case 2:
        return this.#anchored(event, () => this.#list(event.start, this.#tagOf(event)))
      case 3:
        return this.#anchored(event, () => this.#map(event))
      default:
        throw new Error('Internal error: a YAML file holds an end where a value should be')
    }
  }

  #anchored(event: { readonly anchorStart: number; readonly anchorEnd: number }, build: () => Built): Built {
    if (event.anchorStart < 0) return build()
    const name = this.#text.slice(event.anchorStart, event.anchorEnd)
    this.#anchors.set(name, 'open')
    const built = build()
    this.#anchors.set(name, built)
    return built
  }

  #alias(name: string, offset: number): Built {
    const target = this.#anchors.get(name)
    if (target === undefined) throw new DocumentFault(offset, `the alias *${name} has no anchor &${name} before it`)
    if (target === 'open') throw new DocumentFault(offset, `the alias *${name} is part of what it stands for`)
    this.#spent += target.cost
    if (this.#spent > aliasBudget)
      throw new DocumentFault(offset, 'the aliases of this file multiply its content too much')
    return { ...target, offset }
  }

  #tagOf(event: { readonly tagStart: number; readonly tagEnd: number }): string {
    return event.tagStart < 0 ? '' : this.#text.slice(event.tagStart, event.tagEnd)
  }

  #scalar(event: ScalarEvent): Built {
    const offset = event.valueStart < 0 ? this.#emptyOffset() : event.valueStart - (event.style === 1 ? 0 : 1)
    const { value, text } = this.#scalarValue(event, offset, 'value')
    return { value, text, offset, cost: 10 + (typeof value === 'string' ? value.length : 0) }
  }

  #scalarValue(event: ScalarEvent, offset: number, role: 'key' | 'value'): ScalarValue {
    const source = event.valueStart < 0 ? '' : getScalarValue(this.#text, event)
    return this.#dialect.scalar({ source, plain: event.style === 1, tag: this.#tagOf(event), offset, role })
  }

  /** An empty value has no place of its own: that of the part before it. */
  #emptyOffset(): number {
    const before = this.#events[this.#at - 2]
    return before === undefined ? 0 : Math.max(0, offsetOf(before))
  }

  #list(offset: number, tag: string): Built {
    const holdsPairs = this.#dialect.isPairsTag(tag)
    if (!holdsPairs) this.#checkTag(tag, 'list', offset)
    const list: Json[] = []
    const places = this.#placesOf(list)
    let cost = 10
    this.#deeper(offset)
    while (this.#events[this.#at]?.type !== 6) {
      const item = holdsPairs ? this.#pair(offset, tag) : this.#node()
      if (item.text !== undefined) rememberNumber(list, list.length, item.text)
      places?.set(String(list.length), { key: item.offset, value: item.offset })
      list.push(item.value)
      cost += item.cost
    }
    this.#depth -= 1
    this.#at += 1
    return { value: list, offset, cost }
  }

  /** A mapping of one key, as the list of that key and its value: nothing is lost of the key. */
  #pair(list: number, tag: string): Built {
    const event = this.#events[this.#at]
    const refused = (): DocumentFault =>
      new DocumentFault(
        event === undefined ? list : offsetOf(event),
        `an item of ${tag} is a mapping of one key, written out here, without an anchor`,
      )
    if (event?.type !== 3 || event.anchorStart >= 0) throw refused()
    this.#at += 1
    const parts: Built[] = []
    this.#deeper(event.start)
    while (this.#events[this.#at]?.type !== 6) parts.push(this.#node())
    this.#depth -= 1
    this.#at += 1
    if (parts.length !== 2) throw refused()
    const pair = parts.map(({ value }) => value)
    const places = this.#placesOf(pair)
    for (const [index, { text, offset }] of parts.entries()) {
      if (text !== undefined) rememberNumber(pair, index, text)
      places?.set(String(index), { key: offset, value: offset })
    }
    return { value: pair, offset: event.start, cost: parts.reduce((sum, { cost }) => sum + cost, 10) }
  }

  #map(event: MappingEvent): Built {
    const { start: offset } = event
    this.#checkTag(this.#tagOf(event), 'map', offset)
    const map = new MapBuilder(this.#dialect, this.#text)
    let cost = 10
    this.#deeper(offset)
    while (this.#events[this.#at]?.type !== 6) {
      const keyEvent = this.#events[this.#at]
      const key = this.#key()
      const value = this.#node()
      cost += value.cost + 10
      if (keyEvent?.type === 4 && key.value === '<<' && this.#dialect.merges && keyEvent.style === 1) map.merge(value)
      else map.add(key, value)
    }
    this.#depth -= 1
    this.#at += 1
    const { value, places } = map.finish()
    this.#places?.set(value, places)
    return { value, offset, cost }
  }

  #key(): BuiltKey {
    const event = this.#events[this.#at]
    if (event?.type === 4) {
      this.#at += 1
      const offset = event.valueStart < 0 ? this.#emptyOffset() : event.valueStart - (event.style === 1 ? 0 : 1)
      const key = this.#scalarValue(event, offset, 'key')
      if (event.anchorStart >= 0)
        this.#anchors.set(this.#text.slice(event.anchorStart, event.anchorEnd), { ...key, offset, cost: 10 })
      return { ...key, offset }
    }
    const offset = event === undefined ? 0 : offsetOf(event)
    if (event?.type === 5 && this.#dialect.aliasKeys) {
      const { value, text } = this.#node()
      if (typeof value !== 'object' || value === null) return { value, text, offset }
    }
    throw new DocumentFault(offset, 'a key must be a text: lists, maps and aliases as keys are not JSON')
  }

  #checkTag(tag: string, kind: 'list' | 'map', offset: number): void {
    if (tag !== '' && !this.#dialect.isCollectionTag(tag, kind))
      throw new DocumentFault(offset, `the tag ${tag} is not read: leave it out, and write the value as plain data`)
  }

  #placesOf(container: object): Map<string, Place> | undefined {
    if (this.#places === undefined) return undefined
    const places = new Map<string, Place>()
    this.#places.set(container, places)
    return places
  }

  #deeper(offset: number): void {
    this.#depth += 1
    if (this.#depth > maxNesting) throw nestedTooDeeply(offset)
  }
}

function offsetOf(event: Event): number {
  if (event.type === 4) return event.valueStart
  if (event.type === 5) return event.anchorStart - 1
  return 'start' in event ? event.start : 0
}
