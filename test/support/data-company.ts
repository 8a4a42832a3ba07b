// A repository with a small company as data, in the default format: JSON Schemas, GraphQL types, an integration that asks. For tests of the program.
import { commonSchema } from './data-project.js'
import type { Files } from './rig.js'

const DRAFT = 'http://json-schema.org/draft-07/schema#'

const SCHEMAS: Files = {
  'schemas/common-1.json': commonSchema(DRAFT),
  'schemas/team-1.yml': `$schema: ${DRAFT}
type: object
additionalProperties: false
required: [$schema, name]
properties:
  $schema: {type: string}
  name: {type: string}
  lead: {$ref: '/common-1.json#/definitions/crossref', $schemaRef: /user-1.yml}
`,
  'schemas/user-1.yml': `$schema: ${DRAFT}
type: object
additionalProperties: false
required: [$schema, name]
properties:
  $schema: {type: string}
  name: {type: string}
  mail: {type: string}
`,
}

const file = (fields: object[]): object[] => [
  { name: 'path', type: 'string', isRequired: true },
  { name: 'schema', type: 'string', isRequired: true },
  { name: 'name', type: 'string', isRequired: true, isSearchable: true },
  ...fields,
]

/** Two teams of two users. */
export const COMPANY: Files = {
  ...SCHEMAS,
  'graphql-schemas/schema.yml': JSON.stringify([
    { name: 'Team_v1', datafile: '/team-1.yml', fields: file([{ name: 'lead', type: 'User_v1' }]) },
    {
      name: 'User_v1',
      datafile: '/user-1.yml',
      fields: file([
        { name: 'mail', type: 'string' },
        { name: 'leads', type: 'Team_v1', isList: true, synthetic: { schema: '/team-1.yml', subAttr: 'lead' } },
      ]),
    },
    {
      name: 'Query',
      fields: [
        { name: 'teams', type: 'Team_v1', isList: true, isRequired: true, datafileSchema: '/team-1.yml' },
        { name: 'users', type: 'User_v1', isList: true, isRequired: true, datafileSchema: '/user-1.yml' },
      ],
    },
  ]),
  'data/teams/web.yml': '$schema: /team-1.yml\nname: web\nlead:\n  $ref: /users/ann.yml\n',
  'data/teams/ops.yml': '$schema: /team-1.yml\nname: ops\n',
  'data/users/ann.yml': '$schema: /user-1.yml\nname: ann\nmail: ann@example.com\n',
  'data/users/bob.yml': '$schema: /user-1.yml\nname: bob\n',
}

export const INPUTS = ['data/**', 'schemas/**', 'graphql-schemas/**'] as const

/** Writes each lead's name into a file below `PLACE`; asks with `query`. */
export function leads({
  inputs = INPUTS,
  query = '{ teams { name lead { name } } }',
}: { readonly inputs?: readonly string[]; readonly query?: string } = {}): string {
  return `import { defineIntegration, diff, listing } from 'trueup'
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'

export default defineIntegration({
  name: 'leads',
  version: '1.0.0',
  deletePolicy: 'never',
  env: ['PLACE'],
  inputs: ${JSON.stringify(inputs)},
  destination: () => 'the folder of leads',
  async desiredState({ source }) {
    const { teams } = await source.query(${JSON.stringify(query)})
    return teams.map(({ name, lead }) => ({ team: name, lead: lead?.name ?? 'nobody' }))
  },
  async run(ctx, desired) {
    const place = ctx.env('PLACE')
    mkdirSync(place, { recursive: true })
    const items = readdirSync(place).map((team) => ({ team, lead: readFileSync(place + '/' + team, 'utf8') }))
    const current = listing.whole(items)
    const put = ({ after }) => writeFileSync(place + '/' + after.team, after.lead)
    return ctx.plan(diff({ desired, current, key: ({ team }) => team }), { create: put, update: put })
  },
})
`
}
