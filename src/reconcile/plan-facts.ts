// What a plan found out besides its changes, as data: what the limits are checked on.
// Type declarations and sums only: no rule stands here.
import type { DeletePolicy } from '../integration.js'

/** An object that this plan may not touch. `owner`: the target that owns it; null when nobody we know of does. */
export interface NotOwned {
  readonly key: string
  readonly owner: string | null
}

export interface IncompleteListing {
  /** Why it is incomplete, for people. */
  readonly reason: string
  /** Keys that a complete listing would have had deleted. */
  readonly heldBack: readonly string[]
  /** Keys that are desired and in the ledger but were not seen: they may be there, so they are not created again. */
  readonly notCreated: readonly string[]
  /** Nothing at all could be read in this shard, so nothing is done there. */
  readonly unreadable?: true
}

export interface ShardFacts {
  /** null for an unsharded target. */
  readonly shard: string | null
  /** No longer in the desired state: what it owns is to go. */
  readonly removed: boolean
  /** Nothing is desired in it. */
  readonly empty: boolean
  /** Base of percentages: listed objects that are ours. */
  readonly owned: number
  /** `owned`, and those that only the ledger knows of. */
  readonly known: number
  readonly deletes: number
  /** Their keys. */
  readonly deleteKeys?: readonly string[]
  /** How many of them were approved, and do not count against the limits. @defaultValue 0 */
  readonly approved?: number
  readonly changes: number
  /** null when the listing is complete. */
  readonly incomplete: IncompleteListing | null
  /** Keys of deletes that the integration protects from. */
  readonly protectedKeys: readonly string[]
  readonly notOwned: readonly NotOwned[]
}

export interface PlanFacts {
  readonly target: string
  readonly deletePolicy: DeletePolicy
  /** In the order of shard keys (code units). */
  readonly shards: readonly ShardFacts[]
  /** What the target's invariants said of the state as it would be. */
  readonly invariants: readonly string[]
}
