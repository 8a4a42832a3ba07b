// Exclusive claims of an apply on (destination, shard): by if-absent, in sorted order, all given back on a conflict.
// A claim left by a process of this host that is dead is taken over; any other is somebody else's until they release it.
import { TrueupError } from '../errors.js'
import { readDocument, writeDocument } from './document.js'
import { storeKey, type ObjectStore } from './object-store.js'

const CLAIM = { kind: 'claim', version: 1 } as const

export interface ClaimHolder {
  readonly run: string
  readonly target: string
  readonly host: string
  readonly pid: number
  /** Tells two processes with one pid apart: start time of the process, as text. */
  readonly processStart: string
  readonly url: string | null
  /** Store's clock, UTC ms. */
  readonly since: number
}

export interface Claims {
  /** Runs whose process died holding one of these claims. */
  readonly abandonedBy: readonly string[]
  release(): Promise<void>
}

export interface ClaimRequest {
  readonly store: ObjectStore
  readonly destination: string
  readonly shards: readonly string[]
  readonly holder: Omit<ClaimHolder, 'since'>
  /** Whether the process of a holder on this host is gone. */
  readonly isDead: (holder: ClaimHolder) => boolean
}

export async function takeClaims(request: ClaimRequest): Promise<Claims> {
  const { store, destination, holder } = request
  const held: { key: ReturnType<typeof storeKey>; etag: string }[] = []
  const abandonedBy = new Set<string>()
  const release = async (): Promise<void> => {
    // Every one is tried: a claim of a living host that stays behind keeps everybody out.
    const given = await Promise.allSettled(held.splice(0).map(({ key, etag }) => store.delete(key, { etag })))
    for (const one of given) if (one.status === 'rejected') throw one.reason
  }
  try {
    for (const shard of [...request.shards].sort()) {
      const key = storeKey('claims', destination, shard)
      const mine: ClaimHolder = { ...holder, since: await store.now() }
      let put = await writeDocument(store, key, CLAIM, mine, { condition: { kind: 'if-absent' } })
      if (put.kind === 'exists') {
        const other = await readDocument<ClaimHolder>(store, key, CLAIM)
        if (other.kind === 'missing') {
          put = await writeDocument(store, key, CLAIM, mine, { condition: { kind: 'if-absent' } })
        } else if (other.value.host === holder.host && request.isDead(other.value)) {
          abandonedBy.add(other.value.run)
          put = await writeDocument(store, key, CLAIM, mine, { condition: { kind: 'if-etag', etag: other.etag } })
        } else {
          throw heldBy(request, shard, other.value)
        }
      }
      if (put.kind !== 'stored') throw heldBy(request, shard, undefined)
      held.push({ key, etag: put.etag })
    }
  } catch (error) {
    // What is told is why the claims could not be had, not that giving back failed too.
    await release().catch(() => undefined)
    throw error
  }
  return { abandonedBy: [...abandonedBy], release }
}

function heldBy(request: ClaimRequest, shard: string, other: ClaimHolder | undefined): TrueupError {
  const what = shard === '' ? request.holder.target : `${request.holder.target}, shard ${shard},`
  const who =
    other === undefined
      ? 'another run'
      : `run ${other.run} (${other.target}) on ${other.host}, pid ${String(other.pid)}${other.url === null ? '' : ` (${other.url})`}, since ${new Date(other.since).toISOString()}`
  return new TrueupError('lease-held', `${what} is held by ${who}. Nothing was changed; try again when it has ended.`, {
    retryable: true,
    details: { destination: request.destination, shard, ...(other === undefined ? {} : { holder: other }) },
  })
}
