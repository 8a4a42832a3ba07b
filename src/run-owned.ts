// Changes of the ownership ledger alone: forgetting objects without deleting them, and handing them to another target of the same place.
// In: what is asked for. Out: one record for each target concerned, written. Nothing outside is read or changed.
import { toError, TrueupError } from './errors.js'
import type { RunActor, RunInstead, RunRecord } from './event.js'
import { settleDeadRuns } from './run-recover.js'
import { trace } from './run-trace.js'
import type { Lease } from './store/leases.js'
import {
  readAllLedgers,
  readLedger,
  stillReleased,
  writeLedger,
  type LedgerObject,
  type StoredLedger,
} from './store/ledger.js'
import { createMarkStore } from './store/marks.js'
import type { ObjectStore } from './store/object-store.js'
import type { Clock } from './util/clock.js'
import { didYouMean } from './util/suggest.js'

export interface OwnedDependencies {
  readonly store: ObjectStore
  readonly clock: Clock
  readonly newId: () => string
  readonly by: RunActor
  /** Takes the whole destination, as an apply of a target without shards does, and tokens for these shards of it. */
  readonly lease: (asked: LeaseAsked) => Promise<Lease>
  /** Is told what else was done, or was not. */
  readonly warn: (message: string) => void
}

export interface LeaseAsked {
  readonly run: string
  readonly target: string
  readonly destination: string
  readonly shards: readonly string[]
  /** The highest token that a shard's state documents know. */
  readonly atLeast: (shard: string) => number
}

/** Forgets objects of a target, wherever it owns them. They stay as they are; no run of this target changes or deletes them any more. */
export async function releaseOwned(
  deps: OwnedDependencies,
  { target, keys }: { readonly target: string; readonly keys: readonly string[] },
): Promise<readonly RunRecord[]> {
  const places = await placesOf(deps.store, target, keys)
  const records: RunRecord[] = []
  for (const [destination, shards] of places) {
    const run = deps.newId()
    const lease = await takeDestination(deps, { run, targets: [target], destination, shards })
    try {
      const taken = await forget({ deps, lease, run, target, destination, keys, shards, isRelease: true })
      const instead: RunInstead = { kind: 'release', keys: Object.keys(taken) }
      records.push(await trace({ deps, run, target, destination, shards, instead }))
    } finally {
      await giveBack(deps, lease)
    }
  }
  return records
}

export interface MoveRequest {
  readonly keys: readonly string[]
  readonly from: string
  readonly to: string
  /** Where `to` acts. */
  readonly destination: string
  /** Shard of `to` that they come into; empty for an unsharded target. null: the one that they are in. */
  readonly shard: string | null
}

/** Hands objects of one target to another one of the same destination. */
export async function moveOwned(deps: OwnedDependencies, request: MoveRequest): Promise<readonly RunRecord[]> {
  const { keys, from, to, destination } = request
  const places = await placesOf(deps.store, from, keys)
  const shards = places.get(destination)
  if (shards === undefined || places.size > 1) {
    throw new TrueupError(
      'usage',
      `${from} owns these at ${[...places.keys()].join(' and ')}, but ${to} acts on ${destination}: objects can only be moved within one destination. Release them there and adopt them here: trueup owned release, trueup owned adopt`,
    )
  }
  const runs = { from: deps.newId(), to: deps.newId() }
  const into = request.shard === null ? [] : [request.shard]
  const lease = await takeDestination(deps, {
    run: runs.from,
    targets: [from, to],
    destination,
    shards: [...new Set([...shards, ...into])],
  })
  try {
    // Forgotten first: between the two they are nobody's and nothing happens to them; the other way round they would be two targets'.
    const taken = await forget({
      deps,
      lease,
      run: runs.from,
      target: from,
      destination,
      keys,
      shards,
      isRelease: false,
    })
    const instead: RunInstead = { kind: 'move', keys: Object.keys(taken), from, to }
    const left = await trace({ deps, run: runs.from, target: from, destination, shards, instead })
    const given = new Map<string, Record<string, LedgerObject>>()
    for (const [key, { shard, object }] of Object.entries(taken)) {
      const place = request.shard ?? shard
      given.set(place, { ...given.get(place), [key]: { ...object, run: runs.to } })
    }
    const ledger = await readLedger(deps.store, destination)
    for (const [shard, objects] of given) {
      const before = ledger.find(({ value }) => value.target === to && value.shard === shard)
      const value = {
        target: to,
        shard,
        shape: before?.value.shape ?? 'list',
        objects: { ...before?.value.objects, ...objects },
        ...stillReleased(before?.value.released, (key) => Object.hasOwn(objects, key)),
        fence: lease.token(shard),
      } as const
      await lease.check()
      await writeLedger(deps.store, destination, value, before)
    }
    await markAsOpen({ deps, lease, run: runs.to, target: to, destination, shards: [...given.keys()] })
    const right = await trace({ deps, run: runs.to, target: to, destination, shards: [...given.keys()], instead })
    return [left, right]
  } finally {
    await giveBack(deps, lease)
  }
}

