import http, { createServer, request as namedRequest, type IncomingMessage } from 'node:http'
import https from 'node:https'
import { createRequire } from 'node:module'
import type { AddressInfo } from 'node:net'
import { text } from 'node:stream/consumers'
import { afterEach, describe, expect, it } from 'vitest'
import { exempt, installDryRunGuard, type DryRunGuard } from '../../src/reconcile/dry-run-guard.js'

interface Server extends AsyncDisposable {
  readonly url: string
  readonly seen: string[]
}

async function serve(): Promise<Server> {
  const seen: string[] = []
  const server = createServer((request, response) => {
    seen.push(`${request.method ?? ''} ${request.url ?? ''}`)
    response.end('ok')
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    seen,
    async [Symbol.asyncDispose]() {
      server.closeAllConnections()
      await new Promise((resolve) => server.close(resolve))
    },
  }
}

function send(make: (done: (response: IncomingMessage) => void) => http.ClientRequest): Promise<string> {
  return new Promise((resolve, reject) => {
    make((response) => void text(response).then(resolve, reject))
      .on('error', reject)
      .end()
  })
}

const original = {
  fetch: globalThis.fetch,
  request: http.request,
  get: http.get,
  ClientRequest: http.ClientRequest,
  https: https.request,
}
const guards: DryRunGuard[] = []
function install(): DryRunGuard {
  const guard = installDryRunGuard()
  guards.push(guard)
  return guard
}
afterEach(() => {
  for (const guard of guards.splice(0).reverse()) guard.uninstall()
  expect({
    fetch: globalThis.fetch,
    request: http.request,
    get: http.get,
    ClientRequest: http.ClientRequest,
    https: https.request,
  }).toEqual(original)
})

const run = { integration: 'demo' }
const refused = { code: 'dry-run-write', name: 'TrueupError' }

describe('installDryRunGuard', () => {
  it.each<[string, (url: string) => Promise<unknown>]>([
    ['fetch', (url) => fetch(`${url}/x?token=t0p`, { method: 'POST' })],
    ['fetch of a Request', (url) => fetch(new Request(url, { method: 'DELETE' }))],
    ['fetch with a method in small letters', (url) => fetch(url, { method: 'post' })],
    [
      'http.request with options',
      (url) =>
        send((done) =>
          http.request({ host: '127.0.0.1', port: new URL(url).port, method: 'PUT', path: '/x?token=t0p' }, done),
        ),
    ],
    ['http.request with a URL', (url) => send((done) => http.request(`${url}/x?token=t0p`, { method: 'PATCH' }, done))],
    ['http.request by its name', (url) => send((done) => namedRequest(new URL(url), { method: 'POST' }, done))],
    [
      'http.request required',
      (url) =>
        send((done) =>
          (createRequire(import.meta.url)('node:http') as typeof http).request(url, { method: 'POST' }, done),
        ),
    ],
    ['http.get made to write', (url) => send((done) => http.get(url, { method: 'POST' }, done))],
    [
      'http.ClientRequest',
      (url) =>
        send((done) => new http.ClientRequest({ host: '127.0.0.1', port: new URL(url).port, method: 'POST' }, done)),
    ],
    ['https.request', (url) => send((done) => https.request(url.replace('http', 'https'), { method: 'POST' }, done))],
  ])('refuses a write by %s while planning, and only then', async (_name, write) => {
    await using server = await serve()
    const guard = install()
    const attempt = guard.planning(run, async () => write(server.url))
    await expect(attempt).rejects.toMatchObject({
      ...refused,
      details: { integration: 'demo', origin: expect.stringContaining('127.0.0.1') as string },
    })
    await expect(attempt).rejects.not.toThrow(/t0p|\/x/)
    expect(server.seen).toEqual([])
    if (_name === 'https.request') return
    await write(server.url)
    expect(server.seen).toHaveLength(1)
  })

  it('lets reads through', async () => {
    await using server = await serve()
    await install().planning(run, async () => {
      await fetch(server.url)
      await fetch(new Request(server.url, { method: 'HEAD' }))
      await send((done) => http.get(server.url, done))
      await send((done) => namedRequest(server.url, { method: 'OPTIONS' }, done))
      expect(
        http
          .request({ host: '127.0.0.1', port: new URL(server.url).port })
          .on('error', () => undefined)
          .destroy(),
      ).toBeInstanceOf(http.ClientRequest)
    })
    expect(server.seen).toEqual(['GET /', 'HEAD /', 'GET /', 'OPTIONS /'])
  })

  it('lets what is exempt through, and a run that is applying beside', async () => {
    await using server = await serve()
    const guard = install()
    let plan = (): void => undefined
    const planned = new Promise<void>((resolve) => (plan = resolve))
    const planning = guard.planning(run, async () => {
      await exempt(() => fetch(server.url, { method: 'POST' }))
      await planned
      await fetch(server.url, { method: 'POST' })
    })
    await fetch(server.url, { method: 'DELETE' })
    plan()
    await expect(planning).rejects.toMatchObject(refused)
    expect(server.seen.sort()).toEqual(['DELETE /', 'POST /'])
  })

  it('refuses what a dry run left behind, but not the queue that an apply goes on using', async () => {
    await using server = await serve()
    const guard = install()
    // Runs in the context it was made in, as the connection of a client library does.
    const leftover = async (mode: 'dry-run' | 'apply'): Promise<unknown> => {
      let go = (): void => undefined
      const started = new Promise<void>((resolve) => (go = resolve))
      let late: Promise<unknown> = Promise.resolve()
      await guard.planning({ ...run, mode }, async () => {
        late = started.then(() => fetch(server.url, { method: 'POST' })).catch((error: unknown) => error)
      })
      go()
      return late
    }
    expect(await leftover('dry-run')).toMatchObject(refused)
    expect(await leftover('apply')).toBeInstanceOf(Response)
    expect(server.seen).toEqual(['POST /'])
  })

  it('patches nothing before the first planning, and several guards get along', async () => {
    const [one, other] = [install(), install()]
    expect(globalThis.fetch).toBe(original.fetch)
    await Promise.all([one.planning(run, async () => undefined), other.planning(run, async () => undefined)])
    expect(globalThis.fetch).not.toBe(original.fetch)
    other.uninstall()
    await expect(one.planning(run, () => fetch('http://127.0.0.1:1', { method: 'POST' }))).rejects.toMatchObject(
      refused,
    )
  })
})
