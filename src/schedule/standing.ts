// Records of one target, newest first, come in; since when it stands as it is desired, and when it was acted on last, go out. Reads no further
// than it must. Must not: take a success for another state, or a part for the whole.
import type { RunRecord } from '../event.js'

export interface StandingQuestions {
  /** Whether what was brought about at this commit is what is desired now. */
  readonly isSameState: (commit: string) => Promise<boolean>
  /** Whether an apply was of all shards. */
  readonly isWhole: (record: RunRecord) => Promise<boolean>
  /** UTC ms: who stands since then stands long enough; what came before is not read. */
  readonly enoughAt: number
}

/**
 * Since when a target stands as it is desired now: the end of its last apply that changed something there, or of the first one that found nothing
 * to do; a skip is one of those. A later success that changes nothing does not begin it anew; a failure does.
 *
 * @returns UTC ms; null where the last apply failed, is under way, or was of another state
 */
export async function standsSince(
  records: AsyncIterable<RunRecord>,
  { isSameState, isWhole, enoughAt }: StandingQuestions,
): Promise<number | null> {
  let since: number | null = null
  for await (const record of records) {
    const { run, state, exitCode, instead, outcomes } = record
    if (run.mode !== 'apply' || cameToNothing(record)) continue
    const commit = commitOf(record)
    if (state !== 'finished' || exitCode !== 0 || instead !== undefined) break
    if (commit === null || !(await isSameState(commit))) break
    const hasChanged = outcomes.length > 0
    if (await isWhole(record)) since = run.startedAt + run.durationMs
    else if (!hasChanged) continue
    if (hasChanged || (since !== null && since <= enoughAt)) break
  }
  return since
}

/**
 * When a target's last apply that changed something, or tried to, ended.
 *
 * @param after - UTC ms: what ended before is of no interest
 * @returns UTC ms; null: none
 */
export async function actedAt(records: AsyncIterable<RunRecord>, after: number): Promise<number | null> {
  for await (const { run, outcomes } of records) {
    const endedAt = run.startedAt + run.durationMs
    if (run.mode !== 'apply') continue
    if (outcomes.some(({ result }) => result !== 'skipped' && result !== 'not-attempted')) return endedAt
    if (endedAt <= after) return null
  }
  return null
}

/** A lease or a hold was in its way: it says nothing of the target. */
function cameToNothing({ state, exitCode, outcomes }: RunRecord): boolean {
  return state === 'finished' && exitCode === 75 && outcomes.length === 0
}

/** What it was applied from; null where that is no commit. */
function commitOf({ decision }: RunRecord): string | null {
  return decision.dirty ? null : decision.headCommit
}
