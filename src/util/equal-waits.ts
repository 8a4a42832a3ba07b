// Things that wait equally long come in; each is handed back when its time is over, unless it was taken out before. One sleep for all of them: most are
// taken out long before, and a timer with its own way to be stopped costs more than what it watches over. It does not keep the process alive.
import type { Clock } from './clock.js'

export class EqualWaits<T> {
  readonly #clock: Clock
  readonly #ms: number
  readonly #onDue: (item: T) => void
  /** When each is due, by the monotonic clock. In that order too: all wait equally long. */
  readonly #waiting = new Map<T, number>()
  #isTicking = false

  /** @param onDue must not throw */
  constructor(clock: Clock, ms: number, onDue: (item: T) => void) {
    this.#clock = clock
    this.#ms = ms
    this.#onDue = onDue
  }

  add(item: T): void {
    this.#waiting.set(item, this.#clock.monotonic() + this.#ms)
    if (!this.#isTicking) void this.#tick()
  }

  remove(item: T): void {
    this.#waiting.delete(item)
  }

  async #tick(): Promise<void> {
    this.#isTicking = true
    // Also what is added meanwhile. What is taken out is passed over, and the sleep for it ends before the next one is due.
    for (const [item, due] of this.#waiting) {
      const left = due - this.#clock.monotonic()
      if (left > 0) await this.#clock.sleep(left, undefined, { background: true })
      if (this.#waiting.delete(item)) this.#onDue(item)
    }
    this.#isTicking = false
  }
}
