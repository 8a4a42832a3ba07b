// The entry of the run cache that a run came closest to, and in what its key differs. In: a store and a record. Out: component by component.
import type { KeyParts, RunRecord } from '../event.js'
import { LARGEST_ENTRY, readEntry, type CacheEntry } from '../early-exit/run-cache-entry.js'
import { listEntries } from '../early-exit/run-cache-list.js'
import type { ObjectStore } from '../store/object-store.js'

/** So many of the newest are looked at. */
const MOST_READ = 50

export interface ComparedComponent {
  readonly name: string
  readonly entry: string | null
  readonly run: string | null
  readonly same: boolean
  /** Names of parameters or shards that differ. */
  readonly differing: readonly string[]
}

export interface NearestEntry {
  readonly id: string
  readonly zone: string
  readonly mode: string
  readonly madeBy: string
  readonly createdAt: number
  readonly components: readonly ComparedComponent[]
}

/** Among earlier entries of the same target; undefined where there are none, or the run did not ask the cache. */
export async function nearestEntry(store: ObjectStore, record: RunRecord): Promise<NearestEntry | undefined> {
  const { cache, components } = record.decision
  if (cache === undefined) return undefined
  const listed = (await listEntries(store, { target: record.run.target }))
    .filter(({ size, createdAt }) => size !== null && size <= LARGEST_ENTRY && createdAt !== null)
    .sort((a, b) => (b.createdAt ?? 0) - (a.createdAt ?? 0))
    .slice(0, MOST_READ)
  let nearest: NearestEntry | undefined
  for (const { place, id } of listed) {
    const object = await store.get(place)
    if (object.kind === 'missing') continue
    const read = readEntry(object.value)
    // What this very run stored afterwards says nothing of why it ran.
    if (read.kind === 'untrusted' || read.entry.run === record.run.id) continue
    const { entry } = read
    const found: NearestEntry = {
      id,
      zone: entry.address.zone,
      mode: entry.address.mode,
      madeBy: entry.run,
      createdAt: entry.createdAt,
      components: compare(
        entry,
        Object.fromEntries(Object.entries(components).map(([name, { head }]) => [name, head])),
        cache.parts,
      ),
    }
    // Newest first: of two that are as near, the newer one stays.
    if (nearest === undefined || differences(found) < differences(nearest)) nearest = found
  }
  return nearest
}

function differences({ components }: NearestEntry): number {
  return components.filter(({ same }) => !same).length
}

function compare(
  entry: CacheEntry,
  run: Readonly<Record<string, string | null>>,
  parts: KeyParts,
): readonly ComparedComponent[] {
  return Object.entries(entry.components).map(([name, value]) => {
    const head = run[name] ?? null
    const [before, now] = [entry.parts[name] ?? {}, parts[name] ?? {}]
    const names = [...new Set([...Object.keys(before), ...Object.keys(now)])].sort()
    return {
      name,
      entry: value,
      run: head,
      same: head === value,
      differing: names.filter((part) => before[part] !== now[part]),
    }
  })
}
