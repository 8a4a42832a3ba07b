// fetch comes in, `ctx.http` goes out: bound to a run's signal, with a timeout, and reading only while the run is planning.
// Must not: put a query, credentials or headers into an error.
import { toError, TrueupError } from '../errors.js'
import type { Http } from '../integration.js'
import { exempt } from './dry-run-guard.js'
import { isSafeMethod } from './safe-method.js'

export interface HttpOptions {
  /** Name, for messages. */
  readonly integration: string
  /** Of the run: aborts every request. */
  readonly signal: AbortSignal
  /** Whether the run is planning now. */
  readonly planning: () => boolean
  readonly fetch: typeof fetch
  /** For one request with its answer's body. @defaultValue 30 seconds */
  readonly timeoutMs?: number
}

/**
 * Errors: `dry-run-write` for a request that is not declared to read, while planning; `timeout`; for no answer at all `current-unreadable` while
 * planning and `apply-failed` later (both retryable). An answer of any status is no error. When the run or `init.signal` is aborted, its reason.
 */
export function createHttp(options: HttpOptions): Http {
  const { integration, signal, planning, timeoutMs = 30_000 } = options
  return async (input, { reads = false, ...init } = {}) => {
    const method = (init.method ?? 'GET').toUpperCase()
    const isPlanning = planning()
    const place = `${method} ${publicUrl(input)}`
    const fail = (message: string, cause?: unknown): TrueupError =>
      new TrueupError(isPlanning ? 'current-unreadable' : 'apply-failed', `${integration}: ${place} ${message}`, {
        ...(cause === undefined ? {} : { cause }),
        retryable: cause !== undefined,
        details: { integration, method, url: publicUrl(input) },
      })

    if (isPlanning && !isSafeMethod(method) && !(reads && method === 'POST')) {
      const hint = method === 'POST' ? '; if it only reads, pass { reads: true }' : ''
      throw new TrueupError(
        'dry-run-write',
        `${integration}: ${place} was refused: planning only reads. Move it into a handler of the plan${hint}`,
        {
          details: { integration, method, url: publicUrl(input) },
        },
      )
    }
    if (!URL.canParse(String(input))) throw fail('cannot be sent: this is not an absolute URL')
    const url = new URL(input)
    // fetch refuses these too, but with the credentials in its message.
    if (url.username !== '' || url.password !== '')
      throw fail('cannot be sent: put credentials into a header, not into the URL')

    const timeout = AbortSignal.timeout(timeoutMs)
    const own = init.signal ?? undefined
    const signals = [signal, timeout, ...(own === undefined ? [] : [own])]
    try {
      // The check above is the stricter one, so the guard of other clients need not look again.
      return await exempt(() => options.fetch(url, { ...init, method, signal: AbortSignal.any(signals) }))
    } catch (error) {
      if (signal.aborted) throw toError(signal.reason)
      if (own?.aborted === true) throw toError(own.reason)
      if (timeout.aborted) {
        const message = `${integration}: ${place} got no answer within ${timeoutMs / 1000} s`
        throw new TrueupError('timeout', message, {
          cause: error,
          retryable: true,
          details: { integration, method, url: publicUrl(input) },
        })
      }
      throw fail(`failed: ${reasonOf(error)}`, error)
    }
  }
}

/** Without user, query and fragment. */
function publicUrl(input: string | URL): string {
  if (!URL.canParse(String(input))) return '(no URL)'
  const { protocol, host, pathname } = new URL(input)
  return `${protocol}//${host}${pathname}`
}

/** The system's reason; what fetch says itself may quote a header. */
function reasonOf(error: unknown): string {
  const cause = error instanceof Error ? error.cause : undefined
  return cause instanceof Error ? cause.message : 'the request could not be sent'
}
