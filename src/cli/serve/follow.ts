// A daemon and its clock come in; it takes each new commit: asked for at an interval, and whenever something says that there may be one.
import { toError } from '../../errors.js'
import type { Clock } from '../../util/clock.js'
import type { Daemon } from './daemon.js'
import type { Told } from './told.js'

export interface Following {
  readonly clock: Clock
  readonly pollMs: number
  readonly stop: AbortSignal
  readonly told: Told
}

/** Follows the revisions until it is told to stop. Trouble is told, and tried again. */
export async function follow(daemon: Daemon, { clock, pollMs, stop, told }: Following): Promise<void> {
  const isStopped = (): boolean => stop.aborted
  for (;;) {
    await clock.sleep(pollMs, stop).catch(() => undefined)
    if (isStopped()) return
    await look(daemon, { stop, told }).catch(() => undefined)
  }
}

/** Takes the newest commit. @throws what {@link Daemon.refresh} throws, which is told */
export async function look(daemon: Daemon, { stop, told }: Pick<Following, 'stop' | 'told'>): Promise<void> {
  try {
    await daemon.refresh()
  } catch (thrown) {
    if (!stop.aborted) told.change('revision', 'error', `the newest commit is not served: ${toError(thrown).message}`)
    throw thrown
  }
}
