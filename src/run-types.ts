// What goes into a run and what it is made of: the request, and the one dependencies object. Types only.
import type { CacheHealth } from './early-exit/cache-health.js'
import type { DeclaredTarget } from './early-exit/declaration.js'
import type { CodeManifest } from './early-exit/code-manifest.js'
import type { DataQueries } from './desired/graphql/data-queries.js'
import type { Repository, Snapshot } from './desired/source.js'
import type { Json, LogRecord, PlanData, LimitCheck, Reporter, RunActor, RunConfiguration, RunMode } from './event.js'
import type { AnyIntegration, LimitSettings } from './integration.js'
import type { Approval } from './reconcile/approvals.js'
import type { DryRunGuard } from './reconcile/dry-run-guard.js'
import type { Providers } from './reconcile/providers.js'
import type { Answers } from './reconcile/relations.js'
import type { SharedAnswers } from './reconcile/shared-answers.js'
import type { SavedPlan } from './reconcile/saved-plan.js'
import type { Steering } from './reconcile/steer.js'
import type { Authored, Capture } from './report/capture.js'
import type { Redactor } from './report/redact.js'
import type { RunSecrets } from './secrets/run-secrets.js'
import type { SecretBackend } from './secrets/secret-backend.js'
import type { LeaseHolder } from './store/lease-documents.js'
import type { ObjectStore } from './store/object-store.js'
import type { Budget } from './util/budget.js'
import type { Clock } from './util/clock.js'

export interface RunRequest {
  readonly target: string
  readonly mode: RunMode
  /** A revision, `last-applied`, or null when no comparison is asked. */
  readonly base: string | null
  /** The base is the id of a bundle of the target's endpoint: this very head, with the data of that bundle. @defaultValue false */
  readonly isBaseBundle?: boolean
  readonly requireCompare: boolean
  readonly committed: boolean
  readonly force: boolean
  /** Shard keys to run; empty for all. */
  readonly shards: readonly string[]
  /** Only the shards that differ from the base; in an apply also those of which no mark says that this head was applied. @defaultValue false */
  readonly onlyAffected?: boolean
  readonly overrides: LimitOverrides
  /** Digest of the plan to apply, or its first 12 or more digits. */
  readonly expectPlan: string | null
  readonly savedPlan: SavedPlan | null
  /** Let an apply in CI start with a store that holds nothing. */
  readonly initStore: boolean
  /** How long to wait for a lease that another run holds, ms. @defaultValue 0 */
  readonly leaseWaitMs?: number
  /** A dry run with changes pending ends with 2; `change`: with changes that are no drift for certain. */
  readonly detailedExitcode: boolean | 'change'
  /** Text of the command that would repeat this run, without mode flags; for hints. */
  readonly command: string
  /** Whole commands for hints, where they are not `trueup plan|apply <command>`. */
  readonly commands?: { readonly plan: string; readonly apply: string }
  /** Flags that say where this run works, with a space before them; for hints that name other commands. */
  readonly place?: string
  /** What to bring about in place of the head's desired state. */
  readonly instead?: Steering
  /** How the run cache is used; absent: not at all. */
  readonly cache?: CacheRequest
}

export interface CacheRequest {
  readonly access: 'r' | 'w' | 'rw'
  /** How long a converged run may answer for the next, ms. */
  readonly ttlMs: number
  /** Trust zone of this run's entries. */
  readonly zone: string
  /** A further zone that an untrusted run may read. */
  readonly readZone?: string
  /** What this process runs on. */
  readonly nodeMajor: number
}

/** Limits given for this run alone, in place of the target's. */
export interface LimitOverrides {
  readonly maxDeletes?: number | string
  readonly maxChanges?: number | string
  readonly allowEmpty?: boolean
  /** Changes that applies made again and again are made once more. */
  readonly allowNotConverging?: boolean
}

/** An integration's code, loaded, with its parameters. */
export interface LoadedTarget {
  readonly definition: AnyIntegration
  readonly params: unknown
}

