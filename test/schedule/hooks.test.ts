// POST /hooks/git over real HTTP: who is believed, what is followed, and what a repeated or a huge one does.
import { createHmac } from 'node:crypto'
import { afterEach, describe, expect, it } from 'vitest'
import { hookRoutes, type HookOptions } from '../../src/schedule/http/hooks.js'
import { startHttpServer, type HttpServer } from '../../src/schedule/http/server.js'
import { createFakeClock, type FakeClock } from '../../src/util/fake-clock.js'

const SECRET = 'a secret of this test'
const TOKEN = `whsec_${Buffer.from('thirty-two random bytes, or so..').toString('base64')}`
const MAIN = { ref: 'refs/heads/main', after: 'a'.repeat(40) }

const open: HttpServer[] = []
afterEach(async () => {
  for (const server of open.splice(0)) await server.close()
})

interface World {
  readonly clock: FakeClock
  /** Looks for a newer commit, in order. */
  readonly looks: string[]
  readonly results: string[]
  /** `failed` for those that end so. */
  fails: boolean
  post(body: string | Buffer, headers?: Readonly<Record<string, string>>): Promise<{ status: number; answer: unknown }>
}

async function world(more: Partial<HookOptions> = {}): Promise<World> {
  const clock = createFakeClock()
  const made: World = {
    clock,
    looks: [],
    results: [],
    fails: false,
    async post(body, headers = {}) {
      const response = await fetch(`${server.url}/hooks/git`, { method: 'POST', body, headers })
      return { status: response.status, answer: await response.json() }
    },
  }
  const routes = hookRoutes({
    secret: SECRET,
    ref: 'refs/heads/main',
    clock,
    refresh: () => {
      made.looks.push('look')
      return made.fails ? Promise.reject(new Error('the remote is away')) : Promise.resolve()
    },
    onResult: (result) => made.results.push(result),
    ...more,
  })
  const server = await startHttpServer({ routes, host: '127.0.0.1', port: 0 })
  open.push(server)
  return made
}

const hex = (body: string | Buffer, secret = SECRET): string =>
  `sha256=${createHmac('sha256', secret).update(body).digest('hex')}`
const github = (body: string, event = 'push', id = 'one'): Readonly<Record<string, string>> => ({
  'x-github-event': event,
  'x-github-delivery': id,
  'x-hub-signature-256': hex(body),
})
function signed(body: string, { id = 'msg_1', at = Date.UTC(2026, 0, 1), token = TOKEN } = {}): Record<string, string> {
  const timestamp = String(at / 1000)
  const key = Buffer.from(token.replace('whsec_', ''), 'base64')
  const signature = createHmac('sha256', key).update(`${id}.${timestamp}.${body}`).digest('base64')
  return {
    'x-gitlab-event': 'Push Hook',
    'webhook-id': id,
    'webhook-timestamp': timestamp,
    'webhook-signature': `v1,${Buffer.from('of another key').toString('base64')} v1,${signature}`,
  }
}

