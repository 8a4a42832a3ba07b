// How often a target runs comes in; when it is due next goes out. Pure: the time and the random numbers are arguments.
import { rolloutOrder } from './policies.js'
import { cronTimes } from './cron.js'

/**
 * - `interval`: follows the monotonic clock, so that nobody who sets the clock makes it run more often or not at all
 * - `cron`: follows the wall clock, which is what it is about
 */
export type Timing =
  | { readonly kind: 'interval'; readonly intervalMs: number }
  | { readonly kind: 'cron'; readonly cron: string; readonly timeZone?: string }

/** Share of the interval by which a regular run may be sooner or later, so that what began together drifts apart. */
const JITTER = 0.1

/** The longest that an interval may become by its jitter. */
export function longestInterval(intervalMs: number): number {
  return intervalMs * (1 + JITTER)
}

/** @param random - from 0 to below 1 */
export function jittered(intervalMs: number, random: number): number {
  return intervalMs * (1 + JITTER * (2 * random - 1))
}

/** 1 s, 2 s, 4 s … up to 5 minutes, of which a random share is waited: targets that failed together do not return together. */
export const BACK_OFF = { firstMs: 1000, mostMs: 300_000 } as const

/**
 * @param failures - in a row, from 1
 * @param random - from 0 to below 1
 */
export function backOffMs(failures: number, random: number): number {
  return random * Math.min(BACK_OFF.mostMs, BACK_OFF.firstMs * 2 ** Math.min(failures - 1, 30))
}

/**
 * When targets that never ran are due first, ms from now: those of one interval are spread over it evenly, in an order by hash of the key that is
 * the same at each start. The rates of several intervals are even, so their sum is.
 */
export function spread(targets: Iterable<{ readonly key: string; readonly intervalMs: number }>): Map<string, number> {
  const byInterval = new Map<number, string[]>()
  for (const { key, intervalMs } of targets) {
    const keys = byInterval.get(intervalMs)
    if (keys === undefined) byInterval.set(intervalMs, [key])
    else keys.push(key)
  }
  const offsets = new Map<string, number>()
  for (const [intervalMs, keys] of byInterval) {
    for (const [key, place] of rolloutOrder(keys, 'first')) offsets.set(key, (place * intervalMs) / keys.length)
  }
  return offsets
}

/** @throws usage for an expression that is none, or an interval that is not positive */
export function checkedTiming(timing: Timing): (after: number) => number | undefined {
  if (timing.kind === 'cron') return cronTimes(timing, 'schedule')
  const { intervalMs } = timing
  if (!(intervalMs > 0 && Number.isFinite(intervalMs)))
    throw new RangeError(`Internal error: ${String(intervalMs)} ms is no interval`)
  return (after) => after + intervalMs
}
