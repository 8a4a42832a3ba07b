// An address comes in, a pool of sessions goes out. The only file that loads `pg`; imported lazily, so that a skip never does.
import type { Pool } from 'pg'
import type { PostgresOptions } from '../clients.js'
import type { PostgresAddress } from './postgres-address.js'

export async function createPool(
  address: PostgresAddress,
  isPlanning: boolean,
  options: PostgresOptions,
): Promise<Pool> {
  const { Pool } = await import('pg')
  const { sessions = 2, statementTimeoutMs = 30_000, connectTimeoutMs = 10_000 } = options
  const { host, port, user, database, password, tls } = address
  const pool = new Pool({
    host,
    port,
    user,
    database,
    // As a function: otherwise one that is empty would be looked up in the process's environment and home folder.
    password: () => password,
    ssl: tls,
    max: sessions,
    connectionTimeoutMillis: connectTimeoutMs,
    // A server that has gone away does not answer; its own time-out would never arrive.
    query_timeout: statementTimeoutMs + 5_000,
    keepAlive: true,
    application_name: 'trueup',
    options: `-c default_transaction_read_only=${isPlanning ? 'on' : 'off'}`,
  })
  // A session that breaks while idle is replaced by the pool; without a listener it would end the process.
  pool.on('error', ignore)
  return pool
}

function ignore(): void {
  // The pool replaces the session.
}
