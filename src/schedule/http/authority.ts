// The headers of a request and the token of this daemon come in; whether it may act goes out, or the answer that refuses it.
import { createHash, timingSafeEqual } from 'node:crypto'
import type { IncomingHttpHeaders } from 'node:http'
import { fault, type Answer } from './answer.js'

/**
 * @param token - of the daemon; undefined or empty: nobody may act
 * @returns undefined where `Authorization: Bearer` has it
 */
export function refusal(headers: IncomingHttpHeaders, token: string | undefined): Answer | undefined {
  if (token === undefined || token === '')
    return fault(403, 'forbidden', 'TRUEUP_TOKEN is not set for this daemon, so nobody may start runs')
  const given = /^Bearer (.+)$/i.exec(headers.authorization ?? '')?.[1]
  if (given !== undefined && isSame(given, token)) return undefined
  return {
    ...fault(401, 'unauthorized', 'Authorization: Bearer <token> is missing or wrong'),
    headers: { 'www-authenticate': 'Bearer' },
  }
}

/** In constant time, also where the lengths differ. */
export function isSame(given: string, token: string): boolean {
  const digest = (text: string): Buffer => createHash('sha256').update(text).digest()
  return timingSafeEqual(digest(given), digest(token))
}
