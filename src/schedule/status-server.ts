// A view of a daemon and an address come in; an HTTP server that answers from it goes out. Reads, and makes a target due for who has the token.
// Must not know how the view knows.
import { createHash, timingSafeEqual } from 'node:crypto'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { toError, TrueupError } from '../errors.js'

export interface StatusView {
  /** A revision is served. */
  isReady(): boolean
  metrics(): Promise<{ readonly contentType: string; readonly text: string }>
  /** Each a JSON document. */
  targets(): object
  runs(question: { readonly target: string | undefined; readonly limit: number }): Promise<object>
  doubts(): Promise<object>
  openApi(): object
  /** Makes a target due now. @returns false where there is none of that name */
  trigger(target: string): Promise<boolean>
  /** For people, at `/`. */
  page(): string
}

export interface StatusServerOptions {
  readonly view: StatusView
  readonly host: string
  /** 0: any that is free. */
  readonly port: number
  /** What makes a target due; undefined or empty: nobody may. */
  readonly token: string | undefined
}

export interface StatusServer {
  /** `http://127.0.0.1:9464`. */
  readonly url: string
  close(): Promise<void>
}

const LOOPBACK = /^(localhost|127(\.\d+){3}|\[?::1\]?)$/
/** Runs in one answer. */
const MOST_RUNS = 500

/** Whether only this machine can reach the host. */
export function isLoopback(host: string): boolean {
  return LOOPBACK.test(host)
}

/** @throws usage where the address cannot be had */
export async function startStatusServer(options: StatusServerOptions): Promise<StatusServer> {
  const { host, port } = options
  const server = createServer((request, response) => {
    // Nothing that is sent is needed.
    request.resume()
    answer(request, options)
      .catch((thrown: unknown): Answer => fault(500, 'failed', toError(thrown).message))
      .then((one) => {
        send(response, one, request.method === 'HEAD')
      })
      .catch(() => {
        response.destroy()
      })
  })
  await new Promise<void>((resolve, reject) => {
    server.once('error', (error: NodeJS.ErrnoException) => {
      const why = error.code === 'EADDRINUSE' ? 'it is in use' : error.message
      reject(
        new TrueupError(
          'usage',
          `cannot listen on ${host}:${String(port)}: ${why}. Choose another address with --listen <host:port>, or --listen off`,
          { cause: error },
        ),
      )
    })
    server.listen(port, host, resolve)
  })
  const { port: bound } = server.address() as AddressInfo
  return {
    url: `http://${host.includes(':') ? `[${host}]` : host}:${String(bound)}`,
    close: () =>
      new Promise((resolve) => {
        server.close(() => {
          resolve()
        })
        server.closeAllConnections()
      }),
  }
}

interface Answer {
  readonly status: number
  readonly contentType: string
  readonly text: string
  readonly headers?: Readonly<Record<string, string>>
}

async function answer(request: IncomingMessage, { view, host, token }: StatusServerOptions): Promise<Answer> {
  // A page of somebody else's, whose name was made to mean this machine, must not read what is meant for it alone.
  if (isLoopback(host) && !isLoopback(hostnameOf(request.headers.host)))
    return fault(421, 'misdirected', 'this address answers to localhost alone')
  const url = new URL(request.url ?? '/', 'http://localhost')
  const run = /^\/api\/v1\/targets\/([^/]+)\/run$/.exec(url.pathname)?.[1]
  if (run !== undefined) {
    if (request.method !== 'POST') return notAllowed('POST')
    return trigger(request, { view, token, target: decoded(run) })
  }
  if (request.method !== 'GET' && request.method !== 'HEAD') return notAllowed('GET, HEAD')
  switch (url.pathname) {
    case '/':
      return plain(200, view.page())
    case '/healthz':
      return plain(200, 'ok\n')
    case '/readyz':
      return view.isReady() ? plain(200, 'ready\n') : plain(503, 'no revision is served yet\n')
    case '/metrics': {
      const { contentType, text } = await view.metrics()
      return { status: 200, contentType, text }
    }
    case '/api/v1/targets':
      return json(200, view.targets())
    case '/api/v1/runs': {
      const limit = Number(url.searchParams.get('limit') ?? 50)
      if (!Number.isInteger(limit) || limit < 1 || limit > MOST_RUNS)
        return fault(400, 'usage', `limit is a whole number from 1 to ${String(MOST_RUNS)}`)
      return json(200, await view.runs({ target: url.searchParams.get('target') ?? undefined, limit }))
    }
    case '/api/v1/doubts':
      return json(200, await view.doubts())
    case '/api/v1/openapi.json':
      return json(200, view.openApi())
    default:
      return fault(404, 'not-found', `there is no ${url.pathname}; /api/v1/openapi.json tells what there is`)
  }
}

interface Trigger {
  readonly view: StatusView
  readonly token: string | undefined
  readonly target: string
}

async function trigger({ headers }: IncomingMessage, { view, token, target }: Trigger): Promise<Answer> {
  if (token === undefined || token === '')
    return fault(403, 'forbidden', 'TRUEUP_TOKEN is not set for this daemon, so nobody may start runs')
  const given = /^Bearer (.+)$/i.exec(headers.authorization ?? '')?.[1]
  if (given === undefined || !isSame(given, token))
    return {
      ...fault(401, 'unauthorized', 'Authorization: Bearer <token> is missing or wrong'),
      headers: { 'www-authenticate': 'Bearer' },
    }
  return (await view.trigger(target))
    ? json(202, { target, due: 'now' })
    : fault(404, 'usage', `there is no target ${JSON.stringify(target)}; /api/v1/targets has all`)
}

/** In constant time, also where the lengths differ. */
function isSame(given: string, token: string): boolean {
  const digest = (text: string): Buffer => createHash('sha256').update(text).digest()
  return timingSafeEqual(digest(given), digest(token))
}

function decoded(text: string): string {
  try {
    return decodeURIComponent(text)
  } catch {
    return text
  }
}

function hostnameOf(header: string | undefined): string {
  return (header ?? '').replace(/:\d+$/, '')
}

function plain(status: number, text: string): Answer {
  return { status, contentType: 'text/plain; charset=utf-8', text }
}

function json(status: number, value: object): Answer {
  return { status, contentType: 'application/json; charset=utf-8', text: `${JSON.stringify(value, null, 2)}\n` }
}

function fault(status: number, code: string, message: string): Answer {
  return json(status, { error: { code, message } })
}

function notAllowed(allow: string): Answer {
  return { ...fault(405, 'not-allowed', `this takes ${allow}`), headers: { allow } }
}

function send(response: ServerResponse, { status, contentType, text, headers }: Answer, headOnly: boolean): void {
  response.writeHead(status, {
    'content-type': contentType,
    'content-length': Buffer.byteLength(text),
    'cache-control': 'no-store',
    'x-content-type-options': 'nosniff',
    'content-security-policy': "default-src 'none'",
    ...headers,
  })
  response.end(headOnly ? undefined : text)
}
