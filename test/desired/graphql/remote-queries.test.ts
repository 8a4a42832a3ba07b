// A remote endpoint: the real bundle server, and one over node:http that fails in each way a network and a server can.
import { createHash } from 'node:crypto'
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { afterEach, describe, expect, it } from 'vitest'
import { startBundleServer, type BundleServer } from '../../../src/desired/graphql/http-server.js'
import { createRemoteQueries, type RemoteOptions } from '../../../src/desired/graphql/remote-queries.js'
import { serveBundles, type LoadedBundle, type ServedBundles } from '../../../src/desired/graphql/served-bundles.js'
import type { DataQueries } from '../../../src/desired/graphql/data-queries.js'
import type { Json } from '../../../src/event.js'
import type { Clock } from '../../../src/util/clock.js'
import { createFakeClock } from '../../../src/util/fake-clock.js'
import { company } from './company.js'

const open: { close(): unknown }[] = []
afterEach(async () => {
  for (const one of open.splice(0)) await one.close()
})

/** Sleeps are over at once; how long they would have been is written down. */
function hastyClock(): Clock & { readonly slept: number[] } {
  const slept: number[] = []
  return {
    ...createFakeClock(),
    slept,
    sleep: (ms) => {
      slept.push(ms)
      return Promise.resolve()
    },
  }
}

function remote(url: string, more: Partial<RemoteOptions> = {}): DataQueries {
  return createRemoteQueries({
    url,
    pin: 'bundle',
    authorization: () => Promise.resolve(undefined),
    fetch: globalThis.fetch,
    clock: hastyClock(),
    timeoutMs: 5_000,
    attempts: 4,
    signal: new AbortController().signal,
    ...more,
  })
}

function ask(
  queries: DataQueries,
  document = '{ teams { name } }',
  variables: Record<string, Json> = {},
): Promise<Json> {
  return queries.ask({ document, variables, inputs: [], integration: 'demo' })
}

interface Served extends BundleServer {
  readonly bundles: ServedBundles
  /** Makes these teams the newest bundle. */
  turn(name: string): Promise<void>
}

async function served(): Promise<Served> {
  let now: LoadedBundle = { id: idOf('first'), bundle: company({ first: {} }) }
  const bundles = await serveBundles(() => Promise.resolve(now))
  const server = await startBundleServer({ bundles, port: 0, host: '127.0.0.1', warn: () => undefined })
  open.push(server)
  return {
    ...server,
    bundles,
    async turn(name) {
      now = { id: idOf(name), bundle: company({ [name]: {} }) }
      await bundles.reload()
    },
  }
}

const idOf = (name: string): string => createHash('sha256').update(name).digest('hex')

