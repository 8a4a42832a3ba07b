// Secret values are registered; texts and JSON come in, the same without those values go out. Pure but for what was registered.
// Must not: touch the structure around texts, print, or be shared between processes' runs: each run has its own.
import type { Json } from '../event.js'
import { MIN_LENGTH, secretForms } from './secret-forms.js'

/** Stands where a secret stood. Holds nothing that a secret could be found in again. */
export const REDACTED = '***'

export interface Redactor {
  /**
   * From now on the value and its encodings are hidden. `whole-only`: a value this short is hidden only where a whole text equals it.
   * `nothing`: there is nothing secret in it (it is empty, or a URL of a mere server).
   */
  register(value: string): 'hidden' | 'whole-only' | 'nothing'
  /** A text for people: message, log line, stack. */
  text(text: string): string
  /** Data: texts in it as with {@link text}. Keys as with {@link name}; numbers, digests (64 hex digits) and the structure stay. */
  json(value: Json): Json
  /** As {@link json}, of whatever was caught or handed over: errors become their message, what JSON cannot say becomes text or null. */
  value(value: unknown): Json | undefined
  /**
   * A name: key of an object or of data, shard, path. Only unmistakable secrets are taken out of it (12 characters or more, not a plain word), so that
   * a password `postgres` breaks no key.
   */
  name(text: string): string
  /**
   * What `hide` makes of a value, made once as long as nothing more is registered: what is large is told and kept more than once. The value must not
   * change, and `hide` must be the same for it each time.
   */
  once<T extends object>(value: T, hide: (value: T) => T): T
  /** Nothing was registered: everything stays as it is. */
  readonly isIdle: boolean
}

export interface RedactorOptions {
  /** Is told each plain line of a value as it is registered, never a short one: for a CI runner that hides texts by itself. */
  readonly mask?: (line: string) => void
}

const STRONG_LENGTH = 12
const DIGEST = /^[0-9a-f]{64}$/
const MAX_DEPTH = 200
/** Texts are looked up by a number of these bits first; most places of a text end there. */
const FILTER_BITS = 16
const SLOTS = (1 << FILTER_BITS) - 1
/** Characters that the number is of. Fewer than the shortest text that is looked for. */
const HASHED = 4

export function createRedactor({ mask }: RedactorOptions = {}): Redactor {
  const needles = new Needles()
  const short = new Set<string>()
  const masked = new Set<string>()
  const made = new WeakMap<object, { readonly registered: number; readonly shown: object }>()

  const text = (given: string): string => (short.has(given) ? REDACTED : needles.redact(given, false))
  const name = (given: string): string => needles.redact(given, true)
  const leaf = (given: string): string => {
    if (!DIGEST.test(given)) return text(given)
    // A digest holds any six digits sooner or later; a secret that is one is hidden as a whole.
    return needles.has(given) ? REDACTED : given
  }

  /** Whether a value is JSON in which nothing is to be hidden: most are, and then nothing has to be built. */
  function isClean(value: unknown, depth: number): boolean {
    if (typeof value === 'string') return leaf(value) === value
    if (value === null || value === undefined || typeof value === 'boolean') return true
    if (typeof value === 'number') return Number.isFinite(value)
    if (typeof value !== 'object' || depth > MAX_DEPTH) return false
    if (Array.isArray(value)) return value.every((item) => isClean(item, depth + 1))
    if (Object.getPrototypeOf(value) !== Object.prototype) return false
    for (const [key, item] of Object.entries(value)) if (name(key) !== key || !isClean(item, depth + 1)) return false
    return true
  }

  const shown = (value: unknown): Json | undefined => (isClean(value, 0) ? (value as Json | undefined) : walk(value, 0))

  /** The same object where nothing in it was hidden. */
  function walk(value: unknown, depth: number): Json | undefined {
    if (typeof value === 'string') return leaf(value)
    if (value === null || value === undefined || typeof value === 'boolean') return value
    if (typeof value === 'number') return Number.isFinite(value) ? value : String(value)
    if (typeof value === 'bigint') return leaf(value.toString())
    if (typeof value !== 'object') return null
    if (depth > MAX_DEPTH) return '(nested too deeply)'
    if (Array.isArray(value)) return walkList(value, depth)
    if (value instanceof Error) return text(value.message)
    if (value instanceof Date) return Number.isNaN(value.getTime()) ? null : value.toISOString()
    if (value instanceof URL) return text(value.href)
    if (value instanceof Set) return walkList([...(value as ReadonlySet<unknown>)], depth)
    if (value instanceof Map)
      return walk(Object.fromEntries([...value].map(([key, item]) => [String(key), item as unknown])), depth)
    return walkObject(value as Readonly<Record<string, unknown>>, depth)
  }

  function walkList(list: readonly unknown[], depth: number): Json {
    const items = list.map((item) => walk(item, depth + 1))
    return items.every((item, at) => item === list[at]) ? (list as Json) : items.map((item) => item ?? null)
  }

  function walkObject(object: Readonly<Record<string, unknown>>, depth: number): Json {
    const taken = new Set<string>()
    const entries = Object.entries(object).map(([key, item]) => {
      const shownItem = walk(item, depth + 1)
      const shownKey = distinct(name(key), taken)
      return [shownKey, shownItem] as const
    })
    const same = entries.every(([key, item]) => Object.hasOwn(object, key) && object[key] === item)
    return same ? (object as Json) : (Object.fromEntries(entries.filter(([, item]) => item !== undefined)) as Json)
  }

  return {
    register(value) {
      const forms = secretForms(value)
      for (const line of forms.lines) {
        if (masked.has(line)) continue
        masked.add(line)
        mask?.(line)
      }
      for (const needle of forms.needles) needles.add(needle)
      for (const it of forms.whole) short.add(it)
      if (forms.whole.length > 0) return 'whole-only'
      return forms.needles.size > 0 ? 'hidden' : 'nothing'
    },
    text,
    name,
    json: (value) => shown(value) ?? null,
    value: shown,
    once<T extends object>(value: T, hide: (value: T) => T): T {
      const registered = needles.size + short.size
      const before = made.get(value)
      if (before?.registered === registered) return before.shown as T
      const after = hide(value)
      // What is hidden already stays as it is.
      for (const each of [value, after]) made.set(each, { registered, shown: after })
      return after
    },
    get isIdle() {
      return needles.size === 0 && short.size === 0
    },
  }
}

