// What happens to the targets of a shared queue, each in one transaction: they are changed, made due, claimed, ended. The rules are those of every
// queue; here they are applied to locked rows.
import { TrueupError } from '../errors.js'
import type { RunEventCause } from '../event.js'
import type { Database, Query } from './postgres-database.js'
import { addJobs, databaseNow, lockRows, timeOf, writeRows, type TargetRow } from './postgres-rows.js'
import { beginRun, endRun, forgetTold, freshState, hear, hurry, tellEvent } from './target-queue.js'
import type { Claim, Following, TargetsUpdate } from './target-queue.js'

/** A wake-up that this replica may not follow comes back after this, to whoever is free. */
export const LEAVE_MS = 1000

export interface Scope {
  readonly revision: string | null
  /** How often they have agreed on another one. */
  readonly turn: number
}

export async function readScope({ query }: Database, scope: string): Promise<Scope> {
  const [row] = await query<{ revision: string | null; turn: number }>(
    'SELECT revision, turn::float8 FROM trueup.scopes WHERE scope = $1',
    [scope],
  )
  return row ?? { revision: null, turn: 0 }
}

/** UTC ms, by the clock of the database. */
export async function readDue({ query }: Database, scope: string): Promise<ReadonlyMap<string, number>> {
  const rows = await query<{ key: string; at: number | null }>(
    `SELECT key, (extract(epoch FROM coalesce(claimed_at, due_at)) * 1000)::float8 AS at FROM trueup.targets WHERE scope = $1 AND NOT is_gone`,
    [scope],
  )
  return new Map(rows.flatMap(({ key, at }) => (at === null ? [] : [[key, Math.round(at)] as const])))
}

export interface Change {
  readonly scope: string
  /** As it was when this replica asked: a revision that differs from what was agreed then is newer. */
  readonly turn: number
  readonly update: TargetsUpdate
}

/** @throws state-conflict where the others have agreed on another revision meanwhile: it is to be asked again */
export async function changeTargets(database: Database, { scope, turn, update }: Change): Promise<void> {
  const { targets, first, moved, revision } = update
  await database.transaction(async (query) => {
    const [agreed] = await query<{ revision: string | null; turn: number }>(
      'SELECT revision, turn::float8 FROM trueup.scopes WHERE scope = $1 FOR UPDATE',
      [scope],
    )
    const isNew = revision !== undefined && revision !== agreed?.revision
    if (isNew && agreed?.turn !== turn)
      throw new TrueupError('state-conflict', 'another replica serves another commit meanwhile', { retryable: true })
    if (isNew)
      await query('UPDATE trueup.scopes SET revision = $2, turn = turn + 1 WHERE scope = $1', [scope, revision])

    const now = await databaseNow(query)
    const rows = new Map((await lockRows(query, scope)).map((row) => [row.key, row]))
    await remove(
      query,
      scope,
      [...rows.values()].filter(({ key, claimedBy }) => !targets.has(key) && claimedBy === null),
    )
    const written = new Map<string, TargetRow>()
    for (const row of rows.values())
      if (!targets.has(row.key) && row.claimedBy !== null)
        written.set(row.key, { ...row, isGone: true, isAgain: false })
    for (const [key, priority] of targets) {
      const row = rows.get(key)
      const when = row === undefined || row.isGone ? first.get(key) : moved.get(key)
      if (row !== undefined && !row.isGone && when === undefined && row.priority === priority) continue
      const one = { ...(row ?? freshRow(key)), isGone: false, priority }
      if (when === 'changed' || row?.isGone === true) makeDue(one, now)
      else if (when !== undefined && one.claimedBy === null && !isDue(one, now)) one.dueAt = timeOf(when, now)
      written.set(key, one)
    }
    // With the step to another revision it is told once, whoever takes it.
    const changed = isNew || revision === undefined ? update.changed : []
    for (const key of changed) {
      const row = written.get(key) ?? rows.get(key)
      if (row === undefined || !targets.has(key)) continue
      const one = { ...row }
      makeDue(one, now)
      written.set(key, one)
    }
    await writeRows(query, scope, inOrder([...written.values()]))
  })
}

