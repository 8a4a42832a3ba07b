// One process among those that share a queue: it says that it lives, ends those that no longer do, and gives back what they held. All by the clock of
// the database. Must not start or end a run.
import type { Database, Query } from './postgres-database.js'
import { addJobs, databaseNow, lockRows, writeRows } from './postgres-rows.js'
import { jobKey, jobName, WORKER_SCHEMA } from './postgres-schema.js'

/** ms. A replica says that it lives each `beatMs`; after `deadMs` without, the others take what it held; before that it has let go of it itself. */
export interface Pace {
  readonly beatMs: number
  readonly lostMs: number
  readonly deadMs: number
}

export const PACE: Pace = { beatMs: 2000, lostMs: 5000, deadMs: 6000 }

export interface Beat {
  /** It was given up by the others: what it held is not its own any more. */
  readonly isDead: boolean
  /** What the replicas have agreed to serve. */
  readonly revision: string | null
  readonly replicas: number
  /** Due, and held by nobody. */
  readonly ready: number
  /** Held by any. */
  readonly claimed: number
}

export interface Replica {
  readonly id: string
  readonly scope: string
  /** Where it runs, for people. */
  readonly name: string
  /** Groups of workers by whose names it locks jobs. */
  readonly pools: readonly string[]
}

/** The first, and after one that says that it is dead. */
export async function register({ query }: Database, { id, scope, name, pools }: Replica): Promise<void> {
  await query('INSERT INTO trueup.scopes (scope) VALUES ($1) ON CONFLICT (scope) DO UPDATE SET seen_at = now()', [
    scope,
  ])
  await query('INSERT INTO trueup.replicas (id, scope, name, pools) VALUES ($1, $2, $3, $4)', [id, scope, name, pools])
}

export async function beat({ query }: Database, { id, scope, pools }: Replica, deadMs: number): Promise<Beat> {
  const [row] = await query<Omit<Beat, 'isDead'> & { readonly alive: number }>(
    `WITH seen AS (UPDATE trueup.replicas SET seen_at = now(), pools = $3 WHERE id = $1 RETURNING id)
     SELECT (SELECT count(*)::int FROM seen) AS alive,
       (SELECT revision FROM trueup.scopes WHERE scope = $2) AS revision,
       (SELECT count(*)::int FROM trueup.replicas WHERE scope = $2 AND (id = $1 OR seen_at > now() - $4 * interval '1 ms')) AS replicas,
       count(*) FILTER (WHERE claimed_by IS NULL)::int AS ready, count(*) FILTER (WHERE claimed_by IS NOT NULL)::int AS claimed
     FROM trueup.targets WHERE scope = $2 AND (claimed_by IS NOT NULL OR due_at <= now())`,
    [id, scope, pools, deadMs],
  )
  const { alive = 0, revision = null, replicas = 0, ready = 0, claimed = 0 } = row ?? {}
  return { isDead: alive === 0, revision, replicas, ready, claimed }
}

export interface SweepOptions {
  readonly replica: Replica
  /** What this process holds or is about to. */
  readonly held: readonly string[]
  readonly deadMs: number
}

/** Gives back what nobody holds any more, and wakes for what is due and was not woken for. */
export async function sweep(database: Database, { replica, held, deadMs }: SweepOptions): Promise<void> {
  const { id, scope } = replica
  await database.transaction(async (query) => {
    await query(
      `DELETE FROM trueup.replicas WHERE id IN (
         SELECT id FROM trueup.replicas WHERE scope = $1 AND id <> $2 AND seen_at < now() - $3 * interval '1 ms' FOR UPDATE SKIP LOCKED
       )`,
      [scope, id, deadMs],
    )
    await giveBack(query, replica, held, deadMs)
    // Locked by workers that no replica names.
    await query(
      `SELECT ${WORKER_SCHEMA}.force_unlock_workers(ARRAY(
         SELECT DISTINCT locked_by FROM ${WORKER_SCHEMA}.jobs AS j
         WHERE task_identifier = $1 AND locked_at < now() - $2 * interval '1 ms'
           AND NOT EXISTS (SELECT FROM trueup.replicas WHERE j.locked_by = ANY (pools))
       ))`,
      [jobName(scope), deadMs],
    )
    await wakeAgain(query, scope, deadMs)
    // In whose place a later one was put, while it was locked.
    await query(
      `SELECT count(*) FROM ${WORKER_SCHEMA}.complete_jobs(ARRAY(
         SELECT id FROM ${WORKER_SCHEMA}.jobs WHERE task_identifier = $1 AND key IS NULL AND locked_at IS NULL
       ))`,
      [jobName(scope)],
    )
    await forget(query, scope)
  })
}

