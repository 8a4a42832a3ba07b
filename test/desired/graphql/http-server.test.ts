// The HTTP surface that existing clients use, over a real socket: each path, what is refused, and that a reload never loses what was served.
import { createHash } from 'node:crypto'
import { request as httpRequest } from 'node:http'
import { afterEach, describe, expect, it } from 'vitest'
import { startBundleServer, type BundleServer } from '../../../src/desired/graphql/http-server.js'
import { serveBundles, type LoadedBundle } from '../../../src/desired/graphql/served-bundles.js'
import type { DataBundle } from '../../../src/desired/data/bundle.js'
import { TrueupError } from '../../../src/errors.js'
import { company, CONFS } from './company.js'
import { bundleOf } from '../../support/bundle.js'

const idOf = (name: string): string => createHash('sha256').update(name).digest('hex')
const servers: BundleServer[] = []

afterEach(async () => {
  for (const server of servers.splice(0)) await server.close()
})

interface Place {
  readonly url: string
  /** What the next reload loads. */
  next: () => LoadedBundle
  get(
    path: string,
    init?: RequestInit,
  ): Promise<{ status: number; text: string; json: () => unknown; headers: Headers }>
  query(path: string, body: unknown): Promise<{ status: number; json: () => unknown }>
}

async function place(bundle: DataBundle, options: { readonly host?: string } = {}): Promise<Place> {
  const it = { next: (): LoadedBundle => ({ id: idOf('one'), bundle }) }
  const bundles = await serveBundles(() => Promise.resolve().then(() => it.next()))
  const server = await startBundleServer({ bundles, port: 0, host: '127.0.0.1', warn: () => undefined, ...options })
  servers.push(server)
  const get: Place['get'] = async (path, init) => {
    const response = await fetch(server.url + path, { redirect: 'manual', ...init })
    const text = await response.text()
    return { status: response.status, text, json: () => JSON.parse(text) as unknown, headers: response.headers }
  }
  return Object.assign(it, {
    url: server.url,
    get,
    query: (path: string, body: unknown) =>
      get(path, { method: 'POST', headers: { 'content-type': 'application/json' }, body: JSON.stringify(body) }),
  })
}

const reloaded = (it: Place): ReturnType<Place['get']> => it.get('/reload', { method: 'POST' })

describe('queries', () => {
  it('POST and GET answer, of the newest bundle and of one by its id', async () => {
    const it = await place(company({ a: {} }))
    const query = 'query one($n: String) { teams(name: $n) { name } }'
    const answer = { data: { teams: [{ name: 'a' }] }, extensions: { schemas: ['/team-1.yml'] } }
    for (const path of ['/graphql', `/graphqlsha/${idOf('one')}`]) {
      const posted = await it.query(path, { query, variables: { n: 'a' }, operationName: 'one' })
      expect([posted.status, posted.json()]).toEqual([200, answer])
      const url = `${path}?query=${encodeURIComponent(query)}&variables=${encodeURIComponent('{"n":"a"}')}`
      const got = await it.get(url)
      expect([got.status, got.json()]).toEqual([200, answer])
    }
  })

  it.each<[string, unknown, number]>([
    ['what does not parse', { query: '{' }, 400],
    ['an unknown field', { query: '{ nothing }' }, 400],
    [
      'a variable of another type',
      { query: 'query ($n: String!) { teams(name: $n) { name } }', variables: { n: 7 } },
      400,
    ],
    ['an unknown operation', { query: 'query a { __typename }', operationName: 'b' }, 400],
    ['several at once', [{ query: '{ __typename }' }], 400],
    ['no query', {}, 400],
    ['an error of a field', { query: '{ resources_v1(path: "/gone") { path } }' }, 200],
  ])('%s', async (_, body, status) => {
    const answer = await (await place(company({ a: {} }))).query('/graphql', body)
    expect(answer.status).toBe(status)
    expect(answer.json()).toMatchObject({
      errors: [{ message: expect.any(String) as string }],
      extensions: { schemas: [] },
    })
  })

  it('introspection is answered', async () => {
    const answer = await (await place(company({}))).query('/graphql', { query: '{ __schema { queryType { name } } }' })
    expect(answer.json()).toMatchObject({ data: { __schema: { queryType: { name: 'Query' } } } })
  })

  it('refuses a body that is no JSON, one that is too long, and an unknown bundle', async () => {
    const it = await place(company({}))
    expect(
      await it.get('/graphql', { method: 'POST', headers: { 'content-type': 'application/json' }, body: 'x' }),
    ).toMatchObject({ status: 400 })
    expect(await it.get('/graphql', { method: 'POST', body: '{"query":"{ __typename }"}' })).toMatchObject({
      status: 400,
    })
    expect(await it.query('/graphql', { query: `{ __typename } #${'x'.repeat(100_000)}` })).toMatchObject({
      status: 413,
    })
    expect(await it.query(`/graphqlsha/${idOf('other')}`, { query: '{ __typename }' })).toMatchObject({ status: 404 })
  })
})

