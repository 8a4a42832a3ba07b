// Recurring times of a time zone come in (a cron expression and a length); policies that allow only then, or never then, go out. Pure.
// Lengths are real time: a window of an hour lasts an hour on the day the clocks change, too.
import { Cron } from 'croner'
import { toError, TrueupError } from '../errors.js'
import { ALLOW, type Policy } from './policies.js'

export interface Recurring {
  /** When it begins: five fields, `0 9 * * 1-5`. A time that the change to summer time leaves out is the next that there is. */
  readonly cron: string
  /** How long it lasts from there, ms. */
  readonly forMs: number
  /** IANA name. @defaultValue `UTC` */
  readonly timeZone?: string
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
function startsOf({ cron, forMs, timeZone = 'UTC' }: Recurring): (after: number) => number | undefined {
  if (!(forMs > 0)) throw new TrueupError('usage', `the window "${cron}" must last longer than ${String(forMs)} ms`)
  try {
    const pattern = new Cron(cron, { paused: true, timezone: timeZone, mode: '5-part' })
    // Asked once here, so that a time zone that is none is an error now and not in the middle of the night.
    pattern.nextRun(new Date(0))
    return (after) => pattern.nextRun(new Date(after))?.getTime()
  } catch (thrown) {
    const error = toError(thrown)
    throw new TrueupError(
      'usage',
      `the window "${cron}" (${timeZone}) cannot be read: ${error.message.replace(/^Cron\w+: /, '')}. Use five fields and an IANA time zone: "0 9 * * 1-5" in Europe/Berlin.`,
      { cause: error, details: { cron, timeZone } },
    )
  }
}