/** What nobody has served for a month: its targets and their wake-ups. */
async function forget(query: Query, scope: string): Promise<void> {
  await query(`UPDATE trueup.scopes SET seen_at = now() WHERE scope = $1 AND seen_at < now() - interval '1 day'`, [
    scope,
  ])
  await query(
    `WITH old AS (DELETE FROM trueup.scopes WHERE seen_at < now() - interval '30 days' RETURNING scope),
       dead AS (DELETE FROM trueup.replicas WHERE scope IN (SELECT scope FROM old)),
       targets AS (DELETE FROM trueup.targets WHERE scope IN (SELECT scope FROM old) RETURNING scope, key)
     SELECT count(${WORKER_SCHEMA}.remove_job($1 || scope || ':' || key)) FROM targets`,
    [jobName('')],
  )
}

/** Also what is claimed in this one's name without its knowing: the answer to its claim was lost. */
async function giveBack(query: Query, { id, scope }: Replica, held: readonly string[], deadMs: number): Promise<void> {
  const found = await query<{ readonly key: string }>(
    `SELECT key FROM trueup.targets AS t WHERE scope = $1 AND claimed_by IS NOT NULL AND (
       NOT EXISTS (SELECT FROM trueup.replicas WHERE id = t.claimed_by)
       OR (claimed_by = $2 AND key <> ALL ($3) AND claimed_at < now() - $4 * interval '1 ms')
     )`,
    [scope, id, held, deadMs],
  )
  if (found.length === 0) return
  const keys = found.map(({ key }) => key)
  const rows = await lockRows(query, scope, keys)
  const living = new Set((await query<{ id: string }>('SELECT id FROM trueup.replicas')).map((one) => one.id))
  const freed = rows.filter(({ claimedBy }) => claimedBy !== null && (claimedBy === id || !living.has(claimedBy)))
  const now = await databaseNow(query)
  await writeRows(
    query,
    scope,
    freed.filter(({ isGone }) => !isGone).map((row) => ({ ...row, claimedBy: null, isAgain: false, dueAt: now })),
  )
  const gone = freed.filter(({ isGone }) => isGone).map(({ key }) => key)
  await query('DELETE FROM trueup.targets WHERE scope = $1 AND key = ANY ($2)', [scope, gone])
}

/** A wake-up that got lost, whatever became of it. */
async function wakeAgain(query: Query, scope: string, deadMs: number): Promise<void> {
  const overdue = await query<{ readonly key: string }>(
    `SELECT key FROM trueup.targets AS t WHERE scope = $1 AND claimed_by IS NULL AND due_at < now() - $2 * interval '1 ms'
       AND NOT EXISTS (SELECT FROM ${WORKER_SCHEMA}.jobs AS j WHERE j.key = $3 || t.key AND (j.locked_at IS NULL OR j.locked_at > now() - $2 * interval '1 ms'))
     ORDER BY key`,
    [scope, deadMs, jobKey(scope, '')],
  )
  if (overdue.length === 0) return
  const now = await databaseNow(query)
  await addJobs(
    query,
    scope,
    overdue.map(({ key }) => ({ key, at: now })),
  )
}

/** It ends, and holds nothing any more. */
export async function unregister({ query }: Database, id: string): Promise<void> {
  await query('DELETE FROM trueup.replicas WHERE id = $1', [id])
}
