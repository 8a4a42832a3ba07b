// Records of the last applies of one target come in; the changes that each of them made again go out. Pure.
import type { RunRecord } from '../event.js'

/** Applies in a row that make the same change before it is stopped. */
export const NOT_CONVERGING_AFTER = 3

/** A change that was made again and again. */
export interface NotConverging {
  readonly key: string
  readonly shard: string | null
  readonly action: string
}

/**
 * The changes that the last {@link NOT_CONVERGING_AFTER} applies all made, of the same desired state, with success: either the outside system does
 * not keep what it is given, or somebody else changes it back each time. Sorted by key. Applies that changed nothing end it.
 *
 * @param records - of one target, newest first; others than finished applies are passed over
 */
export function notConverging(records: readonly RunRecord[]): readonly NotConverging[] {
  const applies = records.filter(({ run, state, decision }) => {
    return run.mode === 'apply' && state === 'finished' && decision.action === 'run'
  })
  const last = applies.slice(0, NOT_CONVERGING_AFTER)
  const [newest] = last
  if (newest === undefined || last.length < NOT_CONVERGING_AFTER) return []
  if (last.some(({ decision }) => decision.digest !== newest.decision.digest)) return []
  const made = last.map(madeBy)
  return [...(made[0] ?? new Map<string, NotConverging>())]
    .filter(([print]) => made.every((one) => one.has(print)))
    .map(([, change]) => change)
    .sort((a, b) => (a.key < b.key ? -1 : a.key > b.key ? 1 : 0))
}

/** By what was done to which object, with which value. What was there before may differ each time. */
function madeBy({ plan, outcomes }: RunRecord): ReadonlyMap<string, NotConverging> {
  const applied = new Set(
    outcomes.flatMap(({ key, action, shard, result }) => (result === 'applied' ? [id({ key, action, shard })] : [])),
  )
  return new Map(
    (plan?.changes ?? []).flatMap(({ key, action, shard, fields }) => {
      const change = { key, action, shard }
      if (!applied.has(id(change))) return []
      const after = fields.map((field) => [field.path, field.after ?? null])
      return [[JSON.stringify([id(change), after]), change]]
    }),
  )
}

function id({ key, action, shard }: NotConverging): string {
  return JSON.stringify([key, action, shard])
}
