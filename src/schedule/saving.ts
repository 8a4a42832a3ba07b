// That times have changed comes in; they are saved after a while, once for many changes, never twice at once. Trouble is told and changes nothing else.
import { toError } from '../errors.js'
import type { Clock } from '../util/clock.js'

export interface Saving {
  /** Something has changed that is to be saved. */
  touch(): void
  /** When it is to be called next: monotonic, Infinity for not at all. */
  nextAt(): number
  /** Saves what is due to be saved. @returns whether it began */
  saveIfDue(): boolean
  /** Saves what has changed, after what is under way. */
  flush(): Promise<void>
}

export function createSaving(options: {
  readonly clock: Clock
  readonly everyMs: number
  /** undefined: nothing is saved. */
  readonly save: (() => Promise<void>) | undefined
  readonly onError: (error: Error) => void
  /** It may be its turn again. */
  readonly onSaved: () => void
}): Saving {
  const { clock, everyMs } = options
  let at = Infinity
  let underWay: Promise<void> | undefined

  async function save(): Promise<void> {
    at = Infinity
    try {
      await options.save?.()
    } catch (thrown) {
      // What is saved only spares runs after a restart; the next change tries again.
      options.onError(toError(thrown))
    }
  }

  return {
    touch() {
      if (options.save !== undefined) at = Math.min(at, clock.monotonic() + everyMs)
    },
    nextAt: () => (underWay === undefined ? at : Infinity),
    saveIfDue() {
      if (underWay !== undefined || at > clock.monotonic()) return false
      underWay = save().finally(() => {
        underWay = undefined
        options.onSaved()
      })
      return true
    },
    async flush() {
      await underWay
      if (at !== Infinity) await save()
    },
  }
}
