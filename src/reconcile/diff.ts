// Desired items and the current listing come in, pairs by key with their differing fields go out.
// Must not: know who owns what, decide what happens, or compare anything but whole JSON values.
import { TrueupError } from '../errors.js'
import type { Json } from '../event.js'
import type { Diff, DiffPair, Listing } from '../integration.js'
import { deepFreeze } from '../util/freeze.js'
import { fieldDifferences } from './field-differences.js'
import { jsonForm } from './json-value.js'
import type { JsonForm } from './json-value.js'
import { assertListing } from './listing.js'

/** True when each type may stand for the other, or when there are no current items at all. */
export type Mutual<E, C> = [C] extends [never] ? true : [C] extends [E] ? ([E] extends [C] ? true : false) : false

/**
 * `T` with its literal types widened: the outside system may hold values (another record type) that a desired item cannot have; they
 * are compared all the same. Stops at what is as wide as JSON, and five levels down: types may be endless.
 */
export type Widened<T, Depth extends readonly unknown[] = []> = [Json] extends [T]
  ? T
  : Depth['length'] extends 5
    ? T
    : T extends string
      ? string
      : T extends number
        ? number
        : T extends boolean
          ? boolean
          : T extends object
            ? { [K in keyof T]: Widened<T[K], [...Depth, unknown]> }
            : T

interface DiffBase<E, C> {
  /** What should be: one value an object. */
  readonly desired: readonly E[]
  /** What is, from `listing.*`. */
  readonly current: Listing<C>
  /** Names an object within its destination: unique on either side, over all shards. Applied to desired and to normalized current items. */
  readonly key: (item: NoInfer<E>) => string
  /** The proof of ownership that the object itself carries (a comment, a label); undefined where it can carry none: the ledger decides. */
  readonly owned?: (current: NoInfer<C>) => boolean | undefined
  /** Keys of objects whose changes must have been applied before this one's starts. Keys that nothing happens to are ignored. */
  readonly dependsOn?: (
    key: string,
    sides: { readonly desired?: NoInfer<E>; readonly current?: NoInfer<C> },
  ) => readonly string[]
  /** Objects that must never be deleted. */
  readonly protect?: (current: NoInfer<C>) => boolean
  /** Updates that take something away. Deletes always do. @defaultValue never */
  readonly destructive?: (change: { readonly before: NoInfer<C>; readonly after: NoInfer<E> }) => boolean
}

/** Required where the types of desired and current items differ. */
export type DiffOptions<E, C> = DiffBase<E, C> &
  (Mutual<E, C> extends true
    ? { readonly normalize?: (current: NoInfer<C>) => Widened<NoInfer<E>> }
    : {
        /** A current item as the desired item that would be equal to it: without what only the outside system knows. */
        readonly normalize: (current: NoInfer<C>) => Widened<NoInfer<E>>
      })

/** Shared by all copies of this module; what it holds makes the diff of the same listing anew. */
const brand = Symbol.for('trueup.diff')

/** Other desired values by key, in place of all that were desired. */
type Redesire<E, C> = (wanted: ReadonlyMap<string, Json>) => Diff<E, C>

/**
 * Pairs desired and current items by key and compares them as whole JSON values: the order of arrays counts, the order of object keys does
 * not, a property that is undefined is absent. Pairs are sorted by key (code units). What is to happen is decided later, in plan.ts.
 *
 *     desired  current  fields
 *     yes      no       the whole, as `after`
 *     yes      equal    none
 *     yes      differs  those that differ
 *     no       yes      the whole, as `before`
 *
 * @throws TrueupError `plan-invalid`: a key twice on one side, a key that is not a text, a value that is not JSON, a listing made by hand
 */
