// A desired state and its parts in, the first item that the parts lose, repeat or invent out: a shard alone must never be less than its
// part, nor two shards act on one object. Pure.
import { TrueupError } from '../errors.js'
import type { AnyIntegration } from '../integration.js'
import { canonicalText } from '../util/digest.js'

/** The items of a desired state or of one part: what the integration's `items` gives, else the elements of a list. undefined: not to be told. */
export function itemsOf(
  definition: Pick<AnyIntegration, 'name' | 'items'>,
  value: unknown,
  params: unknown,
): readonly unknown[] | undefined {
  if (definition.items !== undefined) {
    const items: unknown = definition.items(value, params)
    if (!isIterable(items))
      throw new TrueupError('desired-invalid', `${definition.name}: items() must return a list of items`)
    return Array.isArray(items) ? (items as readonly unknown[]) : [...items]
  }
  return Array.isArray(value) ? (value as readonly unknown[]) : undefined
}

export interface PartitionInput {
  readonly target: string
  /** Items of the whole, and of each part by its key. */
  readonly whole: readonly unknown[]
  readonly parts: ReadonlyMap<string, readonly unknown[]>
}

/**
 * Union of the parts = whole, and no item in two parts; as multisets, compared as canonical JSON.
 * @throws TrueupError `desired-invalid` with the first item that is missing, repeated or not in the whole
 */
export function checkPartition({ target, whole, parts }: PartitionInput): void {
  // Parts mostly hold the very elements of the whole: then nothing is compared by content.
  const rest = countsOf(whole)
  const strangers = new Map<string, unknown[]>()
  for (const [key, items] of parts) {
    for (const item of items) {
      const left = rest.get(item) ?? 0
      if (left > 0) rest.set(item, left - 1)
      else
        strangers
          .set(key, strangers.get(key) ?? [])
          .get(key)
          ?.push(item)
    }
  }
  const missing = [...rest].flatMap(([item, left]): unknown[] => Array.from({ length: left }, () => item))
  if (missing.length === 0 && strangers.size === 0) return

  const wanted = countsOf(missing.map((item) => canonicalText(item)))
  for (const [key, items] of strangers) {
    for (const item of items) {
      const text = canonicalText(item)
      const left = wanted.get(text) ?? 0
      if (left === 0) throw broken(target, surplus({ key, text, whole, parts }))
      wanted.set(text, left - 1)
    }
  }
  const lost = [...wanted].find(([, left]) => left > 0)?.[0]
  if (lost !== undefined) throw broken(target, `${shown(lost)} is in none of the ${String(parts.size)} shards`)
}

function countsOf<T>(items: readonly T[]): Map<T, number> {
  const counts = new Map<T, number>()
  for (const item of items) counts.set(item, (counts.get(item) ?? 0) + 1)
  return counts
}

interface Surplus {
  readonly key: string
  readonly text: string
  readonly whole: readonly unknown[]
  readonly parts: ReadonlyMap<string, readonly unknown[]>
}

function surplus({ key, text, whole, parts }: Surplus): string {
  const isIt = (item: unknown): boolean => canonicalText(item) === text
  if (!whole.some(isIt)) return `shard ${shown(key)} holds ${shown(text)}, which is not in the desired state`
  const other = [...parts].find(([name, items]) => name !== key && items.some(isIt))?.[0]
  return other === undefined
    ? `shard ${shown(key)} holds ${shown(text)} twice`
    : `${shown(text)} is in two shards, ${shown(other)} and ${shown(key)}`
}

function broken(target: string, what: string): TrueupError {
  return new TrueupError(
    'desired-invalid',
    `${target}: shards() does not cut the desired state into parts: ${what}. Each item must be in exactly one shard.`,
    { details: { target } },
  )
}

function shown(text: string): string {
  return text.length > 120 ? `${text.slice(0, 119)}…` : text
}

function isIterable(value: unknown): value is Iterable<unknown> {
  return typeof value === 'object' && value !== null && Symbol.iterator in value
}
