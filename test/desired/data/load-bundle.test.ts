// Data of a revision, read from real git repositories: every rule of the qontract layout is a row that breaks one file of a project that is right.
import { createHash } from 'node:crypto'
import { symlinkSync } from 'node:fs'
import { join } from 'node:path'
import { afterEach, describe, expect, it } from 'vitest'
import { writeBundleJson } from '../../../src/desired/data/bundle-json.js'
import type { DataFault } from '../../../src/desired/data/faults.js'
import { loadBundle, type LoadedBundle } from '../../../src/desired/data/load-bundle.js'
import type { DataPlace } from '../../../src/desired/data/list-files.js'
import { QONTRACT_FILES, QONTRACT_PLACE, type DataFiles } from '../../support/data-project.js'
import { GitFixture } from '../../support/git-fixture.js'

const fixtures: GitFixture[] = []
afterEach(async () => {
  for (const fixture of fixtures.splice(0)) await fixture[Symbol.asyncDispose]()
})

async function load(
  changes: DataFiles = {},
  prepare: (repository: string) => void = () => undefined,
  place: DataPlace = QONTRACT_PLACE,
): Promise<LoadedBundle> {
  const fixture = new GitFixture()
  fixtures.push(fixture)
  const path = fixture.init('repository')
  fixture.write(path, { ...QONTRACT_FILES, ...changes })
  prepare(path)
  fixture.commit(path, {})
  const repository = await fixture.open(path)
  await using snapshot = await repository.head({ committed: true })
  return await loadBundle({ snapshot, place, commitTimestamp: '1767323045' })
}

const told = ({ file, line, column, kind, reason }: DataFault): string =>
  `${file}:${String(line)}:${String(column)} ${kind} ${reason}`

describe('a project that is right', () => {
  it('has no faults, and its bundle is what the format says', async () => {
    const { bundle, faults, counts } = await load()
    expect(faults).toEqual([])
    expect(counts).toEqual({ data: 3, resources: 2, schemas: 7 })
    const sha = (path: string): string =>
      createHash('sha256')
        .update(QONTRACT_FILES[path] ?? '')
        .digest('hex')
    const one = createHash('sha256').update('{"name":"one"}').digest('hex')
    expect(bundle.data.get('/teams/web.yml')).toEqual({
      $file_sha256sum: sha('data/teams/web.yml'),
      $schema: '/team-1.yml',
      name: 'web',
      lead: { $ref: '/users/ann.yml' },
      members: [
        { __identifier: expect.stringMatching(/^d5d5663b/) as string, name: 'public', since: 1 },
        { $ref: '/users/bob.yml' },
      ],
      named: { $ref: '/users/ann.yml' },
      steps: [
        { __identifier: one, provider: 'mount', name: 'one', path: '/nginx.conf' },
        {
          __identifier: createHash('sha256').update('{"name":"two"}').digest('hex'),
          provider: 'wait',
          name: 'two',
          seconds: 600,
        },
      ],
    })
    // Only bob is referred to directly by a list.
    expect(bundle.data.get('/users/bob.yml')).toEqual({
      $file_sha256sum: sha('data/users/bob.yml'),
      $schema: '/user-1.yml',
      __identifier: createHash('sha256').update('{"name":"bob"}').digest('hex'),
      name: 'bob',
      labels: { true: true, 17: 493 },
    })
    expect(Object.keys(bundle.data.get('/users/ann.yml') ?? {})).toEqual([
      '$file_sha256sum',
      '$schema',
      'age',
      'email',
      'name',
    ])
    expect(bundle.resources.get('/nginx.conf')).toEqual({
      path: '/nginx.conf',
      content: 'worker_processes 1;\n',
      $schema: null,
      sha256sum: sha('resources/nginx.conf'),
      backrefs: [{ path: '/teams/web.yml', datafileSchema: '/team-1.yml', jsonpath: 'steps.[0].path' }],
    })
    expect(bundle.resources.get('/user.yaml')?.$schema).toBe('/user-1.yml')
    expect(bundle.gitCommitTimestamp).toBe('1767323045')
    expect(bundle.gitCommit).toMatch(/^[0-9a-f]{40}$/)
  })

  it('its schemas get the keys that bundling adds', async () => {
    const { bundle } = await load()
    const properties = (path: string): unknown => (bundle.schemas.get(path) as { properties: unknown }).properties
    const checksum = { type: 'string', description: 'sha256sum of the datafile' }
    expect(properties('/user-1.yml')).toMatchObject({ $file_sha256sum: checksum, __identifier: { type: 'string' } })
    expect(properties('/member-1.yml')).toMatchObject({ __identifier: { type: 'string' } })
    expect(properties('/team-1.yml')).not.toHaveProperty('__identifier')
    // The form that fits and the schema that offers the forms.
    expect(properties('/step-1.yml')).toHaveProperty('__identifier')
    const forms = (bundle.schemas.get('/step-1.yml') as { oneOf: { properties: object }[] }).oneOf
    expect(forms.map((form) => '__identifier' in form.properties)).toEqual([true, true])
    expect(properties('/metaschema-1.json')).not.toHaveProperty('$file_sha256sum')
  })

  it('its JSON has the floats and long numbers as they were written', async () => {
    const { bundle } = await load({
      'data/users/ann.yml': '$schema: /user-1.yml\nname: Ann\nage: 12345678901234567890\n',
    })
    const text = Buffer.from(writeBundleJson(bundle)).toString('latin1')
    expect(text).toContain('"age":12345678901234567890,')
    expect(text).toContain('"since":1.0}')
    // Keys that were no texts are in the order of their values.
    expect(text).toContain('"labels":{"true":true,"17":493}')
  })
})

