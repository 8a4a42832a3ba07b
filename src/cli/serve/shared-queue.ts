// The URL of a queue and what a daemon serves come in; the queue, open, goes out. Must not tell its password to anybody.
import { hostname } from 'node:os'
import { isTrueupError, toError, TrueupError } from '../../errors.js'
import { postgresAddress, type PostgresAddress } from '../../reconcile/postgres-address.js'
import { createPool } from '../../reconcile/postgres-pool.js'
import type { Redactor } from '../../report/redact.js'
import { openPostgresQueue, type PostgresQueue, type QueueEvent } from '../../schedule/postgres-queue.js'
import { systemClock } from '../../util/clock.js'
import type { QueueUrl } from './queue-url.js'
import type { Told } from './told.js'

export interface SharedQueueOptions {
  /** null: nothing is shared. */
  readonly url: QueueUrl | null
  /** Learns the password. */
  readonly redactor: Redactor
  /** What is served, and how. */
  readonly identity: readonly string[]
  /** A branch of the remote; undefined: HEAD of a repository, which is each process's own. */
  readonly ref: string | undefined
  readonly concurrency: number
  readonly told: Told
  /** The others serve a commit that this one does not. */
  readonly onBehind: () => void
}

export interface SharedQueue {
  readonly queue: PostgresQueue
  /** For people. */
  readonly description: string
  /** After the queue has stopped. */
  close(): Promise<void>
}

/** The engine's listener, what this replica says of itself, what others ask of it. */
const OTHER_SESSIONS = 3
const MOST_SESSIONS = 12
/** A session that is lost somewhere must not keep the process. */
const CLOSE_MS = 2000

/** @throws usage for a URL or a source that cannot be shared, store-unavailable where the database cannot be used */
export async function openSharedQueue(options: SharedQueueOptions): Promise<SharedQueue | null> {
  const { url, redactor, identity, ref, concurrency, told } = options
  if (url === null) return null
  redactor.register(url.url)
  if (ref === undefined)
    throw new TrueupError(
      'usage',
      `with a queue (${url.from}) replicas serve the same commits: name a branch of the remote origin with --ref, such as --ref main`,
    )
  const address = addressOf(url)
  const pool = await createPool(address, false, { sessions: Math.min(concurrency + OTHER_SESSIONS, MOST_SESSIONS) })
  const close = async (): Promise<void> => {
    await Promise.race([pool.end(), systemClock.sleep(CLOSE_MS, undefined, { background: true })])
  }
  try {
    const queue = await openPostgresQueue({
      pool,
      clock: systemClock,
      scope: identity.join('/'),
      name: `${hostname()}:${String(process.pid)}`,
      concurrency,
      onEvent: (event) => {
        tell(told, address.shown, event)
        if (event.kind === 'behind') options.onBehind()
      },
    })
    return { queue, description: `PostgreSQL ${address.shown}, ${url.from}`, close }
  } catch (thrown) {
    await close()
    throw new TrueupError(
      'store-unavailable',
      `the queue ${address.shown} (${url.from}) cannot be used: ${toError(thrown).message}`,
      { cause: thrown, retryable: true },
    )
  }
}

function addressOf({ url, from }: QueueUrl): PostgresAddress {
  try {
    return postgresAddress(url, { integration: from })
  } catch (thrown) {
    if (isTrueupError(thrown)) throw new TrueupError('usage', thrown.message)
    throw thrown
  }
}

function tell(told: Told, shown: string, event: QueueEvent): void {
  switch (event.kind) {
    case 'unreachable':
      told.line('error', `the queue ${shown} does not answer: ${event.error.message}. Nothing starts until it does`)
      break
    case 'reached':
      told.line('info', `the queue ${shown} answers again`)
      break
    case 'lost':
      told.line('warn', `told to end, since other replicas may have taken them over: ${event.keys.join(', ')}`)
      break
    case 'behind':
      told.change(
        'behind',
        'info',
        `other replicas serve ${event.revision.slice(0, 8)}: it is fetched before anything starts here`,
      )
      break
  }
}
