import { createServer, type RequestListener } from 'node:http'
import type { AddressInfo } from 'node:net'
import { text } from 'node:stream/consumers'
import { describe, expect, it } from 'vitest'
import type { Http } from '../../src/integration.js'
import { installDryRunGuard } from '../../src/reconcile/dry-run-guard.js'
import { createHttp, type HttpOptions } from '../../src/reconcile/http.js'

interface Server extends AsyncDisposable {
  readonly url: string
  readonly seen: string[]
}

async function serve(answer: RequestListener = (_request, response) => response.end('ok')): Promise<Server> {
  const seen: string[] = []
  const server = createServer((request, response) => {
    void text(request).then((body) => {
      seen.push(`${request.method ?? ''} ${request.url ?? ''} ${body}`.trim())
      answer(request, response)
    })
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

function client(options: Partial<HttpOptions> = {}): Http {
  return createHttp({
    integration: 'demo',
    signal: new AbortController().signal,
    planning: () => true,
    fetch: globalThis.fetch,
    ...options,
  })
}

describe('createHttp', () => {
  it('reads while planning, and gives answers of any status', async () => {
    await using server = await serve((_request, response) => response.writeHead(404).end('none'))
    const answer = await client()(`${server.url}/a?b=1`, { headers: { accept: 'x' } })
    expect([answer.status, await answer.text()]).toEqual([404, 'none'])
    await client()(new URL(server.url), { method: 'HEAD' })
    expect(server.seen).toEqual(['GET /a?b=1', 'HEAD /'])
  })

  it.each([
    [{ method: 'POST' }],
    [{ method: 'delete' }],
    // Only a query can be declared to read.
    [{ method: 'PUT', reads: true }],
  ])('refuses %j while planning, not later', async (init) => {
    await using server = await serve()
    const asked = client()(`${server.url}/a?token=t0p`, init)
    await expect(asked).rejects.toMatchObject({ code: 'dry-run-write', details: { url: `${server.url}/a` } })
    await expect(asked).rejects.not.toThrow('t0p')
    expect(server.seen).toEqual([])
    await client({ planning: () => false })(server.url, init)
    expect(server.seen).toHaveLength(1)
  })

  it('sends a POST that is declared to read, past the guard too', async () => {
    await using server = await serve()
    const guard = installDryRunGuard()
    try {
      await guard.planning({ integration: 'demo' }, async () => {
        // The patched fetch: the guard would refuse it.
        await client({ fetch: globalThis.fetch })(server.url, { method: 'POST', body: 'query', reads: true })
      })
    } finally {
      guard.uninstall()
    }
    expect(server.seen).toEqual(['POST / query'])
  })

  it('gives up after its timeout', async () => {
    await using server = await serve(() => undefined)
    await expect(client({ timeoutMs: 50 })(`${server.url}/slow?token=t0p`)).rejects.toMatchObject({
      code: 'timeout',
      retryable: true,
      message: `demo: GET ${server.url}/slow got no answer within 0.05 s`,
    })
  })

  it('ends with the reason of the run, or of the caller', async () => {
    const run = new AbortController()
    const own = new AbortController()
    await using server = await serve((request) =>
      (request.url === '/run' ? run : own).abort(new Error(`stopped by ${request.url ?? ''}`)),
    )
    await expect(client()(`${server.url}/own`, { signal: own.signal })).rejects.toThrow('stopped by /own')
    await expect(client({ signal: run.signal })(`${server.url}/run`)).rejects.toThrow('stopped by /run')
    await expect(client({ signal: run.signal })(`${server.url}/again`)).rejects.toThrow('stopped by /run')
    expect(server.seen).toEqual(['GET /own', 'GET /run'])
  })

  it('names method and address of what failed, without query and credentials', async () => {
    const server = await serve()
    await server[Symbol.asyncDispose]()
    const failed = client()(`${server.url}/a?token=t0p#part`)
    await expect(failed).rejects.toMatchObject({
      code: 'current-unreadable',
      retryable: true,
      message: expect.stringMatching(/^demo: GET http:\/\/127\.0\.0\.1:\d+\/a failed: .*ECONNREFUSED/) as string,
    })
    await expect(client({ planning: () => false })(server.url, { method: 'POST' })).rejects.toMatchObject({
      code: 'apply-failed',
    })

    const secret = client()('http://user:pa55@127.0.0.1:1/a')
    await expect(secret).rejects.toMatchObject({ code: 'current-unreadable', retryable: false })
    await expect(secret).rejects.not.toThrow('pa55')
    const header = client()(server.url, { headers: { authorization: 'pa55\n\u0000' } })
    await expect(header).rejects.not.toThrow('pa55')
    await expect(client()('/relative?token=t0p')).rejects.toThrow(
      'demo: GET (no URL) cannot be sent: this is not an absolute URL',
    )
  })
})
