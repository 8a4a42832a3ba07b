// Targets with their timings come in; runs are started when they are due, through the function that was given. Sleeps until something is due: no
// tick, no scan. Must not know what a run is, touch a timer but the clock's, or run one target twice at once.
//
//   idle ──its time, or trigger──▶ ready ──a free place, and its policy allows──▶ running ──settles──▶ idle
//                                    ▲                                               │ trigger
//                                    └──────────── once more, at once ◀──────────────┘
import { isTrueupError, toError } from '../errors.js'
import { firstTimes } from './first-times.js'
import { createSaving } from './saving.js'
import type { ScheduledResult, ScheduledTarget } from './scheduler-types.js'
import type { Scheduler, SchedulerOptions, StartCause } from './scheduler-types.js'
import { LONGEST_SLEEP_MS, longSleep } from './long-sleep.js'
import { backOffMs, checkedTiming, jittered } from './timing.js'
import { createWaiting } from './waiting.js'

/** What a change is worth in steps of priority: it goes before what is only looked at again. */
const CHANGE_PRIORITY = 10
/** A policy that announces the past is asked again after this. */
const SOONEST_AGAIN_MS = 1000
/** Why a sleep ends before its time. Made once: the stack of an Error costs more than all else that a run costs here. */
const ENDED = new Error('nothing is waited for any more')
/** For runs without a time-out. */
const NEVER = new AbortController().signal

interface Entry {
  readonly target: ScheduledTarget
  readonly next: (after: number) => number | undefined
  /** In a row. */
  failures: number
  /** One event may end a back-off; further ones wait for its end, else a busy source would turn it off. */
  isBackOffCut: boolean
  isChanged: boolean
}

interface Running {
  readonly startedAt: number
  /** Of a target with a time-out. */
  readonly controller: AbortController | undefined
  /** It ended a back-off sooner: that it fails again says nothing new. */
  readonly isCut: boolean
  again: boolean
  hasOverrun: boolean
}

