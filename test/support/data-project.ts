// A small project of data in the qontract layout, right in every part, and what its bundle holds. Tests change single files of it.
export type DataFiles = Readonly<Record<string, string | Uint8Array>>

/** How schemas name references to files and to resources; both formats find them by these places. */
export function commonSchema(draft: string): string {
  return JSON.stringify({
    $schema: draft,
    definitions: {
      crossref: {
        type: 'object',
        properties: { $ref: { type: 'string' } },
        required: ['$ref'],
        additionalProperties: false,
      },
      resourceref: { type: 'string' },
    },
  })
}

const META = '$schema: /metaschema-1.json\n'

/** Users, teams with roles (inline and by reference), services that name resources, an interface by field map. */
export const QONTRACT_FILES: DataFiles = {
  'schemas/metaschema-1.json': JSON.stringify({
    $schema: 'http://json-schema.org/draft-06/schema#',
    type: 'object',
    properties: { $schema: { type: 'string' }, type: { type: 'string' }, properties: { type: 'object' } },
    required: ['$schema', 'properties'],
  }),
  'schemas/common-1.json': commonSchema('http://json-schema.org/draft-06/schema#'),
  'schemas/app-interface/graphql-schemas-1.yml': `${META}type: object\nproperties:\n  $schema: {type: string}\n  confs: {type: array}\nrequired: [confs]\n`,
  'schemas/user-1.yml': `${META}type: object
additionalProperties: false
properties:
  $schema: {type: string, enum: [/user-1.yml]}
  name: {type: string, pattern: '(?i)^[a-z]+$'}
  email: {type: string, format: email}
  age: {type: integer, $note: typo of a keyword}
  labels: {type: object}
required: [$schema, name]
`,
  'schemas/team-1.yml': `${META}type: object
additionalProperties: false
properties:
  $schema: {type: string, enum: [/team-1.yml]}
  name: {type: string}
  lead: {$ref: '/common-1.json#/definitions/crossref', $schemaRef: /user-1.yml, description: ignored}
  members:
    type: array
    items:
      oneOf:
      - {$ref: /member-1.yml}
      - {$ref: '/common-1.json#/definitions/crossref', $schemaRef: /user-1.yml}
  named:
    $ref: '/common-1.json#/definitions/crossref'
    $schemaRef: {type: object, properties: {name: {type: string, minLength: 2}}}
  steps:
    type: array
    items: {$ref: /step-1.yml}
  extra: {type: object}
required: [$schema, name]
`,
  'schemas/member-1.yml': `${META}type: object\nadditionalProperties: false\nproperties:\n  name: {type: string}\n  since: {type: number}\nrequired: [name]\n`,
  'schemas/step-1.yml': `${META}type: object
properties:
  provider: {type: string}
oneOf:
- additionalProperties: false
  properties:
    provider: {type: string, enum: [mount]}
    name: {type: string}
    path: {$ref: '/common-1.json#/definitions/resourceref'}
- additionalProperties: false
  properties:
    provider: {type: string, enum: [wait]}
    name: {type: string}
    seconds: {type: integer}
`,
  'graphql-schemas/schema.yml': `$schema: /app-interface/graphql-schemas-1.yml
confs:
- name: User_v1
  datafile: /user-1.yml
  fields:
  - {name: name, type: string, isRequired: true, isUnique: true}
  - {name: email, type: string}
  - {name: age, type: int}
- name: Member_v1
  fields:
  - {name: name, type: string, isRequired: true, isContextUnique: true}
  - {name: since, type: float}
- name: Team_v1
  datafile: /team-1.yml
  fields:
  - {name: name, type: string, isRequired: true}
  - {name: lead, type: User_v1}
  - {name: members, type: Member_v1, isList: true}
  - {name: named, type: User_v1}
  - {name: steps, type: Step_v1, isList: true, isInterface: true}
  - {name: extra, type: json}
- name: Step_v1
  isInterface: true
  interfaceResolve:
    strategy: fieldMap
    field: provider
    fieldMap: {mount: StepMount_v1, wait: StepWait_v1}
  fields:
  - {name: provider, type: string, isRequired: true}
- name: StepMount_v1
  interface: Step_v1
  fields:
  - {name: provider, type: string, isRequired: true}
  - {name: name, type: string, isContextUnique: true}
  - {name: path, type: string, isResource: true, resolveResource: true}
- name: StepWait_v1
  interface: Step_v1
  fields:
  - {name: provider, type: string, isRequired: true}
  - {name: name, type: string, isContextUnique: true}
  - {name: seconds, type: int}
- name: Query
  fields:
  - {name: users_v1, type: User_v1, isList: true, datafileSchema: /user-1.yml}
  - {name: teams_v1, type: Team_v1, isList: true, datafileSchema: /team-1.yml}
`,
  'data/users/ann.yml': '# Ann\n---\n$schema: /user-1.yml\nname: Ann\nemail: nobody checks formats\nage: 3.0\n',
  'data/users/bob.yml': '$schema: /user-1.yml\nname: bob\nlabels: {on: yes, 17: 0755}\n',
  'data/teams/web.yml': `$schema: /team-1.yml
name: web
lead: {$ref: /users/ann.yml}
members:
- name: public
  since: 1.0
- $ref: /users/bob.yml
named: {$ref: /users/ann.yml}
steps:
- {provider: mount, name: one, path: /nginx.conf}
- {provider: wait, name: two, seconds: 10:00}
`,
  'resources/nginx.conf': 'worker_processes 1;\n',
  'resources/user.yaml': '---\n$schema: /user-1.yml\nname: Template\n',
}

export const QONTRACT_PLACE = {
  format: 'qontract',
  dir: 'data',
  schemas: 'schemas',
  graphql: 'graphql-schemas/schema.yml',
  resources: 'resources',
} as const
