// A daemon comes in; it takes each new commit, until it is told to stop. Trouble is told, never the end of it.
import { toError } from '../../errors.js'
import type { Clock } from '../../util/clock.js'
import type { Daemon } from './daemon.js'
import type { Told } from './told.js'

/** Follows the revisions until it is told to stop. Trouble is told, and tried again. */
export async function follow(daemon: Daemon, { clock, pollMs, stop, told }: Following): Promise<void> {
  const isStopped = (): boolean => stop.aborted
  for (;;) {
    await clock.sleep(pollMs, stop).catch(() => undefined)
    if (isStopped()) return
    try {
      await daemon.refresh()
    } catch (thrown) {
      if (isStopped()) return
      told.change('revision', 'error', `the newest commit is not served: ${toError(thrown).message}`)
    }
  }
}

export interface Following {
  readonly clock: Clock
  readonly pollMs: number
  readonly stop: AbortSignal
  readonly told: Told
}
