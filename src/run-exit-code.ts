// What a run knows of itself at its end comes in, its exit code goes out: one of the fixed set; how many changes failed never shows in it. Pure.
import type { ChangeOutcome, HeldPart, LimitCheck, PlanData, RunError } from './event.js'
import type { RunRequest } from './run-types.js'

export interface ExitInput {
  /** Of the error that ended it; 0 for none. */
  readonly exitCode: number
  readonly error: RunError | null
  /** What of its plan is held. */
  readonly held: readonly HeldPart[]
  readonly outcomes: readonly ChangeOutcome[]
  readonly limits: readonly LimitCheck[]
  readonly plan: PlanData | null
  readonly request: RunRequest
}

export function runExitCode({ exitCode, error, held, outcomes, limits, plan, request }: ExitInput): number {
  if (exitCode === 130 || exitCode === 143) return exitCode
  const has = (...results: ChangeOutcome['result'][]): boolean =>
    outcomes.some(({ result }) => results.includes(result))
  if (has('unknown')) return 5
  // To leave out what is held is no failure, whatever was applied beside it: the rest can be done later.
  const isPutOff = held.length > 0 && (error === null || error.code === 'held')
  const fell = has('failed', 'not-attempted')
  if (has('applied') && (fell || (!isPutOff && (exitCode !== 0 || has('skipped'))))) return 5
  if (exitCode !== 0 && !(isPutOff && fell)) return exitCode
  if (fell) return 1
  // Before the error is there that says why: a run may be killed in between.
  if (has('skipped')) return isPutOff ? 75 : 1
  if (limits.some(({ blocked }) => blocked)) return 3
  if (request.mode === 'apply' || request.detailedExitcode === false) return 0
  const pending = (plan?.changes ?? []).filter(({ cause }) => request.detailedExitcode === true || cause !== 'drift')
  return pending.length > 0 ? 2 : 0
}
