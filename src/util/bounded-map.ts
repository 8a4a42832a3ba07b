// A limit comes in, a map function goes out that keeps to it.

/** Like Promise.all over `items`, but bounded; the type of `ctx.map`. */
type BoundedMap = <T, R>(items: Iterable<T>, fn: (item: T, index: number) => Promise<R>) => Promise<R[]>

/**
 * Makes a map that runs at most `concurrency` functions at once and gives results in order. After the first error nothing more starts; what
 * runs is waited for, then that error is thrown. When `signal` is aborted nothing more starts, and its reason is thrown at once.
 * The limit is that of each call: nested calls have one each, so they cannot wait for one another.
 */
export function boundedMap(concurrency: number, signal?: AbortSignal): BoundedMap {
  if (!Number.isInteger(concurrency) || concurrency < 1)
    throw new RangeError(`concurrency must be a whole number from 1, not ${concurrency}`)

  return async <T, R>(items: Iterable<T>, fn: (item: T, index: number) => Promise<R>): Promise<R[]> => {
    signal?.throwIfAborted()
    const waiting = [...items].entries()
    const results: R[] = []
    let failure: { readonly error: unknown } | undefined

    // All workers draw from the one iterator.
    const work = async (): Promise<void> => {
      for (const [index, item] of waiting) {
        try {
          results[index] = await fn(item, index)
        } catch (error) {
          failure ??= { error }
        }
        if (failure !== undefined || signal?.aborted === true) return
      }
    }
    const all = Promise.all(Array.from({ length: concurrency }, work))
    await (signal === undefined ? all : Promise.race([all, aborted(signal, all)]))
    if (failure !== undefined) throw failure.error
    signal?.throwIfAborted()
    return results
  }
}

/** Rejects when the signal is aborted; listens no longer than `until` is pending. */
function aborted(signal: AbortSignal, until: Promise<unknown>): Promise<never> {
  return new Promise((_resolve, reject) => {
    const onAbort = (): void => {
      reject(signal.reason as Error)
    }
    signal.addEventListener('abort', onAbort, { once: true })
    void until.finally(() => {
      signal.removeEventListener('abort', onAbort)
    })
  })
}
