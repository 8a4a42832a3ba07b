// The targets of one process, in memory: sleeps until something is due, no tick, no scan, and hands it out while there are places. Times are kept by
// the function that was given. Must not touch a timer but the clock's, or hand one target out twice at once.
//
//   idle ──its time, or trigger──▶ ready ──a free place──▶ running ──settles──▶ idle
//                                    ▲                      │ trigger
//                                    └─ once more, at once ◀┘
import type { RunEventCause } from '../event.js'
import type { Clock } from '../util/clock.js'
import { LONGEST_SLEEP_MS } from './long-sleep.js'
import { createSaving } from './saving.js'
import { AGEING_MS, beginRun, CHANGE_PRIORITY, endRun, forgetTold, hear, hurry, tellEvent } from './target-queue.js'
import type { Following, HeardState, QueueWork, TargetQueue, TargetState, When } from './target-queue.js'
import { createWaiting } from './waiting.js'

/** Why a sleep ends before its time. Made once: the stack of an Error costs more than all else that a run costs here. */
const ENDED = new Error('nothing is waited for any more')

export interface MemoryQueueOptions {
  readonly clock: Clock
  /** Runs at once, from 1. */
  readonly concurrency: number
  /** One step of priority outweighs this much waiting. @defaultValue 1 minute */
  readonly ageingMs?: number
  /** Keeps next-due times; called at most once each `saveEveryMs`, never twice at once. */
  readonly save?: (due: ReadonlyMap<string, number>) => Promise<void>
  /** @defaultValue 5 s */
  readonly saveEveryMs?: number
  readonly onSaveFailed?: (error: Error) => void
}

interface Entry extends TargetState {
  priority: number
}

/** Apart from the entries: few have it, and an entry is touched with every run. */
interface Mark extends HeardState {
  /** Monotonic: when it was made due last. */
  at: number
}

interface Running {
  readonly startedAt: number
  again: boolean
}

export function createMemoryQueue(options: MemoryQueueOptions): TargetQueue {
  const { clock, concurrency, save } = options
  const waiting = createWaiting(clock, options.ageingMs ?? AGEING_MS)
  const saving = createSaving({
    clock,
    everyMs: options.saveEveryMs ?? 5000,
    save: save === undefined ? undefined : () => save(allDue()),
    onError: options.onSaveFailed ?? (() => undefined),
    onSaved: wakeSooner,
  })
  const entries = new Map<string, Entry>()
  const marks = new Map<string, Mark>()
  const running = new Map<string, Running>()
  let work: QueueWork | undefined
  let state: 'new' | 'started' | 'stopping' = 'new'
  const waiters: (() => void)[] = []
  let sleeping: { readonly until: number; readonly controller: AbortController } | undefined
  let wakeUps = 0
  let idleWakeUps = 0

  function priorityOf(key: string): number {
    const entry = entries.get(key)
    return entry === undefined ? 0 : entry.priority + (entry.isChanged ? CHANGE_PRIORITY : 0)
  }

  function wait(key: string, when: When): void {
    if (when.kind === 'in') waiting.dueIn(key, when.ms)
    else waiting.dueAt(key, when.at)
  }

  /** Starts what may start. Cheap when nothing may. @returns how many came to be due */
  function pump(): number {
    if (state !== 'started' || work === undefined) return 0
    const ripe = waiting.collect(priorityOf)
    while (running.size < concurrency) {
      const next = waiting.take()
      if (next === undefined) break
      const entry = entries.get(next.key)
      if (entry !== undefined) begin(work, next, entry)
    }
    wakeSooner()
    if (running.size === 0 && waiting.ready === 0) tellWaiters()
    return ripe
  }

  function begin(to: QueueWork, { key, since }: { readonly key: string; readonly since: number }, entry: Entry): void {
    const { failures, isChanged } = entry
    const mark = marks.get(key)
    const event = mark === undefined ? null : tellEvent(mark)
    const startedAt = clock.monotonic()
    beginRun(entry)
    const one: Running = { startedAt, again: false }
    running.set(key, one)
    const delayMs = Math.max(0, startedAt - since)
    const newestMs = Math.max(0, startedAt - (mark === undefined ? since : Math.max(since, mark.at)))
    void to.run({ key, failures, isChanged, event, delayMs, newestMs, signal: undefined }).then((following) => {
      settle(to, key, one, following)
    })
  }

  function settle(to: QueueWork, key: string, { again }: Running, following: Following): void {
    running.delete(key)
    const entry = entries.get(key)
    if (entry !== undefined) {
      endRun(entry, following.failures)
      forget(key)
      wait(key, following.when)
      if (again) makeDue(key)
    }
    saving.touch()
    to.kept(key, following, waiting.when(key) ?? null)
    pump()
    if (state === 'stopping' && running.size === 0) tellWaiters()
  }

  /** Due now: once more after the run under way, or, of a back-off, once. */
  function makeDue(key: string, event?: RunEventCause): void {
    const entry = entries.get(key)
    if (entry === undefined) return
    const active = running.get(key)
    const mark = marks.get(key) ?? { event: null, isEventTold: false, at: -Infinity }
    marks.set(key, mark)
    hear(mark, event)
    if (active !== undefined) active.again = true
    else if (hurry(entry, waiting.isReady(key))) {
      mark.at = clock.monotonic()
      waiting.makeReady(key, mark.at, priorityOf(key))
    }
  }

  /** What its last run was told of. */
  function forget(key: string): void {
    const mark = marks.get(key)
    if (mark === undefined) return
    forgetTold(mark)
    if (mark.event === null) marks.delete(key)
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

  return {
    update({ targets, first, moved, changed }) {
      for (const key of [...entries.keys()]) {
        if (targets.has(key)) continue
        entries.delete(key)
        marks.delete(key)
        waiting.remove(key)
      }
      for (const [key, priority] of targets) {
        const entry = entries.get(key)
        if (entry !== undefined) {
          entry.priority = priority
          const when = moved.get(key)
          if (when !== undefined && !running.has(key) && !waiting.isReady(key)) wait(key, when)
          continue
        }
        // Written out: what a spread makes is slower to touch, and these are touched with every run.
        entries.set(key, { failures: 0, isBackOffCut: false, isChanged: false, priority })
        const when = first.get(key)
        if (when === 'changed') makeDue(key)
        else if (when !== undefined) wait(key, when)
      }
      for (const key of changed) if (entries.has(key)) makeDue(key)
      saving.touch()
      pump()
      return Promise.resolve()
    },
    trigger(keys, event) {
      for (const key of keys) makeDue(key, event)
      saving.touch()
      pump()
      return Promise.resolve()
    },
    start(given) {
      if (state !== 'new') return
      work = given
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
        ready: waiting.ready,
        running: running.size,
        replicas: 1,
        wakeUps,
        idleWakeUps,
        oldestRunningMs: clock.monotonic() - oldest,
      }
    },
  }
}