export function createScheduler(options: SchedulerOptions): Scheduler {
  const { clock, random, run, concurrency, policy } = options
  const emit = options.onEvent ?? (() => undefined)
  const waiting = createWaiting(clock, options.ageingMs ?? 60_000)
  const saving = createSaving({
    clock,
    everyMs: options.saveEveryMs ?? 5000,
    save: options.save === undefined ? undefined : async () => options.save?.(allDue()),
    onError: (error) => {
      emit({ kind: 'save-failed', error })
    },
    onSaved: wakeSooner,
  })
  let entries = new Map<string, Entry>()
  const running = new Map<string, Running>()
  let state: 'new' | 'started' | 'stopping' = 'new'
  let hasTargets = false
  const waiters: (() => void)[] = []
  let sleeping: { readonly until: number; readonly controller: AbortController } | undefined
  let wakeUps = 0
  let idleWakeUps = 0

  function priorityOf(key: string): number {
    const entry = entries.get(key)
    return (entry?.target.priority ?? 0) + (entry?.isChanged === true ? CHANGE_PRIORITY : 0)
  }

  /** @param from - monotonic: since when the interval counts */
  function dueAsUsual(key: string, { target, next }: Entry, from: number): void {
    if (target.timing.kind === 'cron') waiting.dueAt(key, next(clock.now()))
    else waiting.dueIn(key, from + jittered(target.timing.intervalMs, random()) - clock.monotonic())
  }

  /** Starts what may start. Cheap when nothing may. @returns how many came to be due */
  function pump(): number {
    if (state !== 'started') return 0
    const ripe = waiting.collect(priorityOf)
    while (running.size < concurrency) {
      const next = waiting.take()
      if (next === undefined) break
      const entry = entries.get(next.key)
      if (entry !== undefined && mayStart(next.key, entry)) begin(next.key, entry, next.since)
    }
    wakeSooner()
    if (running.size === 0 && waiting.ready === 0) tellWaiters()
    return ripe
  }

  function mayStart(key: string, entry: Entry): boolean {
    const now = clock.now()
    const verdict = policy?.(key, now)
    if (verdict === undefined || verdict.kind === 'allow') return true
    if (verdict.kind === 'wait') waiting.dueAt(key, Math.max(verdict.until, now + SOONEST_AGAIN_MS))
    else dueAsUsual(key, entry, clock.monotonic())
    saving.touch()
    emit({ kind: 'not-yet', key, until: verdict.kind === 'wait' ? verdict.until : null, reason: verdict.reason })
    return false
  }

  function begin(key: string, entry: Entry, since: number): void {
    const cause: StartCause = entry.isChanged ? 'change' : entry.failures > 0 ? 'retry' : 'due'
    const startedAt = clock.monotonic()
    const { timeoutMs } = entry.target
    const controller = timeoutMs === undefined ? undefined : new AbortController()
    const isCut = entry.failures > 0 && entry.isChanged
    if (!isCut) entry.isBackOffCut = false
    entry.isChanged = false
    const one: Running = { startedAt, controller, isCut, again: false, hasOverrun: false }
    running.set(key, one)
    emit({ kind: 'started', key, cause, delayMs: Math.max(0, startedAt - since) })
    if (controller !== undefined && timeoutMs !== undefined) void watch(key, controller, timeoutMs)
    void perform(key, one).then((result) => {
      settle(key, one, result)
    })
  }

  /** Never rejects. The call is within the try, since it may throw before it gives a promise. */
  async function perform(key: string, one: Running): Promise<ScheduledResult> {
    try {
      return await run(key, one.controller?.signal ?? NEVER)
    } catch (thrown) {
      const error = toError(thrown)
      const isRetryable = one.hasOverrun || (isTrueupError(error) && error.retryable)
      return { kind: isRetryable ? 'retry' : 'failed', error }
    }
  }

  async function watch(key: string, controller: AbortController, timeoutMs: number): Promise<void> {
    const isOver = await longSleep(clock, timeoutMs, controller.signal)
    const one = running.get(key)
    if (!isOver || one?.controller !== controller) return
    one.hasOverrun = true
    emit({ kind: 'overran', key, timeoutMs })
    controller.abort(new Error(`it took longer than ${String(timeoutMs / 1000)} s`))
  }

  function settle(key: string, one: Running, result: ScheduledResult): void {
    running.delete(key)
    const entry = entries.get(key)
    // Ends the sleep of its time-out.
    if (one.controller?.signal.aborted === false) one.controller.abort(ENDED)
    if (entry !== undefined) {
      scheduleAfter(key, entry, one, result)
      if (one.again) hurry(key, entry)
    }
    saving.touch()
    const durationMs = clock.monotonic() - one.startedAt
    emit({ kind: 'ended', key, result, durationMs, nextAt: waiting.when(key) ?? null })
    pump()
    if (state === 'stopping' && running.size === 0) tellWaiters()
  }

  function scheduleAfter(key: string, entry: Entry, one: Running, result: ScheduledResult): void {
    switch (result.kind) {
      case 'done':
      case 'failed':
        entry.failures = 0
        entry.isBackOffCut = false
        dueAsUsual(key, entry, one.startedAt)
        break
      case 'after':
        waiting.dueIn(key, result.afterMs)
        break
      case 'retry':
        if (!one.isCut || entry.failures === 0) entry.failures += 1
        waiting.dueIn(key, backOffMs(entry.failures, random()))
        break
    }
  }

  /** Due now: once more after the run under way, or, of a back-off, once. */
  function hurry(key: string, entry: Entry): void {
    const active = running.get(key)
    if (active !== undefined) {
      active.again = true
      return
    }
    const isBackingOff = entry.failures > 0 && !waiting.isReady(key)
    if (isBackingOff && entry.isBackOffCut) return
    if (isBackingOff) entry.isBackOffCut = true
    entry.isChanged = true
    waiting.makeReady(key, clock.monotonic(), priorityOf(key))
  }

  function hurryAll(keys: Iterable<string>): void {
    for (const key of keys) {
      const entry = entries.get(key)
      if (entry !== undefined) hurry(key, entry)
    }
    saving.touch()
    pump()
  }

  function nextWake(): number {
    // While all places are taken, the end of a run is what wakes: what comes to be due meanwhile keeps its time.
    return Math.min(running.size >= concurrency ? Infinity : waiting.nextAt(), saving.nextAt())
  }

  function wakeSooner(): void {
    if (sleeping !== undefined && nextWake() < sleeping.until) sleeping.controller.abort(ENDED)
  }

  async function loop(): Promise<void> {
    let controller = new AbortController()
    while (state === 'started') {
      const now = clock.monotonic()
      const until = Math.min(nextWake(), now + LONGEST_SLEEP_MS)
      sleeping = { until, controller }
      // Whole ms, rounded up: a timer that fires a fraction too soon would only have to be set again.
      await clock.sleep(Math.max(0, Math.ceil(until - now)), controller.signal).catch(() => undefined)
      sleeping = undefined
      const isByTime = !controller.signal.aborted
      if (!isByTime) controller = new AbortController()
      const hasBegun = saving.saveIfDue()
      const ripe = pump()
      if (isByTime) wakeUps += 1
      if (isByTime && ripe === 0 && !hasBegun) idleWakeUps += 1
    }
  }

  function allDue(): ReadonlyMap<string, number> {
    const due = new Map<string, number>()
    const now = clock.now()
    for (const key of entries.keys()) {
      const active = running.get(key)
      const at = active === undefined ? waiting.when(key) : now - (clock.monotonic() - active.startedAt)
      if (at !== undefined) due.set(key, Math.round(at))
    }
    return due
  }

  function tellWaiters(): void {
    for (const tell of waiters.splice(0)) tell()
  }

  function settled(): Promise<void> {
    return new Promise((resolve) => {
      waiters.push(resolve)
      if (running.size === 0 && (waiting.ready === 0 || state !== 'started')) tellWaiters()
    })
  }

  function entryOf(target: ScheduledTarget, before: Entry | undefined): Entry {
    const { failures = 0, isBackOffCut = false, isChanged = false } = before ?? {}
    return { target, next: checkedTiming(target.timing), failures, isBackOffCut, isChanged }
  }

  function follow(key: string, entry: Entry, before: Entry | undefined): void {
    if (before === undefined) hurry(key, entry)
    else if (JSON.stringify(before.target.timing) === JSON.stringify(entry.target.timing)) return
    else if (!running.has(key) && !waiting.isReady(key)) dueAsUsual(key, entry, clock.monotonic())
  }

  return {
    setTargets(targets, first = {}) {
      const before = entries
      entries = new Map(targets.map((target) => [target.key, entryOf(target, before.get(target.key))]))
      for (const key of before.keys()) if (!entries.has(key)) waiting.remove(key)
      if (hasTargets) for (const [key, entry] of entries) follow(key, entry, before.get(key))
      else firstTimes(entries, first, { waiting, now: clock.now() })
      hasTargets = true
      hurryAll(first.changed ?? [])
    },
    trigger(key) {
      hurryAll([key])
      return entries.has(key)
    },
    start() {
      if (state !== 'new') return
      state = 'started'
      pump()
      void loop()
    },
    settled,
    async stop() {
      state = 'stopping'
      sleeping?.controller.abort(ENDED)
      await settled()
      saving.touch()
      await saving.flush()
    },
    due: allDue,
    stats() {
      let oldest = clock.monotonic()
      for (const { startedAt } of running.values()) oldest = Math.min(oldest, startedAt)
      return {
        targets: entries.size,
        ready: waiting.ready,
        running: running.size,
        wakeUps,
        idleWakeUps,
        oldestRunningMs: clock.monotonic() - oldest,
      }
    },
  }
}
