// The status server over real HTTP, with a view that answers at once.
import { request } from 'node:http'
import { afterEach, describe, expect, it } from 'vitest'
import { apiRoutes, type StatusView } from '../../src/schedule/http/api.js'
import { startHttpServer, type HttpServer } from '../../src/schedule/http/server.js'

const open: HttpServer[] = []
afterEach(async () => {
  for (const server of open.splice(0)) await server.close()
})

async function serverOf(more: Partial<StatusView> = {}, token: string | undefined = 'token'): Promise<HttpServer> {
  const view: StatusView = {
    isReady: () => false,
    metrics: () => Promise.resolve({ contentType: 'text/plain', text: 'm 1\n' }),
    targets: () => ({ targets: [] }),
    runs: (question) => Promise.resolve(question),
    doubts: () => Promise.reject(new Error('the store is away')),
    openApi: () => ({}),
    trigger: (target) => Promise.resolve(target === 'a b'),
    ...more,
  }
  const server = await startHttpServer({ routes: apiRoutes(view, token), host: '127.0.0.1', port: 0 })
  open.push(server)
  return server
}

/** fetch sets the header itself. */
function withHost(url: string, host: string): Promise<number | undefined> {
  return new Promise((resolve, reject) => {
    request(url, { headers: { host } }, (response) => {
      response.resume()
      resolve(response.statusCode)
    })
      .once('error', reject)
      .end()
  })
}

describe('the status server', () => {
  it('is alive before it is ready', async () => {
    let isReady = false
    const { url } = await serverOf({ isReady: () => isReady })
    expect([(await fetch(`${url}/healthz`)).status, (await fetch(`${url}/readyz`)).status]).toEqual([200, 503])
    isReady = true
    expect((await fetch(`${url}/readyz`)).status).toBe(200)
  })

  it('hands the question on, and refuses one that is none', async () => {
    const { url } = await serverOf()
    expect(await (await fetch(`${url}/api/v1/runs?target=x&limit=7`)).json()).toEqual({ target: 'x', limit: 7 })
    expect(await (await fetch(`${url}/api/v1/runs`)).json()).toEqual({ limit: 50 })
    for (const limit of ['0', '501', 'many', '1.5'])
      expect((await fetch(`${url}/api/v1/runs?limit=${limit}`)).status).toBe(400)
  })

  it('a view that fails is an answer, and the next one is answered', async () => {
    const { url } = await serverOf()
    const failed = await fetch(`${url}/api/v1/doubts`)
    expect([failed.status, await failed.json()]).toEqual([
      500,
      { error: { code: 'failed', message: 'the store is away' } },
    ])
    expect((await fetch(`${url}/healthz`)).status).toBe(200)
  })

  it('knows what it has: 404 and 405 for the rest, HEAD without a body', async () => {
    const { url } = await serverOf()
    expect((await fetch(`${url}/api/v2`)).status).toBe(404)
    const posted = await fetch(`${url}/metrics`, { method: 'POST', body: 'x'.repeat(100_000) })
    expect([posted.status, posted.headers.get('allow')]).toEqual([405, 'GET, HEAD'])
    const head = await fetch(`${url}/metrics`, { method: 'HEAD' })
    expect([head.status, head.headers.get('content-length'), await head.text()]).toEqual([200, '4', ''])
  })

  it('starts runs only for the token, whatever the name is made of', async () => {
    const { url } = await serverOf()
    const post = async (target: string, token?: string): Promise<number> => {
      const headers = token === undefined ? {} : { authorization: `Bearer ${token}` }
      return (await fetch(`${url}/api/v1/targets/${target}/run`, { method: 'POST', headers })).status
    }
    expect([await post('a%20b'), await post('a%20b', 'tokem'), await post('a%20b', 'token')]).toEqual([401, 401, 202])
    expect([await post('%E0%A4%A', 'token'), await post('c', 'token')]).toEqual([404, 404])
    const without = await serverOf({}, '')
    const answer = await fetch(`${without.url}/api/v1/targets/c/run`, {
      method: 'POST',
      headers: { authorization: 'Bearer token' },
    })
    expect(answer.status).toBe(403)
  })

  it('answers to no other name than this machine has', async () => {
    const { url } = await serverOf()
    expect([await withHost(`${url}/healthz`, 'localhost:1'), await withHost(`${url}/healthz`, '127.0.0.1')]).toEqual([
      200, 200,
    ])
    expect(await withHost(`${url}/healthz`, 'attacker.example')).toBe(421)
  })
})
