// What is remembered of events that were sent under a key, so that one that is sent again counts once: the port, and the memory of one process.
import type { Clock } from '../util/clock.js'
import { createRemembered } from '../util/remembered.js'

export interface KeptEvent {
  /** Of all that it said. */
  readonly digest: string
  /** That it made due. */
  readonly targets: readonly string[]
}

/** Keys are kept for {@link EVENT_KEY_TTL_MS}. */
export interface EventKeys {
  get(key: string): Promise<KeptEvent | undefined>
  /** Once what it made due is kept: one that is lost on the way may be sent again. */
  set(key: string, event: KeptEvent): Promise<void>
}

export const EVENT_KEY_TTL_MS = 3_600_000
const MOST_KEYS = 10_000

export function createEventKeys(clock: Clock): EventKeys {
  const kept = createRemembered<KeptEvent>({ clock, ttlMs: EVENT_KEY_TTL_MS, most: MOST_KEYS })
  return {
    get: (key) => Promise.resolve(kept.get(key)),
    set(key, event) {
      kept.set(key, event)
      return Promise.resolve()
    },
  }
}
