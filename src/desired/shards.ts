// A desired state comes in, its parts by shard key go out. Pure.
import { TrueupError } from '../errors.js'
import type { AnyIntegration } from '../integration.js'

/** The one shard of an unsharded target: a key that no author can name. */
export const UNSHARDED = ''

const longestKey = 300

/** Elements by key, in their order; keys in the order of their first element. For `shards`. */
export function groupBy<E>(items: Iterable<E>, key: (item: E) => string): ReadonlyMap<string, E[]> {
  const groups = new Map<string, E[]>()
  for (const item of items) {
    const name = key(item)
    const group = groups.get(name)
    if (group === undefined) groups.set(name, [item])
    else group.push(item)
  }
  return groups
}

/**
 * The parts that the integration's `shards` gives; of an unsharded one the whole, under {@link UNSHARDED}.
 * @throws TrueupError `desired-invalid` when `shards` gives no Map, or a key that is no text of 1 to 300 characters
 */
export function splitShards(
  definition: AnyIntegration,
  desired: unknown,
  params: unknown,
): ReadonlyMap<string, unknown> {
  if (definition.shards === undefined) return new Map([[UNSHARDED, desired]])
  // The author's own types were checked against one another.
  const parts: unknown = definition.shards(desired, params)
  if (!isMap(parts)) throw invalid(definition, 'shards() must return a Map from key to part; groupBy() makes one')
  for (const key of parts.keys()) {
    const fault = keyFault(key)
    if (fault !== undefined) throw invalid(definition, `shards() returned the key ${shown(key)}, which ${fault}`)
  }
  return parts as ReadonlyMap<string, unknown>
}

/** Nothing, in the form that the value has: an empty list, an empty object, else null. What a removed shard desires. */
export function emptyLike(value: unknown): readonly never[] | Readonly<Record<string, never>> | null {
  if (Array.isArray(value)) return []
  return typeof value === 'object' && value !== null ? {} : null
}

/** By shape: a Map of another realm is one too. */
function isMap(value: unknown): value is ReadonlyMap<unknown, unknown> {
  return Object.prototype.toString.call(value) === '[object Map]'
}

function keyFault(key: unknown): string | undefined {
  if (typeof key !== 'string') return `is a ${typeof key}: keys are texts`
  if (key === '') return 'is empty: the empty key belongs to targets without shards'
  if (key.length > longestKey) return `has ${key.length} characters: at most ${longestKey} are allowed`
  // The `u` flag matches a paired surrogate as one character.
  return /\p{Surrogate}/u.test(key) ? 'holds half a character (a lone surrogate)' : undefined
}

function shown(key: unknown): string {
  const text = typeof key === 'string' ? JSON.stringify(key) : String(key)
  return text.length > 60 ? `${text.slice(0, 60)}…` : text
}

function invalid(definition: AnyIntegration, message: string): TrueupError {
  return new TrueupError('desired-invalid', `${definition.name}: ${message}`, {
    details: { integration: definition.name },
  })
}
