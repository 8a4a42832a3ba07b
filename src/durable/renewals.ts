// Claims that this process holds come in; each is renewed every third of its lease until it is let go. Knows nothing of what renewing does.
import type { Clock } from '../util/clock.js'
import { EqualWaits } from '../util/equal-waits.js'

export interface Renewable {
  /** False: there is nothing left to renew, for instance once it is let go. What it throws may pass: it is asked again soon. */
  renew(): Promise<boolean>
}

export class Renewals {
  readonly #clock: Clock
  readonly #everyMs: number
  readonly #held: EqualWaits<Renewable>

  constructor(clock: Clock, leaseMs: number) {
    this.#clock = clock
    this.#everyMs = leaseMs / 3
    this.#held = new EqualWaits(clock, this.#everyMs, (claim) => void this.#renew(claim))
  }

  add(claim: Renewable): void {
    this.#held.add(claim)
  }

  remove(claim: Renewable): void {
    this.#held.remove(claim)
  }

  async #renew(claim: Renewable): Promise<void> {
    for (;;) {
      try {
        if (await claim.renew()) this.add(claim)
        return
      } catch {
        // The store may be back in time.
        await this.#clock.sleep(this.#everyMs / 4, undefined, { background: true })
      }
    }
  }
}
