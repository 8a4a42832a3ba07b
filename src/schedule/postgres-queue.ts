// The targets of several processes, in PostgreSQL: each is handed to one run at a time, wherever. A row of each target is the truth; graphile-worker
// wakes for it. Must not hand one target out twice at once, or go on with what it has lost.
import type { Pool } from 'pg'
import { toError, TrueupError } from '../errors.js'
import { randomUUID } from 'node:crypto'
import type { Clock } from '../util/clock.js'
import type { EventKeys } from './event-keys.js'
import { databaseOf } from './postgres-database.js'
import {
  changeTargets,
  claimTarget,
  endTarget,
  hurryTargets,
  LEAVE_MS,
  readDue,
  readScope,
} from './postgres-changes.js'
import { postgresEventKeys } from './postgres-event-keys.js'
import { beat, PACE, register, sweep, unregister, type Beat, type Pace, type Replica } from './postgres-replica.js'
import { addJobs, databaseNow } from './postgres-rows.js'
import { jobName, makeTables } from './postgres-schema.js'
import { migrateWorker, startWorker, type Worker } from './postgres-worker.js'
import type { Following, QueueWork, TargetQueue } from './target-queue.js'

export interface PostgresQueueOptions {
  /** Closed by whoever opened it, after the queue has stopped. */
  readonly pool: Pool
  readonly clock: Clock
  /** What is served, and how: only those of one scope share targets. */
  readonly scope: string
  /** Where this process runs, for people. */
  readonly name: string
  /** Runs at once in this process, from 1. */
  readonly concurrency: number
  readonly pace?: Pace
  readonly onEvent?: (event: QueueEvent) => void
}

export type QueueEvent =
  /** The database does not answer: nothing starts, and it is asked again. Told once. */
  | { readonly kind: 'unreachable'; readonly error: Error }
  | { readonly kind: 'reached' }
  /** What ran here was told to end: the others may have given up this replica. */
  | { readonly kind: 'lost'; readonly keys: readonly string[] }
  /** Others serve a revision that this one does not: nothing starts here until it does. */
  | { readonly kind: 'behind'; readonly revision: string }

export interface PostgresQueue extends TargetQueue {
  /** What the replicas have agreed to serve; null: nothing yet. The next update with another one is compared with this answer. */
  agreed(): Promise<string | null>
  /** Of events that any replica was sent. */
  readonly eventKeys: EventKeys
  /** The database answered when it was asked last. */
  isReachable(): boolean
}

interface Held {
  readonly replica: string
  readonly startedAt: number
  readonly controller: AbortController
  /** It has ended; that is not kept yet. */
  isOver: boolean
}

/** Between attempts to write that a run has ended. */
const END_AGAIN_MS = 500

