import { createServer, type RequestListener } from 'node:http'
import type { AddressInfo } from 'node:net'
import { text } from 'node:stream/consumers'
import { describe, expect, it } from 'vitest'
import type { Http } from '../../src/integration.js'
import { installDryRunGuard } from '../../src/reconcile/dry-run-guard.js'
import { createCallCounter } from '../../src/reconcile/call-counter.js'
import { createHttp, type HttpOptions } from '../../src/reconcile/http.js'
import { createProviders, LONGEST_WAIT_MS, unlimitedProviders } from '../../src/reconcile/providers.js'
import { systemClock } from '../../src/util/clock.js'
import { createFakeClock, type FakeClock } from '../../src/util/fake-clock.js'

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
    providers: unlimitedProviders(),
    calls: createCallCounter(),
    clock: systemClock,
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

describe('createHttp with a provider that asks to wait', () => {
  const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve))

  /** Answers as it is told, then with 200. */
  function serveAnswers(answers: readonly (readonly [status: number, retryAfter: string])[]): Promise<Server> {
    let served = 0
    return serve((_request, response) => {
      const [status, retryAfter] = answers[served] ?? [200, '']
      served += 1
      response.writeHead(status, retryAfter === '' ? {} : { 'retry-after': retryAfter }).end(`answer ${String(served)}`)
    })
  }

  /** Moves the clock until it has settled. */
  async function settled<T>(
    work: Promise<T>,
    clock: FakeClock,
  ): Promise<{ readonly value: T; readonly afterMs: number }> {
    const begun = clock.monotonic()
    const open = new Set([work])
    const end = (): void => {
      open.clear()
    }
    work.then(end, end)
    for (let waited = 0; open.size > 0; waited += 1) {
      await turn()
      // An answer of the server is no matter of the clock: it may take many turns.
      if (waited % 200 === 199) clock.advance(1000)
    }
    return { value: await work, afterMs: clock.monotonic() - begun }
  }

  it.each(['GET', 'HEAD', 'OPTIONS'])('sends %s again when it may, and counts it', async (method) => {
    await using server = await serveAnswers([
      [429, '5'],
      [503, '7'],
    ])
    const clock = createFakeClock()
    const calls = createCallCounter()
    const http = client({ clock, calls, providers: createProviders({ clock }) })
    const { value, afterMs } = await settled(http(`${server.url}/a`, { method }), clock)
    expect(value.status).toBe(200)
    expect(server.seen).toEqual([`${method} /a`, `${method} /a`, `${method} /a`])
    expect(afterMs).toBeGreaterThanOrEqual(12_000)
    expect(calls.counts()).toMatchObject([{ provider: server.url, reads: 3, writes: 0 }])
    expect(calls.counts()?.[0]?.waitedMs).toBeGreaterThanOrEqual(12_000)
  })

  it('sends a declared read again with its body', async () => {
    await using server = await serveAnswers([[429, '0']])
    const clock = createFakeClock()
    const http = client({ clock, providers: createProviders({ clock }) })
    expect((await http(server.url, { method: 'POST', body: 'query', reads: true })).status).toBe(200)
    expect(server.seen).toEqual(['POST / query', 'POST / query'])
  })

  it('never sends a write again, but makes the next call wait', async () => {
    await using server = await serveAnswers([[429, '5']])
    const clock = createFakeClock()
    const calls = createCallCounter()
    const http = client({ clock, calls, providers: createProviders({ clock }), planning: () => false })
    const first = await http(server.url, { method: 'PUT', body: 'x' })
    expect([first.status, await first.text()]).toEqual([429, 'answer 1'])
    expect(server.seen).toEqual(['PUT / x'])
    const { value, afterMs } = await settled(http(server.url, { method: 'PUT', body: 'y' }), clock)
    expect(value.status).toBe(200)
    expect(afterMs).toBeGreaterThanOrEqual(5_000)
    expect(server.seen).toEqual(['PUT / x', 'PUT / y'])
    expect(calls.counts()).toMatchObject([{ reads: 0, writes: 2 }])
  })

  it('gives the last answer after three repeats, and an answer that asks for nothing at once', async () => {
    await using server = await serveAnswers(Array.from({ length: 9 }, () => [503, '1'] as const))
    const clock = createFakeClock()
    const http = client({ clock, providers: createProviders({ clock }) })
    const { value } = await settled(http(server.url), clock)
    expect([value.status, await value.text()]).toEqual([503, 'answer 4'])
    await using plain = await serveAnswers([[503, '']])
    expect((await http(plain.url)).status).toBe(503)
    expect(plain.seen).toHaveLength(1)
  })

  it('does not wait for more than a minute: the answer is given, and what comes next is not sent', async () => {
    await using server = await serveAnswers([[429, String(LONGEST_WAIT_MS / 1000 + 30)]])
    const clock = createFakeClock()
    const calls = createCallCounter()
    const http = client({ clock, calls, providers: createProviders({ clock }) })
    expect((await http(server.url)).status).toBe(429)
    await expect(http(`${server.url}/next?token=t0p`)).rejects.toMatchObject({
      code: 'current-unreadable',
      retryable: true,
      message: `demo: GET ${server.url}/next was not sent: ${server.url} asked not to be called for another 90s (Retry-After)`,
    })
    expect(server.seen).toHaveLength(1)
    expect(calls.counts()).toMatchObject([{ reads: 1 }])
  })

  it('waits no longer when the run ends', async () => {
    await using server = await serveAnswers([[429, '5']])
    const run = new AbortController()
    const clock = createFakeClock()
    const http = client({ clock, providers: createProviders({ clock }), signal: run.signal })
    const asked = http(server.url)
    const ended = expect(asked).rejects.toThrow('stop')
    while (server.seen.length === 0) await turn()
    run.abort(new Error('stop'))
    await ended
  })
})
