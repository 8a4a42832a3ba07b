// Targets and their records come in; when the last run of each that ended well did so is told to the metrics, so that a restart does not forget it.
// Must not: change an outcome, or take the place of what a run told meanwhile.
import type { ServeMetrics } from '../../report/serve-metrics.js'
import { toError } from '../../errors.js'
import type { RecordStore } from '../../store/records.js'
import type { Told } from './told.js'

export interface Remembering {
  readonly targets: Iterable<string>
  readonly records: Pick<RecordStore, 'list'>
  readonly metrics: Pick<ServeMetrics, 'succeededBefore'>
  readonly told: Told
  readonly stop: AbortSignal
}

/** Who has failed for longer than this many runs has no time to show: that is looked for in vain. */
const MOST_RECORDS = 200
/** Targets whose records are read at once. */
const AT_ONCE = 8

/** Never rejects: what happened before is only told, and trouble with it stops nothing. */
export async function rememberSuccesses(remembering: Remembering): Promise<void> {
  const { told } = remembering
  try {
    await readAll(remembering)
    told.line('debug', 'metrics know the last success of each target')
  } catch (thrown) {
    told.line('warn', `metrics do not know of successes before this start: ${toError(thrown).message}`)
  }
}

async function readAll({ targets, records, metrics, stop }: Remembering): Promise<void> {
  const left = [...targets]
  await Promise.all(
    Array.from({ length: AT_ONCE }, async () => {
      for (let target = left.shift(); target !== undefined && !stop.aborted; target = left.shift()) {
        const at = await lastSuccess(records, target)
        if (at !== undefined) metrics.succeededBefore(target, at)
      }
    }),
  )
}

/** The end, UTC ms; of a plan or a skip too, as for a run of this daemon. */
async function lastSuccess(records: Pick<RecordStore, 'list'>, target: string): Promise<number | undefined> {
  let seen = 0
  for await (const { run, state, exitCode } of records.list(target)) {
    if (state === 'finished' && (exitCode === 0 || exitCode === 2)) return run.startedAt + run.durationMs
    seen += 1
    if (seen === MOST_RECORDS) break
  }
  return undefined
}
