// One run's sign of life in the store: written by if-absent, renewed by if-etag every third of the lease time, and the judge of whether the
// lease still holds. It must not take a lease for held because nobody told it otherwise: late is lost, whoever asks.
//
//   beating ──renewed──▶ beating
//      │ 5/6 of the lease time since the last renewal was sent (monotonic), or the object is gone
//      ▼
//    lost: signal aborted, for good
//
// A renewal counts from before it was sent, so the store's end of the lease is never earlier than ours. A machine that slept may have a
// monotonic clock that did too: then the wall clock says late, and the store is asked by renewing.
import { TrueupError } from '../errors.js'
import type { Clock } from '../util/clock.js'
import { readDocument, writeDocument } from './document.js'
import {
  endHeartbeat,
  HEARTBEAT,
  heartbeatKey,
  isEnded,
  marginOf,
  type Heartbeat,
  type LeaseHolder,
} from './lease-documents.js'
import type { LeaseGuard } from './lease-guard.js'
import type { ObjectStore, StoreKey } from './object-store.js'

export interface HeartbeatOptions {
  readonly store: ObjectStore
  readonly clock: Clock
  readonly holder: LeaseHolder
  readonly leaseMs: number
}

export interface BeatingHeart extends Omit<LeaseGuard, 'token'> {
  /** The store's clock, never ahead of it; UTC ms. */
  storeNow(): number
  /** Stops renewing and removes the heartbeat, unless it was lost: then it expires. What hangs on it must have been released before. */
  stop(): Promise<void>
}

export async function startHeartbeat(options: HeartbeatOptions): Promise<BeatingHeart> {
  const heart = new Heart(options)
  try {
    await heart.start()
  } catch (error) {
    await heart.stop().catch(() => undefined)
    throw error
  }
  return heart
}

interface Moment {
  readonly monotonic: number
  readonly wall: number
}

class Heart implements BeatingHeart {
  readonly #options: HeartbeatOptions
  readonly #key: StoreKey
  readonly #lost = new AbortController()
  readonly #ended = new AbortController()
  /** How long a renewal may be trusted. */
  readonly #trustedMs: number
  #etag = ''
  #beat = 0
  /** Taken before the last renewal that was answered was sent. */
  #last: Moment
  #seen = { store: 0, monotonic: 0 }
  #renewing: Promise<void> | undefined

  constructor(options: HeartbeatOptions) {
    this.#options = options
    this.#key = heartbeatKey(options.holder.run)
    this.#trustedMs = options.leaseMs - marginOf(options.leaseMs)
    this.#last = this.#moment()
  }

  get signal(): AbortSignal {
    return this.#lost.signal
  }

  async start(): Promise<void> {
    const { store, clock, holder } = this.#options
    this.#last = this.#moment()
    const put = await writeDocument(store, this.#key, HEARTBEAT, this.#value(), { condition: { kind: 'if-absent' } })
    const written = clock.monotonic()
    if (put.kind !== 'stored') throw new Error(`Internal error: run ${holder.run} has a heartbeat already`)
    this.#etag = put.etag
    const head = await store.head(this.#key)
    if (head.kind === 'missing') throw this.#lose('it was released')
    this.#seen = { store: head.modifiedAt, monotonic: written }
    void this.#watch().catch(() => undefined)
    void this.#keepRenewing().catch(() => undefined)
  }

  storeNow(): number {
    return this.#seen.store + Math.max(0, this.#options.clock.monotonic() - this.#seen.monotonic)
  }

  async check(): Promise<void> {
    this.#refuseIfLate()
    // The machine may sleep again while the answer comes.
    while (this.#mayHaveSlept()) {
      await this.#renew()
      this.#refuseIfLate()
    }
  }

  async verify(): Promise<void> {
    do {
      await this.check()
      const head = await this.#options.store.head(this.#key)
      if (head.kind === 'missing' || isEnded(head))
        throw this.#lose('another run took it over, or it was released by hand')
      // The answer may be old by now: the process may have been frozen while it came, or the machine may have slept.
      this.#refuseIfLate()
    } while (this.#mayHaveSlept())
  }

  async stop(): Promise<void> {
    this.#ended.abort()
    await this.#renewing?.catch(() => undefined)
    if (this.#lost.signal.aborted) return
    const { store } = this.#options
    // Whatever is there is our own: also what a renewal wrote whose answer was lost.
    const found = await readDocument(store, this.#key, HEARTBEAT)
    if (found.kind === 'found') await endHeartbeat(store, found)
  }

  /** Late by the wall clock alone: the monotonic one stands still with some machines that sleep. */
  #mayHaveSlept(): boolean {
    return this.#options.clock.now() - this.#last.wall >= this.#trustedMs
  }

  #refuseIfLate(): void {
    if (!this.#lost.signal.aborted && this.#options.clock.monotonic() - this.#last.monotonic >= this.#trustedMs)
      this.#lose('it was not renewed in time: the process or the store stood still')
    this.#lost.signal.throwIfAborted()
  }

  #lose(why: string): TrueupError {
    const { run, target } = this.#options.holder
    const error = new TrueupError(
      'lease-lost',
      `${target}: run ${run} lost its lease: ${why}. Nothing more is started; what was under way is unknown and looked at by the next run.`,
      { retryable: true, details: { run, target } },
    )
    this.#lost.abort(error)
    this.#ended.abort()
    return error
  }

  /** One renewal at a time; whoever asks meanwhile waits for it. */
  #renew(): Promise<void> {
    this.#renewing ??= this.#renewOnce().finally(() => {
      this.#renewing = undefined
    })
    return this.#renewing
  }

  async #renewOnce(): Promise<void> {
    const { store } = this.#options
    for (;;) {
      const before = this.#moment()
      this.#beat += 1
      const condition = { kind: 'if-etag', etag: this.#etag } as const
      const put = await writeDocument(store, this.#key, HEARTBEAT, this.#value(), { condition, durable: false })
      if (put.kind === 'stored') {
        this.#etag = put.etag
        this.#last = before
        return
      }
      // Others can only remove it: if it is there, an answer to one of our own renewals was lost.
      const found = await readDocument(store, this.#key, HEARTBEAT)
      if (found.kind === 'missing' || found.value.ended === true)
        throw this.#lose('another run took it over, or it was released by hand')
      this.#etag = found.etag
    }
  }

  async #keepRenewing(): Promise<void> {
    const { clock, leaseMs } = this.#options
    for (let delay = leaseMs / 3; ;) {
      // In the background: a run that waits for nothing else hangs, and must be seen to.
      await clock.sleep(delay, this.#ended.signal, { background: true })
      this.#refuseIfLate()
      try {
        await this.#renew()
        delay = leaseMs / 3
      } catch {
        // Lost, and then the next sleep ends this; or the store is away, and may be back in time.
        delay = leaseMs / 12
      }
    }
  }

  /** Ends the lease in time also while a renewal hangs. */
  async #watch(): Promise<void> {
    const { clock } = this.#options
    for (;;) {
      await clock.sleep(Math.max(1, this.#last.monotonic + this.#trustedMs - clock.monotonic()), this.#ended.signal, {
        background: true,
      })
      this.#refuseIfLate()
    }
  }

  #moment(): Moment {
    const { clock } = this.#options
    return { monotonic: clock.monotonic(), wall: clock.now() }
  }

  #value(): Heartbeat {
    const { holder, leaseMs } = this.#options
    return { ...holder, leaseMs, beat: this.#beat }
  }
}