describe('which files count', () => {
  it.each([
    ['another ending', 'data/notes.txt', 'x: ['],
    ['an ending in capitals', 'data/notes.YML', 'x: ['],
    ['a hidden file', 'data/.hidden.yml', 'x: ['],
    ['a file of comments', 'data/empty.yml', '# nothing\n'],
    ['an empty file', 'data/empty.yaml', ''],
  ])('%s is skipped', async (_, path, text) => {
    const { bundle, faults } = await load({ [path]: text })
    expect({ faults, files: bundle.data.size }).toEqual({ faults: [], files: 3 })
  })

  it.each([
    ['of a hidden folder', 'data/.hidden/carl.yml', '$schema: /user-1.yml\nname: carl\n'],
    ['that is JSON', 'data/carl.json', '{"$schema": "/user-1.yml", "name": "x", "name": "carl", "age": 1.0}'],
    ['with a # in its name', 'data/a#b.yml', '$schema: /user-1.yml\nname: carl\n'],
    ['that ends with dots', 'data/carl.yml', '---\n$schema: /user-1.yml\nname: carl\n...\n'],
    [
      'with anchors and merges',
      'data/carl.yml',
      '$schema: /user-1.yml\nname: carl\nlabels: {a: &x {b: 1}, c: {<<: *x}}\n',
    ],
    ['with a key twice', 'data/carl.yml', '$schema: /user-1.yml\nname: ann\nname: carl\n'],
    ['with a $schema without its slash', 'data/carl.yml', '$schema: user-1.yml\nname: carl\n'],
  ])('a file %s is read', async (_, path, text) => {
    const schema = (QONTRACT_FILES['schemas/user-1.yml'] ?? '')
      .toString()
      .replace('[/user-1.yml]', '[/user-1.yml, user-1.yml]')
    const { bundle, faults } = await load({ [path]: text, 'schemas/user-1.yml': schema })
    expect(faults).toEqual([])
    expect(bundle.data.get(path.slice('data'.length))).toMatchObject({ name: 'carl' })
  })

  it('a link to a file is read; one to a folder is skipped among data and a fault among resources', async () => {
    const { bundle, faults } = await load({ 'elsewhere/u.yml': '$schema: /user-1.yml\nname: carl\n' }, (path) => {
      symlinkSync('../elsewhere/u.yml', join(path, 'data/carl.yml'))
      symlinkSync('../elsewhere', join(path, 'data/folder.yml'))
      symlinkSync('../elsewhere', join(path, 'resources/folder'))
      symlinkSync('nowhere.yml', join(path, 'data/lost.yml'))
    })
    expect(bundle.data.get('/carl.yml')).toMatchObject({ name: 'carl' })
    expect(faults.map(told)).toEqual(['data/lost.yml:1:1 FILE LINK_ERROR', 'resources/folder:1:1 FILE LINK_ERROR'])
  })
})

