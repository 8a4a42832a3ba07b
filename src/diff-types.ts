// Words for what is compared: what the outside system holds, and how it differs from what is desired.
// Type declarations only: nothing here runs.
import type { Json } from './event.js'

/** What the outside system holds. Made by `listing.*`, never by hand: `complete` is proof, and deletes need it. */
export interface Listing<T> {
  readonly kind: 'listing'
  readonly items: readonly T[]
  readonly complete: boolean
  /** Why it is incomplete. */
  readonly reason?: string
  readonly unreadable?: true
}

/** What `diff()` returns: pairs of desired and current by key. Pure data and functions; knows nothing of ownership. */
export interface Diff<E, C> {
  readonly kind: 'diff'
  readonly pairs: readonly DiffPair<E, C>[]
  readonly complete: boolean
  readonly incompleteReason?: string
  /** Nothing of the listing could be read: what is desired there is not created either. */
  readonly unreadable?: true
  /** The key of any desired item; undefined for a value that is none. For shards that are not part of a run. */
  keyOf(item: unknown): string | undefined
}

export interface DiffPair<E, C> {
  readonly key: string
  /** `digest` is that of the JSON form of `value`. */
  readonly desired?: { readonly value: E; readonly digest: string }
  /** `normalized` is what is compared with the desired value, and what `digest` is of. */
  readonly current?: { readonly value: C; readonly normalized: E; readonly digest: string }
  /** Changed fields between `normalized` and desired; empty when equal. */
  readonly fields: readonly FieldDifference[]
  readonly dependsOn: readonly string[]
  /** Proof of ownership that the object itself carries: true, false, or undefined (the ledger decides). */
  readonly owned?: boolean | undefined
  readonly protected: boolean
  readonly destructive: boolean
}

export interface FieldDifference {
  readonly path: string
  readonly before?: Json | undefined
  readonly after?: Json | undefined
}
