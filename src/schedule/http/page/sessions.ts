// A request comes in; who it is, as far as the token or a trusted proxy tells, goes out. Keeps who has logged in, in memory, for a while. Whatever is
// missing, doubled or from elsewhere makes nobody of a request.
import { createHmac, randomBytes } from 'node:crypto'
import type { IncomingHttpHeaders } from 'node:http'
import type { Clock } from '../../../util/clock.js'
import { isSame } from '../authority.js'
import type { Asked } from '../server.js'
import type { Proxies } from './proxies.js'
import type { Viewer } from './viewer.js'

export type From = Pick<Asked, 'headers' | 'address'>

export interface Sessions {
  viewerOf(from: From): Viewer
  /** @returns the cookie to set; undefined where the token is wrong */
  logIn(from: From, given: { readonly name: string; readonly token: string }): string | undefined
  /** @returns the cookie that removes it */
  logOut(from: From): string
  /** Why a form is not one of these pages'; undefined: it is. */
  originFault(from: From): string | undefined
}

export interface SessionOptions {
  readonly clock: Clock
  /** undefined or empty: nobody can log in. */
  readonly token: string | undefined
  /** In lower case; undefined: no proxy vouches for users. */
  readonly userHeader: string | undefined
  readonly proxies: Proxies
}

const LASTS_MS = 12 * 3_600_000
const MOST_SESSIONS = 1000
export const LONGEST_NAME = 100

interface Session {
  readonly name: string
  readonly csrf: string
  readonly endsAt: number
}

export function createSessions({ clock, token, userHeader, proxies }: SessionOptions): Sessions {
  const sessions = new Map<string, Session>()
  const secret = randomBytes(32)
  // Cookies know no ports: two daemons of one machine must not take each other's.
  const cookieName = `trueup_${randomBytes(6).toString('hex')}`
  const canLogIn = token !== undefined && token !== ''

  function sessionOf(headers: IncomingHttpHeaders): Session | undefined {
    const id = cookieOf(headers, cookieName)
    const session = id === undefined ? undefined : sessions.get(id)
    return session !== undefined && clock.monotonic() < session.endsAt ? session : undefined
  }

  /** Whom a listed proxy names. */
  function vouchedFor({ headers, address }: From): string | undefined {
    if (userHeader === undefined || !proxies.has(address)) return undefined
    const name = headers[userHeader]
    // Given twice, node joins them: then it was not the proxy alone.
    if (typeof name !== 'string' || !isName(name)) return undefined
    return name
  }

  return {
    viewerOf(from) {
      const name = vouchedFor(from)
      if (name !== undefined)
        return {
          kind: 'actor',
          name,
          csrf: createHmac('sha256', secret).update(name).digest('base64url'),
          hasSession: false,
        }
      const session = sessionOf(from.headers)
      if (session !== undefined) return { kind: 'actor', name: session.name, csrf: session.csrf, hasSession: true }
      if (canLogIn) return { kind: 'reader' }
      return {
        kind: 'closed',
        why:
          userHeader === undefined
            ? 'TRUEUP_TOKEN is not set for this daemon, so nobody may act here'
            : `only who comes by a trusted proxy, which names the user in ${userHeader}, may act here`,
      }
    },
    logIn({ headers }, given) {
      if (!canLogIn || !isSame(given.token, token)) return undefined
      for (const [id, { endsAt }] of sessions) if (endsAt <= clock.monotonic()) sessions.delete(id)
      const [oldest] = sessions.keys()
      if (sessions.size >= MOST_SESSIONS && oldest !== undefined) sessions.delete(oldest)
      const id = randomBytes(32).toString('base64url')
      const csrf = randomBytes(32).toString('base64url')
      sessions.set(id, { name: given.name, csrf, endsAt: clock.monotonic() + LASTS_MS })
      return cookie(`${id}; Max-Age=${String(LASTS_MS / 1000)}`, headers)
    },
    logOut({ headers }) {
      const id = cookieOf(headers, cookieName)
      if (id !== undefined) sessions.delete(id)
      return cookie('; Max-Age=0', headers)
    },
    originFault({ headers, address }) {
      const site = headers['sec-fetch-site']
      const origin = headers.origin
      if (origin === undefined || !URL.canParse(origin)) return 'the browser does not say which page it comes from'
      const forwarded = proxies.has(address) ? headers['x-forwarded-host'] : undefined
      const isOwn = [headers.host, forwarded].includes(new URL(origin).host)
      if (isOwn && (site === undefined || site === 'same-origin')) return undefined
      return `it comes from a page of ${origin}, not from one of this daemon`
    },
  }

  function cookie(value: string, { origin }: IncomingHttpHeaders): string {
    // What the browser sees, whatever lies between.
    const secure = origin?.startsWith('https:') === true ? '; Secure' : ''
    return `${cookieName}=${value}; Path=/; HttpOnly; SameSite=Strict${secure}`
  }
}

/** Can stand in a record as who did something. */
export function isName(text: string): boolean {
  return text.trim() === text && text !== '' && text.length <= LONGEST_NAME && !/[\p{Cc}\p{Cf},]/u.test(text)
}

function cookieOf({ cookie = '' }: IncomingHttpHeaders, name: string): string | undefined {
  for (const part of cookie.split(';')) {
    const [key = '', value] = part.trim().split('=', 2)
    if (key === name) return value
  }
  return undefined
}