/** Path, text, and what is told of it. */
const USER = '$schema: /user-1.yml\nname: carl\n'
const TEAM = '$schema: /team-1.yml\nname: dev\n'
const FAULTS: readonly (readonly [string, DataFiles, readonly string[], RegExp])[] = [
  // SCHEMA
  [
    'a schema without $schema',
    { 'schemas/x-1.yml': 'type: object\n' },
    ['schemas/x-1.yml:1:1 SCHEMA MISSING_SCHEMA_URL'],
    /"\$schema" is missing/,
  ],
  [
    'a schema of an unknown metaschema',
    { 'schemas/x-1.yml': 'type: object\n$schema: /meta-2.json\n' },
    ['schemas/x-1.yml:2:10 SCHEMA META_SCHEMA_NOT_FOUND'],
    /no metaschema \/meta-2.json/,
  ],
  [
    'a schema of draft 7',
    { 'schemas/x-1.yml': '$schema: http://json-schema.org/draft-07/schema#\n' },
    ['schemas/x-1.yml:1:10 SCHEMA META_SCHEMA_NOT_FOUND'],
    /draft-06/,
  ],
  [
    'a schema that is not draft 6',
    { 'schemas/x-1.yml': '$schema: /metaschema-1.json\nproperties: {}\ntype: text\n' },
    ['schemas/x-1.yml:3:7 SCHEMA SCHEMA_ERROR'],
    /type fits none|type must be/,
  ],
  [
    'a schema that refers to nothing',
    { 'schemas/x-1.yml': '$schema: /metaschema-1.json\nproperties: {a: {$ref: /no-1.yml}}\n' },
    ['schemas/x-1.yml:1:1 SCHEMA SCHEMA_ERROR'],
    /no-1.yml/,
  ],
  [
    'a pattern that is none',
    { 'schemas/x-1.yml': "$schema: /metaschema-1.json\nproperties: {a: {pattern: '('}}\n" },
    ['schemas/x-1.yml:1:1 SCHEMA SCHEMA_ERROR'],
    /regular expression/,
  ],
  [
    'a schema that does not fit the metaschema',
    { 'schemas/x-1.yml': '$schema: /metaschema-1.json\ntype: object\n' },
    ['schemas/x-1.yml:1:1 SCHEMA VALIDATION_ERROR'],
    /"properties" is missing/,
  ],
  ['a schema that is no YAML', { 'schemas/x-1.yml': 'a: [' }, ['schemas/x-1.yml:1:5 SCHEMA PARSE_ERROR'], /./],
  [
    'isUnique on a type that no file has',
    {
      'graphql-schemas/schema.yml': graphql(
        'name: name, type: string, isRequired: true, isContextUnique: true',
        'name: name, type: string, isUnique: false',
      ),
    },
    ['graphql-schemas/schema.yml:11:32 SCHEMA IS_UNIQUE_ON_NON_TOP_LEVEL_TYPE'],
    /Member_v1.name/,
  ],
  [
    'isUnique on an object',
    { 'graphql-schemas/schema.yml': graphql('name: lead, type: User_v1', 'name: lead, isUnique: true, type: User_v1') },
    ['graphql-schemas/schema.yml:17:18 SCHEMA IS_UNIQUE_ON_COMPLEX_FIELD'],
    /Team_v1.lead/,
  ],
  [
    'a datafileSchema field that is no list',
    { 'graphql-schemas/schema.yml': graphql('type: Team_v1, isList: true', 'type: Team_v1') },
    ['graphql-schemas/schema.yml:45:37 SCHEMA LIST_MISMATCH'],
    /isList: true/,
  ],
  // FILE
  [
    'a file without $schema',
    { 'data/x.yml': 'name: x\n' },
    ['data/x.yml:1:1 FILE MISSING_SCHEMA_URL'],
    /\$schema: \/user-1.yml/,
  ],
  ['a file that is a list', { 'data/x.yml': '- 1\n' }, ['data/x.yml:1:1 FILE MISSING_SCHEMA_URL'], /must be a mapping/],
  [
    'a file of an unknown schema',
    { 'data/x.yml': '$schema: /usr-1.yml\n' },
    ['data/x.yml:1:10 FILE SCHEMA_NOT_FOUND'],
    /no schema \/usr-1.yml. Did you mean "\/user-1.yml"/,
  ],
  [
    'all that does not fit at once',
    { 'data/x.yml': '$schema: /user-1.yml\nname: "1"\nemial: x\nage: 1.5\n' },
    [
      'data/x.yml:2:7 FILE VALIDATION_ERROR',
      'data/x.yml:3:1 FILE VALIDATION_ERROR',
      'data/x.yml:4:6 FILE VALIDATION_ERROR',
    ],
    /no key "emial". Did you mean "email"/,
  ],
  [
    'a missing key',
    { 'data/x.yml': '$schema: /user-1.yml\n' },
    ['data/x.yml:1:1 FILE VALIDATION_ERROR'],
    /the key "name" is missing/,
  ],
  [
    'none of several forms',
    { 'data/x.yml': `${TEAM}members:\n- {nmae: x}\n` },
    ['data/x.yml:4:3 FILE VALIDATION_ERROR'],
    /members\[0\] fits none of the forms/,
  ],
  [
    'a resource that does not fit',
    { 'resources/user.yaml': '$schema: /user-1.yml\nname: 1\n' },
    ['resources/user.yaml:2:7 FILE VALIDATION_ERROR'],
    /name must be string, not 1/,
  ],
  [
    'a resource of an unknown schema',
    { 'resources/user.yaml': '$schema: /usr-1.yml\nname: x\n' },
    ['resources/user.yaml:1:10 FILE SCHEMA_NOT_FOUND'],
    /usr/,
  ],
  [
    'a resource that is not UTF-8',
    { 'resources/x.bin': Buffer.from([0xff, 0xfe]) },
    ['resources/x.bin:1:1 FILE PARSE_ERROR'],
    /UTF-8/,
  ],
  [
    'a GraphQL document that does not fit',
    { 'graphql-schemas/schema.yml': '$schema: /app-interface/graphql-schemas-1.yml\nconfs: {}\n' },
    ['graphql-schemas/schema.yml:2:8 FILE VALIDATION_ERROR'],
    /confs must be array/,
  ],
  ['an empty JSON file', { 'data/x.json': '' }, ['data/x.json:1:1 FILE PARSE_ERROR'], /./],
  [
    'a file that is not UTF-8',
    { 'data/x.yml': Buffer.from([0x61, 0xff]) },
    ['data/x.yml:1:1 FILE PARSE_ERROR'],
    /UTF-8/,
  ],
  ['a second document', { 'data/x.yml': `${USER}---\n${USER}` }, ['data/x.yml:4:1 FILE PARSE_ERROR'], /one document/],
  ['a date', { 'data/x.yml': `${USER}email: 2031-01-03\n` }, ['data/x.yml:3:8 FILE PARSE_ERROR'], /reads as a date/],
  ['infinity', { 'data/x.yml': `${USER}age: .inf\n` }, ['data/x.yml:3:6 FILE PARSE_ERROR'], /JSON cannot hold/],
  ['a tag', { 'data/x.yml': `${USER}email: !x y\n` }, ['data/x.yml:3:11 FILE PARSE_ERROR'], /the tag !x/],
  [
    'keys of two kinds',
    { 'data/x.yml': `${USER}labels: {1: a, b: c}\n` },
    ['data/x.yml:3:10 FILE PARSE_ERROR'],
    /mixed/,
  ],
  // REF
  [
    'a reference to nothing',
    { 'data/x.yml': `${TEAM}lead: {$ref: /users/an.yml}\n` },
    ['data/x.yml:3:14 REF FILE_NOT_FOUND'],
    /no data file \/users\/an.yml. Did you mean \/users\/ann.yml/,
  ],
  [
    'a reference to nothing in a free form',
    { 'data/x.yml': `${TEAM}extra: {a: [{b: 1, $ref: /no.yml}]}\n` },
    ['data/x.yml:3:26 REF FILE_NOT_FOUND'],
    /no.yml/,
  ],
  [
    'a reference into a file',
    { 'data/x.yml': `${TEAM}lead: {$ref: '/users/ann.yml#/name'}\n` },
    ['data/x.yml:3:14 REF FILE_NOT_FOUND'],
    /leave out #\/name/,
  ],
  [
    'a relative reference',
    { 'data/x.yml': `${TEAM}lead: {$ref: users/ann.yml}\n` },
    ['data/x.yml:3:14 REF FILE_NOT_FOUND'],
    /begins with \//,
  ],
  [
    'a reference to another schema',
    { 'data/x.yml': `${TEAM}lead: {$ref: /teams/web.yml}\n` },
    ['data/x.yml:3:14 REF INCORRECT_SCHEMA'],
    /must be a file of \/user-1.yml, and \/teams\/web.yml is one of \/team-1.yml/,
  ],
  [
    'a reference to a file that does not fit an inline schema',
    { 'data/u.yml': '$schema: /user-1.yml\nname: x\n', 'data/x.yml': `${TEAM}named: {$ref: /u.yml}\n` },
    ['data/x.yml:3:15 REF SCHEMA_REF_VALIDATION_ERROR'],
    /\/u.yml does not fit/,
  ],
  [
    'a resource that is missing',
    { 'data/x.yml': `${TEAM}steps:\n- {provider: mount, name: a, path: /ngnx.conf}\n` },
    ['data/x.yml:4:36 REF RESOURCE_FILE_NOT_FOUND'],
    /no resource \/ngnx.conf. Did you mean \/nginx.conf/,
  ],
  [
    'one reference for a list',
    { 'data/x.yml': `${TEAM}members: {$ref: /users/ann.yml}\n` },
    ['data/x.yml:3:10 FILE VALIDATION_ERROR', 'data/x.yml:3:10 REF LIST_MISMATCH'],
    /write the reference as an item/,
  ],
  [
    'a list for one reference',
    { 'data/x.yml': `${TEAM}lead: [{$ref: /users/ann.yml}]\n` },
    ['data/x.yml:3:7 FILE VALIDATION_ERROR', 'data/x.yml:3:7 REF LIST_MISMATCH'],
    /one User_v1/,
  ],
  // UNIQUE
  [
    'a unique value twice',
    { 'data/x.yml': '$schema: /user-1.yml\nname: bob\n' },
    ['data/x.yml:2:7 UNIQUE DUPLICATE_UNIQUE_FIELD'],
    /"bob" is in \/users\/bob.yml too/,
  ],
  [
    'two inline items alike',
    { 'data/x.yml': `${TEAM}members:\n- {name: a}\n- {name: b}\n- {name: a, since: 1}\n` },
    ['data/x.yml:6:3 UNIQUE DUPLICATE_CONTEXT_UNIQUE_FIELD'],
    /items 0 and 2 of members are the same in name/,
  ],
  [
    'two references alike',
    { 'data/x.yml': `${TEAM}members:\n- {$ref: /users/ann.yml}\n- {$ref: /users/ann.yml}\n` },
    ['data/x.yml:5:3 UNIQUE DUPLICATE_CONTEXT_UNIQUE_FIELD'],
    /items 0 and 1/,
  ],
]

