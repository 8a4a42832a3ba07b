// data serve and a target whose source is that server, on the built command line: one run, one bundle. Needs `npm run build`.
import { createHash } from 'node:crypto'
import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { COMPANY, leads } from '../support/data-company.js'
import { createRig, type Files, type Rig, type RunningChild } from '../support/rig.js'

interface Serving extends AsyncDisposable {
  readonly rig: Rig
  readonly url: string
  readonly child: RunningChild
  post(path: string, body?: unknown): Promise<Response>
}

/** A repository of data with its server; its own output says where. */
async function serving(...args: readonly string[]): Promise<Serving> {
  const rig = await createRig({ files: { 'trueup.yaml': 'version: 1\n', ...COMPANY } })
  const place = await mkdtemp(join(tmpdir(), 'trueup-serve-'))
  const report = join(place, 'started.json')
  const child = rig.start(['data', 'serve', '--port', '0', '--report', `json=${report}`, ...args])
  await child.until(/answers from bundle/)
  const { url } = JSON.parse(await readFile(report, 'utf8')) as { url: string }
  return {
    rig,
    url,
    child,
    post: (path, body = {}) =>
      fetch(url + path, {
        method: 'POST',
        headers: { 'content-type': 'application/json' },
        body: JSON.stringify(body),
      }),
    async [Symbol.asyncDispose]() {
      await rig[Symbol.asyncDispose]()
      await rm(place, { recursive: true, force: true })
    },
  }
}

describe('data serve', () => {
  it('answers as data query does, tells its bundle, reloads, and ends with the signal', async () => {
    await using it = await serving()
    const query = '{ teams { name lead { leads { name } } } }'
    const own = JSON.parse((await it.rig.run(['data', 'query', query])).stdout) as unknown
    expect(await (await it.post('/graphql', { query })).json()).toMatchObject({ data: own })
    const id = await (await fetch(`${it.url}/sha256`)).text()
    expect(await (await fetch(`${it.url}/git-commit`)).text()).toBe(await it.rig.git('rev-parse', 'HEAD'))
    await it.rig.write({ 'data/teams/new.yml': '$schema: /team-1.yml\nname: new\n' })
    expect((await it.post('/reload')).status).toBe(200)
    expect(await (await it.post('/graphql', { query: '{ teams { name } }' })).json()).toMatchObject({
      data: { teams: [{ name: 'new' }, { name: 'ops' }, { name: 'web' }] },
    })
    expect(await (await it.post(`/graphqlsha/${id}`, { query: '{ teams { name } }' })).json()).toMatchObject({
      data: { teams: [{ name: 'ops' }, { name: 'web' }] },
    })
    await it.rig.write({ 'data/teams/new.yml': '$schema: /team-1.yml\nnam: new\n' })
    const refused = await it.post('/reload')
    expect([refused.status, await refused.text()]).toEqual([
      503,
      expect.stringMatching(/data\/teams\/new\.yml:\d+:\d+/),
    ])
    it.child.kill('SIGTERM')
    expect((await it.child.result).code).toBe(143)
  })

  it('of a bundle that was written before, under its id', async () => {
    const rig = await createRig({ files: { 'trueup.yaml': 'version: 1\n', ...COMPANY } })
    expect((await rig.run(['data', 'bundle', '--out', 'kept.json'])).code).toBe(0)
    const id = createHash('sha256')
      .update(await readFile(join(rig.repo, 'kept.json')))
      .digest('hex')
    await using it = await serving('--bundle', join(rig.repo, 'kept.json'))
    expect(await (await fetch(`${it.url}/sha256`)).text()).toBe(id)
    expect(await (await fetch(`${it.url}/git-commit`)).text()).toBe(await rig.git('rev-parse', 'HEAD'))
    expect(await (await it.post('/graphql', { query: '{ teams { name } }' })).json()).toMatchObject({
      data: { teams: [{ name: 'ops' }, { name: 'web' }] },
    })
    await rig[Symbol.asyncDispose]()
  })

  it('of a revision', async () => {
    await using it = await serving('--revision', 'HEAD')
    await it.rig.write({ 'data/teams/new.yml': '$schema: /team-1.yml\nname: new\n' })
    await it.post('/reload')
    expect(await (await it.post('/graphql', { query: '{ teams { name } }' })).json()).toMatchObject({
      data: { teams: [{ name: 'ops' }, { name: 'web' }] },
    })
  })

  it('data that are wrong, and a port that is taken: said at once', async () => {
    await using it = await serving()
    const taken = await it.rig.run(['data', 'serve', '--port', new URL(it.url).port])
    expect(taken).toMatchObject({ code: 64, stderr: expect.stringContaining('cannot listen') as string })
    await it.rig.write({ 'data/teams/bad.yml': 'a: [\n' })
    expect(await it.rig.run(['data', 'serve', '--port', '0'])).toMatchObject({
      code: 1,
      stderr: expect.stringContaining('data/teams/bad.yml:') as string,
    })
  })
})