/** Two keys that become alike stay two. */
function distinct(key: string, taken: Set<string>): string {
  let free = key
  for (let count = 2; taken.has(free); count += 1) free = `${key}${count}`
  taken.add(free)
  return free
}

interface Needle {
  readonly text: string
  readonly isStrong: boolean
}

/** All needles at once: by their first characters, so that a text is gone through once however many there are. */
class Needles {
  readonly #byStart = new Map<string, Needle[]>()
  readonly #filter = new Uint8Array(SLOTS + 1)
  readonly #known = new Set<string>()

  get size(): number {
    return this.#known.size
  }

  has(text: string): boolean {
    return this.#known.has(text)
  }

  add(text: string): void {
    if (this.#known.has(text)) return
    this.#known.add(text)
    const start = text.slice(0, MIN_LENGTH)
    const same = this.#byStart.get(start) ?? []
    same.push({ text, isStrong: text.length >= STRONG_LENGTH && !/^[\p{L}_ -]+$/u.test(text) })
    // The longest first: it is what is looked for at a place.
    same.sort((a, b) => b.text.length - a.text.length)
    this.#byStart.set(start, same)
    this.#filter[hashAt(text, 0) & SLOTS] = 1
  }

  /** What overlaps is hidden as one, so that no rest of one secret shows beside another. */
  redact(text: string, onlyStrong: boolean): string {
    if (this.#known.size === 0) return text
    let shown = ''
    let copied = 0
    let from = -1
    let to = -1
    let hash = text.length < MIN_LENGTH ? 0 : hashAt(text, 0)
    for (let at = 0; at + MIN_LENGTH <= text.length; at += 1) {
      const isFree = this.#filter[hash & SLOTS] === 0
      hash = Math.imul(hash - Math.imul(text.charCodeAt(at), 33 ** 3), 33) + text.charCodeAt(at + HASHED)
      if (isFree) continue
      const length = this.#lengthAt(text, at, onlyStrong)
      if (length === 0) continue
      if (at > to) {
        if (to > 0) {
          shown += text.slice(copied, from) + REDACTED
          copied = to
        }
        from = at
      }
      to = Math.max(to, at + length)
    }
    if (to > 0) {
      shown += text.slice(copied, from) + REDACTED
      copied = to
    }
    return copied === 0 ? text : shown + text.slice(copied)
  }

  #lengthAt(text: string, at: number, onlyStrong: boolean): number {
    const candidates = this.#byStart.get(text.slice(at, at + MIN_LENGTH)) ?? []
    const found = candidates.find((needle) => (needle.isStrong || !onlyStrong) && text.startsWith(needle.text, at))
    return found?.text.length ?? 0
  }
}

/** A number for four characters, which rolls: the next one comes of it, the character that leaves and the one that comes. */
function hashAt(text: string, at: number): number {
  let hash = 0
  for (let index = at; index < at + HASHED; index += 1) hash = Math.imul(hash, 33) + text.charCodeAt(index)
  return hash
}
