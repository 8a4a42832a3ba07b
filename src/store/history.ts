// One run record in, what it did to single objects out: for people who ask when something changed, by whom, and on what ground.
// Pure. Must not: say that something was done whose outcome is not known.
import type { ChangeAction, FieldChange, Json, LimitCheck, OutcomeResult, RunActor, RunRecord } from '../event.js'

/** One thing that was done (or tried) to one object. */
export interface HistoryEntry {
  readonly key: string
  /** `released` and `moved` change the ledger alone. */
  readonly action: ChangeAction | 'release' | 'move'
  readonly result: Exclude<OutcomeResult, 'skipped' | 'not-attempted'>
  readonly error: string | null
  readonly shard: string | null
  readonly run: string
  /** UTC ms: when the run started. */
  readonly at: number
  readonly by: RunActor
  /** Full id of the commit under the head; null before the first. */
  readonly commit: string | null
  readonly dirty: boolean
  /** The whole object before, where it was kept. */
  readonly before: Json | undefined
  readonly fields: readonly FieldChange[]
  /** Of deletes: what they were allowed on. */
  readonly proof: DeleteProof | null
  /** The run that was undone by this one. */
  readonly undoes: string | null
  /** Of a move. */
  readonly moved: { readonly from: string; readonly to: string } | null
}

export interface DeleteProof {
  /** Owned objects of the complete listing that did not miss it. */
  readonly owned: number
  /** As configured (`10%`); null where no limit was in use. */
  readonly limit: string | null
  /** How much of it, as found: `2 %` or `1 of 41`. */
  readonly used: string | null
  /** What was allowed in place of the limit; null when nothing was. */
  readonly override: string | null
}

/** What an apply did, in the order of its plan; nothing for a dry run. Of one that never ended: as far as its journal tells (records.ts). */
export function historyOf(record: RunRecord): readonly HistoryEntry[] {
  const { run, decision, instead, plan } = record
  if (run.mode !== 'apply') return []
  const common = {
    run: run.id,
    at: run.startedAt,
    by: run.by,
    commit: decision.headCommit,
    dirty: decision.dirty,
    undoes: instead?.kind === 'undo' ? instead.run : null,
  }
  if (instead?.kind === 'release' || instead?.kind === 'move') {
    const moved = instead.kind === 'move' ? { from: instead.from, to: instead.to } : null
    return record.error !== null
      ? []
      : instead.keys.map((key) => ({
          ...common,
          key,
          action: instead.kind,
          result: 'applied',
          error: null,
          shard: null,
          before: undefined,
          fields: [],
          proof: null,
          moved,
        }))
  }
  const changes = new Map(plan?.changes.map((change) => [change.key, change]))
  const before = record.before ?? {}
  return record.outcomes.flatMap(({ key, action, shard, result, error }) => {
    if (result === 'skipped' || result === 'not-attempted') return []
    return {
      ...common,
      key,
      action,
      result,
      error,
      shard,
      before: Object.hasOwn(before, key) ? before[key] : undefined,
      fields: changes.get(key)?.fields ?? [],
      proof: action === 'delete' ? proofOf(record, shard) : null,
      moved: null,
    }
  })
}

/** A delete is planned on a complete listing only, so that there was one needs no further proof. */
function proofOf({ plan, limits }: RunRecord, shard: string | null): DeleteProof {
  const checks = limits.filter(({ rule }) => rule === 'max-deletes')
  const check: LimitCheck | undefined = checks.find((one) => one.shard === shard) ?? checks[0]
  return {
    owned: plan?.summary.of ?? 0,
    limit: check?.limit ?? null,
    used: check === undefined ? null : (/\(([^)]+)\)/.exec(check.actual)?.[1] ?? check.actual),
    override: check?.override ?? null,
  }
}
