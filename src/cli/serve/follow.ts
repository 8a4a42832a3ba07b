// A daemon and its clock come in; it takes each new commit: asked for at an interval, and whenever something says that there may be one.
import type { RevisionSource } from '../../desired/export-revision.js'
import { toError } from '../../errors.js'
import type { Clock } from '../../util/clock.js'
import type { Daemon } from './daemon.js'
import type { Told } from './told.js'

export interface Following {
  readonly clock: Clock
  readonly pollMs: number
  readonly stop: AbortSignal
  readonly told: Told
  readonly watch: RevisionSource['watch']
}

/** Follows the revisions until it is told to stop. Trouble is told, and tried again. */
export async function follow(daemon: Daemon, { clock, pollMs, stop, told, watch }: Following): Promise<void> {
  const isStopped = (): boolean => stop.aborted
  const take = (): Promise<void> => look(daemon, { stop, told }).catch(() => undefined)
  const watching = watch?.({
    onChange: () => void take(),
    onTrouble: (error) => {
      told.change('watch', 'warn', `changes of HEAD may be seen only when it is asked for: ${error.message}`)
    },
  })
  try {
    // What moved between the first look and the watch.
    if (watching !== undefined) await take()
    for (;;) {
      await clock.sleep(pollMs, stop).catch(() => undefined)
      if (isStopped()) return
      await take()
    }
  } finally {
    watching?.close()
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
