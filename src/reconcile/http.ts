// fetch comes in, `ctx.http` goes out: bound to a run's signal, with a timeout, in the provider's turn, and reading only while the run is planning.
// Must not: put a query, credentials or headers into an error, nor send twice what may change something.
import { toError, TrueupError } from '../errors.js'
import type { Http } from '../integration.js'
import type { Clock } from '../util/clock.js'
import { formatDuration } from '../util/duration.js'
import type { CallCounter } from './call-counter.js'
import { exempt } from './dry-run-guard.js'
import { LONGEST_WAIT_MS, type Providers } from './providers.js'
import { retryAfterMs } from '../util/retry-after.js'
import { isSafeMethod } from './safe-method.js'

export interface HttpOptions {
  /** Name, for messages. */
  readonly integration: string
  /** Of the run: aborts every request. */
  readonly signal: AbortSignal
  /** Whether the run is planning now. */
  readonly planning: () => boolean
  readonly fetch: typeof fetch
  /** Of the process. */
  readonly providers: Providers
  /** Of the run. */
  readonly calls: CallCounter
  readonly clock: Pick<Clock, 'now'>
  /** For one request with its answer's body. @defaultValue 30 seconds */
  readonly timeoutMs?: number
}

/** How often a request is sent at most. */
const MOST_TRIES = 4

/**
 * A 429 or 503 with `Retry-After` keeps all later calls of the process away from that origin for so long; a request that only reads is sent again then, up to
 * three times, and its last answer is given. Where it asks for more than a minute nothing is waited for: its answer is given, and later calls fail.
 *
 * Errors: `dry-run-write` for a request that is not declared to read, while planning; `timeout`; for no answer at all, or for a provider that is not to be
 * called yet, `current-unreadable` while planning and `apply-failed` later (both retryable). An answer of any status is no error. When the run or
 * `init.signal` is aborted, its reason.
 */
export function createHttp(options: HttpOptions): Http {
  const { integration, signal, planning, timeoutMs = 30_000 } = options
  return async (input, { reads: declared = false, ...init } = {}) => {
    const method = (init.method ?? 'GET').toUpperCase()
    const isPlanning = planning()
    const place = `${method} ${publicUrl(input)}`
    const fail = (message: string, { cause, retryable }: { cause?: unknown; retryable: boolean }): TrueupError =>
      new TrueupError(isPlanning ? 'current-unreadable' : 'apply-failed', `${integration}: ${place} ${message}`, {
        ...(cause === undefined ? {} : { cause }),
        retryable,
        details: { integration, method, url: publicUrl(input) },
      })

    const reads = isSafeMethod(method) || (declared && method === 'POST')
    if (isPlanning && !reads) {
      const hint = method === 'POST' ? '; if it only reads, pass { reads: true }' : ''
      throw new TrueupError(
        'dry-run-write',
        `${integration}: ${place} was refused: planning only reads. Move it into a handler of the plan${hint}`,
        {
          details: { integration, method, url: publicUrl(input) },
        },
      )
    }
    if (!URL.canParse(String(input))) throw fail('cannot be sent: this is not an absolute URL', { retryable: false })
    const url = new URL(input)
    // fetch refuses these too, but with the credentials in its message.
    if (url.username !== '' || url.password !== '')
      throw fail('cannot be sent: put credentials into a header, not into the URL', { retryable: false })

    const own = init.signal ?? undefined
    const either = own === undefined ? signal : AbortSignal.any([signal, own])
    const provider = options.providers.at(url.origin)

    async function send(): Promise<Response> {
      const timeout = AbortSignal.timeout(timeoutMs)
      try {
        // The check above is the stricter one, so the guard of other clients need not look again.
        return await exempt(() => options.fetch(url, { ...init, method, signal: AbortSignal.any([either, timeout]) }))
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
        throw fail(`failed: ${reasonOf(error)}`, { cause: error, retryable: true })
      }
    }

    for (let tries = 1; ; tries += 1) {
      const turn = await provider.turn(either)
      if (turn.kind === 'paused')
        throw fail(
          `was not sent: ${url.origin} asked not to be called for another ${formatDuration(Math.ceil(turn.leftMs / 1000) * 1000)} (Retry-After)`,
          { retryable: true },
        )
      options.calls.called(url.origin, { reads, waitedMs: turn.waitedMs })
      const answer = await send()
      const pauseMs = retryAfterMs(answer, options.clock.now())
      if (pauseMs === undefined) return answer
      provider.pause(pauseMs)
      // A body that is a stream is gone.
      const isRepeatable = reads && (typeof init.body === 'string' || (init.body ?? null) === null)
      if (!isRepeatable || tries === MOST_TRIES || pauseMs > LONGEST_WAIT_MS) return answer
      await answer.body?.cancel()
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
