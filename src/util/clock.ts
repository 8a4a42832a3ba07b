// Time as an argument: the only file besides cli/ that touches Date.now and timers.

/** What the engine may know about time. Tests hand in a fake one. */
export interface Clock {
  /** UTC, milliseconds since the epoch. */
  now(): number
  /** Monotonic milliseconds, for durations only. */
  monotonic(): number
  /**
   * Resolves after `ms`; rejects with the signal's reason when aborted first.
   * `background`: what only this sleep would keep alive may end.
   */
  sleep(ms: number, signal?: AbortSignal, options?: { readonly background?: boolean }): Promise<void>
}

/** The machine's own clock. */
export const systemClock: Clock = {
  now: () => Date.now(),
  // Not performance.now(): the first use of it loads what a whole skip has no use for.
  monotonic: () => Number(process.hrtime.bigint()) / 1e6,
  sleep: (ms, signal, { background = false } = {}) =>
    new Promise((resolve, reject) => {
      if (signal?.aborted === true) {
        reject(signal.reason as Error)
        return
      }
      const timer = setTimeout(() => {
        signal?.removeEventListener('abort', onAbort)
        resolve()
      }, ms)
      if (background) timer.unref()
      const onAbort = (): void => {
        clearTimeout(timer)
        reject(signal?.reason as Error)
      }
      signal?.addEventListener('abort', onAbort, { once: true })
    }),
}
