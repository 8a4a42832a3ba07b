// The pairs of all parts of all shards come in, one place for each key goes out: where it is decided what becomes of it.
// Must not: decide that.
import { TrueupError } from '../errors.js'
import type { DiffPair } from '../integration.js'
import type { OwnershipView } from './ownership-view.js'
import type { PlanPart } from './plan-part.js'

export interface HomeShard {
  readonly shard: string
  readonly parts: readonly PlanPart[]
}

/** A key where it belongs. */
export interface Home {
  readonly shard: string
  readonly part: PlanPart
  readonly pair: DiffPair<unknown, unknown>
}

export interface Homes {
  /** Sorted by key (code units). Each key once. */
  readonly homes: readonly Home[]
  /** All keys that any shard desires or listed. */
  readonly seen: ReadonlySet<string>
}

/**
 * A key belongs to the shard that desires it. One that nobody desires belongs to the shard that the ledger names (to none here, if that one is
 * not part of the run), else to the first that listed it. So an object that several shards list is counted, and deleted, once at most.
 *
 * @param shards in the order of their keys, so that the same shards always give the same homes
 * @throws TrueupError `plan-invalid` for a key that is desired twice
 */
export function findHomes(target: string, shards: readonly HomeShard[], ledger: OwnershipView): Homes {
  const desired = new Map<string, Home>()
  const listed = new Map<string, Home[]>()
  for (const { shard, parts } of shards) {
    for (const part of parts) {
      for (const pair of part.diff.pairs) {
        const home = { shard, part, pair }
        if (pair.desired === undefined) {
          const others = listed.get(pair.key)
          if (others === undefined) listed.set(pair.key, [home])
          else others.push(home)
          continue
        }
        const earlier = desired.get(pair.key)
        if (earlier !== undefined) throw desiredTwice(pair.key, earlier.shard, shard)
        desired.set(pair.key, home)
      }
    }
  }

  const seen = new Set([...desired.keys(), ...listed.keys()])
  const homes: Home[] = []
  for (const key of [...seen].sort()) {
    const entry = ledger.entryOf(key)
    const candidates = listed.get(key) ?? []
    const owning = entry?.target === target ? candidates.find(({ shard }) => shard === entry.shard) : candidates[0]
    const home = desired.get(key) ?? owning
    if (home !== undefined) homes.push(home)
  }
  return { homes, seen }
}

function desiredTwice(key: string, first: string, second: string): TrueupError {
  const places =
    first === second ? `two plans${first === '' ? '' : ` of shard ${first}`}` : `shards ${first} and ${second}`
  return new TrueupError(
    'plan-invalid',
    `${places} both desire an object with the key "${key}"; keys are unique within a destination, so let key() name more of the object`,
    { details: { key, shards: first === second ? [first] : [first, second] } },
  )
}
