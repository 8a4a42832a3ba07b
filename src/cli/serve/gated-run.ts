// One target that is to be applied and its gate come in: it is applied where the gate allows it, else planned. Out: how that ended, what it waits for.
import { ALLOW, nextEvaluationTime, type Combined, type Verdict } from '../../schedule/policies.js'
import type { ScheduledResult } from '../../schedule/scheduler-types.js'
import { cronTimes } from '../../schedule/cron.js'
import type { TargetConfig } from '../config-targets.js'
import type { Gate, GateQuestion } from './gate.js'
import type { RunEnd } from './run-result.js'

export interface GatedRun<End extends RunEnd> {
  readonly gate: Gate
  readonly question: GateQuestion
  readonly plan: (flags: readonly string[]) => Promise<End>
  readonly apply: (flags: readonly string[]) => Promise<End>
}

/** Why a target is planned in place of applied. */
export type Held = Combined

export async function applyOrPlan<End extends RunEnd>({
  gate,
  question,
  plan,
  apply,
}: GatedRun<End>): Promise<{ readonly end: End; readonly held: Held | null }> {
  const asked = await gate.ask(question)
  if (asked.verdict.kind !== 'allow') return { end: await plan([]), held: asked }
  const { name, policies } = question.target
  if (policies.approval === undefined) return { end: await apply([]), held: null }
  // What an earlier run found is not what would be applied now.
  const planned = await plan(['--force'])
  const { digest } = planned
  if (digest === null || planned.result.kind !== 'done') return { end: planned, held: null }
  // An empty plan is carried out too: only an apply leaves on record that it is as desired.
  const isEmpty = planned.outcome === 'converged'
  const verdict = isEmpty ? ALLOW : planned.destination === null ? nowhere(name) : gate.approved(question, digest)
  if (verdict.kind === 'allow') return { end: await apply(['--expect-plan', digest]), held: null }
  const reason = `${verdict.reason} (plan ${digest}, \`trueup plan ${name}\` shows it)`
  return { end: planned, held: { verdict: { ...verdict, reason }, reasons: [reason] } }
}

/** The digest of a plan names the place that it is for. */
function nowhere(name: string): Verdict {
  return {
    kind: 'deny',
    reason: `its destination has no identity yet, so no plan of it can be approved: apply it once by hand, \`trueup apply ${name}\``,
  }
}

export interface WaitInput {
  readonly held: Held
  readonly target: TargetConfig
  /** Of targets without a schedule, ms. */
  readonly everyMs: number
  /** UTC ms. */
  readonly now: number
  /** Of the plan that was made meanwhile. */
  readonly result: ScheduledResult
}

/** Due again when the policies allow it, or at its usual time, where that is sooner. */
export function dueAfter({ held, target, everyMs, now, result }: WaitInput): ScheduledResult {
  const allowedAt = nextEvaluationTime(held.verdict)
  if (result.kind !== 'done' || allowedAt === undefined) return result
  const usual = target.schedule === null ? now + everyMs : cronTimes({ cron: target.schedule }, 'schedule')(now)
  return { kind: 'after', afterMs: Math.max(1000, Math.min(usual ?? Infinity, allowedAt) - now), reason: 'policy' }
}
