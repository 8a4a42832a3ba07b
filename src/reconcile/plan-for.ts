// What run() returned for one desired state, and the items of another one, come in; what it would have returned for that goes out, of the same
// listing. Pure. Must not: guess, where run() makes its objects in a way of its own.
import type { Json } from '../event.js'
import type { Plan } from '../integration.js'
import { withDesired } from './diff.js'
import { jsonForm } from './json-value.js'
import { planPart, readPlanPart, type PlanPart } from './plan-part.js'

export interface ItemsOfBoth {
  /** What `run()` was given; undefined where it cannot be told. */
  readonly head: readonly unknown[] | undefined
  readonly base: readonly unknown[] | undefined
}

/** undefined where only `run()` itself can tell: several plans, or objects that are not the items as they are. */
export function planFor(parts: readonly Plan[], { head, base }: ItemsOfBoth): readonly Plan[] | undefined {
  const [only, ...others] = parts
  if (only === undefined || others.length > 0 || head === undefined || base === undefined) return undefined
  const part = readPlanPart(only)
  // Of nothing it cannot be seen what run() makes of items.
  if (!takesItemsAsTheyAre(part, head) || (head.length === 0 && base.length > 0)) return undefined
  const wanted = new Map<string, Json>()
  for (const item of base) {
    const key = part.diff.keyOf(item)
    if (key === undefined || key === '' || wanted.has(key)) return undefined
    wanted.set(key, item as Json)
  }
  return [planPart(withDesired(part.diff, wanted), part.handlers as never)]
}

function takesItemsAsTheyAre({ diff }: PlanPart, items: readonly unknown[]): boolean {
  const desired = new Map(
    diff.pairs.flatMap(({ key, desired }) => (desired === undefined ? [] : [[key, desired.value]])),
  )
  if (desired.size !== items.length) return false
  return items.every((item) => {
    const key = diff.keyOf(item)
    if (key === undefined || !desired.has(key)) return false
    const value = desired.get(key)
    return value === item || jsonForm(value, `desired ${key}`).digest === jsonForm(item, `item ${key}`).digest
  })
}
