// Two JSON values come in, the fields in which they differ go out, as paths with the value on either side.
// Must not: drop a difference; where there are too many in one place, that place is given whole.
import type { Json } from '../event.js'
import type { FieldDifference } from '../integration.js'
import { formatPath } from '../util/json-path.js'
import type { JsonPath } from '../util/json-path.js'

/** More differences than this inside one value are given as one field: the value as a whole. */
export const maxFields = 200

type JsonObject = Readonly<Record<string, Json>>

/**
 * The fields that differ, in the order of keys (code units) and indexes; empty when the values are equal. Paths are like `a.b[2].c`; a key
 * that is no plain name is quoted (`a["b.c"]`), the path of the whole is empty. `before` or `after` is left out where that side has nothing.
 * Arrays are compared place by place, except that arrays of scalars of different lengths are one field. At most {@link maxFields} fields.
 */
export function fieldDifferences(before: Json | undefined, after: Json | undefined): FieldDifference[] {
  return differencesAt([], before, after)
}

function differencesAt(path: JsonPath, before: Json | undefined, after: Json | undefined): FieldDifference[] {
  if (before === after) return []
  const inner = innerDifferences(path, before, after)
  return inner === undefined || inner.length > maxFields ? [oneField(path, before, after)] : inner
}

/** Undefined where the two cannot be compared part by part. */
function innerDifferences(
  path: JsonPath,
  before: Json | undefined,
  after: Json | undefined,
): FieldDifference[] | undefined {
  if (isArray(before) && isArray(after)) {
    if (before.length !== after.length && before.every(isScalar) && after.every(isScalar)) return undefined
    const differences: FieldDifference[] = []
    for (let index = 0; index < Math.max(before.length, after.length); index++) {
      differences.push(...differencesAt([...path, index], before[index], after[index]))
    }
    return differences
  }
  if (isObject(before) && isObject(after)) {
    const keys = [...new Set([...Object.keys(before), ...Object.keys(after)])].sort()
    return keys.flatMap((key) => differencesAt([...path, key], property(before, key), property(after, key)))
  }
  return undefined
}

function oneField(path: JsonPath, before: Json | undefined, after: Json | undefined): FieldDifference {
  return {
    path: formatPath(path),
    ...(before === undefined ? {} : { before }),
    ...(after === undefined ? {} : { after }),
  }
}

/** Own properties only: `constructor` of an object that has none is absent. */
function property(object: JsonObject, key: string): Json | undefined {
  return Object.hasOwn(object, key) ? object[key] : undefined
}

function isArray(value: Json | undefined): value is readonly Json[] {
  return Array.isArray(value)
}
function isObject(value: Json | undefined): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}
function isScalar(value: Json): boolean {
  return typeof value !== 'object' || value === null
}