describe('a push', () => {
  const body = JSON.stringify(MAIN)
  const accepted = { status: 202, answer: { result: 'accepted', ref: 'refs/heads/main', commit: MAIN.after } }

  it('is followed in the forms of GitHub, GitLab and its own', async () => {
    const one = await world()
    expect(await one.post(body, github(body))).toEqual(accepted)
    const form = new URLSearchParams({ payload: body }).toString()
    const asForm = { ...github(form, 'push', 'two'), 'content-type': 'application/x-www-form-urlencoded' }
    expect(await one.post(form, asForm)).toEqual(accepted)
    const gitlab = JSON.stringify({ object_kind: 'push', ...MAIN })
    expect(await one.post(gitlab, { 'x-gitlab-event': 'Push Hook', 'x-gitlab-token': SECRET })).toEqual(accepted)
    expect(await one.post(body, { 'x-trueup-signature': hex(body) })).toEqual(accepted)
    const asCurl = { 'x-trueup-signature': hex(body), 'content-type': 'application/x-www-form-urlencoded' }
    expect(await one.post(body, asCurl)).toEqual(accepted)
    const withToken = await world({ secret: TOKEN })
    expect(await withToken.post(gitlab, signed(gitlab))).toEqual(accepted)
    // A sender that signs with a token of its own, where here the plain one is known.
    expect(await one.post(gitlab, { ...signed(gitlab, { id: 'msg_2' }), 'x-gitlab-token': SECRET })).toEqual(accepted)
    expect([one.looks.length, withToken.looks.length]).toEqual([6, 1])
  })

  it('of another branch, of a tag, and what is no push are ignored, and say so', async () => {
    const { post, looks, results } = await world()
    const cases: readonly (readonly [object, string])[] = [
      [{ ...MAIN, ref: 'refs/heads/other' }, 'push'],
      [{ ...MAIN, ref: 'refs/tags/main' }, 'push'],
      [{ zen: 'x' }, 'ping'],
      [MAIN, 'issues'],
    ]
    for (const [index, [value, event]] of cases.entries()) {
      const text = JSON.stringify(value)
      const { status, answer } = await post(text, github(text, event, String(index)))
      expect([status, answer]).toEqual([202, { result: 'ignored', reason: expect.any(String) as unknown }])
    }
    const system = JSON.stringify({ event_name: 'project_create', ...MAIN })
    expect((await post(system, { 'x-gitlab-event': 'System Hook', 'x-gitlab-token': SECRET })).answer).toMatchObject({
      result: 'ignored',
    })
    expect([looks, new Set(results)]).toEqual([[], new Set(['ignored'])])
  })

  it('is followed whatever its branch where HEAD is served', async () => {
    const { post } = await world({ ref: null })
    const text = JSON.stringify({ ref: 'refs/heads/other' })
    expect((await post(text, github(text))).answer).toEqual({
      result: 'accepted',
      ref: 'refs/heads/other',
      commit: null,
    })
  })

  it('that is sent again leads to nothing, for an hour, unless the first one led to nothing', async () => {
    const one = await world()
    await one.post(body, github(body))
    expect((await one.post(body, github(body))).answer).toEqual({ result: 'duplicate' })
    expect((await one.post(body, github(body, 'push', 'two'))).answer).toMatchObject({ result: 'accepted' })
    one.clock.advance(3_600_000)
    expect((await one.post(body, github(body))).answer).toMatchObject({ result: 'accepted' })
    one.fails = true
    await one.post(body, github(body, 'push', 'three'))
    expect((await one.post(body, github(body, 'push', 'three'))).answer).toMatchObject({ result: 'accepted' })
    // Without an id none is like another.
    for (let time = 0; time < 2; time += 1) await one.post(body, { 'x-trueup-signature': hex(body) })
    expect(one.looks).toHaveLength(7)
  })

  it('counts for nobody who does not know the secret, and tells them nothing', async () => {
    const { post, looks, results } = await world()
    const wrong: readonly Readonly<Record<string, string>>[] = [
      {},
      { 'x-hub-signature-256': hex(body, 'another') },
      { 'x-hub-signature-256': hex(`${body} `) },
      { 'x-hub-signature-256': hex(body).replace('sha256=', '') },
      { 'x-hub-signature-256': '' },
      { 'x-trueup-signature': hex(body).slice(0, -1) },
      { 'x-gitlab-token': `${SECRET}x` },
      // A right token beside a wrong signature.
      { 'x-hub-signature-256': hex(body, 'another'), 'x-gitlab-token': SECRET },
      // Signed, but not with what is known here.
      signed(body),
    ]
    for (const headers of wrong) {
      expect(await post(body, { 'x-github-event': 'push', ...headers })).toEqual({
        status: 401,
        answer: { error: { code: 'unauthorized', message: 'the signature is missing or wrong' } },
      })
    }
    expect([looks, new Set(results)]).toEqual([[], new Set(['refused'])])
  })

  it('with a signing token must be of now', async () => {
    const { post, looks } = await world({ secret: TOKEN })
    const start = Date.UTC(2026, 0, 1)
    const text = JSON.stringify({ object_kind: 'push', ...MAIN })
    const statusAt = async (at: number, id: string): Promise<number> =>
      (await post(text, signed(text, { at, id }))).status
    expect(await statusAt(start - 301_000, 'old')).toBe(401)
    expect(await statusAt(start + 301_000, 'early')).toBe(401)
    expect(await statusAt(start - 299_000, 'near')).toBe(202)
    const moved = { ...signed(text, { id: 'moved' }), 'webhook-id': 'another' }
    expect((await post(text, moved)).status).toBe(401)
    expect((await post(text, signed(text, { token: 'whsec_' }))).status).toBe(401)
    expect(looks).toHaveLength(1)
  })

  it('is not taken where no secret is set, nor one that is too large or cannot be read', async () => {
    for (const secret of [undefined, '']) {
      const { post } = await world({ secret })
      expect((await post(body, github(body))).status).toBe(403)
      expect((await post(body, { 'x-gitlab-token': '' })).status).toBe(403)
    }
    const { post, looks, results } = await world()
    const huge = Buffer.alloc(5 * 1024 * 1024 + 1, ' ')
    expect((await post(huge, { 'x-hub-signature-256': hex(huge) })).status).toBe(413)
    for (const text of ['', 'ref=main', '[]', '{"after":"x"}', '{"ref":7}'])
      expect((await post(text, github(text))).status).toBe(400)
    expect([looks, results.at(-1)]).toEqual([[], 'unreadable'])
  })
})
