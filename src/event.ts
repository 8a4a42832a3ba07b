// Everything that can happen in a run, and the data it talks of. Logs, JSON, Markdown, records and tests read these same shapes.
// Type declarations only: nothing here runs.
import type { ChangeAction, FieldChange, PlanSummary } from './change-types.js'
import type { Decision } from './decision.js'
import type { DurableSummary, DurableUse, Remembered } from './durable-types.js'
import type { ErrorCode } from './errors.js'
import type { LogRecord, ReplayedEvent } from './log-record.js'

export type { LogLevel, LogRecord, LogSource, ReplayedEvent } from './log-record.js'

export type { ChangeAction, FieldChange, PlanSummary }

/** Values that survive JSON unchanged. */
export type Json = null | boolean | number | string | readonly Json[] | { readonly [key: string]: Json }

/** Lower-case hex of a SHA-256 (64 digits). */
export type Digest = string & { readonly __brand: 'Digest' }

/** `dry-run` plans and reports; `apply` also carries the plan out. */
export type RunMode = 'dry-run' | 'apply'

export type {
  CacheAnswer,
  CacheStatus,
  Decision,
  DecisionComponent,
  DecisionReason,
  FirstDifference,
  KeyParts,
} from './decision.js'

/** One change as data: everything but the function that carries it out. */
export interface PlannedChange {
  readonly action: ChangeAction
  readonly key: string
  /** Shard key; null for an unsharded target. */
  readonly shard: string | null
  /** `change`: the compared range causes it (`overwritesDrift`: where it was not as the base desires either). `drift`: it was due before. */
  readonly cause: 'change' | 'drift' | 'unknown'
  readonly overwritesDrift?: true
  /** Takes something away: a delete, or an update that its integration marked so. */
  readonly destructive: boolean
  readonly fields: readonly FieldChange[]
  /** Keys of changes that must have been applied before this one starts. */
  readonly dependsOn: readonly string[]
  /** Digest of the live object this change was planned against; null when it did not exist. */
  readonly live: string | null
}

/** The ordered, counted, digested list of changes of one run, as data. */
export interface PlanData {
  readonly digest: string
  readonly summary: PlanSummary
  readonly changes: readonly PlannedChange[]
  /** What planning wants kept in the target's state; no part of the digest. */
  readonly remember?: readonly Remembered[]
}

export type LimitRule =
  | 'max-deletes'
  | 'max-changes'
  | 'empty-desired'
  | 'incomplete-listing'
  | 'protected'
  | 'invariant'
  | 'not-owned'
  /** Changes that applies made again and again: they are left out, and nothing else is blocked. */
  | 'not-converging'
  /** Changes of a shard or an object that is held: they are left out, and nothing else is blocked. */
  | 'held'
  /** A deletion approval of trueup.yaml: used, unused or expired. Blocks nothing. */
  | 'approval'

/** One limit as it was checked. Only blocked or overridden ones, and those in use, are reported. */
export interface LimitCheck {
  readonly rule: LimitRule
  /** As configured: `10%`, `3`, `false` … */
  readonly limit: string
  /** As found, for people: `12 of 41 (29 %)`. */
  readonly actual: string
  /** Shard key; null for the whole run or an unsharded target. */
  readonly shard: string | null
  readonly blocked: boolean
  /** What was asked for in place of the limit (a flag and its value); null when nothing was. */
  readonly override: string | null
  /** One sentence for people: what is blocked. */
  readonly message: string
  /** The flags that would allow exactly this; null where no flag may. */
  readonly allow: string | null
  /** Keys concerned, where the rule is about single objects. */
  readonly keys: readonly string[]
}

export type OutcomeResult = 'applied' | 'failed' | 'skipped' | 'not-attempted' | 'unknown'

/** What became of one change. */
export interface ChangeOutcome {
  readonly key: string
  readonly action: ChangeAction
  readonly shard: string | null
  readonly result: OutcomeResult
  /** Why it failed, was skipped or is unknown; null when applied. */
  readonly error: string | null
}

export interface RunError {
  readonly code: ErrorCode | 'internal'
  readonly message: string
  readonly details: Readonly<Record<string, unknown>>
}

/** Who or what started a run, as far as the environment tells. */
export interface RunActor {
  readonly actor: string | null
  /** URL of the CI job. */
  readonly url: string | null
  readonly host: string
  /** `trueup/0.1.0 node/20.19.0`. */
  readonly tool: string
  /** Of a run that a daemon began since somebody outside told it to. */
  readonly event?: RunEventCause
}

/** Why somebody outside made a target due, as they say. */
export interface RunEventCause {
  readonly reason: string
  readonly by: string | null
  /** Of the event, the same when it is sent again; null where it has none. */
  readonly key: string | null
}

export interface RunIdentity {
  /** ULID. */
  readonly id: string
  readonly target: string
  readonly integration: string
  readonly version: string
  readonly mode: RunMode
  /** null while the place has no identity yet, or when nothing needed to know it. */
  readonly destination: string | null
  readonly shards: readonly string[]
  /** UTC ms in memory and in records; ISO text in JSON output. */
  readonly startedAt: number
  readonly durationMs: number
  readonly by: RunActor
}

/** An object that a run could not bring back, and why not. */
export interface LeftOut {
  readonly key: string
  /** One sentence for people. */
  readonly why: string
}