function graphql(before: string, after: string): string {
  const text = String(QONTRACT_FILES['graphql-schemas/schema.yml'])
  if (!text.includes(before)) throw new Error(`nothing to replace: ${before}`)
  return text.replace(before, after)
}

describe('what is wrong', () => {
  it.each(FAULTS)('%s', async (_, changes, expected, message) => {
    const { faults } = await load(changes)
    expect(faults.map(told)).toEqual(expected)
    expect(faults.map((fault) => fault.message).join('\n')).toMatch(message)
  })

  it('a unique field of an interface is unique over all its types', async () => {
    const { faults } = await load({
      'graphql-schemas/schema.yml': `confs:
- name: Any_v1
  isInterface: true
  interfaceResolve: {strategy: schema}
  fields: [{name: name, type: string, isUnique: true}]
- {name: User_v1, interface: Any_v1, datafile: /user-1.yml, fields: [{name: name, type: string}]}
- {name: Team_v1, interface: Any_v1, datafile: /team-1.yml, fields: [{name: name, type: string}]}
- name: Query
  fields: [{name: any, type: Any_v1, isInterface: true, isList: true, datafileSchema: /any-1.yml}]
$schema: /app-interface/graphql-schemas-1.yml
`,
      'data/x.yml': '$schema: /team-1.yml\nname: bob\n',
    })
    expect(faults.map(told)).toEqual(['data/x.yml:2:7 UNIQUE DUPLICATE_UNIQUE_FIELD'])
  })

  it('the bare list of confs is read too', async () => {
    const list = String(QONTRACT_FILES['graphql-schemas/schema.yml']).replace(/^.*\nconfs:\n/, '')
    const { faults, bundle } = await load({ 'graphql-schemas/schema.yml': list })
    expect(faults).toEqual([])
    expect(Array.isArray(bundle.graphql)).toBe(true)
  })

  it.each([
    ['quoted', '"$schema": "/user-1.yml"\nname: 1\n'],
    ['indented', 'a:\n  $schema: /user-1.yml\nname: 1\n'],
    ['with CRLF', '$schema: /user-1.yml\r\nname: 1\r\n'],
    ['followed by a comment', '$schema: /user-1.yml # x\nname: 1\n'],
  ])('a resource whose $schema is %s is not checked', async (_, text) => {
    expect(await load({ 'resources/user.yaml': text })).toMatchObject({ faults: [], warnings: [] })
  })

  it('a resource that is no YAML cannot be checked: a warning, and it is in the bundle', async () => {
    const { faults, warnings, bundle } = await load({ 'resources/user.yaml': '$schema: /user-1.yml\n{% if x %}\n' })
    expect(faults).toEqual([])
    expect(warnings.map(told)).toEqual([expect.stringMatching(/^resources\/user\.yaml:2:\d FILE NOT_CHECKED$/)])
    expect(bundle.resources.get('/user.yaml')).toMatchObject({ $schema: '/user-1.yml' })
  })

  it('cycles of references are fine', async () => {
    const schema = String(QONTRACT_FILES['schemas/team-1.yml']).replace(
      'extra: {type: object}',
      "extra: {$ref: '/common-1.json#/definitions/crossref', $schemaRef: /team-1.yml}",
    )
    const { faults } = await load({
      'schemas/team-1.yml': schema,
      'data/a.yml': '$schema: /team-1.yml\nname: a\nextra: {$ref: /b.yml}\n',
      'data/b.yml': '$schema: /team-1.yml\nname: b\nextra: {$ref: /a.yml}\n',
    })
    expect(faults).toEqual([])
  })

  it('no data at all is an error, not an empty bundle', async () => {
    await expect(load({}, undefined, { ...QONTRACT_PLACE, dir: 'date' })).rejects.toThrow(
      'there is no data file (.yml, .yaml, .json) below date: name the folder at data: in trueup.yaml',
    )
    await expect(load({}, undefined, { ...QONTRACT_PLACE, graphql: 'g.yml', isGraphqlAsked: true })).rejects.toThrow(
      'there is no file g.yml',
    )
  })
})