async function remove(query: Query, scope: string, rows: readonly TargetRow[]): Promise<void> {
  // Their wake-ups find nothing.
  await query('DELETE FROM trueup.targets WHERE scope = $1 AND key = ANY ($2)', [scope, rows.map(({ key }) => key)])
}

/** Due now: of those that run, once more after that; of a back-off, once. */
export async function hurryTargets(
  query: Query,
  {
    scope,
    keys,
    event,
  }: { readonly scope: string; readonly keys: readonly string[]; readonly event: RunEventCause | undefined },
): Promise<void> {
  const rows = await lockRows(query, scope, keys)
  const now = await databaseNow(query)
  const changed = rows.filter(({ isGone }) => !isGone).map((row) => ({ ...row }))
  for (const row of changed) {
    hear(row, event)
    makeDue(row, now)
  }
  await writeRows(query, scope, changed)
}

function makeDue(row: TargetRow, now: number): void {
  if (row.claimedBy !== null) row.isAgain = true
  else if (hurry(row, isDue(row, now))) row.dueAt = Math.min(row.dueAt ?? now, now)
}

function isDue({ dueAt }: TargetRow, now: number): boolean {
  return dueAt !== null && dueAt <= now
}

export interface ClaimOptions {
  readonly scope: string
  readonly key: string
  readonly replica: string
  /** What the claiming replica serves. */
  readonly revision: string | null
}

/** @returns undefined: it is not due, somebody else has it, or it is not for this replica */
export async function claimTarget(
  database: Database,
  { scope, key, replica, revision }: ClaimOptions,
): Promise<Omit<Claim, 'key' | 'signal'> | undefined> {
  return await database.transaction(async (query) => {
    const lives = await query(
      `SELECT FROM trueup.replicas AS r JOIN trueup.scopes AS s ON s.scope = r.scope
       WHERE r.id = $1 AND s.scope = $2 AND s.revision IS NOT DISTINCT FROM $3 FOR SHARE`,
      [replica, scope, revision],
    )
    const [found] = await lockRows(query, scope, [key])
    if (found === undefined || found.claimedBy !== null || found.dueAt === null) return undefined
    const now = await databaseNow(query)
    const row = { ...found }
    if (lives.length === 0 || !isDue(row, now)) {
      await addJobs(query, scope, [{ key, at: Math.max(found.dueAt, now + LEAVE_MS) }])
      return undefined
    }
    const { failures, isChanged } = row
    beginRun(row)
    const event = tellEvent(row)
    row.claimedBy = replica
    await writeRows(query, scope, [row])
    const delayMs = Math.max(0, now - found.dueAt)
    // When an event came is not kept: it may have been just now.
    return { failures, isChanged, event, delayMs, newestMs: isChanged ? 0 : delayMs }
  })
}

export interface EndOptions {
  readonly scope: string
  readonly key: string
  /** That claimed it. */
  readonly replica: string
  readonly following: Following
}

/** The end of a run and what follows, in one step. @returns when it is due next, UTC ms; null: not at all, or it was lost to somebody else */
export async function endTarget(
  database: Database,
  { scope, key, replica, following }: EndOptions,
): Promise<number | null> {
  return await database.transaction(async (query) => {
    const [found] = await lockRows(query, scope, [key])
    if (found === undefined || found.claimedBy !== replica) return null
    if (found.isGone) {
      await remove(query, scope, [found])
      return null
    }
    const now = await databaseNow(query)
    const row = { ...found, claimedBy: null, isAgain: false, dueAt: timeOf(following.when, now) }
    endRun(row, following.failures)
    forgetTold(row)
    if (found.isAgain) makeDue(row, now)
    await writeRows(query, scope, [row])
    return row.dueAt
  })
}

function freshRow(key: string): TargetRow {
  const heard = { event: null, isEventTold: false }
  return { ...freshState(), ...heard, key, dueAt: null, priority: 0, isAgain: false, isGone: false, claimedBy: null }
}

function inOrder(rows: readonly TargetRow[]): readonly TargetRow[] {
  return [...rows].sort((a, b) => (a.key < b.key ? -1 : a.key > b.key ? 1 : 0))
}
