// Planned changes come in, in any order; out they go in the order of a plan, with dependencies that can be met.
// Must not: reorder by dependency: a change after those it depends on is the applier's business.
import { TrueupError } from '../errors.js'
import type { ChangeAction, PlannedChange } from '../event.js'

/** Deletes come first: they are what must not be overlooked, and they free names that creates may need. */
const rank: Readonly<Record<ChangeAction, number>> = { delete: 0, adopt: 1, create: 2, update: 3 }

/** By action, then by key (code units). */
export function inPlanOrder(a: PlannedChange, b: PlannedChange): number {
  if (a.action !== b.action) return rank[a.action] - rank[b.action]
  return a.key < b.key ? -1 : a.key > b.key ? 1 : 0
}

/** The dependencies of a change that are changes themselves: sorted, each once. Objects that nothing happens to are in place already. */
export function dependenciesWithin(keys: ReadonlySet<string>, dependsOn: readonly string[]): readonly string[] {
  return [...new Set(dependsOn)].filter((key) => keys.has(key)).sort()
}

/** @throws TrueupError `plan-invalid` naming the keys of one cycle */
export function refuseCycles(changes: readonly PlannedChange[]): void {
  const waitsFor = new Map(changes.map((change) => [change.key, new Set(change.dependsOn)]))
  const dependents = new Map<string, string[]>()
  for (const { key, dependsOn } of changes) {
    for (const needed of dependsOn) {
      const list = dependents.get(needed)
      if (list === undefined) dependents.set(needed, [key])
      else list.push(key)
    }
  }
  // Take away what waits for nothing, again and again; what remains waits for itself. No recursion: chains may be long.
  const ready = [...waitsFor].filter(([, needed]) => needed.size === 0).map(([key]) => key)
  for (let key = ready.pop(); key !== undefined; key = ready.pop()) {
    waitsFor.delete(key)
    for (const dependent of dependents.get(key) ?? []) {
      const needed = waitsFor.get(dependent)
      if (needed?.delete(key) === true && needed.size === 0) ready.push(dependent)
    }
  }
  const start = [...waitsFor.keys()].sort()[0]
  if (start === undefined) return

  const walked = new Set<string>()
  let key = start
  while (!walked.has(key)) {
    walked.add(key)
    // All that remain still wait for one that remains, so there always is a next one.
    key = [...(waitsFor.get(key) ?? [])].sort()[0] ?? start
  }
  const path = [...walked]
  const cycle = [...path.slice(path.indexOf(key)), key]
  throw new TrueupError(
    'plan-invalid',
    `these changes depend on each other in a circle: ${cycle.join(' → ')}; look at dependsOn of diff()`,
    {
      details: { keys: cycle.slice(0, -1) },
    },
  )
}