/** @throws what the database throws where it cannot be reached or used */
export async function openPostgresQueue(options: PostgresQueueOptions): Promise<PostgresQueue> {
  const { pool, clock, scope, concurrency, pace = PACE } = options
  const emit = options.onEvent ?? (() => undefined)
  // A session that breaks, in use or not, must not end the process: who uses it is told, and the pool replaces it.
  pool.on('error', ignore)
  pool.on('connect', (client) => {
    client.on('error', ignore)
  })
  const database = databaseOf(pool)
  await makeTables(database)
  await migrateWorker(pool)

  let replica: Replica = { id: randomUUID(), scope, name: options.name, pools: [] }
  await register(database, replica)
  const held = new Map<string, Held>()
  let work: QueueWork | undefined
  let worker: Promise<Worker> | undefined
  let served: string | undefined
  /** Told once. */
  let behind: string | undefined
  let turn = 0
  let last: Beat = { isDead: false, revision: null, replicas: 1, ready: 0, claimed: 0 }
  let due: ReadonlyMap<string, number> = new Map()
  let isDueWanted = true
  let reachableSince: number | undefined = clock.monotonic()
  let lastBeatAt = clock.monotonic()
  let isStopping = false
  let stopped: Promise<void> | undefined
  const ended = new AbortController()
  const isEnded = (): boolean => ended.signal.aborted
  let waiters: (() => void)[] = []
  let sooner = new AbortController()

  const takesJobs = (): boolean =>
    !isStopping && reachableSince !== undefined && (last.revision ?? undefined) === served && held.size < concurrency

  /** What is held may be somebody else's by now. */
  function loseAll(): void {
    const keys = [...held].filter(([, { controller }]) => !controller.signal.aborted).map(([key]) => key)
    if (keys.length === 0) return
    for (const { controller } of held.values()) controller.abort(new Error('the queue was not reached in time'))
    emit({ kind: 'lost', keys })
  }

  async function listen(): Promise<void> {
    // Who asks from here on may ask about what this does not see yet.
    const asked = [...waiters]
    const seen = await beat(database, replica, pace.deadMs)
    lastBeatAt = clock.monotonic()
    if (seen.isDead) {
      loseAll()
      replica = { ...replica, id: randomUUID() }
      await register(database, replica)
    }
    last = seen
    if (isDueWanted) due = await readDue(database, scope)
    isDueWanted = false
    if (reachableSince === undefined) emit({ kind: 'reached' })
    reachableSince ??= lastBeatAt
    if (served !== undefined && seen.revision !== null && seen.revision !== served && seen.revision !== behind) {
      behind = seen.revision
      emit({ kind: 'behind', revision: seen.revision })
    }
    // Whoever was away itself has not seen whether the others were.
    if (lastBeatAt - reachableSince >= pace.deadMs)
      await sweep(database, { replica, held: [...held.keys()], deadMs: pace.deadMs })
    if (seen.ready === 0 && seen.claimed === 0 && held.size === 0) tellWaiters(asked)
  }

  async function live(): Promise<void> {
    while (!ended.signal.aborted) {
      try {
        await listen()
      } catch (thrown) {
        if (reachableSince !== undefined && !isEnded()) emit({ kind: 'unreachable', error: toError(thrown) })
        reachableSince = undefined
      }
      await clock.sleep(pace.beatMs, AbortSignal.any([ended.signal, sooner.signal])).catch(() => undefined)
      if (sooner.signal.aborted) sooner = new AbortController()
    }
  }

  /** Apart from the beats, which may hang with the database. */
  async function watch(): Promise<void> {
    while (!ended.signal.aborted) {
      await clock.sleep(Math.min(pace.beatMs, pace.lostMs) / 4, ended.signal).catch(() => undefined)
      if (clock.monotonic() - lastBeatAt > pace.lostMs) loseAll()
    }
  }

  async function deliver(key: string): Promise<void> {
    if (work === undefined || held.has(key)) return
    if (!takesJobs()) {
      await database.transaction(async (query) => {
        await addJobs(query, scope, [{ key, at: (await databaseNow(query)) + LEAVE_MS }])
      })
      return
    }
    const one: Held = {
      replica: replica.id,
      startedAt: clock.monotonic(),
      controller: new AbortController(),
      isOver: false,
    }
    held.set(key, one)
    try {
      const claim = await claimTarget(database, {
        scope,
        key,
        replica: one.replica,
        revision: served ?? null,
      })
      if (claim === undefined) return
      const following = await work.run({ ...claim, key, signal: one.controller.signal })
      one.isOver = true
      await end(work, key, one, following)
    } finally {
      held.delete(key)
      if (waiters.length > 0) sooner.abort()
    }
  }

  /** Until it is kept, or there is nothing to keep it for: the end and what follows are one step. */
  async function end(to: QueueWork, key: string, one: Held, following: Following): Promise<void> {
    for (;;) {
      try {
        to.kept(key, following, await endTarget(database, { scope, key, replica: one.replica, following }))
        return
      } catch (thrown) {
        if (ended.signal.aborted) throw thrown
        await clock.sleep(END_AGAIN_MS, ended.signal).catch(() => undefined)
      }
    }
  }

  function tellWaiters(told = waiters): void {
    waiters = waiters.filter((waiter) => !told.includes(waiter))
    for (const tell of told) tell()
  }

  async function stop(): Promise<void> {
    isStopping = true
    await Promise.race([worker?.then((one) => one.stop()), whileUnreachable()])
    ended.abort()
    tellWaiters()
    // A sign of life that is under way must not follow the end.
    await Promise.race([living, clock.sleep(pace.beatMs, undefined, { background: true })])
    await unregister(database, replica.id).catch(() => undefined)
  }

  /** Resolves when the database is away for so long that the others take what this one held: they find it where it left it. */
  async function whileUnreachable(): Promise<void> {
    while (!ended.signal.aborted) {
      await clock.sleep(pace.beatMs, ended.signal).catch(() => undefined)
      const isAway = reachableSince === undefined && clock.monotonic() - lastBeatAt > pace.deadMs
      if (isAway && [...held.values()].every(({ isOver }) => isOver)) return
    }
  }

  const living = live()
  void watch()

  return {
    async agreed() {
      const found = await readScope(database, scope).catch((thrown: unknown) => {
        throw new TrueupError('store-unavailable', `the queue does not answer: ${toError(thrown).message}`, {
          cause: thrown,
          retryable: true,
        })
      })
      turn = found.turn
      return found.revision
    },
    async update(update) {
      await changeTargets(database, { scope, turn, update })
      served = update.revision
      behind = undefined
      last = { ...last, revision: served ?? last.revision }
      due = await readDue(database, scope)
    },
    async trigger(keys, event) {
      await database.transaction((query) => hurryTargets(query, { scope, keys: [...keys], event }))
    },
    start(given) {
      work = given
      worker ??= startWorker({
        pool,
        clock,
        job: jobName(scope),
        concurrency,
        takesJobs,
        deliver,
        onPool: (id) => {
          replica = { ...replica, pools: [...replica.pools, id] }
          sooner.abort()
        },
      })
    },
    settled: () =>
      new Promise((resolve) => {
        waiters.push(resolve)
        sooner.abort()
      }),
    stop: () => (stopped ??= stop()),
    due() {
      isDueWanted = true
      return due
    },
    eventKeys: postgresEventKeys(database, scope),
    isReachable: () => reachableSince !== undefined,
    stats() {
      const now = clock.monotonic()
      const oldest = Math.min(now, ...[...held.values()].map(({ startedAt }) => startedAt))
      return {
        ready: last.ready,
        running: held.size,
        replicas: last.replicas,
        wakeUps: 0,
        idleWakeUps: 0,
        oldestRunningMs: now - oldest,
      }
    },
  }
}

function ignore(): void {
  // It is told where it matters.
}