describe('other paths', () => {
  it('say which bundle it is', async () => {
    const it = await place({ ...company({ a: {} }), gitCommit: 'c0ffee' })
    const id = idOf('one')
    const info = { commit: 'c0ffee', timestamp: '1767225600' }
    expect((await it.get('/sha256')).text).toBe(id)
    expect((await it.get('/git-commit')).text).toBe('c0ffee')
    expect((await it.get(`/git-commit/${id}`)).text).toBe('c0ffee')
    expect((await it.get('/git-commit-info')).json()).toEqual(info)
    expect((await it.get(`/git-commit-info/${id}`)).json()).toEqual(info)
    for (const path of ['/git-commit/none', '/git-commit-info/none', '/diff/none/none'])
      expect(await it.get(path)).toMatchObject({ status: 404 })
    expect((await it.get('/cache')).json()).toEqual({ bundles: [{ sha256: id, ...info, newest: true }] })
    expect(await it.get('/healthz')).toMatchObject({ status: 200, text: '' })
    const root = await it.get('/')
    expect([root.status, root.headers.get('location')]).toEqual([302, '/graphql'])
    await it.query('/graphql', { query: '{ teams { name } }' })
    expect((await it.get('/metrics')).text).toMatch(/^trueup_data_queries_total 1$/m)
    expect(await it.get('/nothing')).toMatchObject({ status: 404 })
    expect(await it.get('/reload')).toMatchObject({ status: 405 })
    expect(await it.get('/sha256', { method: 'DELETE' })).toMatchObject({ status: 405 })
  })

  it('differences between two bundles: added, removed, changed; and one record that did not', async () => {
    const file = (name: string, sum: string): object => ({ name, $file_sha256sum: sum })
    const it = await place(
      company({ a: file('a', '1'), b: file('b', '1'), c: file('c', '1') }, { resources: { '/r': 'old', '/s': 's' } }),
    )
    it.next = () => ({
      id: idOf('two'),
      bundle: company(
        { a: file('a', '2'), b: file('b', '1'), d: file('d', '1') },
        { resources: { '/r': 'new', '/s': 's' } },
      ),
    })
    expect(await reloaded(it)).toMatchObject({ status: 200 })
    const diff = `/diff/${idOf('one')}/${idOf('two')}`
    const record = (name: string, sum: string): object => ({
      $schema: '/team-1.yml',
      ...file(name, sum),
      path: `/teams/${name}.yml`,
    })
    const entry = (name: string, sides: object): object => ({
      datafilepath: `/teams/${name}.yml`,
      datafileschema: '/team-1.yml',
      ...sides,
    })
    expect((await it.get(diff)).json()).toEqual({
      datafiles: {
        '/teams/a.yml': entry('a', { old: record('a', '1'), new: record('a', '2') }),
        '/teams/c.yml': entry('c', { old: record('c', '1') }),
        '/teams/d.yml': entry('d', { new: record('d', '1') }),
      },
      resources: {
        '/r': {
          resourcepath: '/r',
          old: expect.objectContaining({ content: 'old' }) as object,
          new: expect.objectContaining({ content: 'new' }) as object,
        },
      },
    })
    expect((await it.get(`${diff}/datafile/teams/b.yml`)).json()).toEqual(
      entry('b', { old: record('b', '1'), new: record('b', '1') }),
    )
    expect((await it.get(`${diff}/resourcefile/s`)).json()).toMatchObject({ resourcepath: '/s' })
    expect(await it.get(`${diff}/datafile/gone.yml`)).toMatchObject({ status: 404 })
    expect(await it.get(`${diff}/other/teams/b.yml`)).toMatchObject({ status: 400 })
  })
})

describe('reload', () => {
  it('keeps the newest and the one before, and drops the third', async () => {
    const it = await place(company({ a: {} }))
    for (const name of ['two', 'three']) {
      it.next = () => ({ id: idOf(name), bundle: company({ [name]: {} }) })
      await reloaded(it)
    }
    expect((await it.get('/sha256')).text).toBe(idOf('three'))
    const query = { query: '{ teams { name } }' }
    expect((await it.query(`/graphqlsha/${idOf('two')}`, query)).json()).toMatchObject({
      data: { teams: [{ name: 'two' }] },
    })
    expect(await it.query(`/graphqlsha/${idOf('one')}`, query)).toMatchObject({ status: 404 })
    it.next = () => ({ id: idOf('two'), bundle: company({}) })
    expect((await reloaded(it)).text).toContain('already loaded')
    expect((await it.get('/sha256')).text).toBe(idOf('two'))
  })

  it('that fails says why, each time, and changes nothing', async () => {
    const it = await place(company({ a: {} }))
    it.next = () => {
      throw new TrueupError('desired-invalid', 'data/x.yml:1:1: no')
    }
    expect(await reloaded(it)).toMatchObject({ status: 503, text: 'data/x.yml:1:1: no' })
    it.next = () => ({ id: idOf('two'), bundle: bundleOf({ graphql: [CONFS] }) })
    for (let time = 0; time < 2; time++) expect(await reloaded(it)).toMatchObject({ status: 500 })
    expect((await it.get('/sha256')).text).toBe(idOf('one'))
    expect((await it.query('/graphql', { query: '{ teams { name } }' })).status).toBe(200)
  })
})

describe('who is answered', () => {
  /** `fetch` does not let a test say the name that it asked for. */
  function statusFor(url: string, host: string): Promise<number | undefined> {
    return new Promise((resolve, reject) => {
      const sent = httpRequest(`${url}/healthz`, { headers: { host } }, (response) => {
        response.resume()
        resolve(response.statusCode)
      })
      sent.on('error', reject)
      sent.end()
    })
  }

  it('on a loopback address: only who asks for one', async () => {
    const { url } = await place(company({}))
    expect(await statusFor(url, 'localhost:4000')).toBe(200)
    expect(await statusFor(url, 'rebound.example.com')).toBe(403)
  })

  it('a port that is taken is a mistake of the user', async () => {
    const { url } = await place(company({}))
    const bundles = await serveBundles(() => Promise.resolve({ id: idOf('one'), bundle: company({}) }))
    const port = Number(new URL(url).port)
    await expect(startBundleServer({ bundles, port, host: '127.0.0.1', warn: () => undefined })).rejects.toMatchObject({
      code: 'usage',
    })
  })
})
