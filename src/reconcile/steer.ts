// The plans that run() returned and what is wanted in place of their desired state come in; the same plans, desiring that, go out.
// Pure. Must not: decide what happens to an object; the plan does that with the same rules as ever.
import { TrueupError } from '../errors.js'
import type { Json, LeftOut } from '../event.js'
import type { DeletePolicy } from '../integration.js'
import { didYouMean } from '../util/suggest.js'
import { withDesired } from './diff.js'
import { jsonForm } from './json-value.js'
import { planPart, readPlanPart } from './plan-part.js'
import type { PlanPart } from './plan-part.js'
import type { PlanShard } from './plan.js'

/** One object as it is to be: a value, or undefined for "not there". */
export interface Wanted {
  readonly key: string
  readonly value: Json | undefined
  /** Where it was; empty for an unsharded target. */
  readonly shard: string
}

/** What a run brings about in place of the desired state of its head. */
export type Steering =
  /** Exactly these objects as they were; all others stay. */
  | {
      readonly kind: 'undo'
      readonly run: string
      readonly only: string | null
      /** Where that run acted: nowhere else is the way back. */
      readonly destination: string | null
      readonly wanted: readonly Wanted[]
      readonly left: readonly LeftOut[]
    }
  /** Exactly these objects as they are now, so that what is nobody's is adopted; all others stay. */
  | { readonly kind: 'adopt'; readonly keys: readonly string[] }
  /** Nothing. */
  | { readonly kind: 'destroy' }

export interface Steered {
  readonly shards: readonly PlanShard[]
  /** The keys that the plan is about; undefined for all. */
  readonly only: ReadonlySet<string> | undefined
  /** What cannot be brought about. */
  readonly left: readonly LeftOut[]
  /** Keys that are not as wanted yet, so that a plan must have a change for them. */
  readonly open: ReadonlySet<string>
}

export interface SteerInput {
  readonly target: string
  readonly deletePolicy: DeletePolicy
  readonly shards: readonly PlanShard[]
  readonly steering: Steering
}

/** @throws TrueupError `usage` for a key to adopt that no listing has */
export function steer({ target, deletePolicy, shards, steering }: SteerInput): Steered {
  const opened = shards.map((shard) => ({ shard, parts: shard.parts.map((part) => indexed(shard.shard, part)) }))
  const parts = opened.flatMap((one) => one.parts)
  const wanted = new Map<IndexedPart, Map<string, Json>>()
  const want = (part: IndexedPart, key: string, value: Json): void => {
    wanted.set(part, (wanted.get(part) ?? new Map<string, Json>()).set(key, value))
  }
  const left: LeftOut[] = []
  const only = new Set<string>()
  const open = new Set<string>()

  switch (steering.kind) {
    case 'undo':
      left.push(...steering.left)
      for (const one of steering.wanted) {
        const { key, value } = one
        const current = parts.find(({ pairs }) => pairs.get(key)?.current !== undefined)?.pairs.get(key)?.current
        if (value === undefined) {
          if (current !== undefined && deletePolicy === 'never') {
            left.push({ key, why: 'the delete policy is never' })
            continue
          }
          only.add(key)
        } else {
          const place = placeOf(parts, one, value)
          if (place === undefined) {
            left.push({ key, why: 'which part of the plan it belongs to cannot be told' })
            continue
          }
          only.add(key)
          want(place, key, value)
        }
        if (!isAsWanted(value, current, key)) open.add(key)
      }
      break
    case 'adopt':
      for (const key of steering.keys) {
        const there = parts.filter(({ pairs }) => pairs.get(key)?.current !== undefined)
        const place = there.find(({ pairs }) => pairs.get(key)?.desired !== undefined) ?? there[0]
        const current = place?.pairs.get(key)?.current
        if (place === undefined || current === undefined) throw notThere(target, key, parts)
        only.add(key)
        want(place, key, jsonForm(current.normalized, `current ${key}`).json)
      }
      break
    case 'destroy':
      break
  }
  return {
    shards: opened.map(({ shard, parts: own }) => ({
      ...shard,
      parts: own.map((one) =>
        planPart(withDesired(one.part.diff, wanted.get(one) ?? new Map<string, Json>()), one.part.handlers as never),
      ),
      desiredEmpty: steering.kind === 'destroy',
    })),
    only: steering.kind === 'destroy' ? undefined : only,
    left,
    open,
  }
}

/** What is to change and is in no plan, with why: the plan may not touch what is not owned, nor what an incomplete listing hides. */
export function notPlanned({ left, open }: Steered, planned: ReadonlySet<string>): readonly LeftOut[] {
  const why = 'it is no longer owned by this target, or its listing is incomplete'
  return [...left, ...[...open].filter((key) => !planned.has(key)).map((key) => ({ key, why }))]
}

type Pair = PlanPart['diff']['pairs'][number]

interface IndexedPart {
  readonly shard: string
  readonly part: PlanPart
  readonly pairs: ReadonlyMap<string, Pair>
}

function indexed(shard: string, plan: unknown): IndexedPart {
  const part = readPlanPart(plan)
  return { shard, part, pairs: new Map(part.diff.pairs.map((pair) => [pair.key, pair])) }
}

function isAsWanted(value: Json | undefined, current: Pair['current'], key: string): boolean {
  if (value === undefined || current === undefined) return value === undefined && current === undefined
  return current.digest === jsonForm(value, `wanted ${key}`).digest
}

/** Where it is desired or listed now, else the one part of its shard whose key function knows it. */
function placeOf(parts: readonly IndexedPart[], { key, shard }: Wanted, value: Json): IndexedPart | undefined {
  const desired = parts.find(({ pairs }) => pairs.get(key)?.desired !== undefined)
  if (desired !== undefined) return desired
  const there = parts.filter((one) => one.shard === shard)
  const listed = there.find(({ pairs }) => pairs.has(key))
  if (listed !== undefined) return listed
  const naming = there.filter(({ part }) => part.diff.keyOf(value) === key)
  return naming.length === 1 ? naming[0] : undefined
}

function notThere(target: string, key: string, parts: readonly IndexedPart[]): TrueupError {
  const listed = parts.flatMap(({ part }) => part.diff.pairs.filter(({ current }) => current !== undefined))
  const partly = parts.some(({ part }) => !part.diff.complete) ? ' (a listing is incomplete)' : ''
  const suggestion = didYouMean(
    key,
    listed.map((pair) => pair.key),
  )
  return new TrueupError(
    'usage',
    `${target}: there is no object "${key}" among the ${String(listed.length)} that were listed${partly}; only what exists can be adopted.${suggestion}`,
    { details: { key } },
  )
}
