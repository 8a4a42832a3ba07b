// Asking data by GraphQL on the built command line: data query, an integration that asks, what skips and what must not. Needs `npm run build`.
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { COMPANY, INPUTS, leads } from '../support/data-company.js'
import { createRig, type Files, type Rig, type RunResult } from '../support/rig.js'

async function project(files: Files = {}): Promise<Rig> {
  const rig = await createRig({
    files: {
      'trueup.yaml': 'version: 1\n',
      '.gitignore': '.trueup/\n',
      'integrations/leads.mjs': leads(),
      ...COMPANY,
      ...files,
    },
  })
  rig.env['PLACE'] = join(rig.root, 'leads')
  return rig
}

interface Decided {
  readonly exitCode: number
  readonly runs: readonly [
    {
      readonly decision: { readonly action: string; readonly reason: string }
      readonly plan: { readonly changes: readonly { readonly key: string }[] } | null
      readonly error: { readonly code: string; readonly message: string } | null
    },
  ]
}

async function decide(rig: Rig, ...args: readonly string[]): Promise<Decided['runs'][0]> {
  return ((await rig.run([...args, '-o', 'json'])).json() as Decided).runs[0]
}

function answered({ code, stdout, stderr }: RunResult): unknown {
  expect(code, stderr).toBe(0)
  return JSON.parse(stdout) as unknown
}

