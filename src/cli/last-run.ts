// How the last run of a target ended, as data and in words. Reads nothing.
import type { RunRecord } from '../event.js'
import { formatAge } from '../report/format.js'

/** As it stands in JSON. */
export interface LastRun {
  readonly id: string
  readonly at: string
  readonly mode: string
  /** `running`: it has not ended, or was killed. */
  readonly state: string
  readonly decision: string
  readonly reason: string
  readonly exitCode: number
}

export function lastRun({ run, state, decision, exitCode }: RunRecord): LastRun {
  return {
    id: run.id,
    at: new Date(run.startedAt).toISOString(),
    mode: run.mode,
    state,
    decision: decision.action,
    reason: decision.reason,
    exitCode,
  }
}

/** `applied 3 hours ago`, `apply ended with 5 2 minutes ago`, `never`. */
export function lastRunText(last: LastRun | null, now: number): string {
  if (last === null) return 'never'
  const age = formatAge(now - Date.parse(last.at))
  if (last.state === 'running') return `apply began ${age}, has not ended`
  const what = last.decision === 'skip' ? 'skipped' : last.mode === 'apply' ? 'applied' : 'planned'
  const how =
    last.exitCode === 0 || last.exitCode === 2
      ? what
      : `${last.mode === 'apply' ? 'apply' : 'plan'} ended with ${String(last.exitCode)}`
  return `${how} ${age}`
}
