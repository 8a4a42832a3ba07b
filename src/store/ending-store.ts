// A store that does not outlast its run: a call that is still unanswered a while after the run gave up fails as one to a store that cannot be
// reached. In: a store and the signal. Out: the same store. It must not touch a call before that: slow is not gone.
import { TrueupError } from '../errors.js'
import type { Clock } from '../util/clock.js'
import { startDeadline } from '../util/deadline.js'
import type { ObjectStore } from './object-store.js'

/** How long a call may take once the run gave up; ms. */
export const LAST_CALL_MS = 10_000

export interface EndingOptions {
  /** Aborted when the grace period of the run is over. */
  readonly giveUp: AbortSignal
  readonly clock: Clock
}

export function createEndingStore(inner: ObjectStore, { giveUp, clock }: EndingOptions): ObjectStore {
  /** Calls under way: each begins to count when the run gives up. */
  const underWay = new Set<() => void>()
  const countAll = (): void => {
    for (const count of underWay) count()
  }
  giveUp.addEventListener('abort', countAll, { once: true })
  // One that did not answer in time will not answer the next call either: each of them would take as long again.
  let isGone = false
  const gone = (): TrueupError =>
    new TrueupError('store-unavailable', `${inner.description} does not answer; the run ends without it`, {
      retryable: true,
    })

  function answered<T>(call: () => Promise<T>): Promise<T> {
    if (isGone) return Promise.reject(gone())
    let end: (() => void) | undefined
    return new Promise((resolve, reject) => {
      const count = (): void => {
        end = startDeadline(clock, LAST_CALL_MS, () => {
          isGone = true
          reject(gone())
        })
      }
      if (giveUp.aborted) count()
      else underWay.add(count)
      void call()
        .then(resolve, reject)
        .finally(() => {
          underWay.delete(count)
          end?.()
        })
    })
  }

  return {
    description: inner.description,
    shared: inner.shared,
    conditions: inner.conditions,
    get: (key) => answered(() => inner.get(key)),
    getBounded: (key, atMost) => answered(() => inner.getBounded(key, atMost)),
    head: (key) => answered(() => inner.head(key)),
    put: (key, value, options) => answered(() => inner.put(key, value, options)),
    delete: (key, options) => answered(() => inner.delete(key, options)),
    async *list(prefix, options) {
      const entries = inner.list(prefix, options)[Symbol.asyncIterator]()
      try {
        for (;;) {
          const next = await answered(() => entries.next())
          if (next.done === true) return
          yield next.value
        }
      } finally {
        // Not waited for: it comes after what did not answer.
        void entries.return?.().catch(() => undefined)
      }
    },
    now: () => answered(() => inner.now()),
    close: () => inner.close(),
  }
}