describe('data query', () => {
  it('prints the data; with -o json the whole answer', async () => {
    await using rig = await project()
    const query = 'query lead($n: String) { teams(name: $n) { name lead { mail leads { path } } } }'
    const data = { teams: [{ name: 'web', lead: { mail: 'ann@example.com', leads: [{ path: '/teams/web.yml' }] } }] }
    const args = ['data', 'query', query, '--variables', '{"n":"web"}', '--operation', 'lead']
    expect(answered(await rig.run(args))).toEqual(data)
    expect((await rig.run([...args, '-o', 'json'])).json()).toEqual({
      schema: 'trueup/1',
      exitCode: 0,
      data,
      extensions: { schemas: ['/team-1.yml', '/user-1.yml'] },
    })
  })

  it('of a file, of a revision, of the working tree with what is not committed', async () => {
    await using rig = await project()
    await rig.write({
      'names.graphql': '{ teams { name } }',
      'data/teams/new.yml': '$schema: /team-1.yml\nname: new\n',
    })
    const names = (data: unknown): string[] => (data as { teams: { name: string }[] }).teams.map(({ name }) => name)
    expect(names(answered(await rig.run(['data', 'query', 'names.graphql'])))).toEqual(['new', 'ops', 'web'])
    expect(names(answered(await rig.run(['data', 'query', 'names.graphql', '--revision', 'HEAD'])))).toEqual([
      'ops',
      'web',
    ])
  })

  it('of a bundle that was written before, whatever the data are now', async () => {
    await using rig = await project()
    const query = '{ teams { name lead { mail leads { path } } } }'
    const before = answered(await rig.run(['data', 'query', query]))
    expect((await rig.run(['data', 'bundle', '--out', 'kept.json'])).code).toBe(0)
    await rig.write({ 'data/teams/new.yml': '$schema: /team-1.yml\nnam: new\n', 'broken.json': '{"data":{}}\n' })
    expect(answered(await rig.run(['data', 'query', query, '--bundle', 'kept.json']))).toEqual(before)
    const cases: readonly (readonly [readonly string[], number, RegExp])[] = [
      [['--bundle', 'gone.json'], 64, /the bundle gone\.json cannot be read: .*data bundle --out gone\.json/],
      [['--bundle', 'broken.json'], 1, /broken\.json: .*no data bundle|broken\.json: .*not a data bundle/],
      [['--bundle', 'kept.json', '--revision', 'HEAD'], 64, /--bundle and --revision/],
    ]
    for (const [args, code, message] of cases) {
      const failed = await rig.run(['data', 'query', query, ...args])
      expect(failed).toMatchObject({ code, stdout: '', stderr: expect.stringMatching(message) as string })
    }
  })

  it('errors are on stderr, in the answer, and exit 1', async () => {
    await using rig = await project()
    const failed = await rig.run(['data', 'query', '{ nothing }', '-o', 'json'])
    expect(failed).toMatchObject({
      code: 1,
      stderr: expect.stringMatching(/error at line 1, column 3: .*nothing/) as string,
    })
    expect(failed.json()).toMatchObject({
      exitCode: 1,
      errors: [{ message: expect.stringContaining('nothing') as string }],
      extensions: { schemas: [] },
    })
  })

  it.each<[string, readonly string[], Files, number, RegExp]>([
    ['variables that are no JSON', ['{ teams { name } }', '--variables', '{'], {}, 64, /--variables is not JSON/],
    ['variables that are no object', ['{ teams { name } }', '--variables', '[]'], {}, 64, /must be a JSON object/],
    ['no query', [], {}, 64, /trueup data query '/],
    ['a file that is not there', ['no.graphql'], {}, 64, /no\.graphql cannot be read/],
    ['an unknown revision', ['{ teams { name } }', '--revision', 'nothere'], {}, 1, /--revision nothere: /],
    [
      'data that are wrong',
      ['{ teams { name } }'],
      { 'data/teams/bad.yml': '$schema: /team-1.yml\nnam: bad\n' },
      1,
      /data\/teams\/bad\.yml:\d+:\d+: /,
    ],
    [
      'types that are wrong',
      ['{ teams { name } }'],
      { 'graphql-schemas/schema.yml': '[{name: Query, fields: [{name: a, type: Nope}]}]\n' },
      1,
      /Nope/,
    ],
  ])('%s: exit code and what to do', async (_, args, files, code, message) => {
    await using rig = await project(files)
    const failed = await rig.run(['data', 'query', ...args])
    expect(failed.stderr).toMatch(message)
    expect(failed).toMatchObject({ code, stdout: '' })
  })

  it('without GraphQL types: those that the JSON Schemas give', async () => {
    await using rig = await project({ 'graphql-schemas/schema.yml': null, 'graphql-schemas/README.md': 'none\n' })
    expect(answered(await rig.run(['data', 'query', '{ team_v1(name: "web") { lead { name mail } } }']))).toEqual({
      team_v1: [{ lead: { name: 'ann', mail: 'ann@example.com' } }],
    })
  })
})

describe('an integration that asks', () => {
  it('plans, applies and converges', async () => {
    await using rig = await project()
    const planned = await decide(rig, 'plan', 'leads')
    expect(planned.plan?.changes.map(({ key }) => key)).toEqual(['ops', 'web'])
    const schemas = '/team-1.yml, /user-1.yml'
    expect(planned.decision).toMatchObject({ components: { schemas: { head: schemas, base: null, same: null } } })
    expect((await rig.run(['why', 'leads'])).stdout).toContain(schemas)
    expect((await rig.run(['apply', 'leads', '--yes'])).code).toBe(0)
    expect((await decide(rig, 'plan', 'leads')).plan?.changes).toEqual([])
    expect(await rig.read('../leads/web')).toBe('ann')
  })

  it('head and base are asked alike: a change that no answer shows is no change; one behind a reference is', async () => {
    await using rig = await project()
    await rig.write({ 'data/users/bob.yml': '$schema: /user-1.yml\nname: robert\n' })
    await rig.commit()
    expect((await decide(rig, 'plan', 'leads', '--base', 'HEAD~1')).decision).toMatchObject({
      action: 'skip',
      reason: 'desired-unchanged',
      components: { schemas: { head: '/team-1.yml, /user-1.yml', base: '/team-1.yml, /user-1.yml', same: true } },
    })
    await rig.write({ 'data/users/ann.yml': '$schema: /user-1.yml\nname: anna\n' })
    expect((await decide(rig, 'plan', 'leads', '--base', 'HEAD~1')).decision).toMatchObject({
      action: 'run',
      reason: 'desired-changed',
    })
    await rig.write({ 'README.md': 'no data\n', 'data/users/ann.yml': COMPANY['data/users/ann.yml'] ?? '' })
    expect((await decide(rig, 'plan', 'leads', '--base', 'HEAD')).decision).toMatchObject({
      action: 'skip',
      reason: 'inputs-unchanged',
    })
  })

  it('a new file anywhere below the data can become part of an answer, and is noticed', async () => {
    await using rig = await project()
    await rig.write({ 'data/elsewhere/x.yaml': '$schema: /team-1.yml\nname: new\n' })
    await rig.commit()
    const planned = await decide(rig, 'plan', 'leads', '--base', 'HEAD~1')
    expect(planned.decision).toMatchObject({ action: 'run', reason: 'desired-changed' })
    expect(planned.plan?.changes.map(({ key }) => key)).toContain('new')
  })

  it('a schema that changes what an answer is, is noticed', async () => {
    await using rig = await project()
    const types = JSON.parse(COMPANY['graphql-schemas/schema.yml'] as string) as {
      name: string
      fields: { name: string; datafileSchema?: string }[]
    }[]
    for (const { name, fields } of types)
      if (name === 'Query') for (const field of fields) if (field.name === 'teams') field.datafileSchema = '/user-1.yml'
    await rig.write({ 'graphql-schemas/schema.yml': JSON.stringify(types) })
    await rig.commit()
    expect((await decide(rig, 'plan', 'leads', '--base', 'HEAD~1')).decision.reason).toBe('desired-changed')
  })

  it.each<[string, readonly string[], string]>([
    ['one folder of the data', ['data/teams/**', 'schemas/**', 'graphql-schemas/**'], 'data/**'],
    ['one ending of the data', ['data/**/*.yml', 'schemas/**', 'graphql-schemas/**'], 'data/**'],
    ['one level of the data', ['data/*/*', 'schemas/**', 'graphql-schemas/**'], 'data/**'],
    ['no schemas', ['data/**', 'graphql-schemas/**'], 'schemas/**'],
    ['no types', ['data/**', 'schemas/**'], 'graphql-schemas/schema.yml'],
  ])('inputs that leave something out (%s): an error that names the glob', async (_, inputs, glob) => {
    await using rig = await project({ 'integrations/leads.mjs': leads({ inputs }) })
    const failed = await decide(rig, 'plan', 'leads')
    expect(failed.error).toMatchObject({
      code: 'undeclared-input',
      message: expect.stringContaining(`inputs: [${[...inputs, glob].map((one) => `'${one}'`).join(', ')}]`) as string,
    })
    await rig.write({ 'integrations/leads.mjs': leads({ inputs: [...inputs, glob] }) })
    expect((await decide(rig, 'plan', 'leads')).error).toBeNull()
  })

  it('resources count where there are any, and links where they lead', async () => {
    await using rig = await project()
    await rig.write({ 'resources/a.txt': 'a\n' })
    expect((await decide(rig, 'plan', 'leads')).error).toMatchObject({
      code: 'undeclared-input',
      message: expect.stringContaining("'resources/**'") as string,
    })
    await rig.write({ 'resources/a.txt': null, 'other/team.yml': '$schema: /team-1.yml\nname: linked\n' })
    await rig.git('config', 'core.symlinks', 'true')
    const { symlink } = await import('node:fs/promises')
    await symlink('../../other/team.yml', join(rig.repo, 'data/teams/linked.yml'))
    expect((await decide(rig, 'plan', 'leads')).error).toMatchObject({
      message: expect.stringContaining("'other/team.yml'") as string,
    })
    await rig.write({ 'integrations/leads.mjs': leads({ inputs: [...INPUTS, 'other/team.yml'] }) })
    expect((await decide(rig, 'plan', 'leads')).plan?.changes.map(({ key }) => key)).toContain('linked')
  })

  it('an answer with errors, and a query that does not fit, fail the run: nothing is desired by mistake', async () => {
    await using rig = await project({
      'data/teams/web.yml': '$schema: /team-1.yml\nname: web\nlead:\n  $ref: /users/gone.yml\n',
    })
    const broken = await decide(rig, 'plan', 'leads')
    expect(broken).toMatchObject({
      error: { code: 'desired-invalid', message: expect.stringContaining('data/teams/web.yml:4') as string },
      decision: { action: 'none', reason: 'head-failed' },
    })
    await rig.write({
      'data/teams/web.yml': COMPANY['data/teams/web.yml'] ?? '',
      'integrations/leads.mjs': leads({ query: '{ teams { nam } }' }),
    })
    expect((await decide(rig, 'plan', 'leads')).error).toMatchObject({
      code: 'integration-invalid',
      message: expect.stringContaining('nam') as string,
    })
  })

  it('a base whose data cannot be read: runs in full', async () => {
    await using rig = await project({ 'data/teams/web.yml': 'no: schema\n' })
    await rig.write({ 'data/teams/web.yml': COMPANY['data/teams/web.yml'] ?? '' })
    await rig.commit()
    expect((await decide(rig, 'plan', 'leads', '--base', 'HEAD~1')).decision).toMatchObject({
      action: 'run',
      reason: 'base-failed',
    })
  })
})
