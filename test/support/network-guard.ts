// A set-up file of every suite: connections and look-ups of this process reach the loopback interface only; all others fail at once,
// naming the host. Child processes are not covered.
import dns from 'node:dns'
import net from 'node:net'

class OutsideNetworkError extends Error {
  override readonly name = 'OutsideNetworkError'
  readonly code = 'EACCES'
  constructor(host: string) {
    super(`a test tried to reach ${host}: only loopback is allowed (test/support/network-guard.ts)`)
  }
}

function isLoopback(host: string): boolean {
  const name = host.replace(/^\[|\]$/g, '').toLowerCase()
  return (
    name === '' ||
    name === 'localhost' ||
    name.endsWith('.localhost') ||
    name === '::1' ||
    /^(::ffff:)?127\./.test(name)
  )
}

/** Of `connect(options)`, `connect(port, host?)`, `connect(path)`; also as the array that net hands on. */
function hostOf(args: readonly unknown[]): string {
  const [first, second]: readonly unknown[] = Array.isArray(args[0]) ? (args[0] as unknown[]) : args
  if (typeof first === 'object' && first !== null) {
    const { host, path } = first as { host?: string; path?: string | null }
    return typeof path === 'string' ? '' : (host ?? '')
  }
  return typeof second === 'string' ? second : ''
}

type Connect = (...args: unknown[]) => net.Socket
const connect = net.Socket.prototype.connect as Connect
net.Socket.prototype.connect = function (this: net.Socket, ...args: unknown[]): net.Socket {
  const host = hostOf(args)
  return isLoopback(host) ? connect.apply(this, args) : this.destroy(new OutsideNetworkError(host))
}

type Lookup = (host: string, ...rest: unknown[]) => unknown
const lookup = dns.lookup as unknown as Lookup
const lookupPromise = dns.promises.lookup as unknown as Lookup

function guardedLookup(host: string, ...rest: unknown[]): unknown {
  if (isLoopback(host)) return lookup(host, ...rest)
  const callback = rest.at(-1) as (error: Error) => void
  process.nextTick(callback, new OutsideNetworkError(host))
  return undefined
}

async function guardedLookupPromise(host: string, ...rest: unknown[]): Promise<unknown> {
  if (!isLoopback(host)) throw new OutsideNetworkError(host)
  return await lookupPromise(host, ...rest)
}

Object.assign(dns, { lookup: guardedLookup })
Object.assign(dns.promises, { lookup: guardedLookupPromise })
