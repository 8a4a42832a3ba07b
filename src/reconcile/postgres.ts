// A connection URI comes in, `ctx.postgres` gives a client: READ ONLY transactions while the run is planning, read-write ones in handlers.
// Must not: put the URI, a statement or a value into an error.
import type { Pool, PoolClient, QueryConfig } from 'pg'
import { isTrueupError, TrueupError } from '../errors.js'
import type { Postgres, PostgresClient, PostgresOptions, PostgresRow, PostgresTransaction } from '../clients.js'
import { postgresAddress, type PostgresAddress } from './postgres-address.js'
import { transactionWord } from './postgres-text.js'

export interface PostgresSessionsOptions {
  /** Name, for messages. */
  readonly integration: string
  /** Whether the run is planning now. */
  readonly planning: () => boolean
}

export interface PostgresSessions {
  readonly connect: Postgres
  /** Ends every session; statements under way are cut off. Later ones are refused. */
  close(): Promise<void>
}

/** Where a statement runs, and how its failure is told. */
interface Place {
  readonly address: PostgresAddress
  readonly integration: string
  readonly isPlanning: boolean
}

/** Nothing is connected before the first statement. */
export function createPostgres({ integration, planning }: PostgresSessionsOptions): PostgresSessions {
  const pools = new Map<string, Promise<Pool>>()
  const inUse = new Set<PoolClient>()
  let closed = false
  const isClosed = (): boolean => closed

  const open = (address: PostgresAddress, isPlanning: boolean, options: PostgresOptions): Promise<Pool> => {
    const id = JSON.stringify([address.secretId, isPlanning, options])
    const pool = pools.get(id) ?? openPool(address, isPlanning, options)
    pools.set(id, pool)
    return pool
  }

  async function checkOut(place: Place, options: PostgresOptions): Promise<PoolClient> {
    const ended = (): TrueupError =>
      new TrueupError('apply-failed', `${integration}: the run has ended; no database is reached any more`)
    if (closed) throw ended()
    const pool = await open(place.address, place.isPlanning, options)
    try {
      const client = await pool.connect()
      // Too late to be among those that were cut off: its statements would go on, and the end of the run would wait for them.
      if (isClosed()) {
        client.release(true)
        throw ended()
      }
      // While a session is checked out the pool does not listen, and an error without a listener ends the process.
      client.on('error', ignore)
      inUse.add(client)
      return client
    } catch (error) {
      throw failureOf(error, place)
    }
  }

  const close = async (): Promise<void> => {
    closed = true
    // Ending a client that has a statement under way cuts its connection.
    for (const client of inUse) void (client as unknown as { end(): Promise<void> }).end().catch(ignore)
    await Promise.allSettled([...pools.values()].map(async (pool) => (await pool).end()))
    pools.clear()
  }

  function connect(connectionUri: string, options: PostgresOptions = {}): PostgresClient {
    const address = postgresAddress(connectionUri, { integration, database: options.database })

    async function transaction<T>(fn: (transaction: PostgresTransaction) => Promise<T>): Promise<T> {
      const place: Place = { address, integration, isPlanning: planning() }
      const client = await checkOut(place, options)
      let isBroken = true
      try {
        await send(client, place, { text: beginText(place.isPlanning, options) })
        const result = await fn({ query: (text, values) => checkedQuery(client, place, text, values) })
        // A transaction with a failed statement in it answers COMMIT by rolling back.
        const { command } = await send(client, place, { text: 'COMMIT' })
        if (command !== 'COMMIT') throw failureOf(new Error('a statement of the transaction had failed'), place)
        isBroken = false
        return result
      } catch (error) {
        isBroken = await client.query('ROLLBACK').then(
          () => false,
          () => true,
        )
        throw error
      } finally {
        client.off('error', ignore)
        inUse.delete(client)
        client.release(isBroken)
      }
    }

    return { transaction, query: (text, values) => transaction((inside) => inside.query(text, values)) }
  }

  return { connect, close }
}

/**
 * One round trip. SELECT takes the transaction's snapshot: after it the server refuses to make the transaction writable. A process that
 * freezes in a transaction loses its session, and so its locks.
 */
