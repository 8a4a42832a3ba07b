// Waits for work, or for a signal to abort, whichever is first.

/** Rejects with the signal's reason when it aborts before `work` settles; `work` itself goes on unobserved. */
export async function unlessAborted<T>(work: Promise<T>, signal: AbortSignal): Promise<T> {
  let stop: (() => void) | undefined
  const abort = new Promise<never>((_resolve, reject) => {
    stop = () => {
      reject(signal.reason as Error)
    }
    if (signal.aborted) stop()
    else signal.addEventListener('abort', stop, { once: true })
  })
  try {
    return await Promise.race([work, abort])
  } finally {
    if (stop !== undefined) signal.removeEventListener('abort', stop)
    // Whichever lost must not become an unhandled rejection.
    work.catch(() => undefined)
    abort.catch(() => undefined)
  }
}
