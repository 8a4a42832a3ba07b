// What is kept of each target of a shared queue, as rows: read, changed and written within a transaction, together with the job that wakes for it.
// The row is the truth; a job is only a wake-up, and one too many does nothing.
import type { Query } from './postgres-database.js'
import { jobKey, jobName, WORKER_SCHEMA } from './postgres-schema.js'
import { AGEING_MS, CHANGE_PRIORITY, type HeardState, type TargetState, type When } from './target-queue.js'

export interface TargetRow extends TargetState, HeardState {
  readonly key: string
  /** UTC ms by the clock of the database; null: not at all. */
  dueAt: number | null
  priority: number
  /** Something has changed while it ran. */
  isAgain: boolean
  /** No longer a target; it only ends. */
  isGone: boolean
  claimedBy: string | null
}

/** Each kill uses one up, and each change of the row begins anew: as many as there can be. */
const MOST_ATTEMPTS = 32_767
/** So that a replica that serves nothing at the time can leave them to others. */
export const JOB_FLAG = 'target'

const COLUMNS = `key, (extract(epoch FROM due_at) * 1000)::float8 AS "dueAt", priority, failures, is_back_off_cut AS "isBackOffCut",
  is_changed AS "isChanged", is_again AS "isAgain", is_gone AS "isGone", claimed_by AS "claimedBy",
  event, is_event_told AS "isEventTold"`

/** UTC ms by the clock of the database. */
export async function databaseNow(query: Query): Promise<number> {
  const [row] = await query<{ now: number }>('SELECT (extract(epoch FROM clock_timestamp()) * 1000)::float8 AS now')
  return row?.now ?? 0
}

/** Locked until the end of the transaction, in the order of their keys, so that two of them never wait for each other. */
export async function lockRows(query: Query, scope: string, keys?: readonly string[]): Promise<readonly TargetRow[]> {
  return await query<TargetRow & Record<string, unknown>>(
    `SELECT ${COLUMNS} FROM trueup.targets WHERE scope = $1 AND ($2::text[] IS NULL OR key = ANY($2)) ORDER BY key FOR UPDATE`,
    [scope, keys ?? null],
  )
}

/** Writes rows that may be new, and wakes for each that is due at a time and not claimed. */
export async function writeRows(query: Query, scope: string, rows: readonly TargetRow[]): Promise<void> {
  if (rows.length === 0) return
  const column = <T>(of: (row: TargetRow) => T): readonly T[] => rows.map(of)
  await query(
    `INSERT INTO trueup.targets AS t
       (scope, key, due_at, priority, failures, is_back_off_cut, is_changed, is_again, is_gone, claimed_by, claimed_at, event,
        is_event_told)
     SELECT $1, key, to_timestamp(due / 1000), priority, failures, cut, changed, again, gone, claimed, CASE WHEN claimed IS NOT NULL THEN now() END,
       event, told
     FROM unnest($2::text[], $3::float8[], $4::int[], $5::int[], $6::bool[], $7::bool[], $8::bool[], $9::bool[], $10::uuid[], $11::jsonb[], $12::bool[])
       AS r(key, due, priority, failures, cut, changed, again, gone, claimed, event, told)
     ON CONFLICT (scope, key) DO UPDATE SET due_at = excluded.due_at, priority = excluded.priority, failures = excluded.failures,
       is_back_off_cut = excluded.is_back_off_cut, is_changed = excluded.is_changed, is_again = excluded.is_again, is_gone = excluded.is_gone,
       claimed_by = excluded.claimed_by, event = excluded.event, is_event_told = excluded.is_event_told,
       claimed_at = CASE WHEN t.claimed_by IS NOT DISTINCT FROM excluded.claimed_by THEN t.claimed_at ELSE excluded.claimed_at END`,
    [
      scope,
      column(({ key }) => key),
      column(({ dueAt }) => dueAt),
      column(({ priority }) => priority),
      column(({ failures }) => failures),
      column(({ isBackOffCut }) => isBackOffCut),
      column(({ isChanged }) => isChanged),
      column(({ isAgain }) => isAgain),
      column(({ isGone }) => isGone),
      column(({ claimedBy }) => claimedBy),
      column(({ event }) => (event === null ? null : JSON.stringify(event))),
      column(({ isEventTold }) => isEventTold),
    ],
  )
  await wake(query, scope, rows)
}

/** A job for each that waits, in place of the one that there is. */
async function wake(query: Query, scope: string, rows: readonly TargetRow[]): Promise<void> {
  const waiting = rows.filter(({ dueAt, claimedBy }) => dueAt !== null && claimedBy === null)
  if (waiting.length === 0) return
  const now = await databaseNow(query)
  await addJobs(
    query,
    scope,
    waiting.map((row) => ({ key: row.key, at: wakeAt(row, now) })),
  )
}

/**
 * Of what is due, the engine takes the longest due first. So waiting and priority are worth the same as in memory: what is due counts as due so much
 * longer.
 */
function wakeAt({ dueAt, priority, isChanged }: TargetRow, now: number): number {
  const at = dueAt ?? now
  return at > now ? at : at - (priority + (isChanged ? CHANGE_PRIORITY : 0)) * AGEING_MS
}

export async function addJobs(
  query: Query,
  scope: string,
  jobs: readonly { readonly key: string; readonly at: number }[],
): Promise<void> {
  await query(
    `SELECT count(*) FROM ${WORKER_SCHEMA}.add_jobs(ARRAY(
       SELECT ($1, json_build_object('key', key), NULL, to_timestamp(at / 1000), ${String(MOST_ATTEMPTS)}, job_key, 0, ARRAY['${JOB_FLAG}'])::${WORKER_SCHEMA}.job_spec
       FROM unnest($2::text[], $3::text[], $4::float8[]) AS r(key, job_key, at)
     ))`,
    [jobName(scope), jobs.map(({ key }) => key), jobs.map(({ key }) => jobKey(scope, key)), jobs.map(({ at }) => at)],
  )
}

/** @param now - UTC ms by the clock of the database */
export function timeOf(when: When, now: number): number | null {
  return when.kind === 'in' ? now + Math.max(0, when.ms) : (when.at ?? null)
}
