// A budget comes in, a map function goes out that keeps to it.
import type { Asked, Budget } from './budget.js'

/** Like Promise.all over `items`, but bounded; the type of `ctx.map`. */
type BoundedMap = <T, R>(items: Iterable<T>, fn: (item: T, index: number) => Promise<R>) => Promise<R[]>

/** An item whose function threw. */
export interface ItemFailure {
  readonly index: number
  readonly item: unknown
  readonly error: unknown
}

export interface BoundedMapOptions {
  readonly signal?: AbortSignal
  /**
   * Makes the error to throw of all that failed, in the order of the items; `begun` of `all` items were started.
   * @defaultValue the error that was thrown first
   */
  readonly errorOf?: (
    failures: readonly ItemFailure[],
    counts: { readonly begun: number; readonly all: number },
  ) => unknown
}

/**
 * Makes a map that runs its functions in places of `budget` and gives results in order. After the first error nothing more starts; what
 * runs is waited for, then what failed is thrown. When `signal` is aborted nothing more starts, and its reason is thrown at once.
 * Nested calls share the budget: a function that waits for a call of its own lends it its place.
 */
export function boundedMap(budget: Budget, { signal, errorOf }: BoundedMapOptions = {}): BoundedMap {
  return async <T, R>(given: Iterable<T>, fn: (item: T, index: number) => Promise<R>): Promise<R[]> => {
    signal?.throwIfAborted()
    const items = [...given]
    const results: R[] = []
    /** In the order of time. */
    const failures: ItemFailure[] = []
    let begun = 0
    let asked: Asked | undefined
    const isOver = (): boolean => failures.length > 0 || signal?.aborted === true

    const work = async (): Promise<void> => {
      const running = new Set<Promise<void>>()
      for (const [index, item] of items.entries()) {
        if (isOver()) break
        const place = budget.tryPlace() ?? (await (asked = budget.ask()).place)
        if (place === undefined) break
        if (isOver()) {
          place.giveBack()
          break
        }
        begun += 1
        const run: Promise<void> = place
          .run(async () => {
            try {
              results[index] = await fn(item, index)
            } catch (error) {
              // Before the place is free: nothing more may start in it.
              failures.push({ index, item, error })
              asked?.cancel()
            }
          })
          .finally(() => running.delete(run))
        running.add(run)
      }
      await Promise.all(running)
    }
    const all = work()
    await (signal === undefined ? all : Promise.race([all, aborted(signal, all, () => asked?.cancel())]))
    const [first] = failures
    if (first !== undefined) {
      if (errorOf === undefined) throw first.error
      const counts = { begun, all: items.length }
      throw errorOf(
        [...failures].sort((one, other) => one.index - other.index),
        counts,
      )
    }
    signal?.throwIfAborted()
    return results
  }
}

/** Rejects when the signal is aborted; listens no longer than `until` is pending. */
function aborted(signal: AbortSignal, until: Promise<unknown>, then: () => void): Promise<never> {
  return new Promise((_resolve, reject) => {
    const onAbort = (): void => {
      then()
      reject(signal.reason as Error)
    }
    signal.addEventListener('abort', onAbort, { once: true })
    void until.finally(() => {
      signal.removeEventListener('abort', onAbort)
    })
  })
}
