// A connection URI comes in, what a driver needs to connect goes out. Pure. Must not: put any part of it but host, port and database into an error.
import { TrueupError } from '../errors.js'

export interface PostgresAddress {
  readonly host: string
  readonly port: number
  readonly user: string
  readonly password: string
  readonly database: string
  /** What is handed to TLS; false for none. */
  readonly tls: false | { readonly rejectUnauthorized: boolean }
  /** `host:port/database`, for people. */
  readonly shown: string
  /** Equal for equal addresses. Holds the password: never to be shown. */
  readonly secretId: string
}

const FORM = 'postgres://user:password@host:port/database?sslmode=verify-full'
const LOOPBACK = /^(localhost|127(\.\d+){3}|\[::1\])$/

/**
 * Nothing is taken from the process's environment. `sslmode`: `disable`; `no-verify` (encrypted, whoever answers); `require`, `verify-ca` and
 * `verify-full` (encrypted, certificate and name checked). Without it: `disable` on the loopback interface, else `verify-full`.
 *
 * @throws TrueupError `current-unreadable` for anything else
 */
export function postgresAddress(
  uri: string,
  { integration, database }: { readonly integration: string; readonly database?: string | undefined },
): PostgresAddress {
  const refuse = (what: string): TrueupError =>
    new TrueupError('current-unreadable', `${integration}: the connection URI ${what}; its form is ${FORM}`)
  // The error of a URL that cannot be read quotes it, password and all.
  if (!URL.canParse(uri)) throw refuse('cannot be read')
  const url = new URL(uri)
  if (url.protocol !== 'postgres:' && url.protocol !== 'postgresql:') throw refuse('does not begin with postgres://')
  if (url.username === '') throw refuse('names no user')
  if (url.hostname === '') throw refuse('names no host')
  if (url.hash !== '') throw refuse('holds a #, which must be written %23')
  const unknown = [...url.searchParams.keys()].filter((name) => name !== 'sslmode')
  if (unknown.length > 0) throw refuse('has parameters other than sslmode')

  try {
    const host = url.hostname
    const port = url.port === '' ? 5432 : Number(url.port)
    const inUri = decodeURIComponent(url.pathname.slice(1))
    const name = database ?? (inUri === '' ? 'postgres' : inUri)
    const tls = tlsOf(url.searchParams.get('sslmode') ?? (LOOPBACK.test(host) ? 'disable' : 'verify-full'))
    if (tls === undefined) {
      throw refuse('has an sslmode other than disable, no-verify, require, verify-ca and verify-full')
    }
    return {
      host: host.replace(/^\[|\]$/g, ''),
      port,
      user: decodeURIComponent(url.username),
      password: decodeURIComponent(url.password),
      database: name,
      tls,
      shown: `${host}:${port}/${name}`,
      secretId: JSON.stringify([uri, name]),
    }
  } catch (error) {
    if (error instanceof URIError) throw refuse('has a % that is not followed by two hexadecimal digits')
    throw error
  }
}

function tlsOf(mode: string): PostgresAddress['tls'] | undefined {
  if (mode === 'disable') return false
  if (mode === 'no-verify') return { rejectUnauthorized: false }
  return ['require', 'verify-ca', 'verify-full'].includes(mode) ? { rejectUnauthorized: true } : undefined
}
