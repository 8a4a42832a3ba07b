// Targets with their timings come in; runs are started when the queue says that they are due, through the function that was given, and when each is
// due next goes back to the queue. Must not know what a run is, how the queue keeps its times, or touch a timer but the clock's.
import { isTrueupError, toError } from '../errors.js'
import { firstTimes } from './first-times.js'
import { longSleep } from './long-sleep.js'
import type { FirstTargets, ScheduledResult, ScheduledTarget } from './scheduler-types.js'
import type { Scheduler, SchedulerOptions, StartCause } from './scheduler-types.js'
import { NEVER, type Claim, type Following, type When } from './target-queue.js'
import { backOffMs, checkedTiming, jittered } from './timing.js'

/** A policy that announces the past is asked again after this. */
const SOONEST_AGAIN_MS = 1000
/** Why the sleep of a time-out ends before its time. Made once: the stack of an Error costs more than all else that a run costs here. */
const ENDED = new Error('nothing is waited for any more')
/** For runs without a time-out that nobody else may take over. */
const NO_SIGNAL = new AbortController().signal

interface Entry {
  readonly target: ScheduledTarget
  readonly next: (after: number) => number | undefined
}

interface Watched {
  readonly controller: AbortController
  hasOverrun: boolean
}

export function createScheduler(options: SchedulerOptions): Scheduler {
  const { clock, random, run, queue, policy } = options
  const emit = options.onEvent ?? (() => undefined)
  let entries: ReadonlyMap<string, Entry> = new Map()
  let hasTargets = false

  /** @param from - monotonic: since when the interval counts */
  function usual({ target, next }: Entry, from: number): When {
    if (target.timing.kind === 'cron') return { kind: 'at', at: next(clock.now()) }
    return { kind: 'in', ms: from + jittered(target.timing.intervalMs, random()) - clock.monotonic() }
  }

  function postponed(key: string): When | undefined {
    if (policy === undefined) return undefined
    const now = clock.now()
    const verdict = policy(key, now)
    const entry = entries.get(key)
    if (verdict.kind === 'allow' || entry === undefined) return undefined
    emit({ kind: 'not-yet', key, until: verdict.kind === 'wait' ? verdict.until : null, reason: verdict.reason })
    if (verdict.kind === 'deny') return usual(entry, clock.monotonic())
    return { kind: 'at', at: Math.max(verdict.until, now + SOONEST_AGAIN_MS) }
  }

  /** Never rejects. */
  async function perform({ key, failures, isChanged, event, delayMs, signal }: Claim): Promise<Following> {
    const startedAt = clock.monotonic()
    // Looked up once, where the targets stay the same: of 100,000 none is at hand.
    const served = entries
    const begun = served.get(key)
    const timeoutMs = begun?.target.timeoutMs
    const watched = timeoutMs === undefined ? undefined : { controller: new AbortController(), hasOverrun: false }
    const cause: StartCause = isChanged ? 'change' : failures > 0 ? 'retry' : 'due'
    emit({ kind: 'started', key, cause, delayMs })
    if (watched !== undefined && timeoutMs !== undefined) void watch(key, watched, timeoutMs)
    let result: ScheduledResult
    // The call is within the try, since it may throw before it gives a promise.
    try {
      result = await run(key, signalOf(watched?.controller.signal, signal), event)
    } catch (thrown) {
      const error = toError(thrown)
      const isToldToEnd = watched?.hasOverrun === true || signal?.aborted === true
      result = { kind: isToldToEnd || (isTrueupError(error) && error.retryable) ? 'retry' : 'failed', error }
    }
    // Ends the sleep of its time-out.
    if (watched?.controller.signal.aborted === false) watched.controller.abort(ENDED)
    const entry = entries === served ? begun : entries.get(key)
    const durationMs = clock.monotonic() - startedAt
    if (entry === undefined) return { when: NEVER, failures: 0, result, durationMs }
    switch (result.kind) {
      case 'done':
      case 'failed':
        return { when: usual(entry, startedAt), failures: 0, result, durationMs }
      case 'after':
        return { when: { kind: 'in', ms: result.afterMs }, failures, result, durationMs }
      case 'retry': {
        // One that ended a back-off sooner says nothing new by failing again.
        const inRow = isChanged && failures > 0 ? failures : failures + 1
        return { when: { kind: 'in', ms: backOffMs(inRow, random()) }, failures: inRow, result, durationMs }
      }
    }
  }

  function kept(key: string, { result, durationMs }: Following, nextAt: number | null): void {
    emit({ kind: 'ended', key, result, durationMs, nextAt })
  }

  async function watch(key: string, watched: Watched, timeoutMs: number): Promise<void> {
    const { controller } = watched
    const isOver = await longSleep(clock, timeoutMs, controller.signal)
    if (!isOver || controller.signal.aborted) return
    watched.hasOverrun = true
    emit({ kind: 'overran', key, timeoutMs })
    controller.abort(new Error(`it took longer than ${String(timeoutMs / 1000)} s`))
  }

  function followed(before: ReadonlyMap<string, Entry>): ReadonlyMap<string, When> {
    const moved = new Map<string, When>()
    for (const [key, entry] of entries) {
      const former = before.get(key)
      if (former === undefined) continue
      if (JSON.stringify(former.target.timing) !== JSON.stringify(entry.target.timing))
        moved.set(key, usual(entry, clock.monotonic()))
    }
    return moved
  }

  return {
    async setTargets(targets, given: FirstTargets = {}) {
      const before = entries
      entries = new Map(
        targets.map((target) => [target.key, { target, next: checkedTiming(target.timing) } satisfies Entry]),
      )
      try {
        await queue.update({
          targets: new Map(targets.map(({ key, priority = 0 }) => [key, priority])),
          first: hasTargets
            ? new Map(targets.map(({ key }) => [key, 'changed'] as const))
            : firstTimes(entries, given, clock.now()),
          moved: hasTargets ? followed(before) : new Map(),
          changed: given.changed ?? [],
          ...(given.revision === undefined ? {} : { revision: given.revision }),
        })
      } catch (error) {
        entries = before
        throw error
      }
      hasTargets = true
    },
    async trigger(key, event) {
      if (!entries.has(key)) return false
      await queue.trigger([key], event)
      return true
    },
    start() {
      queue.start({ postponed, run: perform, kept })
    },
    settled: () => queue.settled(),
    stop: () => queue.stop(),
    due: () => queue.due(),
    stats: () => ({ targets: entries.size, ...queue.stats() }),
  }
}

function signalOf(timeout: AbortSignal | undefined, lost: AbortSignal | undefined): AbortSignal {
  if (timeout !== undefined && lost !== undefined) return AbortSignal.any([timeout, lost])
  return timeout ?? lost ?? NO_SIGNAL
}
