// What was decided of a run, and why: part of its events and its record (event.ts hands these types on).
// Type declarations only: nothing here runs.
import type { Json } from './event.js'

/** Why a run ran or was skipped. Stable: users and scripts match on them (CLI reference). */
export type DecisionReason =
  | 'no-comparison-asked'
  | 'forced'
  | 'config-changed'
  | 'code-changed'
  | 'code-unknown'
  | 'inputs-unchanged'
  | 'desired-unchanged'
  | 'desired-changed'
  | 'base-missing'
  | 'base-failed'
  | 'base-not-applied'
  | 'cache-hit'
  | 'cache-miss'
  | 'cache-expired'
  | 'cache-stale'
  | 'cache-untrusted'
  | 'cache-error'
  | 'held'
  | 'lease-held'
  | 'head-failed'
  | 'store-failed'
  | 'precondition-failed'
  | 'interrupted'

/** One named component of a decision: what it is at the base (or at the last apply) and at the head. */
export interface DecisionComponent {
  /** Short text for people, e.g. `server=https://dns.example.com`; digests otherwise. */
  readonly head: string | null
  readonly base: string | null
  readonly same: boolean | null
  /** What exactly differs, e.g. a file name or a parameter name. */
  readonly detail?: string
}

/** Run or skip. `none`: the run ended before it could be decided. */
export interface Decision {
  readonly action: 'run' | 'skip' | 'none'
  readonly reason: DecisionReason
  /** Full id of the base commit, `last-applied`, or null when no comparison was asked. */
  readonly base: string | null
  /** Full id of the head commit, or `worktree`. */
  readonly head: string
  /** The commit under the working tree (equal to `head` with `--committed`); null before the first commit. */
  readonly headCommit: string | null
  /** The working tree differs from its commit in something this run reads. */
  readonly dirty: boolean
  /** Digest of the head's desired state; null when it was not evaluated. */
  readonly digest: string | null
  /** One sentence for people: why, and what to do about it where there is something to do. */
  readonly explanation: string
  readonly components: Readonly<Record<string, DecisionComponent>>
  /** Of runs that asked the run cache. */
  readonly cache?: CacheAnswer
  /** The first place where the desired states differ, when both were evaluated. */
  readonly firstDifference?: FirstDifference
}

export type CacheStatus = 'HIT' | 'MISS' | 'EXPIRED' | 'STALE' | 'UNTRUSTED' | 'ERROR'

/** What the run cache said to one run. */
export interface CacheAnswer {
  readonly status: CacheStatus
  /** Of the entry that was looked for (64 hex digits), whether there is one or not. */
  readonly id: string
  /** The trust zone in which it was found; the run's own, where it was not. */
  readonly zone: string
  /** By the store's clock, as are the others; null where there is no entry to speak of. */
  readonly ageMs: number | null
  /** UTC ms. */
  readonly expiresAt: number | null
  readonly expiresInMs: number | null
  /** Why it is no hit, as the end of a sentence; null for a hit. */
  readonly why: string | null
  /** Named parts of components of the key (`params`, `shards`), each as the first digits of its digest: `why` tells by them what differs. */
  readonly parts: KeyParts
}

export type KeyParts = Readonly<Record<string, Readonly<Record<string, string>>>>

export interface FirstDifference {
  /** Path inside the desired state, e.g. `[3].value`. */
  readonly path: string
  readonly before: Json | undefined
  readonly after: Json | undefined
  /** Repository file and 1-based line of the first changed line, where one input file changed. */
  readonly file?: string
  readonly line?: number
}
