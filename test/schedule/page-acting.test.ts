// Acting at the pages over real HTTP: who may, what is refused, what is asked twice, and what is recorded with whom.
import { request } from 'node:http'
import { afterEach, describe, expect, it } from 'vitest'
import { proxiesOf } from '../../src/schedule/http/page/proxies.js'
import { startHttpServer, type HttpServer } from '../../src/schedule/http/server.js'
import {
  doubt,
  hold,
  manyRows,
  worldPages,
  type PagesOptions,
  type World,
  type WorldPages,
} from '../support/page-world.js'

const TOKEN = 'a token of this test'

const open: HttpServer[] = []
afterEach(async () => {
  for (const server of open.splice(0)) await server.close()
})

interface Sent {
  readonly status: number
  readonly text: string
  readonly headers: Headers
}

interface Browser extends WorldPages {
  readonly url: string
  get(path: string, headers?: Readonly<Record<string, string>>): Promise<Sent>
  /** As a form of these pages is sent, with these fields. */
  post(
    path: string,
    fields: Readonly<Record<string, string>>,
    headers?: Readonly<Record<string, string>>,
  ): Promise<Sent>
  /** @returns the header of later requests */
  logIn(name: string): Promise<Readonly<Record<string, string>>>
}

async function browserAt(options: Partial<PagesOptions> = {}): Promise<Browser> {
  const world: World = { rows: manyRows(3), holds: [hold(), hold({ target: null })], doubts: [doubt()] }
  const pages = worldPages({ world: () => world, ...options })
  const server = await startHttpServer({ ...pages, host: '127.0.0.1', port: 0 })
  open.push(server)
  const { url } = server
  const sent = async (path: string, init: RequestInit): Promise<Sent> => {
    const answer = await fetch(`${url}${path}`, { redirect: 'manual', ...init })
    return { status: answer.status, text: await answer.text(), headers: answer.headers }
  }
  const post: Browser['post'] = (path, fields, headers = {}) =>
    sent(path, { method: 'POST', body: new URLSearchParams(fields), headers: { origin: url, ...headers } })
  return {
    ...pages,
    url,
    get: (path, headers = {}) => sent(path, { headers: { accept: 'text/html', ...headers } }),
    post,
    async logIn(name) {
      const { headers } = await post('/login', { name, token: TOKEN, next: '/' })
      return { cookie: (headers.get('set-cookie') ?? '').replace(/;.*/, '') }
    },
  }
}

const csrfOf = ({ text }: Sent): string => /name="csrf" value="([^"]+)"/.exec(text)?.[1] ?? ''

