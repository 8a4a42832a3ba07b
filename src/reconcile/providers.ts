// Who `ctx.http` calls, and how often: a token bucket and a pause for each origin, shared by all runs of a process. In: rates of trueup.yaml.
// Out: a turn for each call, in the order of asking. Must not: send anything, or wait for a pause longer than is reasonable.
import type { Clock } from '../util/clock.js'
import { unlessAborted } from '../util/unless-aborted.js'

export interface ProviderRate {
  readonly perSecond: number
  /** Calls that may be sent at once after a time without any; from 1. */
  readonly burst: number
}

export type Turn =
  | { readonly kind: 'free'; readonly waitedMs: number }
  /** It asked not to be called for longer than is waited for; nothing may be sent. */
  | { readonly kind: 'paused'; readonly leftMs: number }

export interface Provider {
  /** Waits until a call may be sent. Rejects with the reason of `signal`. */
  turn(signal: AbortSignal): Promise<Turn>
  /** It asked not to be called for so long. */
  pause(ms: number): void
}

export interface Providers {
  /** @param origin `https://dns.example.com` */
  at(origin: string): Provider
}

export interface ProvidersOptions {
  readonly clock: Clock
  /** By origin. @defaultValue no rate */
  readonly rates?: ReadonlyMap<string, ProviderRate>
}

/** The longest pause that a call waits for, ms. */
export const LONGEST_WAIT_MS = 60_000
/** A longer pause is not believed, ms: a wrong header must not stop a process for good. */
const LONGEST_PAUSE_MS = 3_600_000

export function createProviders({ clock, rates }: ProvidersOptions): Providers {
  const known = new Map<string, Provider>()
  return {
    at(origin) {
      const provider = known.get(origin) ?? new Bucket(clock, rates?.get(origin))
      known.set(origin, provider)
      return provider
    },
  }
}

/** No rates, and no pauses: where time does not pass. */
export function unlimitedProviders(): Providers {
  const provider: Provider = {
    turn: () => Promise.resolve({ kind: 'free', waitedMs: 0 }),
    pause: () => undefined,
  }
  return { at: () => provider }
}

class Bucket implements Provider {
  readonly #clock: Clock
  readonly #rate: ProviderRate | undefined
  #tokens: number
  /** When the tokens were counted, monotonic ms. */
  #counted: number
  #pausedUntil = -Infinity
  /** Whoever asked last: the next one comes after him. */
  #line: Promise<unknown> = Promise.resolve()

  constructor(clock: Clock, rate: ProviderRate | undefined) {
    this.#clock = clock
    this.#rate = rate
    this.#tokens = rate?.burst ?? 0
    this.#counted = clock.monotonic()
  }

  async turn(signal: AbortSignal): Promise<Turn> {
    const asked = this.#clock.monotonic()
    // Each with a signal of its own: a run has one, and many calls that wait.
    const own = AbortSignal.any([signal])
    const mine = this.#line.then(() => this.#take(own, asked))
    this.#line = mine.catch(() => undefined)
    return unlessAborted(mine, own)
  }

  pause(ms: number): void {
    const now = this.#clock.monotonic()
    this.#pausedUntil = Math.max(this.#pausedUntil, now + Math.min(ms, LONGEST_PAUSE_MS))
    // Nor is there a burst at its end.
    this.#tokens = 0
    this.#counted = this.#pausedUntil
  }

  /** At the head of the line. */
  async #take(signal: AbortSignal, asked: number): Promise<Turn> {
    for (;;) {
      signal.throwIfAborted()
      const now = this.#clock.monotonic()
      const pausedMs = this.#pausedUntil - now
      if (pausedMs > LONGEST_WAIT_MS) return { kind: 'paused', leftMs: pausedMs }
      const waitMs = pausedMs > 0 ? pausedMs : this.#untilToken(now)
      if (waitMs <= 0) {
        this.#tokens -= 1
        return { kind: 'free', waitedMs: now - asked }
      }
      await this.#clock.sleep(waitMs, signal)
    }
  }

  #untilToken(now: number): number {
    if (this.#rate === undefined) return 0
    const { perSecond, burst } = this.#rate
    const gained = (Math.max(0, now - this.#counted) * perSecond) / 1000
    this.#tokens = Math.min(burst, this.#tokens + gained)
    this.#counted = Math.max(now, this.#counted)
    // What is lost in rounding must not become a wait of nothing, over and over.
    return this.#tokens > 1 - 1e-6 ? 0 : Math.max(1, ((1 - this.#tokens) * 1000) / perSecond)
  }
}
