// The records of one target, newest first, come in; when it was last brought to its desired state, and what is in doubt since, goes out.
// Reads no further than to the last success. Must not: take a part for the whole, or a run that lives for a doubt.
import type { ChangeAction, RunRecord } from '../event.js'

/** A change whose answer nobody saw, and which no apply has looked at since. */
export interface OpenChange {
  readonly run: string
  readonly shard: string | null
  readonly key: string
  readonly action: ChangeAction
}

export interface TargetStatus {
  /** The newest record of all. */
  readonly last: RunRecord | undefined
  /** An apply that is under way. */
  readonly underWay: string | undefined
  /**
   * The last apply that ended with 0, or was skipped because the target is as it was applied. Where shards were applied one by one: the
   * oldest of those that together make the whole.
   */
  readonly success: RunRecord | undefined
  readonly doubts: readonly OpenChange[]
}

export interface StatusQuestions {
  /** Keys of all shards of this target there, as its last apply found them; none where nothing tells. */
  readonly shardsAt: (destination: string) => Promise<readonly string[]>
  readonly isAlive: (run: string) => boolean
}

export async function targetStatus(
  records: AsyncIterable<RunRecord>,
  { shardsAt, isAlive }: StatusQuestions,
): Promise<TargetStatus> {
  let last: RunRecord | undefined
  let underWay: string | undefined
  const doubts: OpenChange[] = []
  /** Shards that a later apply has planned: it has looked at what was in doubt there. */
  const lookedAt = new Set<string | null>()
  /** Keys that a person has settled since. */
  const resolved = new Set<string>()
  /** Shards that no success was found for yet; undefined before the first one. */
  let missing: Set<string> | undefined
  for await (const record of records) {
    last ??= record
    const { run } = record
    if (run.mode !== 'apply') continue
    if (record.state === 'running' && isAlive(run.id)) {
      underWay ??= run.id
      continue
    }
    for (const { key, action, shard, result } of record.outcomes)
      if (result === 'unknown' && !lookedAt.has(shard) && !resolved.has(key))
        doubts.push({ run: run.id, shard, key, action })
    if (record.instead?.kind === 'resolve') for (const key of record.instead.keys) resolved.add(key)
    if (isSuccess(record)) {
      missing ??= new Set(run.destination === null ? [] : await shardsAt(run.destination))
      for (const shard of run.shards) missing.delete(shard)
      // Records do not name the one shard of a target without shards.
      missing.delete('')
      // A skip has looked at the marks of every shard.
      if (missing.size === 0 || record.decision.action === 'skip') return { last, underWay, success: record, doubts }
    }
    if (record.plan !== null) for (const shard of run.shards.length === 0 ? [null] : run.shards) lookedAt.add(shard)
  }
  return { last, underWay, success: undefined, doubts }
}

/** What only adopted, undid, moved or destroyed left the target other than desired. */
function isSuccess({ state, exitCode, instead }: RunRecord): boolean {
  return state === 'finished' && exitCode === 0 && instead === undefined
}
