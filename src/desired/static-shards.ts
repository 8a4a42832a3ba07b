// A number of shards and a key of an item in, the function for `shards` out: rendezvous hashing, so that few items move when the number
// changes. Pure. The numbers below decide where every item of every user lies: changing one moves them all.
import { createHash } from 'node:crypto'
import { TrueupError } from '../errors.js'

const most = 10_000
/** Shared by all copies of this module; what it holds says how the shards were made. */
const brand = Symbol.for('trueup.static-shards')

/** How static shards were made. */
export interface StaticShards {
  readonly count: number
  /** The shard of an item if there were that many. */
  shardAt(count: number, item: unknown): string
}

/**
 * A fixed number of shards, for `shards`: the keys `00`, `01` … (`100` after `99`), all of them always, an empty list where nothing falls. An
 * item's shard follows from its key and the number alone. From n to n + 1, about one item in n + 1 moves, each of them into the new shard;
 * from n to n - 1, exactly those of the last one.
 *
 * @param count 1 to 10,000
 * @param key names an item: what must not change while it is the same item
 * @throws TrueupError `integration-invalid` for another count, or a key that is no text
 * @example shards: staticShards(16, (user) => user.name)
 */
export function staticShards<E>(
  count: number,
  key: (item: E) => string,
): (desired: readonly E[]) => ReadonlyMap<string, E[]> {
  check(count)
  const seeds = seedsOf(count)
  const textOf = (item: unknown): string => {
    const text: unknown = key(item as E)
    if (typeof text === 'string') return text
    throw new TrueupError('integration-invalid', `staticShards(): key() must give a text, not ${typeof text}`)
  }
  const split = (desired: readonly E[]): ReadonlyMap<string, E[]> => {
    const parts = seeds.map((_, index): [string, E[]] => [nameOf(index), []])
    for (const item of desired) parts[winner(textOf(item), seeds)]?.[1].push(item)
    return new Map(parts)
  }
  const made: StaticShards = {
    count,
    shardAt(other, item) {
      check(other)
      return nameOf(winner(textOf(item), seedsOf(other)))
    },
  }
  return Object.defineProperty(split, brand, { value: made })
}

/** How `shards` was made; undefined when it is no `staticShards()`. */
export function staticShardsOf(shards: unknown): StaticShards | undefined {
  if (typeof shards !== 'function' || !Object.hasOwn(shards, brand)) return undefined
  return (shards as unknown as { readonly [brand]: StaticShards })[brand]
}

/** The same whatever the count: a name that depended on it would move everything. */
function nameOf(index: number): string {
  return String(index).padStart(2, '0')
}

function seedsOf(count: number): readonly number[] {
  return Array.from({ length: count }, (_, index) => mix(index + 1))
}

/** Index of the shard that gives this key the greatest weight; of equals the first, so that a new shard never takes by a tie. */
function winner(key: string, seeds: readonly number[]): number {
  const hash = createHash('sha256').update(key).digest()
  const [a, b] = [hash.readUInt32BE(0), hash.readUInt32BE(4)]
  let best = 0
  let weight = -1
  for (const [index, seed] of seeds.entries()) {
    const own = mix(mix(a ^ seed) ^ b)
    if (own > weight) [best, weight] = [index, own]
  }
  return best
}

/** Spreads 32 bits: each of them decides about half of the result's. Unsigned. */
function mix(value: number): number {
  let bits = value | 0
  bits = Math.imul(bits ^ (bits >>> 16), 0x85ebca6b)
  bits = Math.imul(bits ^ (bits >>> 13), 0xc2b2ae35)
  return (bits ^ (bits >>> 16)) >>> 0
}

function check(count: number): void {
  if (Number.isInteger(count) && count >= 1 && count <= most) return
  throw new TrueupError(
    'integration-invalid',
    `staticShards() takes a whole number of shards from 1 to ${String(most)}, not ${String(count)}`,
  )
}
