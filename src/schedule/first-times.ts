// At a start: targets, and the times that were saved, come in; when each is due first is put into the queues.
import { longestInterval, spread } from './timing.js'
import type { FirstTargets, ScheduledTarget } from './scheduler-types.js'
import type { Waiting } from './waiting.js'

interface First {
  readonly target: ScheduledTarget
  readonly next: (after: number) => number | undefined
}

/** @param now - UTC ms */
export function firstTimes(
  entries: Iterable<readonly [string, First]>,
  { saved = new Map(), spread: isSpread = true }: FirstTargets,
  { waiting, now }: { readonly waiting: Waiting; readonly now: number },
): void {
  const fresh: { key: string; intervalMs: number }[] = []
  for (const [key, { target, next }] of entries) {
    const { timing } = target
    const at = saved.get(key)
    if (timing.kind === 'cron') {
      const times = [at, next(now)].filter((time) => time !== undefined)
      waiting.dueAt(key, times.length === 0 ? undefined : Math.min(...times))
    } else if (at === undefined) fresh.push({ key, intervalMs: timing.intervalMs })
    // A clock that was set back since must not leave it undone for longer than its timing says.
    else waiting.dueIn(key, Math.min(at - now, longestInterval(timing.intervalMs)))
  }
  for (const [key, offset] of spread(fresh)) waiting.dueIn(key, isSpread ? offset : 0)
}
