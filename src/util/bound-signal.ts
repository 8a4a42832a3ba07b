// A signal that many share comes in, one of the caller's own goes out.
import { AsyncResource } from 'node:async_hooks'

/**
 * Aborted with `signal`, for the same reason; its listeners run in the async context in which this was called, not in that of who aborts. It lasts as
 * long as `signal` does: for what there are many of, {@link withBoundSignal}.
 */
export function boundSignal(signal: AbortSignal): AbortSignal {
  return bind(signal).own
}

/** Work with a signal as {@link boundSignal} gives it, which nothing keeps once the work is over: an apply may have 100,000 changes. */
export async function withBoundSignal<T>(signal: AbortSignal, work: (own: AbortSignal) => Promise<T>): Promise<T> {
  const { own, release } = bind(signal)
  try {
    return await work(own)
  } finally {
    release()
  }
}

function bind(signal: AbortSignal): { readonly own: AbortSignal; readonly release: () => void } {
  const own = new AbortController()
  // Through another one: a signal with a listener of each caller would warn of a leak.
  const between = AbortSignal.any([signal])
  const abort = AsyncResource.bind(() => {
    own.abort(between.reason)
  })
  if (between.aborted) abort()
  else between.addEventListener('abort', abort, { once: true })
  return {
    own: own.signal,
    release: () => {
      between.removeEventListener('abort', abort)
    },
  }
}
