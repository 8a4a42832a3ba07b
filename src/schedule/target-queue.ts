// The port of what is due when. Targets with their times go in; each that comes to be due is handed to one run at a time, and what follows that run
// is kept in one step with its end. Also the rules of a target's state, the same in every queue. Types and pure functions only.

import type { RunEventCause } from '../event.js'
import type { ScheduledResult } from './scheduler-types.js'

/** When a target is due: in that time, or at that time of the wall clock, UTC ms; `at: undefined` is never. */
export type When =
  { readonly kind: 'in'; readonly ms: number } | { readonly kind: 'at'; readonly at: number | undefined }

export const NEVER: When = { kind: 'at', at: undefined }

/** What is kept of a target between its runs, besides its time. */
export interface TargetState {
  /** Runs in a row that ended as `retry`. */
  failures: number
  /** One event may end a back-off; further ones wait for its end, else a busy source would turn it off. */
  isBackOffCut: boolean
  /** Something that it reads has changed since its last run began. */
  isChanged: boolean
}

/** What is kept of those that somebody made due. */
export interface HeardState {
  /** The newest event, for the record of its run; null: nobody said why. */
  event: RunEventCause | null
  /** The run under way was told of it. */
  isEventTold: boolean
}

/** A target that is to run now. */
export interface Claim {
  readonly key: string
  readonly failures: number
  readonly isChanged: boolean
  readonly event: RunEventCause | null
  /** ms since it came to be due. */
  readonly delayMs: number
  /** ms since the newest reason for it: its time, or the last event while it waited. Never more; less, where that is not known. */
  readonly newestMs: number
  /** Aborts when somebody else may run it now; undefined: nobody ever may. */
  readonly signal: AbortSignal | undefined
}

/** What follows a run. */
export interface Following {
  readonly when: When
  readonly failures: number
  /** What came of it, to be told once this is kept. */
  readonly result: ScheduledResult
  readonly durationMs: number
}

/** What a queue asks of the scheduler. */
export interface QueueWork {
  /** One run. Never rejects. */
  readonly run: (claim: Claim) => Promise<Following>
  /** What follows a run is kept. @param nextAt - when the target is due next, UTC ms; null: not at all */
  readonly kept: (key: string, following: Following, nextAt: number | null) => void
}

export interface TargetsUpdate {
  /** All targets that there are, with their priority: what else is waiting is removed. */
  readonly targets: ReadonlyMap<string, number>
  /** When those are due that the queue does not know yet. `changed`: now, as {@link TargetQueue.trigger} does. */
  readonly first: ReadonlyMap<string, When | 'changed'>
  /** Due then in place of what was, unless they run or are due. */
  readonly moved: ReadonlyMap<string, When>
  /** Due now. */
  readonly changed: Iterable<string>
  /** The revision that names these targets; where replicas share the queue, they agree on it in the same step. */
  readonly revision?: string
}

export interface QueueStats {
  /** Due, and waiting for a place. */
  readonly ready: number
  /** In this process. */
  readonly running: number
  /** Processes that share the targets, this one with them. */
  readonly replicas: number
  /** Since it was made: how often it was woken by time, and how often nothing was due then. */
  readonly wakeUps: number
  readonly idleWakeUps: number
  /** ms that the longest run under way has taken; 0: none. */
  readonly oldestRunningMs: number
}

export interface TargetQueue {
  /** Resolves when it is kept; all of it or, where it rejects, nothing. */
  update(update: TargetsUpdate): Promise<void>
  /**
   * Due now, since something that they read has changed. While one runs: one further run after that. Of a back-off: once. Unknown ones are left out.
   * Resolves when it is kept: from then on a run that begins later is certain, and knows of the event.
   */
  trigger(keys: Iterable<string>, event?: RunEventCause): Promise<void>
  /** Begins to hand out what is due. */
  start(work: QueueWork): void
  /** Resolves when nothing is due and nothing runs. */
  settled(): Promise<void>
  /** Hands out nothing more; resolves when what runs has ended and everything is kept. */
  stop(): Promise<void>
  /** When each target is due, UTC ms; of one that runs or waits for a place: when it came to be due. */
  due(): ReadonlyMap<string, number>
  stats(): QueueStats
}

export function freshState(): TargetState {
  return { failures: 0, isBackOffCut: false, isChanged: false }
}

/** A run begins. A change that ended a back-off sooner stays known, so that a failure after it says nothing new. */
export function beginRun(state: TargetState): void {
  if (state.failures === 0 || !state.isChanged) state.isBackOffCut = false
  state.isChanged = false
}

/** A run has ended. */
export function endRun(state: TargetState, failures: number): void {
  state.failures = failures
  if (failures === 0) state.isBackOffCut = false
}

/** Somebody says why it is due. */
export function hear(state: HeardState, event: RunEventCause | undefined): void {
  if (event === undefined) return
  state.event = event
  state.isEventTold = false
}

/** A run begins, and is told. */
export function tellEvent(state: HeardState): RunEventCause | null {
  state.isEventTold = state.event !== null
  return state.event
}

/** A run has ended. An event that came while it ran is of the next one. */
export function forgetTold(state: HeardState): void {
  if (state.isEventTold) state.event = null
  state.isEventTold = false
}

/**
 * Something that an idle target reads has changed.
 * @param isDue - its time has come, and it waits for a place
 * @returns whether it is due now; false: it waits for the end of its back-off, which was cut before
 */
export function hurry(state: TargetState, isDue: boolean): boolean {
  const isBackingOff = state.failures > 0 && !isDue
  if (isBackingOff && state.isBackOffCut) return false
  if (isBackingOff) state.isBackOffCut = true
  state.isChanged = true
  return true
}

/** What a change is worth in steps of priority: it goes before what is only looked at again. */
export const CHANGE_PRIORITY = 10
/** One step of priority outweighs this much waiting; so however many of a higher priority come, none waits for ever. */
export const AGEING_MS = 60_000
