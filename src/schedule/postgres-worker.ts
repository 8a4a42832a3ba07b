// A pool of sessions and what to do with a job come in; graphile-worker, running, goes out. The only file that loads it. It wakes and shares; what a
// job is about is kept elsewhere. Must not let a database that is away end the process, or write to the console.
import { EventEmitter } from 'node:events'
import type { Pool, PoolClient } from 'pg'
import { toError } from '../errors.js'
import type { Clock } from '../util/clock.js'
import { JOB_FLAG } from './postgres-rows.js'
import { WORKER_SCHEMA } from './postgres-schema.js'

export interface WorkerOptions {
  readonly pool: Pool
  readonly clock: Clock
  /** The name of the jobs that are taken. */
  readonly job: string
  readonly concurrency: number
  /** Asked before each job. */
  readonly takesJobs: () => boolean
  readonly deliver: (key: string) => Promise<void>
  /** A group of workers has begun: what it takes is locked by this name. */
  readonly onPool: (id: string) => void
}

export interface Worker {
  /** Takes nothing more; resolves when what it took has ended. */
  stop(): Promise<void>
}

/** Notifications wake at once; this is for what is due later, and for one that got lost. */
const POLL_MS = 1000
/** Between attempts to reach a database that is away. */
const CONNECT_AGAIN_MS = 500
/** The engine tries again after this one, beginning with 50 ms; other errors of a job's end would end the process. */
const TRY_AGAIN = '40001'

export async function migrateWorker(pool: Pool): Promise<void> {
  const { Logger, runMigrations } = await import('graphile-worker')
  await runMigrations({ pgPool: pool, schema: WORKER_SCHEMA, logger: new Logger(silent) })
}

export async function startWorker(options: WorkerOptions): Promise<Worker> {
  const { Logger, run } = await import('graphile-worker')
  const { clock, job, concurrency, takesJobs, deliver } = options
  const stopping = new AbortController()
  const events = new EventEmitter()
  events.on('pool:create', ({ workerPool }: { readonly workerPool: { readonly id: string } }) => {
    options.onPool(workerPool.id)
  })
  const begin = () =>
    run({
      pgPool: patient(options.pool, clock, stopping.signal),
      schema: WORKER_SCHEMA,
      concurrency,
      pollInterval: POLL_MS,
      noHandleSignals: true,
      logger: new Logger(silent),
      events,
      forbiddenFlags: () => (takesJobs() ? null : [JOB_FLAG]),
      taskList: {
        [job]: async (payload) => {
          const { key } = payload as { readonly key: string }
          await deliver(key)
        },
      },
    })
  let runner = await begin()
  /** Whatever ends it too soon, it begins anew. */
  const supervised = (async () => {
    for (;;) {
      await runner.promise.catch(() => undefined)
      await clock.sleep(CONNECT_AGAIN_MS, stopping.signal).catch(() => undefined)
      if (stopping.signal.aborted) return
      runner = await begin()
    }
  })()
  return {
    async stop() {
      stopping.abort()
      await runner.stop().catch(() => undefined)
      await supervised.catch(() => undefined)
    },
  }
}

/** A pool whose sessions are waited for while the database is away, and whose broken statements are tried again. */
function patient(pool: Pool, clock: Clock, stop: AbortSignal): Pool {
  const known = new WeakSet<PoolClient>()
  const again = (thrown: unknown): never => {
    const error = toError(thrown)
    throw isAway(error) ? Object.assign(error, { code: TRY_AGAIN }) : error
  }
  function mended(client: PoolClient): PoolClient {
    if (known.has(client)) return client
    known.add(client)
    const query = client.query.bind(client) as (...args: readonly unknown[]) => unknown
    const asked = (...args: readonly unknown[]): unknown => {
      const answer = query(...args)
      return answer instanceof Promise ? answer.catch(again) : answer
    }
    return Object.assign(client, { query: asked })
  }
  async function session(): Promise<PoolClient> {
    for (;;) {
      try {
        return mended(await pool.connect())
      } catch (thrown) {
        // Nothing is told any more: whoever waits ends with the process.
        if (stop.aborted) return await new Promise(() => undefined)
        if (!isAway(toError(thrown))) throw thrown
        await clock.sleep(CONNECT_AGAIN_MS, stop).catch(() => undefined)
      }
    }
  }
  return Object.assign(Object.create(pool) as Pool, {
    connect: (callback?: Parameters<Pool['connect']>[0]) => {
      if (callback === undefined) return session()
      pool.connect(callback)
      return undefined
    },
  })
}

/** The server went, goes or is not there; or the connection to it broke, which has no code of its own. */
function isAway(error: Error): boolean {
  const code = 'code' in error ? String(error.code) : ''
  return !/^[0-9A-Z]{5}$/.test(code) || /^(08|53|57)/.test(code) || /^E[A-Z]+$/.test(code)
}

function silent(): () => void {
  return () => undefined
}
