// Routes and an address come in; an HTTP server that answers by them goes out. Must not know what any route does.
import { createServer, type IncomingHttpHeaders, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { toError, TrueupError } from '../../errors.js'
import { fault, type Answer } from './answer.js'

export interface Route {
  /** `GET` answers `HEAD` too. */
  readonly method: 'GET' | 'POST'
  /** `/api/v1/targets/{name}/run`: what stands in braces is one segment, decoded. */
  readonly path: string
  readonly answer: (asked: Asked) => Answer | Promise<Answer>
}

export interface Asked {
  readonly url: URL
  /** By the names in the path of the route. */
  readonly segments: Readonly<Record<string, string>>
  readonly headers: IncomingHttpHeaders
  /** Of who is at the other end of the connection; empty where it is gone. */
  readonly address: string
  /** Aborted when the client is gone, or the server closes. */
  readonly signal: AbortSignal
  /** What was sent. @throws for more than `most` bytes, of which nothing is kept */
  body(most: number): Promise<Buffer>
}

export interface HttpServerOptions {
  readonly routes: readonly Route[]
  readonly host: string
  /** 0: any that is free. */
  readonly port: number
  /** Answers what no route does; undefined: as a program is answered. */
  readonly missing?: (asked: Pick<Asked, 'url' | 'headers' | 'address'>) => Answer | undefined
}

export interface HttpServer {
  /** `http://127.0.0.1:9464`. */
  readonly url: string
  close(): Promise<void>
}

/** More was sent than the route takes. */
class TooLarge extends Error {}

const LOOPBACK = /^(localhost|127(\.\d+){3}|\[?::1\]?)$/

/** Whether only this machine can reach the host. */
export function isLoopback(host: string): boolean {
  return LOOPBACK.test(host)
}

/** @throws usage where the address cannot be had */
export async function startHttpServer({ routes, host, port, missing }: HttpServerOptions): Promise<HttpServer> {
  const compiled = routes.map(compile)
  const closing = new AbortController()
  const server = createServer((request, response) => {
    const gone = new AbortController()
    response.once('close', () => {
      gone.abort()
    })
    answer(request, { compiled, host, missing, signal: AbortSignal.any([gone.signal, closing.signal]) })
      .catch((thrown: unknown): Answer =>
        thrown instanceof TooLarge
          ? { ...fault(413, 'too-large', thrown.message), headers: { connection: 'close' } }
          : fault(500, 'failed', toError(thrown).message),
      )
      .then((one) => {
        // What no route read is not needed.
        request.resume()
        return send(response, one, request.method === 'HEAD')
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
        closing.abort()
        server.close(() => {
          resolve()
        })
        server.closeAllConnections()
      }),
  }
}

interface Compiled extends Route {
  readonly pattern: RegExp
}

function compile(route: Route): Compiled {
  const pattern = route.path.replaceAll('.', String.raw`\.`).replaceAll(/\{(\w+)\}/g, '(?<$1>[^/]+)')
  return { ...route, pattern: new RegExp(`^${pattern}$`) }
}

interface Answering {
  readonly compiled: readonly Compiled[]
  readonly host: string
  readonly missing: HttpServerOptions['missing']
  readonly signal: AbortSignal
}

async function answer(request: IncomingMessage, { compiled, host, missing, signal }: Answering): Promise<Answer> {
  // A page of somebody else's, whose name was made to mean this machine, must not read what is meant for it alone.
  if (isLoopback(host) && !isLoopback(hostnameOf(request.headers.host)))
    return fault(421, 'misdirected', 'this address answers to localhost alone')
  const url = new URL(request.url ?? '/', 'http://localhost')
  const address = request.socket.remoteAddress ?? ''
  const there = compiled.filter(({ pattern }) => pattern.test(url.pathname))
  const method = request.method === 'HEAD' ? 'GET' : request.method
  const route = there.find((one) => one.method === method)
  if (route === undefined) {
    if (there.length > 0) return notAllowed(there)
    const told = missing?.({ url, headers: request.headers, address })
    if (told !== undefined) return told
    return fault(404, 'not-found', `there is no ${url.pathname}; /api/v1/openapi.json tells what there is`)
  }
  const groups = route.pattern.exec(url.pathname)?.groups ?? {}
  const segments = Object.fromEntries(Object.entries(groups).map(([name, text]) => [name, decoded(text)]))
  return await route.answer({
    url,
    segments,
    headers: request.headers,
    address,
    signal,
    body: (most) => bodyOf(request, most),
  })
}

async function bodyOf(request: IncomingMessage, most: number): Promise<Buffer> {
  const chunks: Buffer[] = []
  let size = 0
  for await (const chunk of request as AsyncIterable<Buffer>) {
    size += chunk.length
    if (size > most) throw new TooLarge(`at most ${String(most)} bytes are taken`)
    chunks.push(chunk)
  }
  return Buffer.concat(chunks)
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

function notAllowed(routes: readonly Route[]): Answer {
  const allow = routes.flatMap(({ method }) => (method === 'GET' ? ['GET', 'HEAD'] : [method])).join(', ')
  return { ...fault(405, 'not-allowed', `this takes ${allow}`), headers: { allow } }
}

async function send(response: ServerResponse, { status, contentType, body, headers }: Answer, headOnly: boolean) {
  response.writeHead(status, {
    'content-type': contentType,
    ...(typeof body === 'string' ? { 'content-length': Buffer.byteLength(body) } : {}),
    'cache-control': 'no-store',
    'x-content-type-options': 'nosniff',
    'content-security-policy': "default-src 'none'",
    ...headers,
  })
  if (headOnly) response.end()
  else if (typeof body === 'string') response.end(body)
  else await pipeline(Readable.from(body), response)
}