function beginText(isPlanning: boolean, options: PostgresOptions): string {
  const { statementTimeoutMs = 30_000, lockTimeoutMs = 5_000 } = options
  return [
    isPlanning ? 'BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY' : 'BEGIN READ WRITE',
    `SET LOCAL statement_timeout = ${milliseconds(statementTimeoutMs)}`,
    `SET LOCAL lock_timeout = ${milliseconds(lockTimeoutMs)}`,
    `SET LOCAL idle_in_transaction_session_timeout = ${milliseconds(statementTimeoutMs + 60_000)}`,
    ...(isPlanning ? ['SELECT 1'] : []),
  ].join('; ')
}

function milliseconds(value: number): string {
  return String(Math.max(1, Math.round(value)))
}

async function checkedQuery<Row extends PostgresRow>(
  client: PoolClient,
  place: Place,
  text: string,
  values: readonly unknown[] = [],
): Promise<readonly Row[]> {
  const word = transactionWord(text)
  if (word !== undefined) {
    throw new TrueupError(
      place.isPlanning ? 'dry-run-write' : 'apply-failed',
      `${place.integration}: the statement ${word} was refused: transactions are begun and ended by ctx.postgres; use transaction(fn)`,
    )
  }
  // The extended protocol takes one statement only, so that no second one can be put behind the first.
  const config = { text, values: [...values], queryMode: 'extended' } as QueryConfig
  const { rows } = await send(client, place, config)
  return rows as readonly Row[]
}

async function send(
  client: PoolClient,
  place: Place,
  config: QueryConfig,
): Promise<{ command: string; rows: unknown[] }> {
  try {
    // Several statements in one text give a list of results; only the first text of a transaction is such.
    return await client.query(config)
  } catch (error) {
    throw failureOf(error, place)
  }
}

/** `pg` is large: it is loaded when somebody connects. */
async function openPool(address: PostgresAddress, isPlanning: boolean, options: PostgresOptions): Promise<Pool> {
  const { createPool } = await import('./postgres-pool.js')
  return createPool(address, isPlanning, options)
}

/** What the server says names objects, never statements. */
function failureOf(error: unknown, { address, integration, isPlanning }: Place): unknown {
  if (isTrueupError(error)) return error
  const { code, severity, detail } = error as { code?: unknown; severity?: unknown; detail?: unknown }
  const sqlstate = typeof severity === 'string' && typeof code === 'string' ? code : null
  const where = `${integration}: PostgreSQL ${address.shown}`
  const details = { integration, place: address.shown, sqlstate }
  if (sqlstate === READ_ONLY && isPlanning) {
    return new TrueupError(
      'dry-run-write',
      `${where} refused a write: planning only reads. Move it into a handler of the plan`,
      { details, cause: error },
    )
  }
  const more = sqlstate === DEPENDENTS && typeof detail === 'string' ? `: ${detail.replaceAll('\n', '; ')}` : ''
  const hint = /does not support SSL/.test(messageOf(error))
    ? '; if that is meant, add ?sslmode=disable to the URI'
    : ''
  return new TrueupError(
    isPlanning ? 'current-unreadable' : 'apply-failed',
    `${where}: ${messageOf(error)}${more}${sqlstate === null ? '' : ` (${sqlstate})`}${hint}`,
    { details, cause: error, retryable: sqlstate === null || RETRYABLE.test(sqlstate) },
  )
}

/** read_only_sql_transaction */
const READ_ONLY = '25006'
/** dependent_objects_still_exist */
const DEPENDENTS = '2BP01'
/** Connection trouble, time-outs, locks, serialisation, shutting down, too many sessions. */
const RETRYABLE = /^(08|40|53|55P03|57)/

/** Connecting by a name that has several addresses fails with a list of errors and no message of its own. */
function messageOf(error: unknown): string {
  if (error instanceof AggregateError) return error.errors.map(messageOf).join(', ')
  return error instanceof Error ? error.message : 'it failed'
}

function ignore(): void {
  // Told by the statement that was under way.
}
