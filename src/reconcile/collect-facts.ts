// Decided keys come in, what the limits are checked on goes out: counts and keys a shard.
// Must not: judge them.
import type { OwnershipView } from './ownership-view.js'
import { counts } from './plan-cases.js'
import { changeOf } from './plan-decide.js'
import type { Decided } from './plan-decide.js'
import type { ShardFacts } from './plan-facts.js'
import { isProtected } from './plan-guards.js'
import type { Protect } from './plan-guards.js'

export interface FactsShard {
  /** Empty for an unsharded target. */
  readonly shard: string
  readonly removed: boolean
  readonly desiredEmpty: boolean
  /** Every listing of it is; false where there is none. */
  readonly complete: boolean
  /** Why not, one text for each listing that is not. */
  readonly incompleteReasons: readonly string[]
  /** One of its listings could not be read at all. */
  readonly unreadable: boolean
}

export interface FactsInput {
  readonly target: string
  readonly shards: readonly FactsShard[]
  /** Of all shards, in the order of keys. */
  readonly decided: readonly Decided[]
  readonly ledger: OwnershipView
  /** Keys that a shard outside this run desires: they are there. */
  readonly elsewhere: ReadonlySet<string>
  readonly protect: Protect | undefined
}

/** Facts of each shard, in the order given. */
export function collectFacts({
  target,
  shards,
  decided,
  ledger,
  elsewhere,
  protect,
}: FactsInput): readonly ShardFacts[] {
  const byShard = new Map<string, Decided[]>()
  for (const one of decided) {
    const list = byShard.get(one.home.shard)
    if (list === undefined) byShard.set(one.home.shard, [one])
    else list.push(one)
  }
  const ours = new Set(decided.filter((one) => one.ours).map(keyOf))
  return shards.map((shard) => {
    // An object that is ours but counted in another shard now has moved there; the ledger is merely late.
    const onlyInLedger = ledger
      .ownedBy(target, shard.shard)
      .filter((entry) => counts(entry, null) && !ours.has(entry.key) && !elsewhere.has(entry.key))
    return factsOf({ shard, own: byShard.get(shard.shard) ?? [], onlyInLedger: onlyInLedger.length, protect })
  })
}

interface ShardInput {
  readonly shard: FactsShard
  readonly own: readonly Decided[]
  readonly onlyInLedger: number
  readonly protect: Protect | undefined
}

function factsOf({ shard, own, onlyInLedger, protect }: ShardInput): ShardFacts {
  const of = (kind: Decided['verdict']['kind']): readonly Decided[] =>
    own.filter(({ verdict }) => verdict.kind === kind)
  const owned = own.filter(({ ours }) => ours).length
  const known = owned + onlyInLedger
  const reason = shard.incompleteReasons.length === 0 ? 'run() returned no plan' : shard.incompleteReasons.join('; ')
  const deletes = of('delete')
  return {
    shard: shard.shard === '' ? null : shard.shard,
    removed: shard.removed,
    // What this run is not about stays, so the shard is not emptied by it.
    empty:
      shard.desiredEmpty ||
      !own.some((one) => one.home.pair.desired !== undefined || (one.verdict.kind === 'outside' && one.ours)),
    owned,
    known,
    deletes: deletes.length,
    deleteKeys: deletes.map(keyOf),
    changes: own.filter((one) => changeOf(one) !== undefined).length,
    // No listing at all is only worth a word where something could be held back for it.
    incomplete:
      shard.complete || (shard.incompleteReasons.length === 0 && known === 0)
        ? null
        : {
            reason,
            heldBack: of('held-back').map(keyOf),
            notCreated: of('not-created').map(keyOf),
            ...(shard.unreadable ? { unreadable: true } : {}),
          },
    protectedKeys: deletes.filter((one) => isGuarded(one, protect)).map(keyOf),
    notOwned: own.flatMap((one) =>
      one.verdict.kind === 'not-owned' ? [{ key: keyOf(one), owner: one.verdict.owner }] : [],
    ),
  }
}

function isGuarded({ home: { pair } }: Decided, protect: Protect | undefined): boolean {
  return pair.protected || (pair.current !== undefined && isProtected(protect, pair.key, pair.current.value))
}

function keyOf({ home }: Decided): string {
  return home.pair.key
}
