// What the ledger of one destination says comes in, who owns which key goes out: the read side that planning needs.
// Must not: read or write the store; the ledger is loaded before and written after.

/** One object as the ledger knows it. Keys are unique within a destination: an object belongs to exactly one target. */
export interface OwnershipEntry {
  readonly key: string
  readonly target: string
  /** Empty for an unsharded target. */
  readonly shard: string
  /** `intended`: a create or adopt was started and nobody saw its end; counts only if the live object has `digest`, or one of `also`. */
  readonly state: 'owned' | 'intended'
  /** Digest of the object as it was (or was meant to be) left; null when unknown. */
  readonly digest: string | null
  /** What else it was meant to be, of one that is intended: any of them counts. */
  readonly also?: readonly string[]
}

/** An object that a person has released: the target has it no more, whatever the object itself says. */
export type ReleasedEntry = Pick<OwnershipEntry, 'key' | 'target'>

export interface OwnershipView {
  entryOf(key: string): OwnershipEntry | undefined
  /** Entries of either state, sorted by key (code units). */
  ownedBy(target: string, shard: string): readonly OwnershipEntry[]
  isReleased(entry: ReleasedEntry): boolean
}

/** A view of these entries, as they are now. */
export function createOwnershipView(
  entries: Iterable<OwnershipEntry>,
  released: Iterable<ReleasedEntry> = [],
): OwnershipView {
  const gone = new Set([...released].map(({ target, key }) => ownerKey(target, key)))
  const byKey = new Map<string, OwnershipEntry>()
  for (const entry of entries) byKey.set(entry.key, entry)
  const byOwner = new Map<string, OwnershipEntry[]>()
  for (const key of [...byKey.keys()].sort()) {
    const entry = byKey.get(key)
    if (entry === undefined) continue
    const owner = ownerKey(entry.target, entry.shard)
    const list = byOwner.get(owner)
    if (list === undefined) byOwner.set(owner, [entry])
    else list.push(entry)
  }
  return {
    entryOf: (key) => byKey.get(key),
    ownedBy: (target, shard) => byOwner.get(ownerKey(target, shard)) ?? [],
    isReleased: ({ target, key }) => gone.size > 0 && gone.has(ownerKey(target, key)),
  }
}

/** Both may be any text, so a plain separator would let two owners collide. */
function ownerKey(target: string, of: string): string {
  return JSON.stringify([target, of])
}