describe('a target whose source is an endpoint', () => {
  async function client(
    url: string,
    files: Files = {},
    source = `{ graphql: { url: '${url}/graphql' } }`,
  ): Promise<Rig> {
    const rig = await createRig({
      files: {
        'trueup.yaml': `version: 1\ntargets:\n  leads:\n    source: ${source}\n`,
        '.gitignore': '.trueup/\n',
        'integrations/leads.mjs': leads({ inputs: ['README.md'] }),
        'README.md': 'nothing here\n',
        ...files,
      },
    })
    rig.env['PLACE'] = join(rig.root, 'leads')
    return rig
  }

  interface Run {
    readonly decision: {
      readonly action: string
      readonly reason: string
      readonly components: Readonly<Record<string, object>>
    }
    readonly plan: { readonly changes: readonly { readonly key: string }[] } | null
    readonly error: { readonly code: string; readonly message: string } | null
  }
  const run = async (rig: Rig, ...args: string[]): Promise<Run> =>
    ((await rig.run([...args, '-o', 'json'])).json() as { runs: [Run] }).runs[0]

  it('applies what it answers; git alone answers for a dry run, never for an apply', async () => {
    await using server = await serving()
    await using rig = await client(server.url)
    expect((await rig.run(['show', 'leads'])).stdout).toContain(`GraphQL at ${server.url}/graphql, one bundle a run`)
    expect((await run(rig, 'apply', 'leads', '--yes')).error).toBeNull()
    const again = ['--base', 'HEAD'] as const
    expect((await run(rig, 'plan', 'leads', ...again)).decision).toMatchObject({
      action: 'skip',
      reason: 'inputs-unchanged',
    })
    expect((await run(rig, 'apply', 'leads', '--yes', ...again)).decision).toMatchObject({ action: 'skip' })
    // The repository of the integration is as it was; the data are not.
    await server.rig.write({ 'data/teams/new.yml': '$schema: /team-1.yml\nname: new\n' })
    await server.post('/reload')
    const applied = await run(rig, 'apply', 'leads', '--yes', ...again)
    expect(applied.decision).toMatchObject({ action: 'run', reason: 'base-not-applied' })
    expect(applied.plan?.changes.map(({ key }) => key)).toEqual(['new'])
    expect((await run(rig, 'apply', 'leads', '--yes', '--base', 'last-applied')).decision).toMatchObject({
      action: 'skip',
      reason: 'desired-unchanged',
    })
  })

  it('compares with an earlier bundle; what lies behind the endpoint decides, not the files of the repository', async () => {
    await using server = await serving()
    await using rig = await client(server.url)
    const first = (await (await fetch(`${server.url}/sha256`)).text()).trim()
    const alone = await run(rig, 'plan', 'leads')
    expect(alone.decision.components['bundle']).toEqual({ head: first, base: null, same: null, detail: null })
    expect(alone.decision.components['schemas']).toMatchObject({ head: '/team-1.yml, /user-1.yml' })
    expect((await run(rig, 'plan', 'leads', '--base', first)).decision).toMatchObject({
      action: 'skip',
      reason: 'desired-unchanged',
      base: first,
      components: { bundle: { head: first, base: first, same: true } },
    })
    // Nobody applied it yet.
    expect((await run(rig, 'apply', 'leads', '--yes', '--base', first)).decision).toMatchObject({
      action: 'run',
      reason: 'base-not-applied',
    })
    expect((await run(rig, 'apply', 'leads', '--yes', '--base', first)).decision).toMatchObject({ action: 'skip' })

    await server.rig.write({ 'data/teams/new.yml': '$schema: /team-1.yml\nname: new\n' })
    await server.post('/reload')
    const changed = await run(rig, 'plan', 'leads', '--base', first)
    expect(changed).toMatchObject({
      decision: { action: 'run', reason: 'desired-changed', components: { bundle: { base: first, same: false } } },
      plan: { changes: [{ key: 'new', cause: 'change' }] },
    })
    // One that is there no more, or never was, is no reason to skip.
    const gone = 'f'.repeat(64)
    expect(await run(rig, 'plan', 'leads', '--base', gone)).toMatchObject({
      decision: {
        action: 'run',
        reason: 'base-failed',
        explanation: expect.stringContaining(`has no bundle ${gone}`) as string,
      },
      error: null,
    })
    expect(await rig.run(['plan', 'leads', '--base', gone, '--require-compare'])).toMatchObject({
      code: 4,
      stderr: expect.stringContaining(`has no bundle ${gone}`) as string,
    })
  })

  it('affected by another bundle: who asks for what differs; who reads the repository counts, and it is said', async () => {
    await using server = await serving()
    const source = `source: { graphql: { url: '${server.url}/graphql' } }`
    const config = `version: 1\ntargets:\n  leads: { ${source} }\n  names: { ${source} }\n`
    await using rig = await client(server.url, {
      'trueup.yaml': config,
      'integrations/names.mjs': leads({ inputs: ['README.md'], query: '{ teams { name } }' }).replace(
        "name: 'leads'",
        "name: 'names'",
      ),
    })
    const first = (await (await fetch(`${server.url}/sha256`)).text()).trim()
    interface Told {
      readonly base: string | null
      readonly targets: readonly { readonly target: string; readonly affected: boolean; readonly reason: string }[]
    }
    const affected = async (base: string): Promise<Told & { readonly stderr: string }> => {
      const result = await rig.run(['affected', '--base', base, '-o', 'json'])
      expect(result.code, result.stderr).toBe(0)
      return { ...(result.json() as Told), stderr: result.stderr }
    }
    expect(await affected(first)).toMatchObject({
      base: first,
      stderr: '',
      targets: [
        { target: 'leads', affected: false, reason: 'desired-unchanged' },
        { target: 'names', affected: false, reason: 'desired-unchanged' },
      ],
    })
    await server.rig.write({ 'data/teams/web.yml': '$schema: /team-1.yml\nname: web\n' })
    await server.post('/reload')
    expect((await affected(first)).targets).toMatchObject([
      { target: 'leads', affected: true, reason: 'desired-changed' },
      { target: 'names', affected: false, reason: 'desired-unchanged' },
    ])
    // A commit is still a commit.
    expect((await affected('HEAD')).targets).toMatchObject([{ affected: false }, { affected: false }])
    await rig.write({ 'trueup.yaml': config.replace(/ {2}names: .*\n/, '') })
    const mixed = await affected(first)
    expect(mixed.targets).toMatchObject([
      { target: 'leads', affected: true, reason: 'desired-changed' },
      { target: 'names', affected: true, reason: 'base-missing' },
    ])
    expect(mixed.stderr).toContain('Every target that asks no endpoint for a bundle counts as affected')
    const gone = 'f'.repeat(64)
    expect((await affected(gone)).targets[0]).toMatchObject({ affected: true, reason: 'base-failed' })
  })

  it('an endpoint that is not there fails the run; nothing is applied', async () => {
    await using rig = await client(
      'http://127.0.0.1:9',
      {},
      "{ graphql: { url: 'http://127.0.0.1:9/graphql', attempts: 1 } }",
    )
    expect(await run(rig, 'apply', 'leads', '--yes')).toMatchObject({
      error: { code: 'source-unavailable' },
      decision: { reason: 'head-failed' },
    })
  })

  it.each<[string, RegExp]>([
    ["{ graphql: { url: 'ftp://x/graphql' } }", /http or https URL/],
    ["{ graphql: { url: 'https://me:secret@x/graphql' } }", /without a user name or password/],
    ['{ graphql: {} }', /"url" is missing/],
    ["{ graphql: { url: 'http://x/graphql', pin: yes } }", /bundle or none/],
    ['elsewhere', /git, or a mapping/],
  ])('trueup.yaml with source: %s is refused with its line', async (source, message) => {
    await using rig = await client('', {}, source)
    const refused = await rig.run(['plan', 'leads'])
    expect(refused.stderr).toMatch(message)
    expect(refused.stderr).toMatch(/trueup\.yaml:4/)
    expect(refused.code).toBe(64)
  })

  it('the secret of auth is sent and never told', async () => {
    const { createServer } = await import('node:http')
    const seen: (string | undefined)[] = []
    const server = createServer((request, response) => {
      seen.push(request.headers.authorization)
      response.writeHead(200, { 'content-type': 'application/json' })
      // An answer that repeats the secret, as a careless server does.
      response.end(JSON.stringify({ errors: [{ message: `not for ${String(request.headers.authorization)}` }] }))
    })
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
    try {
      const { port } = server.address() as { port: number }
      await using rig = await client(
        '',
        {},
        `{ graphql: { url: 'http://127.0.0.1:${String(port)}', pin: none, auth: { secret: data/api, field: token } } }`,
      )
      const planned = await rig.run(['plan', 'leads', '-o', 'json'], {
        env: { TRUEUP_SECRET_DATA_API: '{"token":"abcdefghijkl"}' },
      })
      expect(seen).toEqual(['Bearer abcdefghijkl'])
      expect(planned.stdout).toContain('not for Bearer ***')
      expect(planned.stdout + planned.stderr).not.toContain('abcdefghijkl')
      expect((await run(rig, 'plan', 'leads')).error).toMatchObject({ code: 'secret-missing' })
    } finally {
      server.close()
      server.closeAllConnections()
    }
  })
})
