// The far end's clock from the times in its answers. An answer that names a time came after it, so each is a lower bound; the highest counts.
// It must not run ahead of the far end: a lease would end early.
import type { Clock } from '../../util/clock.js'

export class StoreClock {
  readonly #clock: Clock
  #ahead: number | undefined

  constructor(clock: Clock) {
    this.#clock = clock
  }

  /** A time that was in an answer just received, UTC ms. */
  saw(time: number): void {
    if (!Number.isFinite(time)) return
    const ahead = time - this.#clock.monotonic()
    if (this.#ahead === undefined || ahead > this.#ahead) this.#ahead = ahead
  }

  /** Whole seconds, as the times in answers; UTC ms. Undefined before the first answer. */
  now(): number | undefined {
    if (this.#ahead === undefined) return undefined
    return Math.floor((this.#ahead + this.#clock.monotonic()) / 1000) * 1000
  }
}
