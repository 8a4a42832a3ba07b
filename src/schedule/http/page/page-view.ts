// What the pages show, as a daemon knows it. Types only; nothing in them has a secret: records are kept redacted.
import type { RunActor, RunRecord } from '../../../event.js'
import type { HeldPartName } from './acts.js'

export interface PageView {
  /** UTC ms. */
  now(): number
  overview(): Promise<Overview>
  /** undefined where neither trueup.yaml nor the store has it. */
  target(name: string, asked: HistoryAsked): Promise<TargetFacts | undefined>
  /** By id, or an unambiguous part of it. */
  runs(id: string): Promise<readonly RunRecord[]>
  /** The overview for programs that take no HTML. */
  plain(): string
}

/** Of the newest runs, or of those before one. */
export interface HistoryAsked {
  readonly before: string | undefined
  readonly limit: number
}

export interface DaemonFacts {
  /** Of trueup. */
  readonly version: string
  /** Full id; null before the first. */
  readonly commit: string | null
  /** Whether anything is applied by it. */
  readonly applies: boolean
  /** The store, for people. */
  readonly store: string
  /** Flags that say where, with a space before them: for commands to type. */
  readonly place: string
}

export interface Overview extends DaemonFacts {
  readonly rows: readonly TargetRow[]
  readonly holds: readonly HoldFacts[]
  readonly doubts: readonly DoubtFacts[]
  /** A success older than this is overdue, ms; null: only none at all is. */
  readonly maxAgeMs: number | null
  /** Why holds and doubts cannot be told; null: they can. */
  readonly problem: string | null
  /** Of how many targets the records are still to be read. */
  readonly unread: number
}

export type Outcome = 'converged' | 'pending' | 'applied' | 'skipped' | 'later' | 'blocked' | 'failed'

export interface LastRunFacts {
  /** null where it left no record. */
  readonly id: string | null
  readonly mode: 'apply' | 'dry-run'
  /** When it ended, UTC ms. */
  readonly at: number
  readonly decision: string
  readonly reason: string
  readonly outcome: Outcome
  /** `applied: 2 create`, `no changes`, the message of what failed. */
  readonly summary: string
}

export interface TargetRow {
  readonly name: string
  readonly labels: Readonly<Record<string, string>>
  /** Whether this daemon applies it. */
  readonly applies: boolean
  /** `each 1h`, or a cron expression. */
  readonly timing: string
  /** UTC ms; undefined: never. */
  readonly nextAt: number | undefined
  readonly isRunning: boolean
  readonly last: LastRunFacts | undefined
  /** UTC ms of its last success; null: none; undefined: not read yet. */
  readonly successAt: number | null | undefined
  readonly isOverdue: boolean
  /** Why it is planned in place of applied: policies and freezes. */
  readonly waitsFor: readonly string[]
  readonly notConverging: readonly { readonly action: string; readonly key: string }[]
  readonly holds: readonly HoldFacts[]
  readonly doubts: number
}

export interface HoldFacts {
  /** null: of all. */
  readonly target: string | null
  /** What alone of the target is held. @defaultValue all of it */
  readonly part?: HeldPartName
  readonly reason: string
  /** UTC ms. */
  readonly since: number
  readonly until: number
  readonly by: Pick<RunActor, 'actor' | 'host' | 'url'>
}

export interface DoubtFacts {
  readonly id: string
  readonly kind: 'durable' | 'change'
  /** `create-account "ann"`, `update example.com/www/A`. */
  readonly name: string
  readonly target: string | null
  readonly run: string | null
  /** UTC ms. */
  readonly at: number
  readonly by: Pick<RunActor, 'actor' | 'host' | 'url'>
}

export interface ShardFacts {
  readonly key: string
  /** Of its last apply. */
  readonly status: 'started' | 'completed' | 'failed'
  /** UTC ms. */
  readonly at: number
  readonly run: string
}

export interface TargetFacts extends DaemonFacts {
  /** undefined: trueup.yaml has it no more. */
  readonly row: TargetRow | undefined
  readonly name: string
  /** Newest first. */
  readonly runs: readonly RunRecord[]
  /** There are older ones. */
  readonly hasMore: boolean
  readonly holds: readonly HoldFacts[]
  readonly doubts: readonly DoubtFacts[]
  readonly shards: readonly ShardFacts[]
}
