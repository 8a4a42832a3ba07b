// Durable functions outside of a run: opens a store, gives `durable`. For programs of one's own; in an integration it is `ctx.durable`.
// Importing this does no work; what is heavy is loaded when first called.
import { randomInt } from 'node:crypto'
import { setMaxListeners } from 'node:events'
import { hostname } from 'node:os'
import type { Durable, DurableUse } from './durable-types.js'
import { defineDurable, Registry } from './durable/definition.js'
import type { Claimant } from './durable/durable-call.js'
import type { DurableCalls } from './durable/durable-calls.js'
import { CLAIM_MS, WAIT_MS } from './durable/protocol.js'
import { TrueupError } from './errors.js'
import type { ObjectStore } from './store/object-store.js'
import { systemClock, type Clock } from './util/clock.js'
import { once } from './util/once.js'
import { createRandomStock } from './util/random-stock.js'
import { newUlid } from './util/ulid.js'

export interface OpenStoreSettings {
  /** Absolute folder that `file:<dir>` is relative to. Without it the path must be absolute. */
  readonly directory?: string
}

/**
 * Opens a store by its URL, as `--store` does: `file:<dir>` or `memory:`. Close it when nothing needs it any more.
 * @throws usage, store-refused, store-corrupt, store-unavailable
 */
export async function openStore(url: string, { directory }: OpenStoreSettings = {}): Promise<ObjectStore> {
  const stores = await import('./store/open-store.js')
  const location = stores.parseStoreUrl(url)
  if (location.kind === 'directory' && directory === undefined) {
    const path = await import('node:path')
    if (!path.isAbsolute(location.path)) {
      throw new TrueupError(
        'usage',
        `the store ${url} is relative, and nothing says to what: give its whole path, or openStore(url, { directory })`,
      )
    }
  }
  return stores.openStore(url, { baseDirectory: directory ?? '/', clock: systemClock })
}

export interface CreateDurableOptions {
  readonly store: ObjectStore
  /** Keeps these functions apart from those of others in the same store. One name a program. */
  readonly namespace: string
  /** Told how each call was answered. Must not throw. */
  readonly onCall?: (use: DurableUse) => void
  /** Told, once a call, that it has been waiting for another process for a second. */
  readonly onWait?: (message: string) => void
  /** Aborted: nothing more is started; who waits rejects with its reason. */
  readonly signal?: AbortSignal
  /** How long a claim outlives its last renewal, ms. @defaultValue 60,000 */
  readonly claimMs?: number
  /** How long a call waits for another process that is at it, ms. @defaultValue 600,000 */
  readonly waitMs?: number
  /** @defaultValue the machine's */
  readonly clock?: Clock
  /** So many random bytes. @defaultValue node:crypto */
  readonly randomBytes?: (size: number) => Uint8Array
  /** Who is at it, for messages and `trueup doubts`. @defaultValue this process */
  readonly claimant?: Claimant
  /** Whether a claimant is gone for certain. @defaultValue looks at the processes of this host */
  readonly isDead?: (claimant: Claimant) => boolean
}

/** @example `const { durable } = createDurable({ store: await openStore('file:/var/lib/shop/store'), namespace: 'shop' })` */
export function createDurable(options: CreateDurableOptions): { readonly durable: Durable } {
  const { namespace, onCall } = options
  if (typeof namespace !== 'string' || namespace === '')
    throw new TrueupError('usage', 'createDurable needs a namespace')
  const registry = new Registry(`the namespace ${namespace}`)
  const calls = once(() => loadCalls(options))
  return {
    durable: (name, settings, fn) => {
      const definition = defineDurable(name, settings, fn)
      registry.add(definition)
      return async (...args) => {
        const report = (use: DurableUse): void => onCall?.(use)
        const result = await (await calls()).call(definition, args, { stores: true, shard: '', report })
        // What `fn` returned, or its equal out of the store.
        return result as Awaited<ReturnType<typeof fn>>
      }
    },
  }
}

async function loadCalls(options: CreateDurableOptions): Promise<DurableCalls> {
  const [{ createDurableCalls }, { isDead, thisProcess }] = await Promise.all([
    import('./durable/durable-calls.js'),
    import('./store/process-life.js'),
  ])
  const { store, namespace, clock = systemClock, signal, claimMs, waitMs, onWait } = options
  const random = options.randomBytes ?? createRandomStock()
  const never = new AbortController().signal
  // As many listen as callers wait, and that is no leak.
  setMaxListeners(0, never)
  const self = { run: null, target: null, host: hostname(), url: null, actor: null }
  return createDurableCalls(
    {
      store,
      namespace,
      clock,
      random:
        options.randomBytes === undefined
          ? () => randomInt(1_000_000) / 1_000_000
          : () => ((random(1)[0] ?? 0) % 256) / 256,
      newId: () => newUlid(clock.now(), random),
      claimant: options.claimant ?? { ...self, ...thisProcess() },
      isDead: options.isDead ?? isDead,
      leaseMs: claimMs ?? CLAIM_MS,
      waitMs: waitMs ?? WAIT_MS,
      stop: signal ?? never,
      giveUp: never,
      lease: undefined,
      admitStore: async (asked) => (await import('./store/locking.js')).requireLocking(asked, clock),
      isSecret: undefined,
      redact: (text) => text,
      onWait: onWait ?? (() => undefined),
    },
    random,
  )
}
