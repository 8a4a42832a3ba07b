// What `ctx` gives to reach the outside world: HTTP, programs, PostgreSQL. While a run is planning, they only read or refuse.
// Type declarations only.

export interface HttpInit extends RequestInit {
  /** Declares that a POST only reads (a query), so that planning may send it. @defaultValue false */
  readonly reads?: boolean
}
/** `fetch` with the run's AbortSignal; while planning anything but GET, HEAD, OPTIONS and declared reads is refused. */
export type Http = (input: string | URL, init?: HttpInit) => Promise<Response>

export interface ExecResult {
  readonly stdout: string
  readonly stderr: string
}
/** Runs a program (no shell); its output is logged. Refused while planning. A non-zero exit is an error. */
export type Exec = (
  file: string,
  args?: readonly string[],
  options?: { readonly cwd?: string; readonly env?: Readonly<Record<string, string>>; readonly input?: string },
) => Promise<ExecResult>

/** One row, by column name. */
export type PostgresRow = Readonly<Record<string, unknown>>

export interface PostgresTransaction {
  /**
   * One statement; `values` are sent apart from it, as `$1`, `$2` … Statements that begin or end transactions are refused.
   * Errors: `current-unreadable` while planning, `apply-failed` later, `dry-run-write` for a write while planning; `details.sqlstate` is the
   * server's code, null when no server answered.
   */
  query<Row extends PostgresRow = PostgresRow>(text: string, values?: readonly unknown[]): Promise<readonly Row[]>
}

/** A PostgreSQL database. Everything happens in a transaction with time-outs: READ ONLY while planning, read-write in handlers. */
export interface PostgresClient extends PostgresTransaction {
  /** Commits when `fn` has resolved, rolls back when it has rejected. */
  transaction<T>(fn: (transaction: PostgresTransaction) => Promise<T>): Promise<T>
}

export interface PostgresOptions {
  /** Another database of the same server. @defaultValue the URI's, else `postgres` */
  readonly database?: string
  /** Sessions at once. @defaultValue 2 */
  readonly sessions?: number
  /** Longest time of one statement. @defaultValue 30,000 */
  readonly statementTimeoutMs?: number
  /** Longest wait for a lock. @defaultValue 5,000 */
  readonly lockTimeoutMs?: number
  /** Longest time to open a session. @defaultValue 10,000 */
  readonly connectTimeoutMs?: number
}

/**
 * Connects when first asked: `postgres://user:password@host:port/database?sslmode=verify-full`; user and host must be in it. Sessions are closed at
 * the end of the run. No message holds the URI or the text of a statement.
 */
export type Postgres = (connectionUri: string, options?: PostgresOptions) => PostgresClient
