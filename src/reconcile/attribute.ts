// The changes of a plan, and those that the same current state gave for the base's desired state, come in; the changes with their cause go out.
// Pure. Must not: call something drift that this range may have caused.
import type { PlannedChange } from '../event.js'
import { digestOf } from '../util/digest.js'

export interface AttributeInput {
  readonly changes: readonly PlannedChange[]
  /** What would have to be done for the base's desired state, by key. */
  readonly base: ReadonlyMap<string, PlannedChange>
  /** Code and configuration of the base are those of the head: only then what both would do was there before. */
  readonly isSameGround: boolean
  /** Digest of the live object as the second reading found it, null for none; undefined where it was read once for both. */
  readonly seen: (change: PlannedChange) => string | null | undefined
}

/**
 *     for the base     ground      → cause
 *     nothing to do    any         → change
 *     the same change  same        → drift
 *     the same change  other       → unknown
 *     another change   same        → change, which overwrites drift
 *     another change   other       → change
 *
 * An object that was not read alike for both is `unknown`.
 */
export function attribute({ changes, base, isSameGround, seen }: AttributeInput): readonly PlannedChange[] {
  return changes.map((change) => {
    const live = seen(change)
    if (live !== undefined && live !== change.live) return change
    const before = base.get(change.key)
    if (before === undefined) return { ...change, cause: 'change' }
    if (isSame(before, change)) return isSameGround ? { ...change, cause: 'drift' } : change
    return { ...change, cause: 'change', ...(isSameGround ? { overwritesDrift: true } : {}) }
  })
}

/** Which shard would do it does not matter. */
function isSame(a: PlannedChange, b: PlannedChange): boolean {
  const form = ({ action, fields }: PlannedChange): string =>
    digestOf({ action, fields: fields.map(({ path, ...sides }) => ({ path, ...present(sides) })) })
  return form(a) === form(b)
}

function present(sides: Omit<PlannedChange['fields'][number], 'path'>): object {
  return Object.fromEntries(Object.entries(sides).filter(([, value]) => value !== undefined))
}
