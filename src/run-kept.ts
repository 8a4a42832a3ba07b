// What the store keeps of the place that a run acts on: marks and ownership, read once for all that the run asks of them, until it is told to read
// again. In: a store, a target, its place. Out: what is there, of the target alone or of all targets. Writes nothing.
import { emptyLike } from './desired/shards.js'
import { ledgerStamp, readLedger, readLedgerOf, type LedgerShard, type StoredLedger } from './store/ledger.js'
import { createMarkStore, type StoredMark } from './store/marks.js'
import type { ObjectStore } from './store/object-store.js'
import type { TargetPlace } from './store/shard-index.js'
import { digestOf } from './util/digest.js'

/** All of it empty while the place has no identity. */
export interface KeptState {
  /** Of this target, by shard. */
  readonly marks: ReadonlyMap<string, StoredMark>
  /** Of the target alone, or of every target: as it was asked. */
  readonly ledger: readonly StoredLedger[]
}

/** Enough to tell whether all of it is as it was. */
export interface Glance {
  /** Of this target, by shard. */
  readonly marks: ReadonlyMap<string, StoredMark>
  /** Stands for what this target owns: the same only where no ledger document was written. */
  readonly ledger: string
}

export interface Keeping {
  /** Of this target alone, asked of the store each time. Its cost does not grow with what is owned. */
  glance(): Promise<Glance>
  /** Of this target alone, found by the index of its shards: what skips are decided by. Lists only where there is no index. */
  own(): Promise<KeptState>
  /** With the ledger of every target, found by listing: what is planned on, and builds on what {@link own} has read. */
  kept(): Promise<KeptState>
  /**
   * The next call reads the store. Called when the lease is taken, for until then others may write what was read, and
   * when what dead runs left was settled.
   */
  readAgain(): void
  /** Of this target alone, as it was read already, else as {@link kept} reads it. */
  known(): Promise<KeptState>
  /** Of {@link known}: shards that own something, with the digest of "nothing desired" for each. */
  owning(): Promise<ReadonlyMap<string, string>>
}

export interface KeepingOptions {
  readonly store: ObjectStore
  readonly target: string
  /** Undefined while the place has no identity. */
  readonly destination: () => Promise<string | undefined>
}

type Shape = LedgerShard['shape']

const NOTHING: KeptState = { marks: new Map(), ledger: [] }

export function createKeeping({ store, target, destination }: KeepingOptions): Keeping {
  let ofTarget: Promise<KeptState> | undefined
  let ofAll: Promise<KeptState> | undefined

  /** The marks, and of the ledger what `ask` asks for, side by side. */
  async function ofTargetAt<T>(
    place: string,
    ask: (place: TargetPlace, shards: readonly string[] | undefined) => Promise<T>,
  ): Promise<{ readonly marks: KeptState['marks']; readonly ledger: T }> {
    const marks = createMarkStore(store, target, place)
    const shards = await marks.index.read()
    const [known, ledger] = await Promise.all([
      shards === undefined ? marks.all() : marks.of(shards),
      ask({ target, destination: place }, shards),
    ])
    return { marks: known, ledger }
  }

  async function readOwn(): Promise<KeptState> {
    const place = await destination()
    return place === undefined ? NOTHING : ofTargetAt(place, (at, shards) => readLedgerOf(store, at, shards))
  }

  async function glance(): Promise<Glance> {
    const place = await destination()
    if (place === undefined) return { marks: NOTHING.marks, ledger: '' }
    return ofTargetAt(place, (at, shards) => ledgerStamp(store, at, shards))
  }

  async function readAll(before: Promise<KeptState> | undefined): Promise<KeptState> {
    const place = await destination()
    if (place === undefined) return NOTHING
    const known = await (before ?? NOTHING)
    const [marks, ledger] = await Promise.all([
      createMarkStore(store, target, place).all(known.marks),
      readLedger(store, place, known.ledger),
    ])
    return { marks, ledger }
  }

  const own = (): Promise<KeptState> => (ofTarget ??= ofAll?.then((all) => onlyOf(all, target)) ?? readOwn())
  const kept = (): Promise<KeptState> => (ofAll ??= readAll(ofTarget))
  const known = (): Promise<KeptState> => (ofTarget === undefined ? kept().then((all) => onlyOf(all, target)) : own())
  return {
    glance,
    own,
    kept,
    known,
    readAgain() {
      ofTarget = undefined
      ofAll = undefined
    },
    owning: async () => owningOf(shapesIn((await known()).ledger, target)),
  }
}

function onlyOf({ marks, ledger }: KeptState, target: string): KeptState {
  return { marks, ledger: ledger.filter(({ value }) => value.target === target) }
}

/** Shards of a target that own something, with what their desired state is. */
export function shapesIn(ledgers: readonly StoredLedger[], target: string): ReadonlyMap<string, Shape> {
  const mine = ledgers.filter(({ value }) => value.target === target && Object.keys(value.objects).length > 0)
  return new Map(mine.map(({ value }) => [value.shard, value.shape]))
}

/** With the digest of "nothing desired" for each. */
export function owningOf(shapes: ReadonlyMap<string, Shape>): ReadonlyMap<string, string> {
  return new Map([...shapes].map(([shard, shape]) => [shard, digestOf(emptyLike(shape === 'list' ? [] : {}))]))
}
