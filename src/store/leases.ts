// Leases of an apply: one heartbeat a run, the destination's mode, and one document a shard that points to the heartbeat. In: who asks for
// what. Out: a lease that guards the run, or a `lease-held` error. It must not wait for a lease while it holds another.
//
// The protocol; every arrow is one conditional write:
//
//   1 heartbeats/<run>            absent ─▶ mine                                       (renewed beside all that follows: heartbeat.ts)
//   2 lease-modes/<destination>   free ─▶ whole | shared, or shared ─▶ shared with me   (lease-mode.ts)
//   3 leases/<destination>/<shard>, in sorted order
//        absent | free(token) ─▶ held(token + 1, my run)
//        held(token, other)   ─▶ held(token + 1, my run)    only when the other's heartbeat is gone
//   back, also on a conflict: 3 ─▶ free(token), then 2 left, then 1 removed
//
//   Taking over: another's heartbeat goes only when it is expired (store's clock, plus a margin) or its process on this host is dead, and only
//   by the etag that was judged. That removal is the one moment at which a lease changes hands: before it the holder can renew and nobody
//   takes; after it the holder's renewal and its `verify` fail and what points to it is free. Since 1 comes before 3 and goes after it, a
//   lease that points to no heartbeat is abandoned, never in the making.
//
//   Fencing: the token rises with each lease of a shard and is never given back (the document stays). Marks, journal and ledger carry it. What
//   a frozen run still writes is written by the etag it knew or followed by `verify`; who comes after rewrites what it left under a
//   higher token first, so an old write finds another etag.
import { randomInt } from 'node:crypto'
import { TrueupError } from '../errors.js'
import type { Clock } from '../util/clock.js'
import { formatDuration } from '../util/duration.js'
import { readDocument, writeDocument } from './document.js'
import { startHeartbeat, type BeatingHeart } from './heartbeat.js'
import { endIfOver, SHARD_LEASE, shardLeaseKey, type LeaseHolder, type ShardLease } from './lease-documents.js'
import type { LeaseGuard } from './lease-guard.js'
import { enterMode, leaveMode, type Alive } from './lease-mode.js'
import { requireLocking } from './locking.js'
import { refuseMoved } from './moved.js'
import { ifUnchanged, type ObjectStore } from './object-store.js'

/** How long a lease outlives its last renewal, ms. */
export const LEASE_MS = 60_000

export interface LeaseRequest {
  readonly store: ObjectStore
  readonly clock: Clock
  readonly destination: string
  readonly shards: readonly string[]
  /** Digest of all shard keys of the target; null takes the whole destination. */
  readonly keys: string | null
  readonly holder: LeaseHolder
  /** Whether a process on this host is gone for certain. */
  readonly isDead: (holder: LeaseHolder) => boolean
  /** How long the lease outlives its last renewal, ms. */
  readonly leaseMs: number
  /** How long to wait for a held lease, ms; 0 does not. */
  readonly waitMs: number
  /** Waits without limit for a run of this very process, which gives back what it has. @defaultValue false */
  readonly waitForOwn?: boolean
  /** The highest token that a shard's state documents know: a store whose leases were removed must not begin anew. */
  readonly atLeast: (shard: string) => number
  /** Ends the waiting. */
  readonly stop: AbortSignal
  /** Called once, when the waiting begins, with a sentence that names the holder. */
  readonly onWait: (message: string) => void
  /** From 0 up to 1, for the back-off. @defaultValue node:crypto */
  readonly random?: () => number
}

export interface Lease extends LeaseGuard {
  /** Shards whose holder did not give them back. */
  readonly abandoned: ReadonlySet<string>
  release(): Promise<void>
}

const FIRST_WAIT_MS = 100
const LONGEST_WAIT_MS = 2_000

/**
 * @throws lease-held when another run has what is asked for, and still has it after `waitMs`
 * @throws store-refused when the store does not keep conditions, or was moved
 */
export async function takeLease(request: LeaseRequest): Promise<Lease> {
  const { clock, waitMs, stop } = request
  await requireLocking(request.store, clock)
  const random = request.random ?? (() => randomInt(1_000_000) / 1_000_000)
  const until = clock.monotonic() + waitMs
  for (let delay = FIRST_WAIT_MS, isFirst = true; ; delay = Math.min(delay * 2, LONGEST_WAIT_MS), isFirst = false) {
    stop.throwIfAborted()
    const taken = await tryTake(request)
    if (taken.kind === 'taken') return taken.lease
    const left = until - clock.monotonic()
    const isOwn = request.waitForOwn === true && isSameProcess(request.holder, taken.by.holder)
    if (left <= 0 && !isOwn) throw new TrueupError('lease-held', heldText(request, taken), heldDetails(request, taken))
    const howLong = isOwn ? '' : ` up to ${formatDuration(waitMs)}`
    if (isFirst) request.onWait(`${heldBy(request, taken)}. Waiting for it${howLong}.`)
    const pause = delay * (0.5 + random() / 2)
    await clock.sleep(isOwn ? pause : Math.min(left, pause), stop)
  }
}

function isSameProcess(one: LeaseHolder, other: LeaseHolder): boolean {
  return one.host === other.host && one.pid === other.pid && one.processStart === other.processStart
}

