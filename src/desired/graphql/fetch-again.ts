// A request that only reads in, its answer out; sent again after what may pass (no connection, no answer in time, 429, 502, 503, 504).
// Must not: tell headers or the path of a URL, in which credentials may be.
import { randomInt } from 'node:crypto'
import { toError, TrueupError } from '../../errors.js'
import type { Clock } from '../../util/clock.js'

export interface Sending {
  readonly integration: string
  readonly fetch: typeof globalThis.fetch
  readonly clock: Clock
  /** Of one attempt, its body included. */
  readonly timeoutMs: number
  readonly attempts: number
  readonly signal: AbortSignal
}

const FIRST_WAIT_MS = 200
const LONGEST_WAIT_MS = 10_000
const PASSING = new Set([429, 502, 503, 504])

/**
 * The answer with its body read, whatever its status says but for what may pass.
 *
 * @throws TrueupError `source-unavailable`, retryable, after the last attempt; not retryable for 401 and 403
 */
export async function fetchUntilAnswered(
  { integration, fetch, clock, timeoutMs, attempts, signal }: Sending,
  input: string | URL,
  init: RequestInit = {},
): Promise<Response> {
  const origin = originOf(String(input))
  for (let attempt = 1; ; attempt++) {
    const sent = await send(fetch, input, {
      ...init,
      signal: AbortSignal.any([signal, AbortSignal.timeout(timeoutMs)]),
    })
    if (signal.aborted) throw toError(signal.reason)
    if ('response' in sent && !PASSING.has(sent.response.status)) {
      const { status } = sent.response
      if (status !== 401 && status !== 403) return sent.response
      throw new TrueupError(
        'source-unavailable',
        `${integration}: ${origin} answered ${String(status)}: check the secret of auth: in the target's source`,
        { details: { origin, status } },
      )
    }
    const why = 'response' in sent ? `it answered ${String(sent.response.status)}` : sent.why
    if (attempt >= attempts)
      throw new TrueupError(
        'source-unavailable',
        `${integration}: ${origin} cannot be asked: ${why}, ${String(attempt)} times`,
        {
          retryable: true,
          details: { origin },
        },
      )
    await clock.sleep(waitMs(attempt, 'response' in sent ? sent.response.headers.get('retry-after') : null), signal)
  }
}

type Sent = { readonly response: Response } | { readonly why: string }

/** Reads the body too: an answer that breaks off is none. */
async function send(fetch: typeof globalThis.fetch, input: string | URL, init: RequestInit): Promise<Sent> {
  try {
    const response = await fetch(input, init)
    const body = await response.arrayBuffer()
    const { status, statusText, headers } = response
    const hasBody = status !== 204 && status !== 304 && status !== 205
    return { response: new Response(hasBody ? body : null, { status, statusText, headers: withoutEncoding(headers) }) }
  } catch (thrown) {
    const error = toError(thrown)
    if (error.name === 'TimeoutError') return { why: 'there was no answer in time' }
    const { cause } = error
    const code = cause instanceof Error && 'code' in cause ? String(cause.code) : error.name
    return { why: `no connection, or one that broke (${code})` }
  }
}

/** The body is decoded already. */
function withoutEncoding(headers: Headers): Headers {
  const plain = new Headers(headers)
  plain.delete('content-encoding')
  plain.delete('content-length')
  return plain
}

function waitMs(attempt: number, asked: string | null): number {
  const most = Math.min(FIRST_WAIT_MS * 2 ** (attempt - 1), LONGEST_WAIT_MS)
  const seconds = asked !== null && /^\d+$/.test(asked) ? Number(asked) : 0
  return Math.max(most * (0.5 + randomInt(1_000) / 2_000), Math.min(seconds * 1000, LONGEST_WAIT_MS))
}

/** Never path, query or credentials. */
export function originOf(url: string): string {
  return URL.canParse(url) ? new URL(url).origin : 'an address that is no URL'
}
