// Claims that this process holds come in; each is renewed every third of its lease until it is let go. One sleep for all of them: most calls are over
// long before, and a timer with its own way to be stopped costs more than the rest of holding a claim. Knows nothing of what renewing does.
import type { Clock } from '../util/clock.js'

export interface Renewable {
  /** False: there is nothing left to renew, for instance once it is let go. What it throws may pass: it is asked again soon. */
  renew(): Promise<boolean>
}

export class Renewals {
  readonly #clock: Clock
  readonly #everyMs: number
  /** When each is due, by the monotonic clock. In that order too: all wait equally long. */
  readonly #waiting = new Map<Renewable, number>()
  #isTicking = false

  constructor(clock: Clock, leaseMs: number) {
    this.#clock = clock
    this.#everyMs = leaseMs / 3
  }

  add(claim: Renewable): void {
    this.#waiting.set(claim, this.#clock.monotonic() + this.#everyMs)
    if (!this.#isTicking) void this.#tick()
  }

  remove(claim: Renewable): void {
    this.#waiting.delete(claim)
  }

  async #tick(): Promise<void> {
    this.#isTicking = true
    // Also what is added meanwhile. Whoever is let go is passed over, and the sleep for it ends before the next one is due.
    for (const [claim, due] of this.#waiting) {
      await this.#sleep(due - this.#clock.monotonic())
      if (this.#waiting.delete(claim)) void this.#renew(claim)
    }
    this.#isTicking = false
  }

  async #renew(claim: Renewable): Promise<void> {
    for (;;) {
      try {
        if (await claim.renew()) this.add(claim)
        return
      } catch {
        // The store may be back in time.
        await this.#sleep(this.#everyMs / 4)
      }
    }
  }

  async #sleep(ms: number): Promise<void> {
    if (ms > 0) await this.#clock.sleep(ms, undefined, { background: true })
  }
}
