// What stands between a plan and its apply: limits, an expected digest or a saved plan, and on a terminal a person's yes.
import { TrueupError } from './errors.js'
import type { LimitCheck, PlanData } from './event.js'
import { planDifferences, type SavedPlan } from './reconcile/saved-plan.js'
import { redactLimit, redactPlan } from './report/redact-run.js'
import type { PlannedRun } from './run-plan.js'
import type { RunSession } from './run-session.js'
import { createRecordStore } from './store/records.js'
import { storeKey } from './store/object-store.js'

export interface ApprovalInput {
  /** As they were told with the plan. */
  readonly limits: readonly LimitCheck[]
  /** By keys of changes, those that are not made: nobody is asked when there are no others. */
  readonly left: ReadonlyMap<string, string>
}

/**
 * @returns false when a person said no
 * @throws plan-mismatch when it is not the plan that was approved
 */
export async function approve(
  session: RunSession,
  planned: PlannedRun,
  { limits, left }: ApprovalInput,
): Promise<boolean> {
  const { request, deps } = session
  const { data } = planned.built
  const { redactor } = deps
  if (request.savedPlan !== null) {
    await matchSavedPlan(session, planned, request.savedPlan)
    return true
  }
  if (request.expectPlan !== null) {
    if (data.digest.startsWith(request.expectPlan)) return true
    throw new TrueupError(
      'plan-mismatch',
      `${request.target}: the plan is no longer ${request.expectPlan.slice(0, 12)} but ${data.digest.slice(0, 12)}; nothing was changed.${await whatDiffers(session, planned, request.expectPlan)}\nLook at it again with: ${request.commands?.plan ?? `trueup plan ${request.command}`}`,
      { details: { expected: request.expectPlan, actual: data.digest } },
    )
  }
  return (
    data.changes.every(({ key }) => left.has(key)) ||
    deps.confirm(
      redactPlan(redactor, data),
      limits.map((check) => redactLimit(redactor, check)),
    )
  )
}

/** Looks for the approved plan among the kept records, so that what differs can be told. */
async function whatDiffers(session: RunSession, planned: PlannedRun, digest: string): Promise<string> {
  for await (const record of createRecordStore(session.target.store).list(session.request.target)) {
    if (record.plan?.digest.startsWith(digest) === true)
      return shown(planDifferences(record.plan, toldPlan(session, planned)))
  }
  return ''
}

async function matchSavedPlan(session: RunSession, planned: PlannedRun, saved: SavedPlan): Promise<void> {
  const { request, deps, target } = session
  const again = `Make a new one with: trueup plan ${request.command} --out <file>`
  const refuse = (why: string): TrueupError =>
    new TrueupError(
      'plan-mismatch',
      `${request.target}: the saved plan ${saved.id} ${why}; nothing was changed. ${again}`,
      { details: { plan: saved.id } },
    )
  if (deps.clock.now() > saved.expiresAt) throw refuse(`expired at ${new Date(saved.expiresAt).toISOString()}`)
  const used = storeKey('plans', saved.id)
  if ((await target.store.head(used)).kind === 'found') throw refuse('was applied already')
  const differences = planDifferences(saved.plan, toldPlan(session, planned))
  if (differences.length > 0) throw refuse(`no longer fits:${shown(differences)}\nSo it is not applied`)
  // Single use, also when two applies of it race: consumed before the first change.
  const put = await target.store.put(used, new TextEncoder().encode(JSON.stringify({ run: session.runId })), {
    condition: { kind: 'if-absent' },
  })
  if (put.kind !== 'stored') throw refuse('was applied already')
}

/** As a record or a file has it: to be compared with one. */
function toldPlan({ deps }: RunSession, planned: PlannedRun): PlanData {
  return redactPlan(deps.redactor, planned.built.data)
}

function shown(differences: readonly string[]): string {
  const lines = differences.slice(0, 10).map((line) => `\n  ${line}`)
  if (differences.length > 10) lines.push(`\n  and ${String(differences.length - 10)} more`)
  return lines.join('')
}
