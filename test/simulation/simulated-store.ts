// A store on a network that delays, refuses and loses. In: the one memory store behind it, the process that uses it, and the scheduler. Out: what the
// port allows: an answer, or `store-unavailable` after which anything may be true, also later. Every write that lands is shown to `onWrite`.
import { TrueupError } from '../../src/errors.js'
import type { ObjectStore } from '../../src/store/object-store.js'
import type { Scheduler, SimulatedProcess } from './scheduler.js'

export interface Network {
  /** Nothing is refused or lost any more, and nothing is slow. */
  calm: boolean
  /** Requests that are sent before this time are refused, by the true clock. */
  outageUntil: number
  /** How often a request is refused, or its answer lost: from 0 to 1. */
  readonly trouble: number
  /** Requests on their way. */
  underWay: number
}

export interface Written {
  readonly key: string
  /** Undefined: it is gone. */
  readonly value: Uint8Array | undefined
  readonly by: SimulatedProcess
}

export interface StoreRoute {
  readonly scheduler: Scheduler
  readonly network: Network
  readonly inner: ObjectStore
  readonly process: SimulatedProcess
  readonly onWrite: (written: Written) => void
  /** Called when a write is sent. */
  readonly onSend: (key: string) => void
}

export function simulatedStore({ scheduler, network, inner, process, onWrite, onSend }: StoreRoute): ObjectStore {
  const delay = (): number => {
    if (network.calm) return 1
    if (scheduler.likely(0.01)) return 8_000 * scheduler.chance()
    return scheduler.likely(0.1) ? 400 * scheduler.chance() : 15 * scheduler.chance()
  }

  async function send<T>(label: string, perform: () => Promise<T>, changes: boolean): Promise<T> {
    const fate =
      network.calm || !scheduler.likely(network.trouble) ? 'answered' : scheduler.pick(['refused', 'lost', 'late'])
    if (fate === 'refused' || scheduler.now < network.outageUntil) {
      await scheduler.wait(process, `${label}: refused`, delay())
      throw unavailable()
    }
    const landing = land(label, perform)
    if (fate === 'answered') {
      const result = await landing
      // Its answer waits for the process, which may be frozen or gone.
      await scheduler.wait(process, changes ? `${label}: answered` : '', delay())
      return result
    }
    landing.catch(() => undefined)
    // Given up before or after it has landed: the process cannot tell.
    if (fate === 'lost') await landing
    await scheduler.wait(process, `${label}: no answer`, delay())
    throw unavailable()
  }

  async function land<T>(label: string, perform: () => Promise<T>): Promise<T> {
    network.underWay += 1
    try {
      await scheduler.wait(undefined, `${process.name} ${label}`, delay())
      return await perform()
    } finally {
      network.underWay -= 1
    }
  }

  return {
    description: 'simulated:',
    shared: true,
    conditions: 'sound',
    get: (key) => send(`get ${key}`, () => inner.get(key), false),
    getBounded: (key, atMost) => send(`get ${key}`, () => inner.getBounded(key, atMost), false),
    head: (key) => send(`head ${key}`, () => inner.head(key), false),
    put: (key, value, options) => {
      onSend(key)
      return send(
        `put ${key}`,
        async () => {
          const result = await inner.put(key, value, options)
          if (result.kind === 'stored') onWrite({ key, value, by: process })
          else scheduler.note(process.name, `put ${key}: ${result.kind}`)
          return result
        },
        true,
      )
    },
    delete: (key, options) =>
      send(
        `delete ${key}`,
        async () => {
          const result = await inner.delete(key, options)
          if (result.kind === 'deleted') onWrite({ key, value: undefined, by: process })
          return result
        },
        true,
      ),
    async *list(prefix, options) {
      const entries = await send(
        `list ${prefix}`,
        async () => {
          const found = []
          for await (const entry of inner.list(prefix, options)) found.push(entry)
          return found
        },
        false,
      )
      yield* entries
    },
    now: () => send('now', () => inner.now(), false),
    close: () => Promise.resolve(),
  }
}

function unavailable(): TrueupError {
  return new TrueupError('store-unavailable', 'the simulated network is down', { retryable: true })
}
