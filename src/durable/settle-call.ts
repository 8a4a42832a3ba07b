// One call of a durable function against the store: recorded, waited for, claimed and carried out, or in doubt. In: a pending call. Out: the
// text of its result. The order is the safety: claim → (still mine?) → effect → result; whatever stands when the process dies is never free.
import { isTrueupError, toError } from '../errors.js'
import type { DurableAnswer } from '../durable-types.js'
import { readDocument, writeDocument } from '../store/document.js'
import { ifUnchanged, type PutCondition } from '../store/object-store.js'
import { keepClaim, momentOf, type Held } from './claim.js'
import { probeAnswerOf } from './definition.js'
import { DURABLE_CALL, durableKey, marginOf, type DurableCall, type DurableClaim } from './durable-call.js'
import {
  busy,
  inDoubt,
  otherArguments,
  unrecorded,
  unstorable,
  waitingText,
  type PendingCall,
  type Settled,
  type SharedSurroundings,
  type StoredCall,
} from './protocol.js'
import { refuseFault } from './refuse-bent.js'
import { freezeValue } from './values.js'

const FIRST_WAIT_MS = 4
const LONGEST_WAIT_MS = 1_000
/** A caller says that it waits once it has waited for so long. */
const QUIET_MS = 1_000
/** Waits between attempts to write down what has happened. */
const WRITE_AGAIN_MS = [50, 500, 2_000]

/** Answers a call, and keeps what it gave. */
export async function settleCall(around: SharedSurroundings, pending: PendingCall): Promise<Settled> {
  return new Settlement(around, pending).settle()
}

/** What is recorded and may be used, if anything. Writes nothing. @throws durable-conflict, value-unsupported */
export async function recordedCall(around: SharedSurroundings, pending: PendingCall): Promise<Settled | undefined> {
  return new Settlement(around, pending).recorded()
}

class Settlement {
  readonly #around: SharedSurroundings
  readonly #pending: PendingCall
  /** Carried out by this very caller, and settled otherwise by somebody else: never carried out again. */
  #happened: DurableCall | undefined
  #waited: { readonly since: number; delay: number; told: boolean } | undefined

  constructor(around: SharedSurroundings, pending: PendingCall) {
    this.#around = around
    this.#pending = pending
  }

  async recorded(): Promise<Settled | undefined> {
    const found = await this.#read()
    return found === undefined ? undefined : this.#usable(found)
  }

  async settle(): Promise<Settled> {
    for (;;) {
      const found = await this.#read()
      const usable = found === undefined ? undefined : this.#usable(found)
      const settled = usable ?? (await this.#step(found))
      if (settled !== undefined) return this.#waited === undefined ? settled : { ...settled, how: 'waited' }
    }
  }

  /** Undefined: somebody else was quicker, look again. */
  async #step(found: StoredCall | undefined): Promise<Settled | undefined> {
    switch (found?.value.state) {
      case 'claimed':
        return this.#meetClaim(found)
      case 'in-doubt':
        return this.#meetDoubt(found)
      // Absent, failed, or a cached result that is too old.
      default:
        return this.#claim(found)
    }
  }

