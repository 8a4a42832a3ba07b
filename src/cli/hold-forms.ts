// Holds as commands show them to people: a line, and the command that ends it.
import { dateTime } from '../report/format.js'
import type { Style } from '../report/style.js'
import { holdText, releaseCommand } from '../run-hold.js'
import type { Hold } from '../store/holds.js'

/** `billing-db is held until … by jane on ci-7: the release is cut`, `All targets are held …`, `shard eu of billing-db is held …`. */
export function holdLine(hold: Hold, style: Style): string {
  const subject = hold.target === null ? 'All targets are' : `${style.data(heldThing(hold))} is`
  return `${subject} held ${style.data(holdText(hold, style.utc))}`
}

/** `billing-db`, `shard eu of billing-db`, `object ann of billing-db`; `all targets`. */
export function heldThing({ target, part }: Pick<Hold, 'target' | 'part'>): string {
  const whose = target ?? 'all targets'
  return part === undefined ? whose : `${part.kind} ${part.key} of ${whose}`
}

/** Before `until …`: `object ann, `; empty for all of a target. */
export function partPrefix({ part }: Pick<Hold, 'part'>): string {
  return part === undefined ? '' : `${part.kind} ${part.key}, `
}

/** `trueup release billing-db --key ann`, with the flags that say where. */
export function releaseHint({ target, part }: Pick<Hold, 'target' | 'part'>, place: string): string {
  return releaseCommand({ target, parts: part === undefined ? [] : [part] }, place)
}

/** In a table: `held until 2026-11-20 11:41`, or of parts alone `held in part`; undefined for none. The later end first. */
export function heldShort(holds: readonly Hold[], utc: boolean): string | undefined {
  const whole = holds.find(({ part }) => part === undefined)
  if (whole !== undefined) return `held until ${dateTime(whole.until, utc)}`
  return holds.length === 0 ? undefined : 'held in part'
}
