// Two JSON values come in, the first place where they differ goes out. Pure.
import type { Json } from '../event.js'
import { formatPath, type JsonPath } from '../util/json-path.js'

/** `undefined` on a side = not there. `path` is like `[3].value`; empty where the values differ as a whole. */
export interface Difference {
  readonly path: string
  readonly before: Json | undefined
  readonly after: Json | undefined
}

interface Pair {
  readonly before: Json | undefined
  readonly after: Json | undefined
}

/**
 * The first difference: objects by key (code units), lists in order. Where a list grew or shrank by a run of elements, those are what differs,
 * not everything behind them: the path is then the place of the first one, in the list that has it. Undefined when the values are equal.
 */
export function firstDifference(before: Json, after: Json): Difference | undefined {
  const path: (string | number)[] = []
  let pair: Pair = { before, after }
  if (equal(before, after)) return undefined
  // Goes down while there is one place inside that tells more than the whole.
  for (;;) {
    const inner = isList(pair.before) && isList(pair.after) ? inLists(pair.before, pair.after) : inObjects(pair)
    if (inner === undefined) return { path: formatPath(path satisfies JsonPath), ...pair }
    path.push(inner.key)
    pair = inner.pair
  }
}

function inLists(before: readonly Json[], after: readonly Json[]): { key: number; pair: Pair } | undefined {
  let start = 0
  while (start < before.length && start < after.length && equal(before[start], after[start])) start += 1
  let end = 0
  const shorter = Math.min(before.length, after.length) - start
  while (end < shorter && equal(before.at(-1 - end), after.at(-1 - end))) end += 1
  const removed = start < before.length - end
  const added = start < after.length - end
  return { key: start, pair: { before: removed ? before[start] : undefined, after: added ? after[start] : undefined } }
}

function inObjects({ before, after }: Pair): { key: string; pair: Pair } | undefined {
  if (!isObject(before) || !isObject(after)) return undefined
  for (const key of [...new Set([...Object.keys(before), ...Object.keys(after)])].sort()) {
    const pair = { before: own(before, key), after: own(after, key) }
    if (!equal(pair.before, pair.after)) return { key, pair }
  }
  return undefined
}

function equal(one: Json | undefined, other: Json | undefined): boolean {
  if (one === other) return true
  if (isList(one))
    return isList(other) && one.length === other.length && one.every((item, index) => equal(item, other[index]))
  if (!isObject(one) || !isObject(other)) return false
  const keys = Object.keys(one)
  return (
    keys.length === Object.keys(other).length &&
    keys.every((key) => Object.hasOwn(other, key) && equal(one[key], other[key]))
  )
}

/** Own properties only: `constructor` of an object that has none is absent. */
function own(object: Readonly<Record<string, Json>>, key: string): Json | undefined {
  return Object.hasOwn(object, key) ? object[key] : undefined
}

function isList(value: Json | undefined): value is readonly Json[] {
  return Array.isArray(value)
}

function isObject(value: Json | undefined): value is Readonly<Record<string, Json>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}
