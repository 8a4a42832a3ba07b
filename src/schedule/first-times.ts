// At a start: targets, and the times that were saved, come in; when each is due first goes out. Pure.
import { longestInterval, spread } from './timing.js'
import type { FirstTargets, ScheduledTarget } from './scheduler-types.js'
import type { When } from './target-queue.js'

interface First {
  readonly target: ScheduledTarget
  readonly next: (after: number) => number | undefined
}

/** @param now - UTC ms */
export function firstTimes(
  entries: Iterable<readonly [string, First]>,
  { saved = new Map(), spread: isSpread = true }: FirstTargets,
  now: number,
): ReadonlyMap<string, When> {
  const first = new Map<string, When>()
  const fresh: { key: string; intervalMs: number }[] = []
  for (const [key, { target, next }] of entries) {
    const { timing } = target
    const at = saved.get(key)
    if (timing.kind === 'cron') {
      const times = [at, next(now)].filter((time) => time !== undefined)
      first.set(key, { kind: 'at', at: times.length === 0 ? undefined : Math.min(...times) })
    } else if (at === undefined) fresh.push({ key, intervalMs: timing.intervalMs })
    // A clock that was set back since must not leave it undone for longer than its timing says.
    else first.set(key, { kind: 'in', ms: Math.min(at - now, longestInterval(timing.intervalMs)) })
  }
  for (const [key, offset] of spread(fresh)) first.set(key, { kind: 'in', ms: isSpread ? offset : 0 })
  return first
}