/** A server whose answers the test writes; requests are kept. */
async function faulty(
  answer: (
    request: { url: string; nth: number; body: string; headers: IncomingMessage['headers'] },
    response: ServerResponse,
  ) => void,
): Promise<{ url: string; requests: string[] }> {
  const requests: string[] = []
  const server: Server = createServer((request, response) => {
    const pieces: Buffer[] = []
    request.on('data', (piece: Buffer) => pieces.push(piece))
    request.on('end', () => {
      requests.push(`${String(request.method)} ${String(request.url)}`)
      const { url = '', headers } = request
      answer({ url, nth: requests.length, body: Buffer.concat(pieces).toString(), headers }, response)
    })
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  open.push({
    close: () =>
      new Promise((resolve) => {
        server.close(resolve)
        server.closeAllConnections()
      }),
  })
  return { url: `http://127.0.0.1:${String((server.address() as AddressInfo).port)}/graphql`, requests }
}

function json(response: ServerResponse, body: unknown, status = 200): void {
  response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(body))
}

describe('pinned to a bundle', () => {
  it('one run sees one state, however often the server turns to another one', async () => {
    const server = await served()
    const queries = remote(`${server.url}/graphql`)
    expect(await ask(queries)).toEqual({ teams: [{ name: 'first' }] })
    await server.turn('second')
    expect(await ask(queries, '{ teams { name path } }')).toEqual({
      teams: [{ name: 'first', path: '/teams/first.yml' }],
    })
    expect(await queries.settle()).toBe(true)
    expect(await ask(remote(server.url))).toEqual({ teams: [{ name: 'second' }] })
  })

  it('a bundle that is gone: told as moved, and the next question begins anew', async () => {
    const server = await served()
    const queries = remote(server.url)
    await ask(queries)
    await server.turn('second')
    await server.turn('third')
    await expect(ask(queries, '{ teams { path } }')).rejects.toMatchObject({
      code: 'source-unavailable',
      details: { moved: true },
    })
    expect(await ask(queries)).toEqual({ teams: [{ name: 'third' }] })
  })

  it('a bundle that is gone after all was settled is an error: what was derived from it is of the past', async () => {
    const server = await served()
    const queries = remote(server.url)
    await ask(queries)
    await queries.settle()
    await server.turn('second')
    await server.turn('third')
    const failed = await ask(queries, '{ teams { path } }').catch((error: unknown) => error)
    expect(failed).toMatchObject({ code: 'source-unavailable', retryable: true })
    expect((failed as { details: object }).details).not.toHaveProperty('moved')
  })

  it('variables arrive; answers are frozen; the same question is asked once', async () => {
    const server = await served()
    const queries = remote(server.url)
    const document = 'query ($n: String) { teams(name: $n) { name } }'
    const one = await ask(queries, document, { n: 'first' })
    expect(one).toEqual({ teams: [{ name: 'first' }] })
    expect(Object.isFrozen((one as { teams: unknown }).teams)).toBe(true)
    expect(await ask(queries, document, { n: 'first' })).toBe(one)
    expect(await ask(queries, document, { n: 'x' })).toEqual({ teams: [] })
  })

  it('errors fail closed: of the question, and of a field', async () => {
    const queries = remote((await served()).url)
    await expect(ask(queries, '{ nothing }')).rejects.toMatchObject({
      code: 'integration-invalid',
      message: expect.stringContaining('nothing') as string,
    })
    await expect(ask(queries, '{ teams { name } resources_v1(path: "/gone") { path } }')).rejects.toMatchObject({
      code: 'desired-invalid',
      message: expect.stringMatching(/resources_v1\[0\]: .*\/gone/) as string,
    })
  })

  it('a server that cannot pin says what to write', async () => {
    const { url } = await faulty((_, response) => response.writeHead(404).end('no'))
    await expect(ask(remote(url))).rejects.toThrow(/\/sha256 answered 404.*pin: none/)
  })
})

describe('what may pass', () => {
  it.each<[string, (response: ServerResponse) => void]>([
    ['502', (response) => response.writeHead(502).end()],
    ['503', (response) => response.writeHead(503).end()],
    ['429 with a time to wait', (response) => response.writeHead(429, { 'retry-after': '2' }).end()],
    ['a connection that breaks', (response) => response.destroy()],
    [
      'an answer that breaks off',
      (response) => {
        response.writeHead(200, { 'content-type': 'application/json', 'content-length': '1000' })
        response.write('{"data":', () => response.destroy())
      },
    ],
  ])('%s: sent again, and given up after so many times', async (name, fail) => {
    const clock = hastyClock()
    const once = await faulty(({ nth }, response) => {
      if (nth === 1) fail(response)
      else json(response, { data: { ok: true } })
    })
    expect(await ask(remote(once.url, { pin: 'none', clock }))).toEqual({ ok: true })
    expect(once.requests).toHaveLength(2)
    if (name.startsWith('429')) expect(clock.slept[0]).toBeGreaterThanOrEqual(2_000)
    const always = await faulty((_, response) => {
      fail(response)
    })
    await expect(ask(remote(always.url, { pin: 'none' }))).rejects.toMatchObject({
      code: 'source-unavailable',
      retryable: true,
    })
    expect(always.requests).toHaveLength(4)
  })

  it('no answer in time', async () => {
    const { url, requests } = await faulty(() => undefined)
    await expect(ask(remote(url, { pin: 'none', timeoutMs: 40, attempts: 2 }))).rejects.toThrow(
      /no answer in time, 2 times/,
    )
    expect(requests).toHaveLength(2)
  })

  it('nobody listens', async () => {
    await expect(ask(remote('http://127.0.0.1:9/graphql', { pin: 'none' }))).rejects.toThrow(
      /cannot be asked: no connection/,
    )
  })

  it('a run that is stopped does not try again', async () => {
    const stop = new AbortController()
    const { url, requests } = await faulty((_, response) => {
      stop.abort(new Error('stopped'))
      response.writeHead(503).end()
    })
    await expect(ask(remote(url, { pin: 'none', signal: stop.signal }))).rejects.toThrow('stopped')
    expect(requests).toHaveLength(1)
  })
})

describe('what does not pass', () => {
  it.each<[string, (response: ServerResponse) => void, RegExp]>([
    ['500', (response) => response.writeHead(500).end('secret path'), /answered 500/],
    ['no JSON', (response) => response.writeHead(200).end('<html>'), /no GraphQL answer/],
    [
      'neither data nor errors',
      (response) => {
        json(response, { data: null })
      },
      /neither data nor an error|has errors|no GraphQL answer/,
    ],
    [
      'data beside errors',
      (response) => {
        json(response, { data: { a: 1 }, errors: [{ message: 'half of it' }] })
      },
      /half of it/,
    ],
    ['401', (response) => response.writeHead(401).end(), /answered 401: check the secret/],
  ])('%s: an error at once', async (_, answer, message) => {
    const { url, requests } = await faulty((__, response) => {
      answer(response)
    })
    const failed = (await ask(remote(url, { pin: 'none' })).catch((error: unknown) => error)) as Error
    expect(failed.message).toMatch(message)
    expect(failed.message).not.toContain('secret path')
    expect(requests).toHaveLength(1)
  })

  it('a mutation is not sent', async () => {
    const { url, requests } = await faulty((_, response) => {
      json(response, { data: {} })
    })
    await expect(ask(remote(url, { pin: 'none' }), 'mutation { x }')).rejects.toMatchObject({
      code: 'integration-invalid',
    })
    await expect(ask(remote(url, { pin: 'none' }), '{')).rejects.toMatchObject({ code: 'integration-invalid' })
    expect(requests).toEqual([])
  })

  it('the authorization is sent with each request and told in no error', async () => {
    const seen: (string | undefined)[] = []
    const { url } = await faulty(({ url: path, headers }, response) => {
      seen.push(headers.authorization)
      if (path === '/sha256') response.end('a'.repeat(64))
      else response.writeHead(403).end()
    })
    const failed = (await ask(remote(url, { authorization: () => Promise.resolve('Bearer hidden-token') })).catch(
      (error: unknown) => error,
    )) as Error
    expect(seen).toEqual(['Bearer hidden-token', 'Bearer hidden-token'])
    expect(JSON.stringify([failed.message, failed])).not.toContain('hidden-token')
  })
})

describe('an endpoint that cannot be pinned', () => {
  it('answers that are all still the same are of one state; others are forgotten, to be asked again', async () => {
    let state = 1
    const { url } = await faulty(({ body }, response) => {
      json(response, { data: { [body.includes('one') ? 'one' : 'two']: state } })
    })
    const queries = remote(url, { pin: 'none' })
    await ask(queries, '{ one }')
    state = 2
    await ask(queries, '{ two }')
    expect(await queries.settle()).toBe(false)
    expect(await ask(queries, '{ one }')).toEqual({ one: 2 })
    await ask(queries, '{ two }')
    expect(await queries.settle()).toBe(true)
  })

  it('one answer alone is of one state', async () => {
    const { url, requests } = await faulty((_, response) => {
      json(response, { data: { one: 1 } })
    })
    const queries = remote(url, { pin: 'none' })
    await ask(queries, '{ one }')
    expect(await queries.settle()).toBe(true)
    expect(requests).toHaveLength(1)
  })

  it('a further question after that is refused when the first ones changed meanwhile', async () => {
    let state = 1
    const { url } = await faulty((_, response) => {
      json(response, { data: { one: state } })
    })
    const queries = remote(url, { pin: 'none' })
    await ask(queries, '{ one }')
    await queries.settle()
    state = 2
    await expect(ask(queries, '{ two: one }')).rejects.toMatchObject({ code: 'source-unavailable', retryable: true })
  })
})