export function diff<E, C>(options: DiffOptions<E, C>): Diff<E, C> {
  const { desired, current, key, owned, dependsOn, protect, destructive } = options
  // Without `normalize` the types say that the two are one.
  const normalize = (options.normalize ?? ((item: C) => item)) as (item: C) => E
  assertListing(current)
  if (!Array.isArray(desired)) {
    throw new TrueupError('plan-invalid', `diff() needs \`desired\` as an array of items, not ${typeof desired}`)
  }

  const desiredByKey = byKey(desired, key, 'desired')
  const normalizedByKey = byKey(
    current.items.map((item) => normalize(item)),
    key,
    'current',
  )

  const make = (wantedByKey: ReadonlyMap<string, Keyed<E>>): Diff<E, C> => {
    const keys = [...new Set([...wantedByKey.keys(), ...normalizedByKey.keys()])].sort()
    const pairs = keys.map((name) => pairOf(name, wantedByKey.get(name)))
    const made: Diff<E, C> = {
      kind: 'diff',
      pairs: Object.freeze(pairs),
      complete: current.complete,
      ...(current.reason === undefined ? {} : { incompleteReason: current.reason }),
      ...(current.unreadable === true ? { unreadable: true } : {}),
      keyOf: (item) => {
        try {
          // The author's key function may be given something that is no item of its own: then it names nothing.
          const name: unknown = key(item as E)
          return typeof name === 'string' ? name : undefined
        } catch {
          return undefined
        }
      },
    }
    // As with listings: a diff made or altered by hand could claim a completeness that nothing proves.
    Object.defineProperty(made, brand, { value: redesire })
    return Object.freeze(made)
  }
  const redesire: Redesire<E, C> = (wanted) =>
    make(
      new Map(
        [...wanted].map(([name, value]): [string, Keyed<E>] => [
          name,
          // What was current once is as good as desired: both are compared in one form.
          { item: deepFreeze(value) as E, position: 0, form: jsonForm(value, `wanted ${name}`) },
        ]),
      ),
    )

  function pairOf(name: string, wanted: Keyed<E> | undefined): DiffPair<E, C> {
    const found = normalizedByKey.get(name)
    // byKey numbered the items of this very list.
    const raw = found === undefined ? undefined : (current.items[found.position] as C)
    const has = found === undefined ? undefined : { value: raw as C, normalized: found.item, digest: found.form.digest }
    const sides = {
      ...(wanted === undefined ? {} : { desired: wanted.item }),
      ...(has === undefined ? {} : { current: has.value }),
    }
    return {
      key: name,
      ...(wanted === undefined ? {} : { desired: { value: wanted.item, digest: wanted.form.digest } }),
      ...(has === undefined ? {} : { current: has }),
      fields: found?.form.digest === wanted?.form.digest ? [] : fieldDifferences(found?.form.json, wanted?.form.json),
      dependsOn: dependsOn?.(name, sides) ?? [],
      owned: has === undefined ? undefined : owned?.(has.value),
      protected: has !== undefined && protect?.(has.value) === true,
      destructive:
        has !== undefined &&
        (wanted === undefined || destructive?.({ before: has.value, after: wanted.item }) === true),
    }
  }

  return make(desiredByKey)
}

/**
 * The same listing, with `wanted` desired in place of everything that was. All the author's functions (dependencies, proof of ownership,
 * guards) are asked anew.
 *
 * @throws TrueupError `plan-invalid` for a diff that `diff()` did not make
 */
export function withDesired<E, C>(diff: Diff<E, C>, wanted: ReadonlyMap<string, Json>): Diff<E, C> {
  const redesire = (diff as { readonly [brand]?: unknown })[brand]
  if (typeof redesire === 'function') return (redesire as Redesire<E, C>)(wanted)
  throw new TrueupError('plan-invalid', 'this diff was not made by the diff() of this version of trueup')
}

/** Whether `diff()` made it. */
export function isDiff(value: unknown): value is Diff<unknown, unknown> {
  return typeof value === 'object' && value !== null && Object.hasOwn(value, brand)
}

interface Keyed<E> {
  readonly item: E
  readonly position: number
  readonly form: JsonForm
}

function byKey<E>(items: readonly E[], key: (item: E) => string, side: 'desired' | 'current'): Map<string, Keyed<E>> {
  const found = new Map<string, Keyed<E>>()
  items.forEach((item, position) => {
    const place = `${side}[${String(position)}]`
    const form = jsonForm(item, place)
    const name: unknown = key(item)
    if (typeof name !== 'string' || name === '') {
      throw new TrueupError(
        'plan-invalid',
        `key() must give a text that is not empty, but gave ${shown(name)} for ${place}`,
        {
          details: { place },
        },
      )
    }
    const earlier = found.get(name)
    if (earlier !== undefined) {
      const places = `${side}[${String(earlier.position)}] and ${place}`
      throw new TrueupError(
        'plan-invalid',
        `${places} have the same key "${name}"; keys must be unique, so let key() name more of the item`,
        {
          details: { key: name, positions: [earlier.position, position], side },
        },
      )
    }
    found.set(name, { item, position, form })
  })
  return found
}

function shown(value: unknown): string {
  return value === '' ? 'an empty text' : value === null ? 'null' : typeof value
}