describe('logging in', () => {
  it('gives a session for the token alone, by a cookie that no script and no other site gets', async () => {
    const { get, post, done } = await browserAt({ token: TOKEN })
    for (const token of ['', 'wrong', `${TOKEN}x`]) {
      const { status, headers, text } = await post('/login', { name: 'jane', token, next: '/' })
      expect([status, headers.get('set-cookie'), text.includes('The token is wrong')]).toEqual([401, null, true])
    }
    expect(done).toEqual(Array(3).fill(['refused', 'a wrong token, by jane']))
    const { status, headers } = await post('/login', { name: 'jane', token: TOKEN, next: '/targets/dns-records' })
    const set = headers.get('set-cookie') ?? ''
    expect([status, headers.get('location')]).toEqual([303, '/targets/dns-records'])
    expect(set).toMatch(/^trueup_\w+=[\w-]{43}; Max-Age=43200; Path=\/; HttpOnly; SameSite=Strict$/)
    const cookie = set.replace(/;.*/, '')
    const page = await get('/targets/dns-records', { cookie })
    expect(page.text).toContain('Run now …')
    expect(page.text + set).not.toContain(TOKEN)
    // It is gone on both sides.
    const out = await post('/logout', { csrf: csrfOf(page) }, { cookie })
    expect([out.status, out.headers.get('set-cookie')]).toEqual([303, expect.stringContaining('Max-Age=0')])
    expect((await get('/targets/dns-records', { cookie })).text).not.toContain('Run now …')
  })

  it('behind TLS the cookie is for TLS alone', async () => {
    const { post } = await browserAt({ token: TOKEN, proxies: ['127.0.0.1'] })
    const { headers } = await post(
      '/login',
      { name: 'jane', token: TOKEN, next: '/' },
      { origin: 'https://trueup.example.com', 'x-forwarded-host': 'trueup.example.com' },
    )
    expect(headers.get('set-cookie')).toMatch(/; Secure$/)
  })

  it('leads to no other place', async () => {
    const { post } = await browserAt({ token: TOKEN })
    for (const next of [
      '//evil.example',
      'https://evil.example/',
      '/\\evil.example',
      'javascript:alert(1)',
      '/x//../..//evil.example',
    ])
      expect((await post('/login', { name: 'jane', token: TOKEN, next })).headers.get('location'), next).toMatch(
        /^\/(?![/\\])/,
      )
  })

  it('takes no name that could be mistaken in a record', async () => {
    const { post } = await browserAt({ token: TOKEN })
    for (const name of ['', 'x'.repeat(101), 'jane\u202e', 'jane\nroot', 'jane,root'])
      expect((await post('/login', { name, token: TOKEN, next: '/' })).status, name).toBe(400)
  })
})

