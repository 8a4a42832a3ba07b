// The documents that leases are made of, and what a heartbeat says of its run: alive, expired, dead or gone. The protocol is in leases.ts.
import type { DocumentType } from './document.js'
import { isTrueupError } from '../errors.js'
import { readDocument, writeDocument } from './document.js'
import { storeKey, type ObjectStore, type StoredHead, type StoreKey } from './object-store.js'

export interface LeaseHolder {
  readonly run: string
  readonly target: string
  readonly host: string
  readonly pid: number
  /** Tells two processes with one pid apart: where and when the process started, as text; empty where the system does not tell. */
  readonly processStart: string
  readonly url: string | null
  readonly actor: string | null
}

/** `heartbeats/<run>`: written by its run alone, removed by it or by who takes its leases over. */
export interface Heartbeat extends LeaseHolder {
  /** How long it holds after it was written, by the store's clock; ms. */
  readonly leaseMs: number
  /** Counts the renewals. */
  readonly beat: number
  /** As good as gone, in a store that lets nobody delete it (a retention). Its metadata say so too. */
  readonly ended?: true
}

/** `leases/<destination>/<shard>`: stays when released, since the token only ever rises. */
export interface ShardLease {
  readonly destination: string
  readonly shard: string
  readonly token: number
  /** Whose heartbeat it hangs on; null when it is free. */
  readonly run: string | null
  /** Since when, by the store's clock, UTC ms. */
  readonly since: number
}

/** `lease-modes/<destination>`: in which way the destination is in use, and by whom. */
export interface LeaseMode {
  /** Digest of the shard keys that all these runs have in common; null: one run has the whole destination. */
  readonly keys: string | null
  readonly runs: readonly string[]
}

export const HEARTBEAT: DocumentType<Heartbeat> = { kind: 'heartbeat', version: 1 }
export const SHARD_LEASE: DocumentType<ShardLease> = { kind: 'lease', version: 1 }
export const LEASE_MODE: DocumentType<LeaseMode> = { kind: 'lease-mode', version: 1 }

export const heartbeatKey = (run: string): StoreKey => storeKey('heartbeats', run)
export const shardLeaseKey = (destination: string, shard: string): StoreKey => storeKey('leases', destination, shard)
export const leaseModeKey = (destination: string): StoreKey => storeKey('lease-modes', destination)

/** What clocks may be wrong by: the holder stops so much before its end, others take over so much after it. */
export function marginOf(leaseMs: number): number {
  return leaseMs / 6
}

export type Standing =
  /** No heartbeat: what points to it is free. */
  | { readonly kind: 'gone' }
  | {
      readonly kind: 'alive' | 'expired' | 'dead'
      readonly holder: Heartbeat
      /** By the store's clock, UTC ms. */
      readonly expiresAt: number
      readonly etag: string
    }

export interface StandingQuestion {
  readonly store: ObjectStore
  readonly run: string
  /** By the store's clock, UTC ms. */
  readonly now: number
  /** Whether a process on this host is gone for certain. */
  readonly isDead: (holder: LeaseHolder) => boolean
}

export async function standingOf({ store, run, now, isDead }: StandingQuestion): Promise<Standing> {
  const found = await readDocument(store, heartbeatKey(run), HEARTBEAT)
  if (found.kind === 'missing' || found.value.ended === true) return { kind: 'gone' }
  const holder = found.value
  const expiresAt = found.modifiedAt + holder.leaseMs
  const facts = { holder, expiresAt, etag: found.etag }
  if (isDead(holder)) return { kind: 'dead', ...facts }
  return { kind: now > expiresAt + marginOf(holder.leaseMs) ? 'expired' : 'alive', ...facts }
}

/**
 * Ends the lease of a run that is dead or expired by removing exactly the heartbeat that said so: if it was renewed meanwhile the run is alive.
 * From here on its run can neither renew nor pass a `verify`, so what points to it may be taken.
 */
export async function endIfOver(question: StandingQuestion): Promise<Standing> {
  for (;;) {
    const standing = await standingOf(question)
    if (standing.kind === 'gone' || standing.kind === 'alive') return standing
    if (await endHeartbeat(question.store, { etag: standing.etag, value: standing.holder })) return { kind: 'gone' }
  }
}

/** False when it is another by now. */
export async function endHeartbeat(
  store: ObjectStore,
  { etag, value }: { readonly etag: string; readonly value: Heartbeat },
): Promise<boolean> {
  const key = heartbeatKey(value.run)
  try {
    return (await store.delete(key, { etag })).kind !== 'conflict'
  } catch (error) {
    if (!isDenied(error)) throw error
    const options = { condition: { kind: 'if-etag', etag }, metadata: ENDED } as const
    return (await writeDocument(store, key, HEARTBEAT, { ...value, ended: true }, options)).kind !== 'conflict'
  }
}

const ENDED = { ended: 'true' } as const

/** Of the head of a heartbeat. */
export function isEnded({ metadata }: StoredHead): boolean {
  return metadata['ended'] === ENDED.ended
}

/** Whether the store forbids what was tried, as a retention does with deletes. */
export function isDenied(error: unknown): boolean {
  return isTrueupError(error) && error.details['denied'] === true
}
