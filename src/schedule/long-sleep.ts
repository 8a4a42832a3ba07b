// A duration of any length comes in; the sleep is cut into pieces that a timer can hold.
import type { Clock } from '../util/clock.js'

/** No sleep is longer, so that a clock that was set, or a machine that slept, is noticed; far below the 2^31 ms of a timer. */
export const LONGEST_SLEEP_MS = 3_600_000

/** @returns false when the signal was aborted first */
export async function longSleep(clock: Clock, ms: number, signal: AbortSignal): Promise<boolean> {
  for (let left = ms; left > 0; left -= LONGEST_SLEEP_MS) {
    await clock.sleep(Math.min(left, LONGEST_SLEEP_MS), signal).catch(() => undefined)
    if (signal.aborted) return false
  }
  return true
}
