// A plan kept in a file (`--out`) and approved for one apply. Pure: builds, parses and compares; files are the command line's.
import { TrueupError } from '../errors.js'
import type { PlanData, PlannedChange, RunRecord } from '../event.js'

/** Schema of the file; `trueup/plan/1` files of other numbers are refused. */
const SCHEMA = 'trueup/plan/1'
/** Of a file with the plans of several targets. */
const SCHEMA_OF_MANY = 'trueup/plans/1'
/** How long a saved plan may be applied. @defaultValue 24 hours */
export const SAVED_PLAN_LIFETIME_MS = 24 * 60 * 60 * 1000

export interface SavedPlan {
  readonly schema: typeof SCHEMA
  /** Id of the run that made it; an apply consumes it. */
  readonly id: string
  readonly target: string
  readonly destination: string | null
  readonly shards: readonly string[]
  /** UTC ms. */
  readonly createdAt: number
  readonly expiresAt: number
  readonly plan: PlanData
}

export function savePlan(record: RunRecord, shards: readonly string[]): SavedPlan | undefined {
  const { run, plan } = record
  if (plan === null) return undefined
  return {
    schema: SCHEMA,
    id: run.id,
    target: run.target,
    destination: run.destination,
    shards,
    createdAt: run.startedAt,
    expiresAt: run.startedAt + SAVED_PLAN_LIFETIME_MS,
    plan,
  }
}

/** The file: a single plan as it is, several in one document. */
export function savedPlansText(plans: readonly SavedPlan[]): string {
  const [first] = plans
  return `${JSON.stringify(plans.length === 1 ? first : { schema: SCHEMA_OF_MANY, plans }, null, 2)}\n`
}

/**
 * The plans of a file, at least one, each of another target.
 *
 * @throws usage for a file that holds no saved plans of this format
 */
export function parseSavedPlans(text: string, file: string): readonly SavedPlan[] {
  let value: unknown
  try {
    value = JSON.parse(text)
  } catch (cause) {
    throw new TrueupError(
      'usage',
      `${file} is not a saved plan: it is not JSON. Make one with: trueup plan <target> --out ${file}`,
      { cause },
    )
  }
  const many = value as { readonly schema?: unknown; readonly plans?: unknown } | null
  if (typeof many !== 'object' || many?.schema !== SCHEMA_OF_MANY) return [checkedPlan(value, file)]
  const plans = Array.isArray(many.plans) ? many.plans.map((plan: unknown) => checkedPlan(plan, file)) : []
  if (plans.length === 0 || new Set(plans.map(({ target }) => target)).size < plans.length) throw damaged(file)
  return plans
}

function checkedPlan(value: unknown, file: string): SavedPlan {
  const plan = value as Partial<SavedPlan> | null
  if (typeof plan !== 'object' || plan === null || plan.schema !== SCHEMA) {
    throw new TrueupError(
      'usage',
      `${file} is not a saved plan of this version of trueup (${SCHEMA}). Make one with: trueup plan <target> --out ${file}`,
    )
  }
  const whole =
    typeof plan.id === 'string' &&
    typeof plan.target === 'string' &&
    typeof plan.expiresAt === 'number' &&
    typeof plan.plan?.digest === 'string' &&
    Array.isArray(plan.plan.changes) &&
    Array.isArray(plan.shards)
  if (!whole) throw damaged(file)
  return plan as SavedPlan
}

function damaged(file: string): TrueupError {
  return new TrueupError(
    'usage',
    `${file} is a damaged saved plan. Make it anew with: trueup plan <target> --out ${file}`,
  )
}

/** How the plan of now differs from the one that was approved, one line a difference; empty when it is the same plan. */
export function planDifferences(approved: PlanData, now: PlanData): readonly string[] {
  if (approved.digest === now.digest) return []
  const before = new Map(approved.changes.map((change) => [change.key, change]))
  const after = new Map(now.changes.map((change) => [change.key, change]))
  const lines: string[] = []
  for (const key of [...new Set([...before.keys(), ...after.keys()])].sort()) {
    const line = difference(before.get(key), after.get(key))
    if (line !== undefined) lines.push(line)
  }
  return lines.length === 0 ? ['it is for another target or destination'] : lines
}

function difference(before: PlannedChange | undefined, after: PlannedChange | undefined): string | undefined {
  if (before === undefined) return after === undefined ? undefined : `${after.action} ${after.key} is new`
  if (after === undefined) return `${before.action} ${before.key} is no longer needed`
  if (before.action !== after.action) return `${before.key} would be ${past(after)}, was to be ${past(before)}`
  if (before.live !== after.live) return `${before.key} was changed outside meanwhile`
  if (JSON.stringify(before.fields) !== JSON.stringify(after.fields))
    return `${before.action} ${before.key} would make it something else`
  return undefined
}

function past({ action }: PlannedChange): string {
  return action === 'adopt' ? 'adopted' : `${action}d`
}
