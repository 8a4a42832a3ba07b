// The plans of all shards and the ownership ledger come in, one plan goes out: as data, and with what carries it out.
// Must not: touch the outside system or the store, check limits, or know of time.
import type { PlanData, PlannedChange, PlanSummary } from '../event.js'
import type { DeletePolicy, Plan } from '../integration.js'
import { collectFacts } from './collect-facts.js'
import type { OwnershipEntry, OwnershipView } from './ownership-view.js'
import { changeOf, confirmationOf, decide } from './plan-decide.js'
import type { Decided } from './plan-decide.js'
import { planDigest } from './plan-digest.js'
import { executable } from './plan-execute.js'
import type { ExecutableChange, PlacedChange } from './plan-execute.js'
import type { PlanFacts } from './plan-facts.js'
import { brokenInvariants } from './plan-guards.js'
import type { Invariant, Protect } from './plan-guards.js'
import { findHomes } from './plan-homes.js'
import { dependenciesWithin, inPlanOrder, refuseCycles } from './plan-order.js'
import { readPlanPart } from './plan-part.js'
import type { PlanPart } from './plan-part.js'

export { planPart, readPlanPart } from './plan-part.js'
export type { ExecutableChange } from './plan-execute.js'
export type { PlanFacts } from './plan-facts.js'

export interface PlanShard {
  /** Empty for an unsharded target. */
  readonly shard: string
  /** No longer in the desired state; `run()` got nothing to desire for it. */
  readonly removed: boolean
  /** What `run()` returned for it. */
  readonly parts: readonly Plan[]
  /** The desired state of this shard is empty, whatever `run()` made of it. */
  readonly desiredEmpty: boolean
}

export interface BuildPlanInput {
  readonly target: string
  /** null while the place has no identity. */
  readonly destination: string | null
  /** Its name, for messages. */
  readonly integration: string
  readonly deletePolicy: DeletePolicy
  /** The shards of this run, in any order. */
  readonly shards: readonly PlanShard[]
  readonly ledger: OwnershipView
  /** Desired items of shards that are not part of this run: what they name is never deleted here. */
  readonly elsewhere?: readonly unknown[]
  /** The only keys that this run is about; what is not among them stays as it is, whatever is desired. @defaultValue all */
  readonly only?: ReadonlySet<string> | undefined
  /** `limits.protect` of the integration; what `diff()` was told counts as well. */
  readonly protect?: Protect | undefined
  readonly invariants?: readonly Invariant[] | undefined
}

export interface BuiltPlan {
  readonly data: PlanData
  /** In the order of `data.changes`. */
  readonly changes: readonly ExecutableChange[]
  /** What the limits are checked on. */
  readonly facts: PlanFacts
  /** Entries whose objects are gone and not desired: an apply drops them from the ledger. */
  readonly forget: readonly OwnershipEntry[]
  /** Something stays only because a shard outside of this run desires it. */
  readonly leansOnOthers: boolean
  /** Entries that an apply writes although nothing changes: intents that turned out done, objects that moved to another shard. */
  readonly confirm: readonly OwnershipEntry[]
}

/**
 * Gives every key one place (plan-homes.ts), decides what becomes of it (the table in plan-cases.ts), orders, counts and digests. The same
 * input in another order gives the same plan.
 *
 * @throws TrueupError `plan-invalid`: something other than plans, a key desired twice, a change without a handler, dependencies in a circle,
 * a guard that throws
 */
export function buildPlan(input: BuildPlanInput): BuiltPlan {
  const { target, destination, integration, deletePolicy, ledger, only } = input
  const shards = input.shards.map(opened).sort((a, b) => (a.shard < b.shard ? -1 : 1))
  const complete = new Set(shards.filter((shard) => shard.complete).map(({ shard }) => shard))

  const { homes, seen } = findHomes(target, shards, ledger)
  const elsewhere = keysElsewhere(
    shards.flatMap(({ parts }) => parts),
    input.elsewhere ?? [],
  )
  const decided = homes.map((home) =>
    decide({ home, target, deletePolicy, ledger, shardComplete: complete.has(home.shard), elsewhere, only }),
  )

  const ordered = inOrder(decided)
  const changes = ordered.map(({ change }) => change)
  refuseCycles(changes)
  const notOwned = new Set(
    decided.filter(({ verdict }) => verdict.kind === 'not-owned').map(({ home }) => home.pair.key),
  )

  return {
    data: { digest: planDigest({ target, destination, changes }), summary: summaryOf(changes, decided), changes },
    changes: executable({ ordered, notOwned, integration, deletePolicy }),
    facts: {
      target,
      deletePolicy,
      shards: collectFacts({ target, shards, decided, ledger, elsewhere, protect: input.protect }),
      invariants: brokenInvariants(input.invariants ?? [], resulting(decided)),
    },
    // Absence is only proven by a whole listing, and only where no other shard saw or desires the object.
    forget: [...complete].flatMap((shard) =>
      ledger
        .ownedBy(target, shard)
        .filter(({ key }) => !seen.has(key) && !elsewhere.has(key) && only?.has(key) !== false),
    ),
    leansOnOthers: decided.some(({ verdict }) => verdict.kind === 'others'),
    confirm: decided.flatMap((one) => confirmationOf(one, target, ledger) ?? []),
  }
}

function opened(shard: PlanShard) {
  const parts = shard.parts.map(readPlanPart)
  return {
    shard: shard.shard,
    removed: shard.removed,
    desiredEmpty: shard.desiredEmpty,
    parts,
    // Without any listing nothing is known to be whole.
    complete: parts.length > 0 && parts.every(({ diff }) => diff.complete),
    unreadable: parts.some(({ diff }) => diff.unreadable === true),
    incompleteReasons: parts.flatMap(({ diff }) =>
      diff.complete ? [] : [diff.incompleteReason ?? 'no reason was given'],
    ),
  }
}

/** Keys that other shards desire, by the key functions of the diffs at hand. */
function keysElsewhere(parts: readonly PlanPart[], items: readonly unknown[]): ReadonlySet<string> {
  return new Set(parts.flatMap(({ diff }) => items.flatMap((item) => diff.keyOf(item) ?? [])))
}

function inOrder(decided: readonly Decided[]): readonly PlacedChange[] {
  const placed = decided.flatMap((one) => {
    const change = changeOf(one)
    return change === undefined ? [] : [{ change, home: one.home }]
  })
  const keys = new Set(placed.map(({ change }) => change.key))
  return placed
    .map(({ change, home }) => ({ change: { ...change, dependsOn: dependenciesWithin(keys, change.dependsOn) }, home }))
    .sort((a, b) => inPlanOrder(a.change, b.change))
}

/** The state as it would be: what is desired, and what is there and stays. */
function resulting(decided: readonly Decided[]): readonly unknown[] {
  return decided
    .filter(({ verdict }) => verdict.kind !== 'delete')
    .map(({ home: { pair } }) => (pair.desired === undefined ? pair.current?.normalized : pair.desired.value))
}

function summaryOf(changes: readonly PlannedChange[], decided: readonly Decided[]): PlanSummary {
  const planned = (action: PlannedChange['action']): number =>
    changes.filter((change) => change.action === action).length
  const were = (kind: Decided['verdict']['kind']): number =>
    decided.filter(({ verdict }) => verdict.kind === kind).length
  return {
    create: planned('create'),
    update: planned('update'),
    delete: planned('delete'),
    adopt: planned('adopt'),
    of: decided.filter(({ ours }) => ours).length,
    unchanged: were('unchanged'),
    foreign: were('foreign'),
  }
}