/** What an endpoint is asked with. */
export interface QuerySide {
  readonly secrets: RunSecrets
  readonly signal: AbortSignal
  /** Id of the bundle to ask. @defaultValue the newest, or what the commit has */
  readonly bundle?: string
}

/** A target as configured on the head's side (in a dry run with a base: limits and store of the base's). */
export interface OpenTarget {
  readonly declared: DeclaredTarget
  /** Limits of the integration and of trueup.yaml, merged. */
  readonly limits: LimitSettings
  readonly store: ObjectStore
  /** Opened for this run. */
  readonly secrets: SecretBackend
  /** Nothing was ever kept in this store, and it will not outlive this machine. */
  readonly storeIsFreshInCi: boolean
  /** Deletion approvals in force, of all targets. */
  readonly approvals?: readonly Approval[]
  /** Kept in the record. */
  readonly configured?: RunConfiguration
  /** The secret whose fields are the HMAC keys of cache entries, and the field that signs; absent: entries are not signed. */
  readonly cacheSigning?: { readonly secret: string; readonly key: string }
  /** What of the base's configuration is used in place of the head's, for people. */
  readonly notes: readonly string[]
  load(): Promise<LoadedTarget>
  /** What `ctx.source.query` asks of a snapshot. Called once for each. @defaultValue there is no data to ask */
  queriesAt?(snapshot: Snapshot, side: QuerySide): DataQueries
  configAt(base: Snapshot): Promise<Json | undefined>
  manifestAt(base: Snapshot): Promise<CodeManifest>
}

/** Everything a run needs from outside; nothing else reaches it. */
export interface RunDependencies {
  readonly clock: Clock
  readonly newId: () => string
  readonly reporter: Reporter
  readonly repository: Repository
  readonly by: RunActor
  readonly process: Pick<LeaseHolder, 'pid' | 'processStart'>
  /** Whether a process of this host is gone for certain. */
  readonly isDead: (holder: LeaseHolder) => boolean
  /** Of this process: a run cache that failed is left alone by later runs too. @defaultValue each run finds out for itself */
  readonly cacheHealth?: CacheHealth
  /** How long a lease outlives its last renewal, ms. @defaultValue 60 s */
  readonly leaseMs?: number
  /** Variables that declared `env` names are looked up in. */
  readonly environment: Readonly<Record<string, string | undefined>>
  readonly ci: boolean
  /** Aborted when nothing more may start; the reason says why (`interrupted`, `timeout`). */
  readonly stop: AbortSignal
  /** Aborted when the grace period after `stop` is over. */
  readonly giveUp: AbortSignal
  /** How much may happen at once, shared by all runs of the process. */
  readonly budget: Budget
  /** Other runs of this process may be under way: a lease that one of them holds is waited for. @defaultValue false */
  readonly sideBySide?: boolean
  readonly guard: DryRunGuard
  /** Makes log lines of what author code prints. @defaultValue it is printed as it is */
  readonly capture?: Capture
  /** What the integration printed when it was loaded to find its target, before there was a run. */
  readonly printed?: readonly LogRecord[]
  /** Takes what was read of secrets out of everything that a run tells; one a run. */
  readonly redactor: Redactor
  /** What `ctx.http` sends with. */
  readonly fetch: typeof globalThis.fetch
  /** What dry runs of this process have loaded of relations. @defaultValue each run loads for itself */
  readonly relations?: Answers
  /** Answers of other processes, which know when an apply may take one. @defaultValue none */
  readonly sharedAnswers?: SharedAnswers
  /** Rates and pauses of whom `ctx.http` calls, shared by all runs of the process. */
  readonly providers: Providers
  openTarget(sides: {
    readonly head: Snapshot
    readonly base: Snapshot | undefined
    readonly mode: RunMode
    /** Runs what of the author's code opening calls. */
    readonly authored: Authored
  }): Promise<OpenTarget>
  /** Asked before an apply that nothing has approved; false ends the run without a change. */
  confirm(plan: PlanData, limits: readonly LimitCheck[]): Promise<boolean>
}
