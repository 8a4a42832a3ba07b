// The tables of a shared queue: made where they are missing. Additions only: two versions of trueup work on them side by side, so every statement
// names its columns, a column that is added later has a default, and what an older version does not know it leaves as it is.
import type { Database, Query } from './postgres-database.js'

/** Of the rows. A higher one has jobs of another name, which this version never takes. */
export const QUEUE_SCHEMA = 1
/** Of graphile-worker, apart from one that somebody uses for something else. */
export const WORKER_SCHEMA = 'trueup_worker'

/** What daemons share that serve the same thing in the same way: the name of their jobs. */
export function jobName(scope: string): string {
  return `trueup-${String(QUEUE_SCHEMA)}:${scope}`
}

export function jobKey(scope: string, key: string): string {
  return `${jobName(scope)}:${key}`
}

/** One at a time makes them: `CREATE … IF NOT EXISTS` alone fails when two do. */
const LOCK = 7_237_461

export async function makeTables(database: Database): Promise<void> {
  await database.transaction(async (query) => {
    await query(`SELECT pg_advisory_xact_lock(${String(LOCK)})`)
    await query('CREATE SCHEMA IF NOT EXISTS trueup')
    await query(`CREATE TABLE IF NOT EXISTS trueup.scopes (
      scope text PRIMARY KEY,
      revision text,
      turn bigint NOT NULL DEFAULT 0,
      seen_at timestamptz NOT NULL DEFAULT now()
    )`)
    await query(`CREATE TABLE IF NOT EXISTS trueup.replicas (
      id uuid PRIMARY KEY,
      scope text NOT NULL,
      name text NOT NULL,
      pools text[] NOT NULL DEFAULT '{}',
      seen_at timestamptz NOT NULL DEFAULT now()
    )`)
    await query(`CREATE TABLE IF NOT EXISTS trueup.targets (
      scope text NOT NULL,
      key text NOT NULL,
      due_at timestamptz,
      priority integer NOT NULL DEFAULT 0,
      failures integer NOT NULL DEFAULT 0,
      is_back_off_cut boolean NOT NULL DEFAULT false,
      is_changed boolean NOT NULL DEFAULT false,
      is_again boolean NOT NULL DEFAULT false,
      is_gone boolean NOT NULL DEFAULT false,
      claimed_by uuid,
      claimed_at timestamptz,
      PRIMARY KEY (scope, key)
    )`)
    await addColumn(query, 'event', 'jsonb')
    await addColumn(query, 'is_event_told', 'boolean NOT NULL DEFAULT false')
    await query(`CREATE TABLE IF NOT EXISTS trueup.event_keys (
      scope text NOT NULL,
      key text NOT NULL,
      digest text NOT NULL,
      targets text[] NOT NULL,
      kept_at timestamptz NOT NULL DEFAULT now(),
      PRIMARY KEY (scope, key)
    )`)
    await query('CREATE INDEX IF NOT EXISTS targets_claimed_by ON trueup.targets (claimed_by)')
  })
}

/** Of the targets. Looked for first: adding one that is there would still wait for all who use the table. */
async function addColumn(query: Query, name: string, type: string): Promise<void> {
  const there = await query(
    `SELECT FROM pg_attribute WHERE attrelid = 'trueup.targets'::regclass AND attname = $1 AND NOT attisdropped`,
    [name],
  )
  if (there.length === 0) await query(`ALTER TABLE trueup.targets ADD COLUMN ${name} ${type}`)
}
