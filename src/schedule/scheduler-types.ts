// What a scheduler is given, says and gives back. Types only.
import type { RunEventCause } from '../event.js'
import type { Clock } from '../util/clock.js'
import type { Verdict } from './policies.js'
import type { QueueStats, TargetQueue } from './target-queue.js'
import type { Timing } from './timing.js'

export interface ScheduledTarget {
  readonly key: string
  readonly timing: Timing
  /** Higher goes first; one step outweighs a minute of waiting. @defaultValue 0 */
  readonly priority?: number
  /** After this, the signal of its run aborts. Until its promise settles it counts as running all the same. @defaultValue never: it is given one that never aborts */
  readonly timeoutMs?: number
}

/**
 * - `done`: due again as its timing says; failures are forgotten
 * - `after`: in progress (a lease is held, say), due again in that time; no failure
 * - `retry`: due again after a back-off that grows with each one in a row
 * - `failed`: trying again at once does not help; due again as its timing says
 */
export type ScheduledResult =
  | { readonly kind: 'done' }
  | { readonly kind: 'after'; readonly afterMs: number; readonly reason: string }
  | { readonly kind: 'retry'; readonly error: Error }
  | { readonly kind: 'failed'; readonly error: Error }

/** Why a run began: its time had come, its data changed, or it failed before. */
export type StartCause = 'due' | 'change' | 'retry'

export type SchedulerEvent =
  | { readonly kind: 'started'; readonly key: string; readonly cause: StartCause; readonly delayMs: number }
  | {
      readonly kind: 'ended'
      readonly key: string
      readonly result: ScheduledResult
      readonly durationMs: number
      /** UTC ms; null: the target was removed, or has no further time. */
      readonly nextAt: number | null
    }
  /** It took longer than its timeoutMs, and was told so. */
  | { readonly kind: 'overran'; readonly key: string; readonly timeoutMs: number }
  /** A policy does not let it start. `until`: UTC ms; null: no time will change that, it is looked at again at its usual time. */
  | { readonly kind: 'not-yet'; readonly key: string; readonly until: number | null; readonly reason: string }

export interface SchedulerOptions {
  readonly clock: Clock
  /** From 0 to below 1. */
  readonly random: () => number
  /**
   * One run. Whatever it throws ends this run alone: a TrueupError that is retryable is a `retry`, anything else `failed`; after a time-out any
   * throw is a `retry`.
   */
  readonly run: (key: string, signal: AbortSignal, event: RunEventCause | null) => Promise<ScheduledResult>
  /** What is due when. It is this scheduler's alone in this process. */
  readonly queue: TargetQueue
  /** Asked before each start. @defaultValue all may start */
  readonly policy?: (key: string, now: number) => Verdict
  readonly onEvent?: (event: SchedulerEvent) => void
}

export interface FirstTargets {
  /** Times that were kept of an earlier process, UTC ms by key. */
  readonly saved?: ReadonlyMap<string, number>
  /** Due now, whatever is saved. */
  readonly changed?: Iterable<string>
  /** false: what never ran is due now, not spread over its interval. @defaultValue true */
  readonly spread?: boolean
  /** What these targets were read from: where replicas share the queue, they agree on it. */
  readonly revision?: string
}

export interface SchedulerStats extends QueueStats {
  readonly targets: number
}

export interface Scheduler {
  /**
   * The targets that there are from now on. At the first call those without a saved time are spread; later ones are due at once. A target that is
   * gone is not started again; a run under way ends and is forgotten.
   * Resolves when the queue has kept it.
   * @throws usage for a timing that is none, and what the queue throws; nothing is changed then
   */
  setTargets(targets: readonly ScheduledTarget[], first?: FirstTargets): Promise<void>
  /** Due now: something that it reads has changed. While it runs: one further run after that. Resolves when that is kept, with the event, which that run is told. @returns whether it knows the target */
  trigger(key: string, event?: RunEventCause): Promise<boolean>
  /** Begins to start what is due. */
  start(): void
  /** Resolves when nothing is due and nothing runs. */
  settled(): Promise<void>
  /** Starts nothing more; resolves when what runs has ended and times are kept. */
  stop(): Promise<void>
  /** When each target is due, UTC ms; of one that runs or waits for a place: when it came to be due. */
  due(): ReadonlyMap<string, number>
  stats(): SchedulerStats
}
