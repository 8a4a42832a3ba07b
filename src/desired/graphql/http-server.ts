// A port to listen on in, the running server of bundles out. Reads only; on a loopback address it answers only requests that were sent to one.
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { toError, TrueupError } from '../../errors.js'
import { answerRequest, text, type HttpAnswer, type Surface } from './http-answers.js'
import type { ServedBundles } from './served-bundles.js'

/** Bytes of a request's body. */
export const BODY_LIMIT = 100_000
/** How long a request may take to arrive, ms. */
const ARRIVAL_MS = 30_000

export interface BundleServerOptions {
  readonly bundles: ServedBundles
  /** Zero for any free one. */
  readonly port: number
  readonly host: string
  /** What went wrong inside, for people. */
  readonly warn: (message: string) => void
}

export interface BundleServer {
  /** Without a slash at its end. */
  readonly url: string
  /** Ends what is under way and frees the port. */
  close(): Promise<void>
}

/** @throws TrueupError `usage` when the port cannot be had */
export async function startBundleServer({ bundles, port, host, warn }: BundleServerOptions): Promise<BundleServer> {
  const surface: Surface = { bundles, counts: { requests: 0, queries: 0, queryErrors: 0, reloads: 0 } }
  const isLocal = isLoopback(host)
  const server = createServer({ requestTimeout: ARRIVAL_MS }, (request, response) => {
    respond(request, surface, isLocal).then(
      (answer) => {
        send(response, answer, request)
      },
      (thrown: unknown) => {
        warn(`${String(request.method)} ${String(request.url)}: ${toError(thrown).message}`)
        if (!response.headersSent) send(response, text(500, 'internal error'), request)
      },
    )
  })
  await new Promise<void>((resolve, reject) => {
    server.once('error', (cause) => {
      reject(new TrueupError('usage', `cannot listen on ${host}:${String(port)}: ${cause.message}`, { cause }))
    })
    server.listen(port, host, resolve)
  })
  const { address, family, port: bound } = server.address() as AddressInfo
  return {
    url: `http://${family === 'IPv6' ? `[${address}]` : address}:${String(bound)}`,
    close: () =>
      new Promise((resolve) => {
        server.close(() => {
          resolve()
        })
        server.closeAllConnections()
      }),
  }
}

/** `127.0.0.1`, `::1`, `localhost`. */
export function isLoopback(host: string): boolean {
  return /^(?:127\.\d+\.\d+\.\d+|\[?::1\]?|localhost)$/i.test(host)
}

async function respond(request: IncomingMessage, surface: Surface, isLocal: boolean): Promise<HttpAnswer> {
  // A page of the web whose name was bent to this machine must not read the data.
  const name = (request.headers.host ?? '').replace(/:\d+$/, '')
  if (isLocal && !isLoopback(name)) return text(403, 'this server answers only requests to a loopback address')
  const body = await bodyOf(request)
  if (body === undefined) return text(413, `a body of more than ${String(BODY_LIMIT)} bytes is not read`)
  return answerRequest(surface, {
    method: request.method ?? 'GET',
    url: request.url ?? '/',
    contentType: request.headers['content-type'] ?? '',
    body,
  })
}

async function bodyOf(request: IncomingMessage): Promise<string | undefined> {
  const pieces: Buffer[] = []
  let size = 0
  for await (const piece of request as AsyncIterable<Buffer>) {
    size += piece.length
    // Read to its end all the same, or the client never sees the answer.
    if (size <= BODY_LIMIT) pieces.push(piece)
    else if (size > 100 * BODY_LIMIT) break
  }
  return size > BODY_LIMIT ? undefined : Buffer.concat(pieces).toString('utf8')
}

function send(response: ServerResponse, { status, type, body, headers }: HttpAnswer, request: IncomingMessage): void {
  response.writeHead(status, {
    'content-type': type,
    'content-length': Buffer.byteLength(body),
    'cache-control': 'no-store',
    'x-content-type-options': 'nosniff',
    ...headers,
  })
  response.end(request.method === 'HEAD' ? undefined : body)
}
