// Notices as HTTP requests: as JSON of our own, or as chat servers that speak Slack's form take it. The address may be a secret: no text names it.
import { retryAfterMs } from '../util/retry-after.js'
import type { Attempt, Channel } from './channel.js'
import { noticeJson, noticeTitle, type Notice } from './notice.js'

export interface HttpChannelOptions {
  readonly form: 'webhook' | 'slack'
  /** Read for each attempt. @throws where the secret cannot be read */
  readonly url: () => Promise<string>
  /** UTC ms. */
  readonly now: () => number
  /** `trueup/0.1.0`. */
  readonly agent: string
}

const MOST_CHARACTERS = 1500

export function httpChannel({ form, url, now, agent }: HttpChannelOptions): Channel {
  return {
    async deliver(notice, signal): Promise<Attempt> {
      let address: string
      try {
        address = await url()
      } catch (error) {
        return { kind: 'again', why: error instanceof Error ? error.message : 'its address cannot be read' }
      }
      try {
        const response = await fetch(address, {
          method: 'POST',
          // Elsewhere than where it was meant for, it tells strangers.
          redirect: 'error',
          headers: { 'content-type': 'application/json', 'idempotency-key': notice.id, 'user-agent': agent },
          body: JSON.stringify(form === 'slack' ? slackJson(notice) : noticeJson(notice)),
          signal,
        })
        await response.body?.cancel()
        return attemptOf(response, now())
      } catch (error) {
        return { kind: 'again', why: whyOf(error, signal) }
      }
    },
  }
}

function attemptOf(response: Response, now: number): Attempt {
  const { status } = response
  if (response.ok) return { kind: 'delivered' }
  const why = `it answered ${String(status)}`
  if (status !== 408 && status !== 425 && status !== 429 && status < 500) return { kind: 'refused', why }
  const afterMs = retryAfterMs(response, now)
  return { kind: 'again', why, ...(afterMs === undefined ? {} : { afterMs }) }
}

/** Only what names no address. */
function whyOf(error: unknown, signal: AbortSignal): string {
  if (signal.aborted) return 'it did not answer in time'
  const cause: unknown = error instanceof Error ? error.cause : undefined
  const code = (cause as { readonly code?: unknown } | undefined)?.code
  return typeof code === 'string' ? `it cannot be reached (${code})` : 'it cannot be reached, or sends elsewhere'
}

/** One message. Data is shown as code, where a chat reads neither markup nor mentions. */
export function slackJson(notice: Notice): { readonly text: string } {
  const { target, summary, run, was } = notice
  const lines = [
    `*${escaped(target)}* ${noticeTitle(notice)}${was.length === 0 ? '' : ` (it was ${was.join(', ')})`}`,
    ...(summary === '' ? [] : [code(summary)]),
    ...(run === null ? [] : [`To see the run: ${code(`trueup runs show ${run}`)}`]),
  ]
  return { text: lines.join('\n') }
}

function code(text: string): string {
  const line = text
    .replace(/[\s\p{Cc}]+/gu, ' ')
    .trim()
    .slice(0, MOST_CHARACTERS)
  return `\`${escaped(line.replaceAll('`', "'"))}\``
}

/** The three characters that mean something to a chat. */
function escaped(text: string): string {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;')
}
