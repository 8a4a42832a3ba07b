// Between planning and applying: changes that the applies before made again and again. In: session and plan. Out: those, and what is said of
// them among the limits. Reads marks and records; stops nothing else of the plan.
import { TrueupError } from './errors.js'
import type { LimitCheck, RepeatedChange } from './event.js'
import { NOT_CONVERGING_AFTER, repeatedChanges } from './reconcile/convergence.js'
import { some } from './reconcile/limit-text.js'
import { redactPlan } from './report/redact-run.js'
import type { PlannedRun } from './run-plan.js'
import type { RunSession } from './run-session.js'
import { createRecordStore } from './store/records.js'

export const ALLOW_NOT_CONVERGING = '--allow-not-converging'

/** @returns those of the plan that the last apply made too; what was asked for in place of the desired state is no repetition */
export async function repeatsOf(session: RunSession, { built }: PlannedRun): Promise<readonly RepeatedChange[]> {
  const { request, target, deps, facts } = session
  if (built.data.changes.length === 0 || request.instead !== undefined) return []
  const { marks } = await session.kept()
  return repeatedChanges({
    plan: redactPlan(deps.redactor, built.data),
    records: createRecordStore(target.store).list(request.target),
    isSameBasis(shard) {
      const mark = marks.get(shard ?? '')?.mark
      return mark?.code === facts.code && mark.config === facts.config && mark.env === facts.env
    },
    allowed: request.overrides.allowNotConverging === true,
  })
}

/** One word on those that are stopped or were allowed; blocks nothing else. */
export function repeatChecks(session: RunSession, repeats: readonly RepeatedChange[]): readonly LimitCheck[] {
  const { request } = session
  const isAllowed = request.overrides.allowNotConverging === true
  const told = repeats.filter(({ stopped, times }) => stopped || (isAllowed && times > NOT_CONVERGING_AFTER))
  const keys = told.map(({ key }) => key)
  if (keys.length === 0) return []
  return [
    {
      rule: 'not-converging',
      limit: String(NOT_CONVERGING_AFTER),
      actual: `${String(keys.length)} not converging`,
      shard: null,
      blocked: false,
      override: isAllowed ? ALLOW_NOT_CONVERGING : null,
      message: `${some(keys)}: the last ${String(NOT_CONVERGING_AFTER)} applies each made the same change, and it is to be made again; ${isAllowed ? 'it is made once more' : 'it is left out'}`,
      allow: isAllowed ? null : ALLOW_NOT_CONVERGING,
      keys,
    },
  ]
}

/** Why these changes were left out; undefined where none was. */
export function notConverging({ request }: RunSession, repeats: readonly RepeatedChange[]): TrueupError | undefined {
  const stopped = repeats.filter((one) => one.stopped)
  if (stopped.length === 0) return undefined
  const shown = stopped.map(({ action, key }) => `${action} ${key}`)
  return new TrueupError(
    'not-converging',
    `${request.target} does not converge: the last ${String(NOT_CONVERGING_AFTER)} applies each did ${some(shown)}, and it is to be done again: the outside system does not keep it, or somebody changes it back. It was left out until what it reads changes, or: ${request.commands?.apply ?? `trueup apply ${request.command}`} ${ALLOW_NOT_CONVERGING}`,
    { details: { keys: stopped.map(({ key }) => key) } },
  )
}
