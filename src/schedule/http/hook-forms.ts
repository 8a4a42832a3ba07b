// Headers and raw bytes of a hook come in; whether somebody who knows the secret sent it, and which branch it says was pushed, go out. Pure.
// Must read nothing of a body before its signature held.
import { createHmac } from 'node:crypto'
import type { IncomingHttpHeaders } from 'node:http'
import { isRecord } from '../../util/is-record.js'
import { isSame } from './authority.js'

export interface SentHook {
  readonly headers: IncomingHttpHeaders
  /** As it came: a signature is over these. */
  readonly body: Buffer
}

export type HookContent =
  | { readonly kind: 'push'; readonly ref: string; readonly commit: string | null }
  /** Nothing that a daemon follows: `ping`, `issues` … */
  | { readonly kind: 'other'; readonly event: string }
  | { readonly kind: 'unreadable'; readonly why: string }

interface Form {
  readonly header: string
  readonly holds: (sent: SentHook, given: string, by: { readonly secret: string; readonly now: number }) => boolean
}

/** A signature with a time is good for so long, either way. */
const TOLERANCE_MS = 300_000
/** What GitLab and others give as a signing token: the key behind it is Base64. */
const SIGNING_TOKEN = 'whsec_'

/** The first whose header is there decides: a wrong signature is not mended by a right token beside it. */
const FORMS: readonly Form[] = [
  { header: 'x-hub-signature-256', holds: hexDigest },
  { header: 'x-trueup-signature', holds: hexDigest },
  { header: 'webhook-signature', holds: standardWebhook },
  { header: 'x-gitlab-token', holds: (_sent, given, { secret }) => isSame(given, secret) },
]

/** @param by - the secret that both sides know; `now`: UTC ms */
export function isSigned(sent: SentHook, by: { readonly secret: string; readonly now: number }): boolean {
  // A sender that signs and also sends a token of its own: without a signing token here, the token is what both sides know.
  const isToken = sent.headers['x-gitlab-token'] !== undefined && !by.secret.startsWith(SIGNING_TOKEN)
  const form = FORMS.find(
    ({ header }) => sent.headers[header] !== undefined && !(isToken && header === 'webhook-signature'),
  )
  return form?.holds(sent, textOf(sent.headers, form.header), by) ?? false
}

/** Of the delivery, the same when it is sent again; undefined where the sender gives none. */
export function deliveryOf(headers: IncomingHttpHeaders): string | undefined {
  for (const name of ['x-github-delivery', 'x-gitlab-event-uuid', 'webhook-id', 'idempotency-key']) {
    const id = textOf(headers, name)
    // Two senders may count alike.
    if (id !== '') return `${name} ${id}`
  }
  return undefined
}

/** @returns what a body says whose signature held */
export function hookContent({ headers, body }: SentHook): HookContent {
  const payload = payloadOf(textOf(headers, 'content-type'), body.toString('utf8'))
  if (payload === undefined) return { kind: 'unreadable', why: 'the body is no JSON object' }
  const event = textOf(headers, 'x-github-event') || gitlabEvent(headers, payload) || 'push'
  if (event !== 'push') return { kind: 'other', event }
  const { ref, after } = payload
  if (typeof ref !== 'string' || ref === '')
    return { kind: 'unreadable', why: 'it has no ref, such as refs/heads/main' }
  return { kind: 'push', ref, commit: typeof after === 'string' ? after : null }
}

function hexDigest({ body }: SentHook, given: string, { secret }: { readonly secret: string }): boolean {
  return isSame(given, `sha256=${createHmac('sha256', secret).update(body).digest('hex')}`)
}

/** Standard Webhooks: any of several signatures may be of our key, and its time must be near. */
function standardWebhook(
  { headers, body }: SentHook,
  given: string,
  { secret, now }: { readonly secret: string; readonly now: number },
): boolean {
  const [id, timestamp] = [textOf(headers, 'webhook-id'), textOf(headers, 'webhook-timestamp')]
  if (!secret.startsWith(SIGNING_TOKEN) || id === '' || !/^\d{1,12}$/.test(timestamp)) return false
  if (Math.abs(now - Number(timestamp) * 1000) > TOLERANCE_MS) return false
  const key = Buffer.from(secret.slice(SIGNING_TOKEN.length), 'base64')
  if (key.length === 0) return false
  const expected = createHmac('sha256', key).update(`${id}.${timestamp}.`).update(body).digest('base64')
  return given.split(' ').some((one) => isSame(one, `v1,${expected}`))
}

function payloadOf(contentType: string, text: string): Readonly<Record<string, unknown>> | undefined {
  const isForm = contentType.startsWith('application/x-www-form-urlencoded')
  try {
    // `curl -d` calls any body a form.
    const value: unknown = JSON.parse((isForm ? new URLSearchParams(text).get('payload') : null) ?? text)
    return isRecord(value) ? value : undefined
  } catch {
    return undefined
  }
}

function gitlabEvent(headers: IncomingHttpHeaders, payload: Readonly<Record<string, unknown>>): string {
  const event = textOf(headers, 'x-gitlab-event')
  if (event === '') return ''
  // The header is a title for people: `Push Hook`, and `System Hook` for all of those.
  const kind = payload['object_kind'] ?? payload['event_name']
  return typeof kind === 'string' ? kind : event
}

function textOf(headers: IncomingHttpHeaders, name: string): string {
  const value = headers[name]
  return typeof value === 'string' ? value : ''
}