describe('acting', () => {
  const forms: readonly (readonly [string, Readonly<Record<string, string>>])[] = [
    ['/targets/dns-records/run', { confirmed: 'yes' }],
    ['/targets/dns-records/hold', { for: '2h', reason: 'why not' }],
    ['/targets/dns-records/release', { confirmed: 'yes' }],
    ['/targets/dns-records/release', { kind: 'shard', key: 'eu "1"', confirmed: 'yes' }],
    ['/release', { confirmed: 'yes' }],
    [`/doubts/${doubt().id}/resolve`, { as: 'done', confirmed: 'yes' }],
    ['/logout', {}],
  ]

  it('is neither shown nor done where there is no token', async () => {
    const { get, post, done } = await browserAt()
    const page = await get('/targets/dns-records')
    expect(page.text).not.toMatch(/<form[^>]*method="post"|log in/i)
    for (const [path, fields] of [...forms, ['/login', { name: 'jane', token: '', next: '/' }] as const]) {
      const { status, text } = await post(path, fields)
      expect([status, text.includes('TRUEUP_TOKEN is not set')], path).toEqual([403, true])
    }
    expect(done).toEqual([])
  })

  it('is done by nobody without a session, from no other page and without no mark of its session', async () => {
    const { get, post, done, url, logIn } = await browserAt({ token: TOKEN })
    const session = await logIn('jane')
    const csrf = csrfOf(await get('/targets/dns-records', session))
    const other = await logIn('john')
    expect(csrf).toMatch(/^[\w-]{43}$/)
    const tries: readonly (readonly [string, Readonly<Record<string, string>>, string])[] = [
      ['no session', {}, csrf],
      ['an old session', { cookie: 'trueup_00=x' }, csrf],
      ['no mark', session, ''],
      ['another mark', session, 'x'.repeat(43)],
      ['the mark of another', other, csrf],
      ['another page', { ...session, origin: 'https://evil.example' }, csrf],
      ['another port', { ...session, origin: 'http://127.0.0.1:1' }, csrf],
      ['a page without origin', { ...session, origin: 'null' }, csrf],
      ['another site of the same address', { ...session, 'sec-fetch-site': 'same-site' }, csrf],
      [
        'a host that only a proxy may tell',
        { ...session, origin: 'https://evil.example', 'x-forwarded-host': 'evil.example' },
        csrf,
      ],
      ['not a form', { ...session, 'content-type': 'text/plain' }, csrf],
    ]
    for (const [name, headers, mark] of tries)
      for (const [path, fields] of forms) {
        const { status } = await post(path, { ...fields, csrf: mark }, headers)
        expect([403, 415], `${name}: ${path}`).toContain(status)
      }
    for (const [path] of forms) expect((await get(path, session)).status, path).toBeOneOf([404, 405])
    const large = await post('/targets/dns-records/hold', { for: '2h', reason: 'x'.repeat(20_000), csrf }, session)
    expect(large.status).toBe(413)
    expect(done.filter((one) => !JSON.stringify(one).startsWith('["refused"'))).toEqual([])
    expect(
      (
        await post(
          '/targets/dns-records/run',
          { csrf, confirmed: 'yes' },
          { ...session, origin: url, 'sec-fetch-site': 'same-origin' },
        )
      ).status,
    ).toBe(303)
  })

  it('is asked twice where it changes more than a wait, and is recorded with who did it', async () => {
    const { get, post, done, logIn } = await browserAt({ token: TOKEN })
    const session = await logIn('jane')
    const csrf = csrfOf(await get('/targets/dns-records', session))
    for (const [path, { confirmed: _confirmed, ...fields }] of forms.filter(([, given]) => 'confirmed' in given)) {
      const asked = await post(path, { ...fields, csrf }, session)
      expect([asked.status, asked.text.includes('name="confirmed" value="yes"')], path).toEqual([200, true])
    }
    expect(done).toEqual([])
    const said: string[] = []
    for (const [path, fields] of forms.slice(0, 6))
      said.push((await post(path, { ...fields, csrf }, session)).headers.get('location') ?? '')
    expect(done).toEqual([
      ['run', 'dns-records', 'jane'],
      ['hold', { target: 'dns-records', reason: 'why not', forMs: 7_200_000, by: 'jane' }],
      ['release', { target: 'dns-records', by: 'jane' }],
      ['release', { target: 'dns-records', part: { kind: 'shard', key: 'eu "1"' }, by: 'jane' }],
      ['release', { target: null, by: 'jane' }],
      ['resolve', { id: doubt().id, as: 'done', by: 'jane' }],
    ])
    expect((await get(said[1] ?? '', session)).text).toContain('It is held.')
    expect((await get('/?said=constructor', session)).text).not.toContain('native code')
  })

  it('ends the hold of a shard or an object alone, and says again which before it does', async () => {
    const key = '<b>"eu"&</b>'
    const world: World = { rows: manyRows(1), holds: [hold({ part: { kind: 'object', key } })] }
    const { get, post, logIn } = await browserAt({ token: TOKEN, world: () => world })
    const session = await logIn('jane')
    const page = await get('/targets/dns-records', session)
    const shown = '&lt;b&gt;&quot;eu&quot;&amp;&lt;/b&gt;'
    expect(page.text).toContain(`End the hold of object <span class="data">${shown}</span> …`)
    expect(page.text).not.toContain('End the hold …')
    expect(page.text).toContain(`name="key" value="${shown}"`)
    const asked = await post('/targets/dns-records/release', { kind: 'object', key, csrf: csrfOf(page) }, session)
    expect(asked.text).toContain(`<h1>End the hold of object ${shown} of dns-records?</h1>`)
    expect(asked.text).toContain(`name="key" value="${shown}"`)
  })

  it('refuses what is no hold, and what is not there', async () => {
    const { get, post, done, logIn } = await browserAt({ token: TOKEN })
    const session = await logIn('jane')
    const csrf = csrfOf(await get('/targets/dns-records', session))
    for (const fields of [
      { for: 'ever', reason: 'x' },
      { for: '0s', reason: 'x' },
      { for: '400d', reason: 'x' },
      { for: '2h', reason: ' ' },
      { for: '2h', reason: 'x'.repeat(301) },
    ])
      expect((await post('/targets/dns-records/hold', { ...fields, csrf }, session)).status).toBe(400)
    for (const [path, fields] of forms.slice(0, 2))
      expect((await post(path.replace('dns-records', 'nobody'), { ...fields, csrf }, session)).status).toBe(404)
    for (const part of [{ kind: 'shard' }, { kind: 'target', key: 'x' }, { kind: 'object', key: '' }, { key: 'x' }])
      expect((await post('/targets/dns-records/release', { ...part, csrf, confirmed: 'yes' }, session)).status).toBe(
        400,
      )
    expect((await post(`/doubts/${doubt().id}/resolve`, { as: 'maybe', csrf, confirmed: 'yes' }, session)).status).toBe(
      400,
    )
    expect(done).toEqual([])
  })
})

