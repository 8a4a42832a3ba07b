// Notices with the name of their receiver come in; each is tried until it is delivered, refused, or tried often enough. Receivers wait for
// themselves alone, and each has its notices one by one, in their order.
import type { Clock } from '../util/clock.js'
import { startDeadline } from '../util/deadline.js'
import type { Attempt, Channel } from './channel.js'
import type { Notice } from './notice.js'

export type DeliveryResult =
  | { readonly kind: 'delivered' }
  | { readonly kind: 'given-up'; readonly why: string }
  /** Nobody knows: it is delivered again at the next start. */
  | { readonly kind: 'stopped' }

export interface Delivery {
  /** Never rejects. */
  send(to: string, notice: Notice): Promise<DeliveryResult>
  /** Resolves when nothing is on its way. */
  settled(): Promise<void>
}

export interface DeliveryOptions {
  readonly clock: Clock
  /** From 0 to below 1. */
  readonly random: () => number
  /** By name, as it is then; undefined: there is none any more. */
  readonly channel: (name: string) => Channel | undefined
  /** Aborted: nothing more is tried. */
  readonly stop: AbortSignal
}

const MOST_ATTEMPTS = 5
const ATTEMPT_TIMEOUT_MS = 10_000
const BACK_OFF_MS = 1000
/** The most that a far end may ask for. */
const LONGEST_WAIT_MS = 300_000

export function createDelivery({ clock, random, channel, stop }: DeliveryOptions): Delivery {
  const queues = new Map<string, Promise<unknown>>()
  const isStopped = (): boolean => stop.aborted

  async function attemptOf(to: string, notice: Notice): Promise<Attempt> {
    const found = channel(to)
    if (found === undefined) return { kind: 'refused', why: 'trueup.yaml names it no more' }
    const tooLong = new AbortController()
    const end = startDeadline(clock, ATTEMPT_TIMEOUT_MS, () => {
      tooLong.abort(new Error('it took too long'))
    })
    try {
      return await found.deliver(notice, AbortSignal.any([tooLong.signal, stop]))
    } finally {
      end()
    }
  }

  async function deliver(to: string, notice: Notice): Promise<DeliveryResult> {
    for (let attempt = 1; ; attempt += 1) {
      if (isStopped()) return { kind: 'stopped' }
      const result = await attemptOf(to, notice)
      if (result.kind === 'delivered') return result
      if (isStopped()) return { kind: 'stopped' }
      if (result.kind === 'refused') return { kind: 'given-up', why: result.why }
      if (attempt === MOST_ATTEMPTS)
        return { kind: 'given-up', why: `${result.why} (tried ${String(MOST_ATTEMPTS)} times)` }
      const backOffMs = BACK_OFF_MS * 2 ** (attempt - 1) * (0.5 + random() / 2)
      const waitMs = Math.min(LONGEST_WAIT_MS, Math.max(backOffMs, result.afterMs ?? 0))
      await clock.sleep(Math.ceil(waitMs), stop).catch(() => undefined)
    }
  }

  return {
    send(to, notice) {
      const result = (queues.get(to) ?? Promise.resolve()).then(() => deliver(to, notice))
      queues.set(to, result)
      void result.then(() => {
        if (queues.get(to) === result) queues.delete(to)
      })
      return result
    },
    async settled() {
      while (queues.size > 0) await Promise.all(queues.values())
    },
  }
}
