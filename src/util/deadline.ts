// A time limit for something under way. Made for what happens often: that it is over in time costs next to nothing.
import type { Clock } from './clock.js'

/** Why what waits for a limit stops waiting. One for all: the usual reason is an exception with its stack, made anew each time. */
export const OVER = new Error('over before its time limit')

/**
 * Calls `onLate` after `ms`, unless it is ended before; it must not throw.
 * @param options as for `clock.sleep`
 * @returns ends it; may be called more than once
 */
export function startDeadline(
  clock: Clock,
  ms: number,
  onLate: () => void,
  options?: { readonly background?: boolean },
): () => void {
  const ended = new AbortController()
  void clock.sleep(ms, ended.signal, options).then(onLate, () => undefined)
  return () => {
    ended.abort(OVER)
  }
}
