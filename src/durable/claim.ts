// A claim that this process holds: renewed while its effect is under way, and replaced by what became of it. In: the claim as written.
// Must not: write over what somebody else made of it.
import { readDocument, writeDocument } from '../store/document.js'
import type { StoreKey } from '../store/object-store.js'
import { DURABLE_CALL, marginOf, type DurableCall } from './durable-call.js'
import type { Clock } from '../util/clock.js'
import type { SharedSurroundings } from './protocol.js'
import type { Renewable } from './renewals.js'

export interface Held {
  readonly call: DurableCall
  /** False when it may have been found in doubt meanwhile, and somebody has. @throws store-unavailable */
  isStillMine(): Promise<boolean>
  /** Puts the end in place of the claim, also of one that was found in doubt meanwhile. False when somebody else has settled it. */
  write(next: DurableCall): Promise<boolean>
  /** Stops renewing. */
  end(): Promise<void>
}

export interface Claimed {
  readonly around: SharedSurroundings
  readonly key: StoreKey
  readonly call: DurableCall
  readonly etag: string
  /** Taken before it was written. */
  readonly at: Moment
}

/** By both clocks: the monotonic one stands still with some machines that sleep, and the other may be set. */
export interface Moment {
  readonly monotonic: number
  readonly wall: number
}

export function momentOf(clock: Clock): Moment {
  return { monotonic: clock.monotonic(), wall: clock.now() }
}

export function keepClaim(claimed: Claimed): Held {
  return new KeptClaim(claimed)
}

class KeptClaim implements Held, Renewable {
  readonly call: DurableCall
  readonly #around: SharedSurroundings
  readonly #key: StoreKey
  #etag: string
  /** Before the last write that was answered was sent. */
  #at: Moment
  /** The end is written: a renewal that waited for that write must not put the claim back. */
  #isOver = false
  #isHeld = true
  /** One write at a time. */
  #last: Promise<unknown> = Promise.resolve()

  constructor({ around, key, call, etag, at }: Claimed) {
    this.call = call
    this.#around = around
    this.#key = key
    this.#etag = etag
    this.#at = at
    around.renewals.add(this)
  }

  async isStillMine(): Promise<boolean> {
    // The answer to a renewal may be as old as the claim was.
    while (this.#isLate()) if (!(await this.renew())) return false
    return true
  }

  #isLate(): boolean {
    const { clock, leaseMs } = this.#around
    const trustedMs = leaseMs - marginOf(leaseMs)
    return clock.monotonic() - this.#at.monotonic >= trustedMs || clock.now() - this.#at.wall >= trustedMs
  }

  async write(next: DurableCall): Promise<boolean> {
    return this.#alone(async () => {
      for (;;) {
        const put = await this.#put(next)
        if (put === 'stored') return (this.#isOver = true)
        const found = await readDocument(this.#around.store, this.#key, DURABLE_CALL)
        // Cleared by hand while it was under way: what has happened is told all the same.
        if (found.kind === 'missing') return await this.#create(next)
        const { claim, state, resolved, value } = found.value
        if (claim.id !== this.call.claim.id) return false
        // Settled by a person, or by a probe of who found it in doubt: that result counts, and others have it already.
        const isOurs = resolved === undefined && next.state === 'done' && value === next.value
        if (state === 'done' && !isOurs) return false
        // An answer to one of our own writes was lost.
        if (state === next.state && resolved === undefined) return true
        this.#etag = found.etag
      }
    })
  }

  async end(): Promise<void> {
    this.#isHeld = false
    this.#around.renewals.remove(this)
    await this.#last
  }

  async renew(): Promise<boolean> {
    return this.#alone(async () => {
      if (this.#isOver) return false
      if (!this.#isHeld) return false
      const before = momentOf(this.#around.clock)
      if ((await this.#put(this.call)) === 'stored') {
        this.#at = before
        return true
      }
      const found = await readDocument(this.#around.store, this.#key, DURABLE_CALL)
      if (found.kind === 'missing' || found.value.state !== 'claimed') return false
      if (found.value.claim.id !== this.call.claim.id) return false
      this.#etag = found.etag
      this.#at = before
      return true
    })
  }

  async #put(value: DurableCall): Promise<'stored' | 'lost'> {
    const options = { condition: { kind: 'if-etag', etag: this.#etag } } as const
    const put = await writeDocument(this.#around.store, this.#key, DURABLE_CALL, value, options)
    if (put.kind !== 'stored') return 'lost'
    this.#etag = put.etag
    return 'stored'
  }

  async #create(value: DurableCall): Promise<boolean> {
    const options = { condition: { kind: 'if-absent' } } as const
    return (await writeDocument(this.#around.store, this.#key, DURABLE_CALL, value, options)).kind === 'stored'
  }

  #alone<T>(work: () => Promise<T>): Promise<T> {
    const next = this.#last.catch(() => undefined).then(work)
    this.#last = next.catch(() => undefined)
    return next
  }
}
