// Recurring times of a time zone come in (a cron expression and a length); policies that allow only then, or never then, go out. Pure.
// Lengths are real time: a window of an hour lasts an hour on the day the clocks change, too.
import { TrueupError } from '../errors.js'
import { cronTimes, type CronTime } from './cron.js'
import { ALLOW, type Policy } from './policies.js'

export interface Recurring extends CronTime {
  /** How long it lasts from each of its times, ms. */
  readonly forMs: number
}

/** Ends of what overlaps are looked for this often at most; beyond that the policy is asked again there. */
const MOST_OVERLAPS = 1000

/**
 * Acts only within one of the windows.
 * @throws usage for an expression or a time zone that is none, or a length that is not positive
 */
export function onlyWithin(windows: readonly Recurring[]): Policy {
  const starts = windows.map(startsOf)
  return (now) => {
    const next = starts.map((startAfter, index) => startAfter(now - lengthOf(windows, index)))
    if (next.some((start) => start !== undefined && start <= now)) return ALLOW
    const opens = Math.min(...next.map((start) => start ?? Infinity))
    return opens === Infinity
      ? { kind: 'deny', reason: 'no window is left' }
      : { kind: 'wait', until: opens, reason: 'outside of its windows' }
  }
}

/** Does not act within a freeze. */
export function neverWithin(freezes: readonly (Recurring & { readonly reason: string })[]): Policy {
  const starts = freezes.map(startsOf)
  return (now) => {
    let until = now
    let reason = ''
    for (let overlaps = 0; overlaps < MOST_OVERLAPS; overlaps += 1) {
      const at = starts.findIndex((startAfter, index) => {
        const start = startAfter(until - lengthOf(freezes, index))
        return start !== undefined && start <= until
      })
      const freeze = freezes[at]
      if (freeze === undefined) break
      until = (starts[at]?.(until - freeze.forMs) ?? until) + freeze.forMs
      if (reason === '') reason = freeze.reason
    }
    return until === now ? ALLOW : { kind: 'wait', until, reason }
  }
}

function lengthOf(recurring: readonly Recurring[], index: number): number {
  return recurring[index]?.forMs ?? 0
}

/** Gives the first start after an instant, UTC ms. */
function startsOf({ forMs, ...time }: Recurring): (after: number) => number | undefined {
  if (!(forMs > 0))
    throw new TrueupError('usage', `the window "${time.cron}" must last longer than ${String(forMs)} ms`)
  return cronTimes(time, 'window')
}
