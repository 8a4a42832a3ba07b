// The calls of durable functions in a store, for people; and what a person says of one. Reads; writes only what is said, over exactly what was read.
import { readDocument, writeDocument } from '../store/document.js'
import type { ObjectStore, StoreKey } from '../store/object-store.js'
import {
  DURABLE_CALL,
  DURABLE_PREFIX,
  marginOf,
  type Claimant,
  type DoubtResolution,
  type DurableCall,
} from './durable-call.js'
import { freezeValue } from './values.js'

export interface ListedCall {
  /** 64 hex digits. */
  readonly id: string
  readonly key: StoreKey
  readonly call: DurableCall
  /** As a caller would find it: a claim whose holder is gone is in doubt, or of what only computes, failed. */
  readonly state: DurableCall['state']
  readonly etag: string
  /** By the store's clock, UTC ms. */
  readonly modifiedAt: number
}

export interface ListOptions {
  readonly store: ObjectStore
  readonly isDead: (claimant: Claimant) => boolean
}

/** All of them, by namespace and id. */
export async function listCalls({ store, isDead }: ListOptions): Promise<readonly ListedCall[]> {
  const calls: ListedCall[] = []
  let now: number | undefined
  for await (const { key } of store.list(DURABLE_PREFIX)) {
    const found = await readDocument(store, key, DURABLE_CALL)
    if (found.kind === 'missing') continue
    const { value: call, etag, modifiedAt } = found
    let { state } = call
    if (state === 'claimed') {
      now ??= await store.now()
      const { leaseMs } = call.claim
      const isOver = isDead(call.claim) || now > modifiedAt + leaseMs + marginOf(leaseMs)
      if (isOver) state = call.idempotent ? 'in-doubt' : 'failed'
    }
    calls.push({ id: key.slice(key.lastIndexOf('/') + 1), key, call, state, etag, modifiedAt })
  }
  return calls
}

export interface Resolution {
  readonly as: 'done' | 'absent'
  /** With `done`: what the call gave. */
  readonly value?: unknown
  readonly by: Omit<DoubtResolution, 'as'>
}

/** Ends a doubt. False when the call is another by now. */
export async function resolveCall(store: ObjectStore, listed: ListedCall, resolution: Resolution): Promise<boolean> {
  const resolved: DoubtResolution = { ...resolution.by, as: resolution.as }
  const { value: _value, unstorable: _unstorable, ...call } = listed.call
  let next: DurableCall = { ...call, state: 'failed', resolved }
  if (resolution.as === 'done') {
    const frozen = freezeValue(resolution.value)
    if (frozen.kind === 'refused') throw new Error('Internal error: a JSON value cannot be stored')
    next = { ...call, state: 'done', resolved, value: frozen.text }
  }
  const condition = { kind: 'if-etag', etag: listed.etag } as const
  return (await writeDocument(store, listed.key, DURABLE_CALL, next, { condition })).kind === 'stored'
}

/** Forgets a call. False when it is another by now. */
export async function clearCall(store: ObjectStore, { key, etag }: ListedCall): Promise<boolean> {
  return (await store.delete(key, { etag })).kind !== 'conflict'
}
