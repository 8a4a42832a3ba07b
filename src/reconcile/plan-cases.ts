// One object's pair, its ledger entry and the policy come in, what is to become of it goes out. One object at a time.
// Must not: know of other objects, count, or order.
import type { DeletePolicy } from '../integration.js'
import type { OwnershipEntry } from './ownership-view.js'

/** Who an object belongs to. `other`: another target of the same destination, by its name. */
export type Owner =
  { readonly kind: 'ours' } | { readonly kind: 'other'; readonly target: string } | { readonly kind: 'nobody' }

/** What is to become of one object. */
export type Case =
  | { readonly kind: 'create' | 'update' | 'adopt' | 'delete' }
  /** Would be `action`, but the object is not ours. `owner` is null when it is nobody's. */
  | { readonly kind: 'not-owned'; readonly action: 'create' | 'update' | 'adopt'; readonly owner: string | null }
  | { readonly kind: 'unchanged' }
  /** Desired and not seen in a listing that is incomplete, and in the ledger or the listing could not be read at all: it may be there. */
  | { readonly kind: 'not-created' }
  /** Would be deleted, were the listing complete. */
  | { readonly kind: 'held-back' }
  /** Ours and no longer desired, but nothing is ever deleted. */
  | { readonly kind: 'left' }
  /** Another target's; nothing to us. */
  | { readonly kind: 'others' }
  | { readonly kind: 'foreign' }
  /** Not among the keys that this run is about. */
  | { readonly kind: 'outside' }

export interface OwnerInput {
  readonly target: string
  readonly deletePolicy: DeletePolicy
  readonly entry: OwnershipEntry | undefined
  /** A person has released it from this target. */
  readonly isReleased: boolean
  /** What the object itself says. */
  readonly proof: boolean | undefined
  /** Digest of the live object; null when it was not seen. */
  readonly live: string | null
}

/** Whether a ledger entry counts: an intent does only if the object looks as it was meant to. */
export function counts(entry: OwnershipEntry, live: string | null): boolean {
  return entry.state === 'owned' || (live !== null && (entry.digest === live || entry.also?.includes(live) === true))
}

/**
 * The ledger is asked for other targets first (an object belongs to one only), then what a person has released, then the object's own word, then the
 * ledger for us. Under `all` whatever is no other target's is ours.
 */
export function ownerOf({ target, deletePolicy, entry, isReleased, proof, live }: OwnerInput): Owner {
  const known = entry !== undefined && counts(entry, live) ? entry : undefined
  if (known !== undefined && known.target !== target) return { kind: 'other', target: known.target }
  // What the object itself says was written before: who released it was told that no run deletes it.
  if (known === undefined && isReleased) return { kind: 'nobody' }
  if (deletePolicy === 'all' || proof === true) return { kind: 'ours' }
  if (proof === false) return { kind: 'nobody' }
  return known === undefined ? { kind: 'nobody' } : { kind: 'ours' }
}

export interface CaseInput {
  readonly desired: boolean
  readonly current: boolean
  /** Desired and current are the same value. */
  readonly equal: boolean
  /** Of the live object; where there is none, what the ledger says of the key. */
  readonly owner: Owner
  /** The ledger has an entry of any state and target. */
  readonly inLedger: boolean
  /** The shard's listing. */
  readonly complete: boolean
  /** Nothing of the listing could be read. */
  readonly unreadable: boolean
  readonly deletePolicy: DeletePolicy
}

/**
 *     desired  current  equal  owner           listing      → case
 *     yes      no       -      ours or nobody  complete     → create
 *     yes      no       -      another target  complete     → not-owned (shown as create)
 *     yes      no       -      in the ledger   incomplete   → not-created (it may be there)
 *     yes      no       -      not in it       incomplete   → create
 *     yes      no       -      -               unreadable   → not-created
 *     yes      yes      yes    ours            -            → unchanged
 *     yes      yes      yes    nobody          -            → adopt
 *     yes      yes      yes    another target  -            → not-owned (shown as adopt)
 *     yes      yes      no     ours            -            → update
 *     yes      yes      no     anyone else     -            → not-owned (shown as update)
 *     no       yes      -      another target  -            → others
 *     no       yes      -      nobody          -            → foreign
 *     no       yes      -      ours            -            → left, under policy `never`
 *     no       yes      -      ours            complete     → delete
 *     no       yes      -      ours            incomplete   → held-back
 *
 * Objects that another shard of the run desires never come here as "not desired" (plan-homes.ts).
 */
export function caseOf(input: CaseInput): Case {
  const { owner } = input
  const stranger = owner.kind === 'other' ? owner.target : null
  if (input.desired && !input.current) {
    if (input.unreadable || (!input.complete && input.inLedger)) return { kind: 'not-created' }
    return owner.kind === 'other' ? { kind: 'not-owned', action: 'create', owner: stranger } : { kind: 'create' }
  }
  if (input.desired) {
    if (owner.kind === 'ours') return { kind: input.equal ? 'unchanged' : 'update' }
    if (input.equal && owner.kind === 'nobody') return { kind: 'adopt' }
    return { kind: 'not-owned', action: input.equal ? 'adopt' : 'update', owner: stranger }
  }
  if (owner.kind === 'other') return { kind: 'others' }
  if (owner.kind === 'nobody') return { kind: 'foreign' }
  if (input.deletePolicy === 'never') return { kind: 'left' }
  return { kind: input.complete ? 'delete' : 'held-back' }
}
