// Who holds what, for people; and the way to end a lease by hand. Reads and releases; takes nothing.
import { readDocument, writeDocument } from './document.js'
import {
  endHeartbeat,
  HEARTBEAT,
  heartbeatKey,
  SHARD_LEASE,
  shardLeaseKey,
  standingOf,
  type LeaseHolder,
  type ShardLease,
  type Standing,
} from './lease-documents.js'
import { leaveMode } from './lease-mode.js'
import { storePrefix, type ObjectStore } from './object-store.js'

export interface HeldLease {
  readonly lease: ShardLease & { readonly run: string }
  /** `gone`: its run has ended without giving it back; the next run takes it. */
  readonly standing: Standing
}

export interface LeaseListOptions {
  readonly store: ObjectStore
  readonly isDead: (holder: LeaseHolder) => boolean
}

/** All leases that point to a run, by destination and shard. */
export async function listLeases({ store, isDead }: LeaseListOptions): Promise<readonly HeldLease[]> {
  const leases: HeldLease['lease'][] = []
  for await (const { key } of store.list(storePrefix('leases'))) {
    const found = await readDocument(store, key, SHARD_LEASE)
    if (found.kind === 'found' && found.value.run !== null) leases.push({ ...found.value, run: found.value.run })
  }
  if (leases.length === 0) return []
  const now = await store.now()
  const standings = new Map<string, Standing>()
  for (const run of new Set(leases.map((lease) => lease.run)))
    standings.set(run, await standingOf({ store, run, now, isDead }))
  return leases.map((lease) => ({ lease, standing: standings.get(lease.run) ?? { kind: 'gone' } }))
}

/** Of the runs that are under way for certain, the ids. */
export function runsAlive(leases: readonly HeldLease[]): ReadonlySet<string> {
  return new Set(leases.flatMap(({ lease, standing }) => (standing.kind === 'alive' ? [lease.run] : [])))
}

/** Ends all leases of a run, whether it lives or not: it can write nothing more, and starts nothing more once it has noticed. */
export async function releaseLeases(store: ObjectStore, run: string): Promise<readonly ShardLease[]> {
  // The heartbeat first: it is what the holder asks before each change, and what makes the rest free.
  for (;;) {
    const found = await readDocument(store, heartbeatKey(run), HEARTBEAT)
    if (found.kind === 'missing' || found.value.ended === true || (await endHeartbeat(store, found))) break
  }
  const released: ShardLease[] = []
  const destinations = new Set<string>()
  for await (const { key } of store.list(storePrefix('leases'))) {
    const found = await readDocument(store, key, SHARD_LEASE)
    if (found.kind === 'missing' || found.value.run !== run) continue
    const { destination, shard } = found.value
    const options = { condition: { kind: 'if-etag', etag: found.etag } } as const
    const free = { ...found.value, run: null }
    const put = await writeDocument(store, shardLeaseKey(destination, shard), SHARD_LEASE, free, options)
    // Another run was quicker, and has it by right.
    if (put.kind !== 'stored') continue
    released.push(found.value)
    destinations.add(destination)
  }
  for (const destination of destinations) await leaveMode(store, destination, run)
  return released
}
