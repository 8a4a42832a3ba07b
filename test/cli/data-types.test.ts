// Types and functions for the .graphql files of a project, on the built command line; what is written compiles and answers. Needs `npm run build`.
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import ts from 'typescript'
import { describe, expect, it } from 'vitest'
import { COMPANY, INPUTS } from '../support/data-company.js'
import { createRig, type Files, type Rig } from '../support/rig.js'

const QUERIES: Files = {
  'integrations/shared.graphql': 'fragment Person on User_v1 { name ...Mail }\nfragment Mail on User_v1 { mail }\n',
  'integrations/leads/leads.graphql': `query Leads($name: String) {
  teams(name: $name) { name lead { ...Person } }
}

query LeadOf($name: String!) { teams(name: $name) { lead { ...Mail } } }
`,
}

const INTEGRATION = `import { defineIntegration, diff, listing } from 'trueup'
import { queryLeads, queryLeadOf, type LeadsQuery } from './leads.graphql.js'

export default defineIntegration({
  name: 'leads',
  version: '1.0.0',
  deletePolicy: 'never',
  inputs: ${JSON.stringify(INPUTS)},
  async desiredState({ source }) {
    const all: LeadsQuery = await queryLeads(source)
    const web = await queryLeadOf(source, { name: 'web' })
    const mail: string | null | undefined = web.teams[0]?.lead?.mail
    return all.teams.map(({ name, lead }) => ({ team: name, lead: lead?.name ?? 'nobody', web: mail ?? '' }))
  },
  run: (ctx, desired) => ctx.plan(diff({ desired, current: listing.whole<{ team: string; lead: string; web: string }>([]), key: ({ team }) => team }), { create: () => undefined }),
})
`

async function project(files: Files = {}): Promise<Rig> {
  return createRig({
    files: { 'trueup.yaml': 'version: 1\n', '.gitignore': '.trueup/\n', ...COMPANY, ...QUERIES, ...files },
  })
}

/** What TypeScript says of a file of the repository. */
function compiled(rig: Rig, file: string): readonly string[] {
  const checkout = fileURLToPath(new URL('../..', import.meta.url))
  const program = ts.createProgram([join(rig.repo, file)], {
    strict: true,
    noEmit: true,
    skipLibCheck: true,
    target: ts.ScriptTarget.ES2022,
    module: ts.ModuleKind.NodeNext,
    moduleResolution: ts.ModuleResolutionKind.NodeNext,
    exactOptionalPropertyTypes: true,
    types: [],
    paths: {
      trueup: [join(checkout, 'dist/src/index.d.ts')],
      '*': [join(checkout, 'node_modules/*'), join(checkout, 'node_modules/@types/*')],
    },
  })
  return ts.getPreEmitDiagnostics(program).map(({ messageText }) => ts.flattenDiagnosticMessageText(messageText, '\n'))
}

describe('data types', () => {
  it('writes a file beside each, which compiles and answers; again, nothing is to be done', async () => {
    await using rig = await project({ 'integrations/leads/index.ts': INTEGRATION, 'package.json': { type: 'module' } })
    expect(await rig.run(['data', 'types', '--check'])).toMatchObject({
      code: 1,
      stdout: expect.stringContaining('integrations/leads/leads.graphql.ts') as string,
    })
    const written = await rig.run(['data', 'types', '-o', 'json'])
    expect([written.code, written.json()]).toMatchObject([
      0,
      { written: ['integrations/leads/leads.graphql.ts', 'integrations/shared.graphql.ts'] },
    ])
    expect(await rig.read('integrations/leads/leads.graphql.ts')).toContain(
      'export type LeadsQuery = { readonly teams: ReadonlyArray<{ readonly name: string, readonly lead: { readonly name: string, readonly mail: string | null } | null }> };',
    )
    expect(compiled(rig, 'integrations/leads/index.ts')).toEqual([])
    expect(await rig.run(['data', 'types', '--check'])).toMatchObject({ code: 0 })
    const planned = await rig.run(['plan', 'leads', '-o', 'json'])
    expect(planned.json()).toMatchObject({
      runs: [{ error: null, plan: { changes: [{ key: 'ops' }, { key: 'web' }] } }],
    })
  })

  it('needs the schema files alone: data that are wrong, or not there, are no matter', async () => {
    await using rig = await project({ 'data/teams/web.yml': 'a: [\n' })
    expect((await rig.run(['data', 'types'])).code).toBe(0)
  })

  it('a schema that changed makes the files stale', async () => {
    await using rig = await project()
    await rig.run(['data', 'types'])
    const text = (COMPANY['graphql-schemas/schema.yml'] as string).replace(
      '{"name":"mail","type":"string"}',
      '{"name":"mail","type":"string","isRequired":true}',
    )
    await rig.write({ 'graphql-schemas/schema.yml': text })
    const checked = await rig.run(['data', 'types', '--check', '-o', 'json'])
    expect([checked.code, checked.json()]).toMatchObject([
      1,
      { stale: ['integrations/leads/leads.graphql.ts', 'integrations/shared.graphql.ts'] },
    ])
  })

  it.each<[string, string, RegExp]>([
    ['an unknown field', 'query A { teams { nam } }', /bad\.graphql:1:19: .*nam/],
    ['what does not parse', 'query A {\n', /bad\.graphql:2:1: /],
    ['a query without a name', '{ teams { name } }', /bad\.graphql:1:1: the query needs a name/],
    ['a mutation', 'mutation A { x }', /bad\.graphql:1:1: .*only reads/],
    ['an unknown fragment', 'query A { teams { ...Nothing } }', /bad\.graphql:1:22: .*Nothing/],
    [
      'a fragment that is there twice',
      'fragment Mail on User_v1 { mail }',
      /shared\.graphql:2:1: the fragment Mail is defined twice/,
    ],
  ])('%s: refused with its place', async (_, text, message) => {
    await using rig = await project({ 'integrations/bad.graphql': text })
    const refused = await rig.run(['data', 'types'])
    expect(refused.stderr).toMatch(message)
    expect(refused.code).toBe(1)
  })

  it('no .graphql file: says where one belongs', async () => {
    await using rig = await createRig({ files: { 'trueup.yaml': 'version: 1\n', ...COMPANY } })
    expect(await rig.run(['data', 'types'])).toMatchObject({
      code: 64,
      stderr: expect.stringContaining('.graphql') as string,
    })
  })
})