interface Held {
  readonly kind: 'held'
  readonly by: Alive
  /** Undefined: the destination as a whole is. */
  readonly shard: string | undefined
}

async function tryTake(request: LeaseRequest): Promise<Held | { readonly kind: 'taken'; readonly lease: Lease }> {
  const { store, clock, destination, holder, leaseMs } = request
  const heart = await startHeartbeat({ store, clock, holder, leaseMs })
  const held = new Map<string, { readonly etag: string; readonly value: ShardLease }>()
  const abandoned = new Set<string>()
  const giveBack = async (): Promise<void> => {
    for (const [shard, { etag, value }] of held) {
      const condition = { kind: 'if-etag', etag } as const
      // What is lost in a power cut still points to a run whose heartbeat is gone.
      const options = { condition, durable: false }
      await writeDocument(store, shardLeaseKey(destination, shard), SHARD_LEASE, { ...value, run: null }, options)
    }
    await leaveMode(store, destination, holder.run)
  }
  const release = async (): Promise<void> => {
    try {
      // What was under way may still be: a lease that was lost is not given to the next, it expires.
      if (!heart.signal.aborted) await giveBack()
    } finally {
      await heart.stop()
    }
  }
  try {
    const { keys, isDead } = request
    const storeNow = (): number => heart.storeNow()
    let by = await enterMode({ store, destination, run: holder.run, keys, storeNow, isDead })
    let shard: string | undefined
    for (const next of by === undefined ? [...new Set(request.shards)].sort() : []) {
      by = await takeShard({ request, heart, held, abandoned }, next)
      shard = next
      if (by !== undefined) break
    }
    if (by !== undefined) {
      await release()
      // Late already: its heartbeat stays until it expires, and the run cannot have a second one.
      heart.signal.throwIfAborted()
      return { kind: 'held', by, shard }
    }
    // Nothing is a lease before the store has said so once more: all this may have taken longer than it.
    await heart.verify()
    // After the lease, so that who moves the store sees the lease, or this sees the mark.
    await refuseMoved(store)
    request.stop.throwIfAborted()
  } catch (error) {
    await release().catch(() => undefined)
    throw error
  }
  const token = (shard: string): number => {
    const found = held.get(shard)
    if (found === undefined) throw new Error(`Internal error: no lease was taken of the shard ${JSON.stringify(shard)}`)
    return found.value.token
  }
  return {
    kind: 'taken',
    lease: {
      abandoned,
      signal: heart.signal,
      check: () => heart.check(),
      verify: () => heart.verify(),
      token,
      release,
    },
  }
}

interface Taking {
  readonly request: LeaseRequest
  readonly heart: BeatingHeart
  readonly held: Map<string, { readonly etag: string; readonly value: ShardLease }>
  readonly abandoned: Set<string>
}

/** Undefined when taken; else who has it. */
async function takeShard({ request, heart, held, abandoned }: Taking, shard: string): Promise<Alive | undefined> {
  const { store, destination, holder, isDead } = request
  const key = shardLeaseKey(destination, shard)
  for (;;) {
    await heart.check()
    const found = await readDocument(store, key, SHARD_LEASE)
    const other = found.kind === 'found' ? found.value.run : null
    const isLeft = other !== null && other !== holder.run
    if (isLeft) {
      const standing = await endIfOver({ store, run: other, now: heart.storeNow(), isDead })
      if (standing.kind !== 'gone') return standing
    }
    const before = found.kind === 'found' ? found.value.token : 0
    const token = Math.max(before, request.atLeast(shard)) + 1
    const value: ShardLease = { destination, shard, token, run: holder.run, since: heart.storeNow() }
    const put = await writeDocument(store, key, SHARD_LEASE, value, { condition: ifUnchanged(found) })
    if (put.kind !== 'stored') continue
    held.set(shard, { etag: put.etag, value })
    if (isLeft) abandoned.add(shard)
    return undefined
  }
}

function heldBy({ holder: { target }, destination }: LeaseRequest, { by, shard }: Held): string {
  const { holder, expiresAt } = by
  const whole = shard === undefined && destination !== target ? ` (its destination ${destination})` : ''
  const what = shard === undefined || shard === '' ? `${target}${whole}` : `${target}, shard ${shard},`
  const of = holder.target === target ? '' : ` (${holder.target})`
  const url = holder.url === null ? '' : ` (${holder.url})`
  const end = new Date(expiresAt).toISOString().slice(11, 19)
  return `${what} is held by run ${holder.run}${of} on ${holder.host}${url} until ${end} UTC`
}

function heldText(request: LeaseRequest, held: Held): string {
  const { waitMs } = request
  const hint = waitMs === 0 ? 'Wait for it with --lease-wait 2m.' : `Waited ${formatDuration(waitMs)} for it.`
  return `${heldBy(request, held)}. ${hint}`
}

function heldDetails({ destination }: LeaseRequest, { by, shard }: Held): ConstructorParameters<typeof TrueupError>[2] {
  const { run, target, host, pid, url, actor } = by.holder
  const holder = { run, target, host, pid, url, actor, expiresAt: by.expiresAt }
  return { retryable: true, details: { destination, ...(shard === undefined ? {} : { shard }), holder } }
}
