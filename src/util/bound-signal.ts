// A signal that many share comes in, one of the caller's own goes out.
import { AsyncResource } from 'node:async_hooks'

/** Aborted with `signal`, for the same reason; its listeners run in the async context in which this was called, not in that of who aborts. */
export function boundSignal(signal: AbortSignal): AbortSignal {
  const own = new AbortController()
  // Through another one: a signal with a listener of each caller would warn of a leak.
  const between = AbortSignal.any([signal])
  const abort = AsyncResource.bind(() => {
    own.abort(between.reason)
  })
  if (between.aborted) abort()
  else between.addEventListener('abort', abort, { once: true })
  return own.signal
}
