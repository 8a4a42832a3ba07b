// The decision, as a pure function of what was found. No I/O, no clock: every row of the table below is a test.
//
//   found                                   dry run   apply
//   not asked, forced, base missing/failed  run       run
//   config / code changed, code unknown     run       run
//   desired changed                         run       run
//   inputs or desired unchanged             skip      skip if every shard's apply mark says so, else run (base-not-applied)
import type { Decision, DecisionComponent, DecisionReason, FirstDifference, RunMode } from '../event.js'

/** What comparing head and base gave. */
export interface Finding {
  readonly reason: DecisionReason
  /** One sentence for people. */
  readonly explanation: string
  /** Full commit id, `last-applied`, or null. */
  readonly base: string | null
  readonly components: Readonly<Record<string, DecisionComponent>>
  readonly digest?: string | null
  readonly firstDifference?: FirstDifference
}

/** What the apply marks say of the head. */
export type Applied =
  /** `by`: whether the input trees answered, or the desired state had to be evaluated. */
  | ({ readonly kind: 'applied'; readonly by: 'inputs' | 'desired' } & MarksSide)
  /** `differs`: the component in which the marks differ; `never` when there is no completed mark to compare with. */
  | ({
      readonly kind: 'not-applied'
      readonly differs: 'never' | 'code' | 'config' | 'env' | 'secrets' | 'secrets-unknown' | 'desired' | 'shards'
      readonly explanation: string
    } & MarksSide)

/** What was compared with the marks on the way. */
interface MarksSide {
  /** `base` is what the marks tell of the last apply. */
  readonly components: Readonly<Record<string, DecisionComponent>>
  /** Of the head's desired state, where it was evaluated. */
  readonly digest?: string
}

export interface HeadSide {
  readonly head: string
  readonly headCommit: string | null
  readonly dirty: boolean
}

const SKIPS: ReadonlySet<DecisionReason> = new Set(['inputs-unchanged', 'desired-unchanged'])

/** Whether a finding would be a skip, so that an apply must look at the marks. */
export function wouldSkip(finding: Finding): boolean {
  return SKIPS.has(finding.reason)
}

/**
 * @param applied what the marks say; needed only where {@link wouldSkip} holds and the mode is apply. Absent there means "not known", and runs.
 */
export function decide(mode: RunMode, finding: Finding, side: HeadSide, applied?: Applied): Decision {
  const common = {
    base: finding.base,
    ...side,
    digest: finding.digest ?? applied?.digest ?? null,
    // What only the marks know stands beside what the commits say.
    components: { ...applied?.components, ...finding.components },
    ...(finding.firstDifference === undefined ? {} : { firstDifference: finding.firstDifference }),
  }
  if (!wouldSkip(finding)) return { action: 'run', reason: finding.reason, explanation: finding.explanation, ...common }
  if (mode === 'dry-run' || applied?.kind === 'applied') {
    return { action: 'skip', reason: finding.reason, explanation: finding.explanation, ...common }
  }
  const why = applied === undefined ? 'its apply marks are not known' : applied.explanation
  return {
    action: 'run',
    reason: 'base-not-applied',
    explanation: `${finding.explanation} But ${why}, so it runs.`,
    ...common,
  }
}