/** What a run was asked to bring about in place of the desired state of its head; or what was done to the ledger alone (`release`, `move`). */
export type RunInstead =
  | { readonly kind: 'undo'; readonly run: string; readonly only: string | null; readonly left: readonly LeftOut[] }
  | { readonly kind: 'destroy' }
  | { readonly kind: 'adopt' | 'release'; readonly keys: readonly string[] }
  /** What a person said became of changes whose outcome nobody had seen. */
  | { readonly kind: 'resolve'; readonly keys: readonly string[]; readonly as: 'done' | 'absent' }
  /** One key of the target's state, by hand. */
  | { readonly kind: 'state'; readonly key: string; readonly before: Json | null; readonly after: Json | null }
  /** Calls of durable functions that were forgotten by hand, as `name id`. */
  | { readonly kind: 'clear'; readonly calls: readonly string[] }
  | { readonly kind: 'move'; readonly keys: readonly string[]; readonly from: string; readonly to: string }

/** A target as it was configured for a run: enough to find its integration and destination once trueup.yaml no longer names it. */
export interface RunConfiguration {
  /** Name or path, as in trueup.yaml. */
  readonly integration: string
  /** As written in trueup.yaml, before defaults. */
  readonly params: Readonly<Record<string, Json>>
  /** Texts of `--param`. */
  readonly flags: Readonly<Record<string, string>>
  /** As trueup.yaml gave it; null where the integration was asked. */
  readonly destination: string | null
}

/** How often a run called one provider by `ctx.http`. */
export interface ProviderCalls {
  /** Origin: `https://dns.example.com`. */
  readonly provider: string
  /** Sent, with what was sent again: GET, HEAD, OPTIONS and what was declared to read. */
  readonly reads: number
  readonly writes: number
  /** Before they could be sent, of all calls together: for the rate of trueup.yaml, or as the provider asked (Retry-After). */
  readonly waitedMs: number
}

/** A change that the last apply made too: the same action on the same object with the same values. */
export interface RepeatedChange {
  readonly key: string
  readonly action: ChangeAction
  readonly shard: string | null
  /** Applies in a row that made it, this one included unless it was stopped. */
  readonly times: number
  /** It is left out: not converging. */
  readonly stopped: boolean
}

/** A hold of a shard or of an object, and what of a plan is left out for it. */
export interface HeldPart {
  /** Key of the shard that is held; null: an object is. */
  readonly shard: string | null
  /** Key of the object that is held; null: a shard is. */
  readonly key: string | null
  readonly reason: string
  /** When it was placed; UTC ms, by the store's clock. */
  readonly since: number
  /** In force before this instant; UTC ms, by the store's clock. */
  readonly until: number
  readonly by: Pick<RunActor, 'actor' | 'host' | 'url'>
  /** Keys of the changes that it leaves out, in the order of the plan; never none. */
  readonly keys: readonly string[]
}

/** How often a run asked for a relation, and how often it was loaded for that. */
export interface RelationUse {
  readonly name: string
  readonly asked: number
  /** The others were answered by what this run, or in dry runs another one of the command, had loaded. */
  readonly loaded: number
}

/** What a run leaves behind; also the object of `-o json` (`runs[]`). */
export interface RunRecord {
  readonly run: RunIdentity
  /** `running` until the end; a record that still says so belongs to a run that is alive or was killed. */
  readonly state: 'running' | 'finished'
  readonly decision: Decision
  readonly plan: PlanData | null
  readonly limits: readonly LimitCheck[]
  readonly outcomes: readonly ChangeOutcome[]
  readonly log: {
    readonly records: readonly LogRecord[]
    readonly dropped: number
    readonly replayedFrom: string | null
  }
  readonly error: RunError | null
  readonly exitCode: number
  /** Whole objects as they were before an apply updated or deleted them (normalized, so without what only the outside system knows), by key. */
  readonly before?: Readonly<Record<string, Json>>
  readonly instead?: RunInstead
  /** Of applies that are to make changes again that the one before made. */
  readonly repeats?: readonly RepeatedChange[]
  /** Of runs whose plan has changes of what is held. */
  readonly holds?: readonly HeldPart[]
  /** Of runs that called durable functions. */
  readonly durable?: DurableSummary
  /** Of runs that called somebody by `ctx.http`; the most called first. */
  readonly calls?: readonly ProviderCalls[]
  /** Of runs that asked for relations; by name. */
  readonly relations?: readonly RelationUse[]
  /** Of runs that got as far as to open their target. */
  readonly configured?: RunConfiguration
}

/** Everything a reporter is told, in order. */
export type RunEvent =
  | { readonly kind: 'decided'; readonly target: string; readonly decision: Decision }
  | {
      readonly kind: 'planned'
      readonly target: string
      readonly plan: PlanData
      readonly limits: readonly LimitCheck[]
      readonly mode: RunMode
    }
  | { readonly kind: 'change-started'; readonly target: string; readonly change: PlannedChange }
  | {
      readonly kind: 'change-finished'
      readonly target: string
      readonly outcome: ChangeOutcome
      readonly durationMs: number
    }
  | { readonly kind: 'durable-called'; readonly target: string; readonly use: DurableUse }
  | { readonly kind: 'logged'; readonly target: string; readonly record: LogRecord }
  | ReplayedEvent
  | {
      readonly kind: 'warned'
      readonly target: string
      readonly message: string
      readonly details?: Readonly<Record<string, unknown>>
    }
  | {
      readonly kind: 'recovered'
      readonly target: string
      readonly run: string
      readonly unknown: readonly ChangeOutcome[]
    }
  | { readonly kind: 'finished'; readonly record: RunRecord }

/** Is told everything that happens in a run. Must not throw; must not wait. */
export interface Reporter {
  report(event: RunEvent): void
}