export interface Taking {
  readonly run: string
  /** The first one asks. */
  readonly targets: readonly [string, ...string[]]
  readonly destination: string
  readonly shards: readonly string[]
}

/** What runs that died left behind there is settled first: their journal would bring back what is forgotten here. */
export async function takeDestination(
  deps: OwnedDependencies,
  { run, targets, destination, shards }: Taking,
): Promise<Lease> {
  const { store } = deps
  const fences = new Map<string, number>()
  const know = (shard: string, fence = 0): unknown => fences.set(shard, Math.max(fence, fences.get(shard) ?? 0))
  for (const { value } of await readLedger(store, destination)) know(value.shard, value.fence)
  for (const target of targets)
    for (const { mark } of (await createMarkStore(store, target, destination).all()).values())
      know(mark.shard, mark.fence)
  const atLeast = (shard: string): number => fences.get(shard) ?? 0
  const lease = await deps.lease({ run, target: targets[0], destination, shards, atLeast })
  try {
    for (const target of targets) {
      const marks = createMarkStore(store, target, destination)
      const onSettled = (dead: string): void => {
        deps.warn(`${target}: run ${dead} had not ended; what it did was settled first: trueup runs show ${dead}`)
      }
      const known = await marks.all()
      await settleDeadRuns({ store, target, destination, run, shards, marks, known, lease, onSettled })
    }
    await lease.verify()
    return lease
  } catch (error) {
    await giveBack(deps, lease)
    throw error
  }
}

/** That a lease could not be given back changes nothing of what was done: it expires. */
export async function giveBack(deps: OwnedDependencies, lease: Lease): Promise<void> {
  try {
    await lease.release()
  } catch (thrown) {
    deps.warn(`the lease could not be given back, and holds until it expires: ${toError(thrown).message}`)
  }
}

/** Destinations at which a target owns one of these, with the shards concerned. @throws usage for a key that it does not own */
async function placesOf(
  store: ObjectStore,
  target: string,
  keys: readonly string[],
): Promise<ReadonlyMap<string, readonly string[]>> {
  const mine = (await readAllLedgers(store)).filter(({ value }) => value.target === target)
  const known = new Set(mine.flatMap(({ value }) => Object.keys(value.objects)))
  const missing = keys.find((key) => !known.has(key))
  if (missing !== undefined) {
    throw new TrueupError(
      'usage',
      `${target} does not own "${missing}".${didYouMean(missing, known)} \`trueup owned list ${target}\` shows the ${String(known.size)} that it owns.`,
      { details: { target, key: missing } },
    )
  }
  const places = new Map<string, string[]>()
  for (const { value, destination } of mine) {
    if (destination === null || !keys.some((key) => Object.hasOwn(value.objects, key))) continue
    places.set(destination, [...(places.get(destination) ?? []), value.shard])
  }
  return places
}

interface Step {
  readonly deps: OwnedDependencies
  readonly run: string
  readonly target: string
  readonly destination: string
}

interface LeasedStep extends Step {
  readonly lease: Lease
  readonly shards: readonly string[]
}

type Taken = Readonly<Record<string, { readonly shard: string; readonly object: LedgerObject }>>

interface Forgetting extends LeasedStep {
  readonly keys: readonly string[]
  /** They are to be nobody's; otherwise another target is to have them. */
  readonly isRelease: boolean
}

async function forget(step: Forgetting): Promise<Taken> {
  const { deps, lease, target, destination, keys, shards, isRelease } = step
  const taken: [string, { shard: string; object: LedgerObject }][] = []
  const changed: StoredLedger[] = (await readLedger(deps.store, destination)).filter(
    ({ value }) =>
      value.target === target && shards.includes(value.shard) && keys.some((key) => Object.hasOwn(value.objects, key)),
  )
  // What the target would do differs from what its mark says: no apply may be skipped on it. Before the ledger, so that a crash errs to a run.
  await markAsOpen({ ...step, shards: changed.map(({ value }) => value.shard) })
  for (const stored of changed) {
    const { shard, objects } = stored.value
    for (const [key, object] of Object.entries(objects)) if (keys.includes(key)) taken.push([key, { shard, object }])
    const rest = Object.fromEntries(Object.entries(objects).filter(([key]) => !keys.includes(key)))
    const gone = Object.keys(objects).filter((key) => keys.includes(key))
    const { released: before = [], ...value } = stored.value
    const released = stillReleased(isRelease ? [...before, ...gone] : before, (key) => Object.hasOwn(rest, key))
    await lease.check()
    await writeLedger(
      deps.store,
      destination,
      { ...value, objects: rest, ...released, fence: lease.token(shard) },
      stored,
    )
  }
  return Object.fromEntries(taken)
}

async function markAsOpen({ deps, lease, run, target, destination, shards }: LeasedStep): Promise<void> {
  const marks = createMarkStore(deps.store, target, destination)
  for (const shard of shards) {
    const before = await marks.read(shard)
    if (before === undefined) continue
    const fence = lease.token(shard)
    const reason = 'changed what is owned, not what is there'
    await lease.check()
    await marks.write({ ...before.mark, fence, status: 'failed', run, reason }, before)
  }
}
