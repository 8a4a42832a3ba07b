// Deletion approvals of trueup.yaml, a plan and the time come in; which deletes need not count against the limits, and a word on each approval, go out.
// Pure. Must not: change the plan, or let an expired approval count.
import type { LimitCheck, PlanData } from '../event.js'
import type { PlanFacts } from './plan-facts.js'

/** A reviewed, time-boxed consent to deletes: of these keys, or of all deletes of exactly one plan. */
export interface Approval {
  readonly target: string
  readonly keys?: readonly string[]
  /** Whole digest of a plan. */
  readonly plan?: string
  /** A day (to its end, UTC) or an instant, ISO 8601. */
  readonly until: string
  readonly reason: string
  readonly by: string
}

export interface Approved {
  /** As given, with how many deletes of each shard are approved. */
  readonly facts: PlanFacts
  /** One for each approval of this target: used, unused or expired. They block nothing. */
  readonly checks: readonly LimitCheck[]
}

export interface ApprovalInput {
  readonly facts: PlanFacts
  readonly plan: PlanData
  /** Those of other targets are passed over. */
  readonly approvals: readonly Approval[]
  /** UTC ms. */
  readonly now: number
}

export function applyApprovals({ facts, plan, approvals, now }: ApprovalInput): Approved {
  const deletes = new Set(facts.shards.flatMap(({ deleteKeys = [] }) => deleteKeys))
  const approved = new Set<string>()
  const checks = approvals
    .filter(({ target }) => target === facts.target)
    .map((approval): LimitCheck => {
      const covered = coveredBy(approval, deletes, plan)
      // What is no date is never in force: NaN compares as false.
      if (!(now <= endOf(approval.until))) return told(approval, 'expired', covered)
      for (const key of covered) approved.add(key)
      return told(approval, covered.length === 0 ? 'unused' : 'used', covered)
    })
  return {
    facts: {
      ...facts,
      shards: facts.shards.map((shard) => ({
        ...shard,
        approved: (shard.deleteKeys ?? []).filter((key) => approved.has(key)).length,
      })),
    },
    checks,
  }
}

/** The last instant, UTC ms; NaN for what is no date: nothing is ever approved until then. */
export function endOf(until: string): number {
  const start = Date.parse(until)
  return /^\d{4}-\d{2}-\d{2}$/.test(until) ? start + 86_400_000 - 1 : start
}

function coveredBy(approval: Approval, deletes: ReadonlySet<string>, plan: PlanData): readonly string[] {
  if (approval.plan !== undefined) return approval.plan === plan.digest ? [...deletes] : []
  return (approval.keys ?? []).filter((key) => deletes.has(key))
}

function told(approval: Approval, state: 'used' | 'unused' | 'expired', covered: readonly string[]): LimitCheck {
  const { by, reason, until, plan, keys = [] } = approval
  const whose = `by ${by} until ${until}: ${reason}`
  const what = plan === undefined ? some(keys) : `the plan ${plan.slice(0, 12)}`
  const amount = `${String(covered.length)} ${covered.length === 1 ? 'delete' : 'deletes'}`
  const messages = {
    used: `${amount} approved (${whose})`,
    unused: `the approval of ${what} is not needed by this plan (${whose}); remove it from trueup.yaml when it has served`,
    expired: `the approval of ${what} has expired (${whose})${covered.length === 0 ? '; remove it from trueup.yaml' : `, so ${amount} of this plan count like any other`}`,
  }
  return {
    rule: 'approval',
    limit: until,
    actual: state,
    shard: null,
    blocked: false,
    override: state === 'used' ? 'approvals in trueup.yaml' : null,
    message: messages[state],
    allow: null,
    keys: covered,
  }
}

function some(keys: readonly string[]): string {
  const shown = keys.slice(0, 3).join(', ')
  return keys.length > 3 ? `${shown} and ${String(keys.length - 3)} more` : shown
}
