// Several runs of one command: side by side in places of the budget, each after those that it comes after. In: runs. Out: their records, in
// the order given. Must not: know what a run does; and the order (`after`) must have no cycle.
import { TrueupError } from './errors.js'
import type { RunRecord } from './event.js'
import { draftRecord } from './run-record.js'
import type { RunDependencies, RunRequest } from './run-types.js'
import { inPlace, type Budget } from './util/budget.js'

export interface OneOfMany {
  readonly name: string
  /** Names of runs that must have succeeded before; those that are not among the runs are not waited for. */
  readonly after: readonly string[]
  /** Never throws. */
  run(): Promise<RunRecord>
  /** In its place, when one that it comes after did not succeed. */
  refuse(error: TrueupError): RunRecord
}

export interface ManyOptions {
  readonly budget: Budget
  /** Where somebody answers questions, one run at a time asks them. @defaultValue false */
  readonly oneAtATime?: boolean
}

export async function runMany(runs: readonly OneOfMany[], options: ManyOptions): Promise<readonly RunRecord[]> {
  const byName = new Map(runs.map((run) => [run.name, run]))
  const ended = new Map<string, Promise<RunRecord>>()
  let turn: Promise<unknown> = Promise.resolve()

  const perform = (run: OneOfMany): Promise<RunRecord> => {
    if (options.oneAtATime !== true) return inPlace(options.budget, () => run.run())
    const done = turn.then(() => inPlace(options.budget, () => run.run()))
    turn = done
    return done
  }
  const recordOf = (run: OneOfMany): Promise<RunRecord> => {
    const known = ended.get(run.name)
    if (known !== undefined) return known
    const record = begin(run)
    ended.set(run.name, record)
    return record
  }
  async function begin(run: OneOfMany): Promise<RunRecord> {
    const earlier = run.after.flatMap((name) => byName.get(name) ?? [])
    const records = await Promise.all(earlier.map(recordOf))
    const failed = records.find(({ exitCode }) => exitCode !== 0 && exitCode !== 2)
    return failed === undefined ? perform(run) : run.refuse(notRun(run.name, failed))
  }
  return Promise.all(runs.map(recordOf))
}

/** The record of a run that never began. It is told, and kept nowhere: no store was opened. */
export function refusedRun(deps: RunDependencies, request: RunRequest, error: TrueupError): RunRecord {
  const draft = draftRecord(deps, request)
  draft.failed(error)
  const record = draft.record('finished')
  deps.reporter.report({ kind: 'finished', record })
  return record
}

function notRun(name: string, { run, exitCode, error }: RunRecord): TrueupError {
  const became = error?.code === 'predecessor-failed' ? 'was not run' : exitCode === 3 ? 'was blocked' : WORDS[exitCode]
  return new TrueupError('predecessor-failed', `${name}: not run: ${run.target} ${became ?? 'failed'}`, {
    details: { after: run.target, exitCode },
    retryable: exitCode === 75,
  })
}

const WORDS: Readonly<Record<number, string>> = { 75: 'is held', 130: 'was interrupted', 143: 'was interrupted' }
