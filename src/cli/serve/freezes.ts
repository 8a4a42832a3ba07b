// The freezes of a trueup.yaml come in; whether a target may be applied at a time goes out.
import { combine, type Verdict } from '../../schedule/policies.js'
import { neverWithin } from '../../schedule/windows.js'
import type { ConfigFreeze } from '../config-types.js'

/** Asked by target and time (UTC ms). All that name a target, or none, stop it. */
export function freezesOf(freezes: readonly ConfigFreeze[]): (target: string, now: number) => Verdict {
  const policies = freezes.map(({ schedule, for: forMs, timeZone, reason, targets }) => ({
    targets,
    policy: neverWithin([{ cron: schedule, forMs, reason, ...(timeZone === undefined ? {} : { timeZone }) }]),
  }))
  return (target, now) =>
    combine(
      policies.filter(({ targets }) => targets?.includes(target) ?? true).map(({ policy }) => policy),
      now,
    ).verdict
}
