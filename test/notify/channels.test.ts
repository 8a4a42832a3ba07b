// Notices over real HTTP and by real commands: what arrives, and what becomes of an attempt.
import { readFile, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { createServer, type IncomingHttpHeaders, type Server, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, describe, expect, it } from 'vitest'
import type { Attempt } from '../../src/notify/channel.js'
import { commandChannel } from '../../src/notify/command-channel.js'
import { httpChannel, slackJson } from '../../src/notify/http-channel.js'
import type { Notice } from '../../src/notify/notice.js'

const NOTICE: Notice = {
  id: '01JD0000000000000000000000',
  kind: 'blocked',
  target: 'dns',
  labels: { team: 'web' },
  at: Date.UTC(2026, 0, 1),
  summary: 'this plan deletes 12 of 41 records',
  run: '01JD1111111111111111111111',
  was: [],
}
const NEVER = new AbortController().signal

const servers: Server[] = []
const folders: string[] = []
afterEach(async () => {
  for (const server of servers.splice(0)) {
    server.closeAllConnections()
    server.close()
  }
  for (const folder of folders.splice(0)) await rm(folder, { recursive: true, force: true })
})

interface Received {
  readonly headers: IncomingHttpHeaders
  readonly body: string
}

async function farEnd(answer: (response: ServerResponse) => void): Promise<{ url: string; received: Received[] }> {
  const received: Received[] = []
  const server = createServer((request, response) => {
    let body = ''
    request.setEncoding('utf8').on('data', (text: string) => (body += text))
    request.on('end', () => {
      received.push({ headers: request.headers, body })
      answer(response)
    })
  })
  servers.push(server)
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  return { url: `http://127.0.0.1:${String((server.address() as AddressInfo).port)}/secret-path`, received }
}

/** Where nobody listens any more. */
async function closedUrl(): Promise<string> {
  const { url } = await farEnd(() => undefined)
  await new Promise((resolve) => servers.pop()?.close(resolve))
  return url
}

const over = (url: string, form: 'webhook' | 'slack' = 'webhook', signal = NEVER): Promise<Attempt> =>
  httpChannel({ form, url: () => Promise.resolve(url), now: () => 0, agent: 'trueup/0' }).deliver(NOTICE, signal)

describe('over HTTP', () => {
  it('arrives as JSON, with an id that stays the same', async () => {
    const { url, received } = await farEnd((response) => response.end('ok'))
    expect([await over(url), await over(url)]).toEqual([{ kind: 'delivered' }, { kind: 'delivered' }])
    expect(received.map(({ headers }) => headers['idempotency-key'])).toEqual([NOTICE.id, NOTICE.id])
    expect(JSON.parse(received[0]?.body ?? '')).toEqual({
      schema: 'trueup/1',
      ...NOTICE,
      at: '2026-01-01T00:00:00.000Z',
    })
    await over(url, 'slack')
    expect(JSON.parse(received[2]?.body ?? '')).toEqual({
      text: '*dns* is blocked\n`this plan deletes 12 of 41 records`\nTo see the run: `trueup runs show 01JD1111111111111111111111`',
    })
  })

  it.each<readonly [number, Readonly<Record<string, string>>, Attempt]>([
    [429, { 'retry-after': '7' }, { kind: 'again', why: 'it answered 429', afterMs: 7000 }],
    [503, {}, { kind: 'again', why: 'it answered 503' }],
    [404, {}, { kind: 'refused', why: 'it answered 404' }],
    [302, { location: 'http://127.0.0.1:1/' }, { kind: 'again', why: 'it cannot be reached, or sends elsewhere' }],
  ])('an answer %i', async (status, headers, expected) => {
    const { url } = await farEnd((response) => response.writeHead(status, headers).end())
    expect(await over(url)).toEqual(expected)
  })

  it('no answer, nobody there, and no address: never the address itself', async () => {
    const given = new AbortController()
    const { url } = await farEnd(() => {
      given.abort()
    })
    const attempts = [
      await over(url, 'webhook', given.signal),
      await over(await closedUrl()),
      await over('no address: secret-path'),
      await httpChannel({
        form: 'slack',
        url: () => Promise.reject(new Error('the secret slack/ops is not set')),
        now: () => 0,
        agent: 'x',
      }).deliver(NOTICE, NEVER),
    ]
    expect(attempts.map(({ kind }) => kind)).toEqual(['again', 'again', 'again', 'again'])
    expect(JSON.stringify(attempts)).toMatch(/in time.*ECONNREFUSED.*slack\/ops is not set/)
    expect(JSON.stringify(attempts)).not.toContain('secret-path')
  })

  it('a chat reads neither markup, links nor mentions in what is data', () => {
    const { text } = slackJson({
      ...NOTICE,
      target: '<!channel>&',
      summary: '`<!here> <https://x.example|y>`\n*bold* & @all',
    })
    expect(text.split('\n').slice(0, 2)).toEqual([
      '*&lt;!channel&gt;&amp;* is blocked',
      "`'&lt;!here&gt; &lt;https://x.example|y&gt;' *bold* &amp; @all`",
    ])
    expect(slackJson({ ...NOTICE, kind: 'recovered', was: ['blocked', 'overdue'], summary: '', run: null }).text).toBe(
      '*dns* has recovered (it was blocked, overdue)',
    )
  })
})

describe('by a command', () => {
  async function command(program: string, signal = NEVER): Promise<readonly [Attempt, string]> {
    const folder = await mkdtemp(join(tmpdir(), 'trueup-notify-'))
    folders.push(folder)
    await writeFile(join(folder, 'tell.sh'), `#!/bin/sh\n${program}\n`, { mode: 0o755 })
    const channel = commandChannel({
      command: ['./tell.sh', 'one; two'],
      directory: folder,
      environment: { PATH: process.env['PATH'], MARK: 'set' },
      redact: (text) => text.replaceAll('hush', '***'),
    })
    const attempt = await channel.deliver(NOTICE, signal)
    return [attempt, await readFile(join(folder, 'out'), 'utf8').catch(() => '')]
  }

  it('has the notice on stdin, its words as they are, and the environment that it is given', async () => {
    const [attempt, out] = await command('{ echo "$1 $MARK"; cat; } > out')
    expect(attempt).toEqual({ kind: 'delivered' })
    const [head, body = ''] = out.split('\n')
    expect([head, JSON.parse(body)]).toEqual([
      'one; two set',
      { schema: 'trueup/1', ...NOTICE, at: '2026-01-01T00:00:00.000Z' },
    ])
  })

  it('that fails is tried again, with what it said less secrets; one that is not there is not', async () => {
    expect((await command('echo first >&2; echo "no hush here" >&2; exit 3'))[0]).toEqual({
      kind: 'again',
      why: 'it ended with 3: no *** here',
    })
    const none = commandChannel({ command: ['./none'], directory: tmpdir(), environment: {}, redact: (text) => text })
    expect(await none.deliver(NOTICE, NEVER)).toEqual({ kind: 'refused', why: 'it cannot be started (ENOENT)' })
  })

  it('that hangs is ended, with what it started', async () => {
    expect((await command('sleep 1000 & wait', AbortSignal.abort()))[0]).toEqual({
      kind: 'again',
      why: 'it took too long',
    })
  })
})