  async #read(): Promise<StoredCall | undefined> {
    const { store, namespace } = this.#around
    const { identity } = this.#pending
    const found = await readDocument(store, durableKey(namespace, identity.id), DURABLE_CALL)
    if (found.kind === 'missing') return undefined
    if (found.value.args !== identity.args) throw otherArguments(found.value, identity)
    return found
  }

  #usable({ value: call, modifiedAt }: StoredCall): Settled | undefined {
    if (call.state !== 'done') return undefined
    const { definition, identity } = this.#pending
    const { ttlMs } = definition
    if (ttlMs !== undefined && this.#around.clock.now() - modifiedAt >= ttlMs) return undefined
    if (call.value === undefined) throw unstorable(call, identity.id)
    return { text: call.value, how: definition.idempotent ? 'idempotent-hit' : 'cache-hit' }
  }

  /** Another caller is at it: waited for while it lives. What only computes is taken over, an effect is in doubt. */
  async #meetClaim(found: StoredCall): Promise<Settled | undefined> {
    if (!(await this.#isOver(found))) {
      await this.#wait(found.value)
      return undefined
    }
    if (!this.#pending.definition.idempotent) return this.#claim(found)
    await this.#write({ ...found.value, state: 'in-doubt' }, { kind: 'if-etag', etag: found.etag })
    return undefined
  }

  async #isOver({ value: { claim }, modifiedAt }: StoredCall): Promise<boolean> {
    const { store, clock, isDead } = this.#around
    if (isDead(claim)) return true
    const waited = this.#waited === undefined ? 0 : clock.monotonic() - this.#waited.since
    // Asking the store's clock costs a write on some stores: only when it may be so, by either measure.
    if (Math.max(clock.now() - modifiedAt, waited) < claim.leaseMs / 2) return false
    return (await store.now()) > modifiedAt + claim.leaseMs + marginOf(claim.leaseMs)
  }

  async #wait(call: DurableCall): Promise<void> {
    const { clock, random, stop, waitMs, onWait } = this.#around
    const { id } = this.#pending.identity
    this.#waited ??= { since: clock.monotonic(), delay: FIRST_WAIT_MS, told: false }
    const waited = clock.monotonic() - this.#waited.since
    if (waited >= waitMs) throw busy(call, id, waitMs)
    if (!this.#waited.told && waited >= QUIET_MS) {
      this.#waited.told = true
      onWait(waitingText(call, id))
    }
    await clock.sleep(Math.min(waitMs - waited, this.#waited.delay * (0.5 + random() / 2)), stop)
    this.#waited.delay = Math.min(this.#waited.delay * 2, LONGEST_WAIT_MS)
  }

  async #meetDoubt(found: StoredCall): Promise<Settled | undefined> {
    const { definition, args, identity, enter } = this.#pending
    const { onDoubt, name } = definition
    if (this.#happened !== undefined) throw inDoubt(found.value, identity.id)
    // Marked by another version of the code, when it was still idempotent.
    if (!definition.idempotent || onDoubt === 'retry') return this.#claim(found)
    if (onDoubt === 'stop') throw inDoubt(found.value, identity.id)
    let given: unknown
    try {
      given = await enter(() => onDoubt(...args))
    } catch (thrown) {
      throw inDoubt(
        found.value,
        identity.id,
        new Error(`its probe failed: ${toError(thrown).message}`, { cause: thrown }),
      )
    }
    const answer = probeAnswerOf(name, given)
    if (answer === 'unknown') throw inDoubt(found.value, identity.id)
    if (answer === 'absent') return this.#claim(found)
    const next = this.#withResult(found.value, answer.done)
    const stored = await this.#write(next, { kind: 'if-etag', etag: found.etag })
    return stored === undefined ? undefined : this.#answer(next, 'idempotent-hit')
  }

  async #claim(found: StoredCall | undefined): Promise<Settled | undefined> {
    const around = this.#around
    const pending = this.#pending
    const { clock, lease, leaseMs, stop } = around
    const condition = ifUnchanged(found)
    if (this.#happened !== undefined) {
      const call = this.#happened
      return (await this.#write(call, condition)) === undefined ? undefined : this.#answer(call, 'executed')
    }
    await around.admitStore(around.store)
    stop.throwIfAborted()
    await lease?.check()
    const claim: DurableClaim = {
      ...around.claimant,
      id: around.newId(),
      at: clock.now(),
      leaseMs,
      fence: lease?.token(pending.shard) ?? null,
    }
    const call = this.#fresh(claim)
    const at = momentOf(clock)
    const etag = await this.#write(call, condition)
    if (etag === undefined) return undefined
    const held = keepClaim({ around, key: durableKey(around.namespace, pending.identity.id), call, etag, at })
    try {
      return await this.#carryOut(held)
    } finally {
      await held.end()
    }
  }

  #fresh(claim: DurableClaim): DurableCall {
    const { definition, identity } = this.#pending
    const { name, version, idempotent, cached, ttlMs } = definition
    return {
      namespace: this.#around.namespace,
      name,
      version,
      idempotent,
      cached,
      label: identity.label,
      args: identity.args,
      state: 'claimed',
      claim,
      ...(ttlMs === undefined ? {} : { ttlMs }),
    }
  }

  async #carryOut(held: Held): Promise<Settled | undefined> {
    const { lease, stop, giveUp } = this.#around
    const { definition, args, identity, enter } = this.#pending
    try {
      stop.throwIfAborted()
      await lease?.check()
      // The process may have been frozen since it claimed: then somebody may have found the claim in doubt.
      if (!(await held.isStillMine())) {
        await held.write({ ...held.call, state: 'failed' })
        return undefined
      }
    } catch (thrown) {
      // Nothing was started. Where this cannot be written either, the call counts as in doubt: the safe side.
      await held.write({ ...held.call, state: 'failed' }).catch(() => undefined)
      throw thrown
    }
    let value: unknown
    try {
      value = await enter(() => definition.fn(...args))
    } catch (thrown) {
      const isUnknown = giveUp.aborted || (isTrueupError(thrown) && thrown.code === 'outcome-unknown')
      const state = definition.idempotent && isUnknown ? 'in-doubt' : 'failed'
      const next = { ...held.call, state } as const
      // That it cannot be written makes a failed call one in doubt, and one in doubt stays one.
      await this.#finish(held, next).catch(() => undefined)
      throw state === 'in-doubt' ? inDoubt(next, identity.id, thrown) : thrown
    }
    const next = this.#withResult(held.call, value)
    try {
      // Lost to who found this call in doubt and settled it: what is recorded now counts.
      if (!(await this.#finish(held, next))) {
        this.#happened = next
        return undefined
      }
    } catch (thrown) {
      throw unrecorded(held.call, identity.id, thrown)
    }
    return this.#answer(next, 'executed')
  }

  /** With its result, or with why there is none. What only computes has then failed. */
  #withResult(call: DurableCall, value: unknown): DurableCall {
    const frozen = freezeValue(value, this.#around.isSecret)
    if (frozen.kind === 'frozen') return { ...call, state: 'done', value: frozen.text }
    const { path, found } = frozen.fault
    // A path may be made of keys of data.
    const unstorableResult = { path: this.#around.redact(path), found }
    return { ...call, state: call.idempotent ? 'done' : 'failed', unstorable: unstorableResult }
  }

  #answer(call: DurableCall, how: DurableAnswer): Settled {
    const { definition, identity } = this.#pending
    if (call.value !== undefined) return { text: call.value, how }
    if (call.idempotent) throw unstorable(call, identity.id)
    throw refuseFault(
      `${definition.name}: its result`,
      call.unstorable ?? { path: '', found: '' },
      ', so it cannot be cached',
    )
  }

  /** What has happened is written more than once if need be. False: it is settled otherwise by now. */
  async #finish(held: Held, next: DurableCall): Promise<boolean> {
    const { clock, giveUp } = this.#around
    for (let attempt = 0; ; attempt += 1) {
      try {
        return await held.write(next)
      } catch (thrown) {
        const delay = WRITE_AGAIN_MS[attempt]
        if (delay === undefined || giveUp.aborted) throw thrown
        await clock.sleep(delay, giveUp).catch(() => undefined)
      }
    }
  }

  /** The new etag; undefined when somebody else was quicker. */
  async #write(call: DurableCall, condition: PutCondition): Promise<string | undefined> {
    const { store, namespace } = this.#around
    const key = durableKey(namespace, this.#pending.identity.id)
    const put = await writeDocument(store, key, DURABLE_CALL, call, { condition })
    return put.kind === 'stored' ? put.etag : undefined
  }
}
