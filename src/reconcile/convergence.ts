// The plan of an apply and the records of the applies before it come in; which of its changes those made too, and how often in a row, goes out.
// Pure but for reading the records one by one, no further than it must.
import type { PlanData, PlannedChange, RepeatedChange, RunRecord } from '../event.js'

/** Applies in a row that make the same change before it is stopped. */
export const NOT_CONVERGING_AFTER = 3
/** Records that are looked at: dry runs lie between applies. */
const MOST_RECORDS = 200

export interface RepeatInput {
  /** As a record would have it, without secrets. */
  readonly plan: PlanData
  /** Of the target, newest first. */
  readonly records: AsyncIterable<RunRecord>
  /** Whether code, configuration and environment are as at the last apply of a shard; null: of the unsharded target. */
  readonly isSameBasis: (shard: string | null) => boolean
  /** They are made all the same, and go on being counted. */
  readonly allowed: boolean
}

/**
 * Changes that the last apply of their shard made (or stopped) too: the same action on the same object with the same values, by the same code. What was there
 * before may differ each time: either the outside system does not keep what it is given, or somebody else changes it back. An apply that
 * found nothing to do there, or failed to do it, ends the row.
 */
export async function repeatedChanges({
  plan,
  records,
  isSameBasis,
  allowed,
}: RepeatInput): Promise<readonly RepeatedChange[]> {
  const repeated: RepeatedChange[] = []
  /** By shard: those whose last apply was not found yet. */
  const open = new Map<string | null, PlannedChange[]>()
  for (const change of plan.changes)
    if (isSameBasis(change.shard)) {
      const others = open.get(change.shard)
      if (others === undefined) open.set(change.shard, [change])
      else others.push(change)
    }
  let seen = 0
  if (open.size === 0) return []
  for await (const record of records) {
    seen += 1
    if (seen > MOST_RECORDS) break
    if (!tells(record)) continue
    const times = timesIn(record)
    for (const [shard, changes] of open) {
      if (shard !== null && !record.run.shards.includes(shard)) continue
      open.delete(shard)
      for (const change of changes) {
        const before = times.get(printOf(change))
        if (before === undefined) continue
        const { key, action } = change
        const stopped = before >= NOT_CONVERGING_AFTER && !allowed
        repeated.push({ key, action, shard, times: stopped ? before : before + 1, stopped })
      }
    }
    if (open.size === 0) break
  }
  return repeated
}

/** An apply that carried its plan out, or had nothing to do. */
function tells({ run, state, decision, plan, outcomes }: RunRecord): boolean {
  if (run.mode !== 'apply' || decision.action !== 'run' || plan === null) return false
  return state === 'running' || outcomes.length > 0 || plan.changes.length === 0
}

/** How often in a row each change of an apply had been made by then; of those that count. */
function timesIn({ plan, outcomes, repeats = [], instead }: RunRecord): ReadonlyMap<string, number> {
  const found = new Map<string, number>()
  if (instead !== undefined) return found
  const applied = new Set(outcomes.flatMap((one) => (one.result === 'applied' ? [idOf(one)] : [])))
  const counted = new Map(repeats.map((one) => [idOf(one), one]))
  for (const change of plan?.changes ?? []) {
    const before = counted.get(idOf(change))
    if (applied.has(idOf(change)) || before?.stopped === true) found.set(printOf(change), before?.times ?? 1)
  }
  return found
}

/** What is done to which object, with which values. */
function printOf(change: PlannedChange): string {
  return JSON.stringify([idOf(change), change.fields.map((field) => [field.path, field.after ?? null])])
}

function idOf({ key, action, shard }: Pick<PlannedChange, 'key' | 'action' | 'shard'>): string {
  return JSON.stringify([key, action, shard])
}
