// The ownership ledger as it must be after an apply. In: the plan, what it was read with, and the outcomes. Out: documents to write.
// Pure: forgets only what is confirmed gone, keeps what nobody saw the end of as intended.
import type { ChangeOutcome } from '../event.js'
import { claimedBy, provenBy, stillReleased, type LedgerObject, type LedgerShard, type StoredLedger } from './ledger.js'

/** What this needs of a planned run. */
export interface LedgerPlan {
  readonly built: {
    readonly changes: readonly {
      readonly afterDigest: string | null
      readonly change: { readonly key: string; readonly live: string | null }
    }[]
    readonly forget: readonly { readonly key: string; readonly shard: string }[]
    readonly confirm: readonly { readonly key: string; readonly shard: string; readonly digest: string | null }[]
  }
  readonly shards: readonly { readonly key: string; readonly value: unknown }[]
  readonly ledger: readonly StoredLedger[]
}

export interface LedgerInput {
  readonly target: string
  readonly run: string
  readonly planned: LedgerPlan
  readonly outcomes: readonly ChangeOutcome[]
}

/** Only documents that differ from what was read. */
export function ledgerAfter({
  target,
  run,
  planned,
  outcomes,
}: LedgerInput): readonly { readonly value: LedgerShard; readonly before: StoredLedger | undefined }[] {
  const mine = new Map(
    planned.ledger.filter(({ value }) => value.target === target).map((stored) => [stored.value.shard, stored]),
  )
  const shapes = new Map(
    planned.shards.map(({ key, value }) => [key, Array.isArray(value) ? ('list' as const) : ('object' as const)]),
  )
  const shards = new Set([...mine.keys(), ...shapes.keys()])
  const objects = new Map<string, Map<string, LedgerObject>>()
  for (const shard of shards) objects.set(shard, new Map(Object.entries(mine.get(shard)?.value.objects ?? {})))

  const set = (shard: string, key: string, object: LedgerObject): void => {
    // An object is in one shard only: whoever has it now, had it from the others.
    for (const [other, held] of objects) if (other !== shard) held.delete(key)
    objects.get(shard)?.set(key, object)
  }
  for (const { key, shard } of planned.built.forget) objects.get(shard)?.delete(key)
  for (const { key, shard, digest } of planned.built.confirm) set(shard, key, { state: 'owned', digest, run })

  const changes = new Map(planned.built.changes.map((executable) => [executable.change.key, executable]))
  for (const { key, action, shard: name, result } of outcomes) {
    const shard = name ?? ''
    const change = changes.get(key)
    const [live, after] = [change?.change.live ?? null, change?.afterDigest ?? null]
    if (result === 'applied') {
      if (action === 'delete') for (const held of objects.values()) held.delete(key)
      else set(shard, key, { state: 'owned', digest: after, run })
    } else if (result === 'failed' || result === 'unknown') {
      const [place, before] = heldIn(objects, key)
      const known = action === 'delete' ? provenBy(before, live) : claimedBy(before, { live, after, run })
      // One that is owned stays where it is until it is brought elsewhere.
      if (known !== undefined && known !== before) set(known.state === 'owned' ? (place ?? shard) : shard, key, known)
    }
  }

  const isOwned = (key: string): boolean => [...objects.values()].some((held) => held.has(key))
  return [...shards].sort().flatMap((shard) => {
    const before = mine.get(shard)
    const after = Object.fromEntries([...(objects.get(shard) ?? [])].sort(([a], [b]) => (a < b ? -1 : 1)))
    const shape = shapes.get(shard) ?? before?.value.shape ?? 'list'
    const value: LedgerShard = {
      target,
      shard,
      shape,
      objects: after,
      ...stillReleased(before?.value.released, isOwned),
    }
    // Read from the journal of a run that may still be at it, in a shard that is not claimed here: that run, or the next one there, writes it.
    if (!shapes.has(shard) && (before === undefined || before.etag === null)) return []
    if (before === undefined && Object.keys(after).length === 0) return []
    if (
      before !== undefined &&
      before.etag !== null &&
      JSON.stringify(sorted(before.value)) === JSON.stringify(sorted(value))
    )
      return []
    return [{ value, before }]
  })
}

/** An object is in one shard only. */
function heldIn(
  objects: ReadonlyMap<string, ReadonlyMap<string, LedgerObject>>,
  key: string,
): readonly [string | undefined, LedgerObject | undefined] {
  for (const [shard, held] of objects) {
    const object = held.get(key)
    if (object !== undefined) return [shard, object]
  }
  return [undefined, undefined]
}

function sorted({ target, shard, shape, objects, released = [] }: LedgerShard): unknown {
  return [
    target,
    shard,
    shape,
    released,
    Object.entries(objects)
      .sort(([a], [b]) => (a < b ? -1 : 1))
      .map(([key, it]) => [key, it.state, it.digest, it.run, it.also ?? []]),
  ]
}