describe('a trusted proxy', () => {
  it('names who acts; anybody else who sends the header is nobody', async () => {
    const header = { 'x-forwarded-user': 'jane@example.com' }
    const trusted = await browserAt({ userHeader: 'x-forwarded-user', proxies: ['127.0.0.0/8'] })
    const page = await trusted.get('/targets/dns-records', header)
    expect(page.text).toContain('jane@example.com')
    expect(page.text).not.toContain('Log out')
    const fields = { confirmed: 'yes', csrf: csrfOf(page) }
    expect((await trusted.post('/targets/dns-records/run', fields, header)).status).toBe(303)
    // The mark is that of a user.
    expect((await trusted.post('/targets/dns-records/run', fields, { 'x-forwarded-user': 'john' })).status).toBe(403)
    for (const name of ['', 'jane, john', ' jane', 'x'.repeat(101)])
      expect((await trusted.post('/targets/dns-records/run', fields, { 'x-forwarded-user': name })).status, name).toBe(
        403,
      )
    expect(trusted.done.filter((one) => Array.isArray(one) && one[0] === 'run')).toEqual([
      ['run', 'dns-records', 'jane@example.com'],
    ])

    const other = await browserAt({ userHeader: 'x-forwarded-user', proxies: ['10.0.0.0/8'] })
    const refused = await other.get('/targets/dns-records', header)
    expect(refused.text).not.toMatch(/<form[^>]*method="post"|jane@/)
    expect((await other.post('/targets/dns-records/run', fields, header)).status).toBe(403)
    expect(other.done).toEqual([])
  })

  it('given the header twice, is not believed', async () => {
    const { url } = await browserAt({ userHeader: 'x-forwarded-user', proxies: ['127.0.0.1'] })
    const text = await new Promise<string>((resolve, reject) => {
      const headers = { accept: 'text/html', 'x-forwarded-user': ['jane', 'root'] }
      request(`${url}/targets/dns-records`, { headers }, (response) => {
        let all = ''
        response.setEncoding('utf8').on('data', (chunk: string) => (all += chunk))
        response.once('end', () => {
          resolve(all)
        })
      })
        .once('error', reject)
        .end()
    })
    expect(text).not.toContain('Run now')
  })

  it.each([
    ['10.0.0.0/8', '10.1.2.3', true],
    ['10.0.0.0/8', '::ffff:10.1.2.3', true],
    ['10.0.0.0/8', '11.0.0.1', false],
    ['10.0.0.7', '10.0.0.70', false],
    ['fd00::/8', 'fd12::1', true],
    ['fd00::/8', '10.0.0.1', false],
    ['0.0.0.0/0', '', false],
    ['0.0.0.0/0', 'unix', false],
  ])('of %s: is %s one?', (range, address, isOne) => {
    expect(proxiesOf([range]).has(address)).toBe(isOne)
  })

  it.each(['proxy', '10.0.0.0/33', '10.0.0', 'fd00::/129', '10.0.0.1/', '', '10.0.0.1/8/8'])('cannot be %j', (text) => {
    expect(() => proxiesOf([text])).toThrow(/--trusted-proxy takes an address/)
  })
})
