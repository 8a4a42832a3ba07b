// How a destination is in use: by one run as a whole, or by several that cut it into the same shards. One document, changed by if-etag only.
//
//   free (no document, or no run in it that lives)
//     ├─ a run of an unsharded target enters ─▶ whole   (keys: null, one run)      nobody else enters
//     └─ a run of a sharded target enters ────▶ shared  (keys: digest of all its shard keys)
//                                                 ├─ a run with the same digest enters: it is added; their shard leases part them
//                                                 └─ any other run: held
//   A run leaves by removing itself, the last one with the document. Runs in it whose heartbeat is gone count as left.
import { writeDocument, readDocument } from './document.js'
import {
  endIfOver,
  isDenied,
  LEASE_MODE,
  leaseModeKey,
  type Standing,
  type StandingQuestion,
} from './lease-documents.js'
import { ifUnchanged, type ObjectStore } from './object-store.js'

export interface ModeRequest extends Omit<StandingQuestion, 'run' | 'now'> {
  readonly destination: string
  readonly run: string
  /** Digest of all shard keys of the target; null takes the whole destination. */
  readonly keys: string | null
  readonly storeNow: () => number
}

export type Alive = Extract<Standing, { readonly kind: 'alive' | 'expired' | 'dead' }>

/** Undefined when entered; else a run that is in the way. */
export async function enterMode(request: ModeRequest): Promise<Alive | undefined> {
  const { store, destination, run, keys } = request
  const key = leaseModeKey(destination)
  for (;;) {
    const found = await readDocument(store, key, LEASE_MODE)
    const living: string[] = []
    if (found.kind === 'found') {
      const canShare = keys !== null && found.value.keys === keys
      for (const other of found.value.runs) {
        if (other === run) continue
        const standing = await endIfOver({ ...request, run: other, now: request.storeNow() })
        if (standing.kind === 'gone') continue
        if (!canShare) return standing
        living.push(other)
      }
    }
    const value = { keys, runs: [...living, run] }
    const put = await writeDocument(store, key, LEASE_MODE, value, { condition: ifUnchanged(found) })
    // Lost to another who entered or left: what is in it now decides.
    if (put.kind === 'stored') return undefined
  }
}

export async function leaveMode(store: ObjectStore, destination: string, run: string): Promise<void> {
  const key = leaseModeKey(destination)
  for (;;) {
    const found = await readDocument(store, key, LEASE_MODE)
    if (found.kind === 'missing' || !found.value.runs.includes(run)) return
    const runs = found.value.runs.filter((other) => other !== run)
    if (runs.length === 0) {
      try {
        if ((await store.delete(key, { etag: found.etag })).kind !== 'conflict') return
        continue
      } catch (error) {
        // Where nobody may delete, a document without runs says as much.
        if (!isDenied(error)) throw error
      }
    }
    const condition = { kind: 'if-etag', etag: found.etag } as const
    const put = await writeDocument(store, key, LEASE_MODE, { ...found.value, runs }, { condition })
    if (put.kind === 'stored') return
  }
}
