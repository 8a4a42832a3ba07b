// What a query of a bundle answers: the rows are the field options, the filters, and the oddities of the data layout by their numbers.
import { describe, expect, it } from 'vitest'
import type { DataBundle } from '../../../src/desired/data/bundle.js'
import { buildSchema } from '../../../src/desired/graphql/build-schema.js'
import { indexBundle } from '../../../src/desired/graphql/bundle-index.js'
import { readConfs } from '../../../src/desired/graphql/confs.js'
import { runQuery, type Answer } from '../../../src/desired/graphql/run-query.js'
import type { Json } from '../../../src/event.js'
import { bundleOf } from '../../support/bundle.js'
import { company, CONFS } from './company.js'

function ask(bundle: DataBundle, document: string, variables?: Record<string, unknown>): Answer {
  return runQuery({ document, variables }, buildSchema(readConfs(bundle.graphql ?? [])), indexBundle(bundle))
}

/** `data` alone; an answer with errors fails the test. */
function data(bundle: DataBundle, document: string, variables?: Record<string, unknown>): unknown {
  const answer = ask(bundle, document, variables)
  expect(answer.errors ?? []).toEqual([])
  return answer.data
}

/** Names of the teams that this filter lets through. */
function filtered(bundle: DataBundle, filter: string): unknown {
  const { teams } = data(bundle, `{ teams(filter: ${filter}) { name } }`) as { teams: { name: string }[] }
  return teams.map(({ name }) => name)
}

const user = (name: string, ...roles: object[]): Json => ({ $schema: '/user-1.yml', name, roles }) as unknown as Json
const team = (name: string): Json => ({ $ref: `/teams/${name}.yml` })

describe('field options', () => {
  it('scalars are coerced as graphql-js does', () => {
    const bundle = company({ a: { name: 1.1, size: '7', open: 0, budget: 2 } })
    expect(data(bundle, '{ teams { name size open budget } }')).toEqual({
      teams: [{ name: '1.1', size: 7, open: false, budget: 2 }],
    })
    const bad = ask(company({ a: { size: 1.5, open: 'yes' } }), '{ teams { size open } }')
    expect(bad.data).toEqual({ teams: [{ size: null, open: null }] })
    expect(bad.errors?.map(({ path }) => path)).toEqual([
      ['teams', 0, 'size'],
      ['teams', 0, 'open'],
    ])
  })

  it('references are followed: one, and all of a list', () => {
    const bundle = company({ a: { parent: team('b'), related: [team('b'), team('a')] }, b: {} })
    expect(data(bundle, '{ teams(name: "a") { parent { path schema name } related { name } } }')).toEqual({
      teams: [
        { parent: { path: '/teams/b.yml', schema: '/team-1.yml', name: 'b' }, related: [{ name: 'b' }, { name: 'a' }] },
      ],
    })
  })

  it('cycles are followed as far as the query goes', () => {
    const bundle = company({ a: { parent: team('b') }, b: { parent: team('a') } })
    expect(data(bundle, '{ teams(name: "a") { parent { parent { name } } } }')).toEqual({
      teams: [{ parent: { parent: { name: 'a' } } }],
    })
  })

  it('synthetic: who refers to this file, through objects and lists, each once, in path order', () => {
    const bundle = company(
      { a: {}, b: {} },
      {
        data: {
          '/users/y.yml': user('y', { team: team('a') }, { team: team('a') }),
          '/users/x.yml': user('x', { team: team('b') }, { team: team('a') }),
        },
      },
    )
    expect(data(bundle, '{ teams { members { name } } }')).toEqual({
      teams: [{ members: [{ name: 'x' }, { name: 'y' }] }, { members: [{ name: 'x' }] }],
    })
  })

  it('interfaces: by a field, and by the file schema', () => {
    const permissions = [
      { service: 'git', org: 'o' },
      { service: 'chat', room: 'r' },
    ]
    expect(
      data(
        company({ a: { permissions } }),
        '{ teams { permissions { __typename service ... on PermissionGit_v1 { org } } } files { __typename path } }',
      ),
    ).toEqual({
      teams: [
        {
          permissions: [
            { __typename: 'PermissionGit_v1', service: 'git', org: 'o' },
            { __typename: 'PermissionChat_v1', service: 'chat' },
          ],
        },
      ],
      files: [{ __typename: 'Team_v1', path: '/teams/a.yml' }],
    })
  })

  it('resources: all, by path, by schema, and in place of the path that names one', () => {
    const resources = { '/p.yml': '$schema: /policy-1.yml\n', '/logo.svg': '<svg/>' }
    const bundle = company({ a: { logo: '/logo.svg', policy: '/p.yml' } }, { resources })
    expect(
      data(
        bundle,
        `{ all: resources_v1 { path } none: resources_v1(path: "", schema: null) { path }
           one: resources_v1(path: "/p.yml", schema: "/other.yml") { schema content }
           some: resources_v1(schema: "/policy-1.yml") { path }
           teams { logo policy { path } } }`,
      ),
    ).toEqual({
      all: [{ path: '/logo.svg' }, { path: '/p.yml' }],
      none: [{ path: '/logo.svg' }, { path: '/p.yml' }],
      one: [{ schema: '/policy-1.yml', content: '$schema: /policy-1.yml\n' }],
      some: [{ path: '/p.yml' }],
      teams: [{ logo: '/logo.svg', policy: { path: '/p.yml' } }],
    })
  })

  it('`schema` of an inline object is null, whatever its own key says', () => {
    const bundle = company({ a: {} }, { data: { '/u.yml': user('u', { schema: 'mine', name: 'r' }) } })
    expect(data(bundle, '{ users { roles { schema name } } }')).toEqual({
      users: [{ roles: [{ schema: null, name: 'r' }] }],
    })
  })

  it("a file's own path hides the one in its data", () => {
    expect(data(company({ a: { path: 'mine' } }), '{ teams(filter: { path: "/teams/a.yml" }) { path } }')).toEqual({
      teams: [{ path: '/teams/a.yml' }],
    })
  })

  it('files of equal content that share one value are two files', () => {
    const shared = Object.freeze({ $schema: '/team-1.yml', name: 'same' })
    const bundle = bundleOf({ graphql: CONFS, data: { '/a.yml': shared, '/b.yml': shared } })
    expect(data(bundle, '{ teams { path } }')).toEqual({ teams: [{ path: '/a.yml' }, { path: '/b.yml' }] })
  })
})

describe('extensions.schemas', () => {
  it('are those that fields were read from, in order; not those of a filter or a type name', () => {
    const bundle = company({ a: { parent: team('a') } }, { data: { '/u.yml': user('u', { team: team('a') }) } })
    const schemas = (query: string): unknown => ask(bundle, query).extensions.schemas
    expect(schemas('{ users { name roles { team { name } } } }')).toEqual(['/user-1.yml', '/team-1.yml'])
    expect(schemas('{ users { __typename } }')).toEqual([])
    expect(schemas('{ teams(filter: { parent: { filter: { name: "b" } } }) { name } }')).toEqual([])
    expect(schemas('{ nothing }')).toEqual([])
  })

  it('beside them, all that had a part in the answer is told to who asks: lists, filters, references, back references', () => {
    const bundle = company(
      { a: { boss: { $ref: '/u.yml' } }, b: {} },
      { data: { '/u.yml': user('u', { team: team('a') }) }, resources: { '/r.yml': '$schema: /r-1.yml\n' } },
    )
    const looked = (document: string): unknown => {
      const all = new Set<string>()
      runQuery({ document, looked: all }, buildSchema(readConfs(bundle.graphql ?? [])), indexBundle(bundle))
      return [...all].sort()
    }
    expect(looked('{ users { __typename } }')).toEqual(['/user-1.yml'])
    expect(looked('{ teams { name } }')).toEqual(['/team-1.yml'])
    expect(looked('{ teams { boss { __typename } } }')).toEqual(['/team-1.yml', '/user-1.yml'])
    expect(looked('{ teams(filter: { boss: { filter: { name: "u" } } }) { name } }')).toEqual([
      '/team-1.yml',
      '/user-1.yml',
    ])
    expect(looked('{ teams(name: "b") { members { __typename } } }')).toEqual(['/team-1.yml', '/user-1.yml'])
    expect(looked('{ resources_v1 { path } }')).toEqual(['/r-1.yml'])
    expect(looked('{ nothing }')).toEqual([])
  })
})

describe('arguments and filters', () => {
  const bundle = company({
    a: { size: 1, tags: ['x', 'y'], parent: team('b'), related: [team('a'), team('b')] },
    b: { size: 2, tags: [], related: [] },
    c: { parent: { name: 'inline' }, related: [team('b')] },
  })
  it.each([
    ['{ name: "a" }', ['a']],
    ['{ size: 1, name: "b" }', []],
    ['{ size: null }', ['c']],
    ['{ tags: ["x", "y"] }', ['a']],
    ['{ tags: ["y", "x"] }', []],
    ['{ tags: [] }', ['b']],
    ['{ parent: null }', ['b']],
    ['{ parent: { } }', []],
    ['{ name: { in: ["a", "c", "z"] } }', ['a', 'c']],
    ['{ size: { in: [null, 1] } }', ['a']],
    ['{ size: { ne: 1 } }', ['b', 'c']],
    ['{ size: { ne: null } }', ['a', 'b']],
    ['{ parent: { filter: { name: "b" } } }', ['a']],
    ['{ parent: { filter: { name: { in: ["b", "inline"] } } } }', ['a', 'c']],
    ['{ related: { filter: { name: { in: ["b"] } } } }', ['b', 'c']],
    ['{ related: { filter: { size: { ne: 1 } } } }', ['b', 'c']],
    ['{ related: { filter: { name: "b" } } }', []],
    ['{ related: { filter: { name: null } } }', ['a', 'b', 'c']],
    ['{ name: b }', ['b']],
    ['"text"', []],
    ['7', []],
    ['{}', ['a', 'b', 'c']],
    ['[]', ['a', 'b', 'c']],
  ])('filter %s', (filter, names) => {
    expect(filtered(bundle, filter)).toEqual(names)
  })

  it('a variable inside a filter; an unset one matches nothing there, and is no filter in place of the whole', () => {
    const names = (query: string, variables?: Record<string, unknown>): unknown => {
      const { teams } = data(bundle, query, variables) as { teams: { name: string }[] }
      return teams.map(({ name }) => name)
    }
    const inside = 'query ($n: String) { teams(filter: { name: $n }) { name } }'
    expect(names(inside, { n: 'a' })).toEqual(['a'])
    expect(names(inside)).toEqual([])
    expect(names('query ($n: String) { teams(filter: { size: { ne: $n } }) { name } }')).toEqual([])
    const whole = 'query ($f: JSON) { teams(filter: $f) { name } }'
    expect(names(whole)).toEqual(['a', 'b', 'c'])
    expect(names(whole, { f: { name: { in: ['a'] } } })).toEqual(['a'])
  })

  it('an unknown field is an error of the type, once there is a file to look at', () => {
    const query = '{ teams(filter: { nam: "a" }) { name } }'
    expect(ask(bundle, query).errors).toMatchObject([{ extensions: { code: 'BAD_FILTER_FIELD', gqlType: 'Team_v1' } }])
    expect(ask(company({}), query).errors).toBeUndefined()
    expect(ask(bundle, '{ teams(filter: { parent: { filter: { nam: 1 } } }) { name } }').errors).toMatchObject([
      { extensions: { code: 'BAD_FILTER_FIELD', gqlType: 'Team_v1' } },
    ])
  })

  it('all arguments must fit', () => {
    expect(data(bundle, '{ teams(name: "a", path: "/teams/a.yml", filter: { size: 1 }) { name } }')).toEqual({
      teams: [{ name: 'a' }],
    })
    expect(data(bundle, '{ teams(name: "a", path: "/teams/b.yml") { name } }')).toEqual({ teams: [] })
  })
})

describe('oddities, by their number', () => {
  it('Q1: an empty object is text, an absent one null', () => {
    expect(data(company({ a: { labels: {} }, b: {} }), '{ teams { labels } }')).toEqual({
      teams: [{ labels: '{}' }, { labels: null }],
    })
  })

  it('Q2: an item that no fragment is about vanishes; with __typename it stays', () => {
    const bundle = company({ a: { permissions: [{ service: 'git', org: 'o' }, { service: 'chat' }] } })
    const query = (more: string): unknown =>
      (
        data(bundle, `{ teams { permissions { ${more} ... on PermissionGit_v1 { org } } } }`) as {
          teams: { permissions: unknown[] }[]
        }
      ).teams[0]?.permissions
    expect(query('')).toEqual([{ org: 'o' }])
    expect(query('__typename')).toHaveLength(2)
  })

  it('Q2: a single one stays an empty object', () => {
    const bundle = company({ a: { parent: team('a') } })
    expect(data(bundle, '{ teams { name parent { ... on Team_v1 @skip(if: true) { name } } } }')).toEqual({
      teams: [{ name: 'a', parent: {} }],
    })
  })

  it('Q3: files are in path order by code point, lists as they are written', () => {
    const bundle = company({ b: { tags: ['z', 'a'] }, B: {}, a: {}, ä: {} })
    expect(data(bundle, '{ teams { name tags } }')).toMatchObject({
      teams: [{ name: 'B' }, { name: 'a' }, { name: 'b', tags: ['z', 'a'] }, { name: 'ä' }],
    })
  })

  it('Q4: a path without its slash finds nothing; null is no argument', () => {
    const bundle = company({ a: {} })
    expect(data(bundle, '{ teams(path: "teams/a.yml") { name } }')).toEqual({ teams: [] })
    expect(data(bundle, '{ teams(name: null, path: null, filter: null) { name } }')).toEqual({ teams: [{ name: 'a' }] })
  })

  it('Q5: one required field that is missing makes the whole list null, with one error', () => {
    const bundle = company({ a: { name: null }, b: {} }, { data: { '/u.yml': { $schema: '/user-1.yml' } } })
    const answer = ask(bundle, '{ teams { name } }')
    expect(answer.data).toEqual({ teams: null })
    expect(answer.errors).toMatchObject([{ path: ['teams', 0, 'name'] }])
    expect(ask(bundle, '{ users { name } }').data).toBeNull()
  })

  it('Q6: a resource that is missing is an error at its place, which names it', () => {
    const answer = ask(company({}), '{ resources_v1(path: "/gone.txt") { path } }')
    expect(answer.data).toBeNull()
    expect(answer.errors).toMatchObject([
      { path: ['resources_v1', 0], message: expect.stringContaining('/gone.txt') as string },
    ])
  })

  it('Q7: a filter on a fieldMap interface takes a field of a type behind it', () => {
    const permission = (service: string, more: object): Json => ({ $schema: '/permission-1.yml', service, ...more })
    const bundle = company(
      {},
      { data: { '/p/a.yml': permission('git', { org: 'x' }), '/p/b.yml': permission('chat', { room: 'x' }) } },
    )
    expect(data(bundle, '{ permissions(filter: { org: "x" }) { service } }')).toEqual({
      permissions: [{ service: 'git' }],
    })
  })

  it('Q8: a reference in place of a json value is followed into the whole file, a deeper one is not', () => {
    const bundle = company({ a: { labels: team('b') }, b: { labels: { deep: team('a') } } })
    expect(data(bundle, '{ teams { labels } }')).toEqual({
      teams: [
        {
          labels:
            '{"$schema":"/team-1.yml","labels":{"deep":{"$ref":"/teams/a.yml"}},"name":"b","path":"/teams/b.yml"}',
        },
        { labels: '{"deep":{"$ref":"/teams/a.yml"}}' },
      ],
    })
  })

  it('Q9, better: an argument finds numbers and booleans as they are written', () => {
    const bundle = company({ a: { size: 7, open: true }, b: { size: 8, open: false } })
    expect(data(bundle, '{ teams(size: "7") { name } open: teams(open: "false") { name } }')).toEqual({
      teams: [{ name: 'a' }],
      open: [{ name: 'b' }],
    })
  })

  it('Q10, better: an explicit null is null', () => {
    const bundle = company({ a: { size: null, labels: null, parent: null, related: null, tags: null } })
    expect(data(bundle, '{ teams { size labels parent { name } related { name } tags } }')).toEqual({
      teams: [{ size: null, labels: null, parent: null, related: null, tags: null }],
    })
    expect(data(company({ a: { labels: [null, { x: null }] } }), '{ teams { labels } }')).toEqual({
      teams: [{ labels: '[null,{"x":null}]' }],
    })
  })

  it('Q11, better: null or a scalar on the way of a back reference refers to nothing', () => {
    const bundle = company(
      { a: {} },
      {
        data: {
          '/users/n.yml': { $schema: '/user-1.yml', name: 'n', roles: null },
          '/users/s.yml': { $schema: '/user-1.yml', name: 's', roles: 7 },
          '/users/t.yml': user('t', { team: null }, { team: 'x' }),
          '/users/u.yml': user('u', { team: team('a') }),
        },
      },
    )
    expect(data(bundle, '{ teams { members { name } } }')).toEqual({ teams: [{ members: [{ name: 'u' }] }] })
  })

  it('Q12, better: references beside an inline object are followed too', () => {
    const bundle = company({ a: { related: [{ name: 'inline' }, team('b')] }, b: {} })
    expect(data(bundle, '{ teams(name: "a") { related { name } } }')).toEqual({
      teams: [{ related: [{ name: 'inline' }, { name: 'b' }] }],
    })
  })

  it('Q13: a file that is missing is null for one, an error in a list; # and $ are letters of a name', () => {
    const bundle = company({
      a: { parent: team('gone') },
      b: { related: [team('gone')] },
      'x#$y': {},
      c: { parent: team('x#$y') },
    })
    const answer = ask(bundle, '{ teams { name parent { name } related { name } } }')
    expect(answer.errors).toMatchObject([
      { path: ['teams', 1, 'related', 0], message: expect.stringContaining('/teams/gone.yml') as string },
    ])
    expect(answer.data).toMatchObject({
      teams: [{ parent: null }, { related: null }, { parent: { name: 'x#$y' } }, { name: 'x#$y' }],
    })
  })

  it('Q14, better: one for a list and a list for one are errors that name the file', () => {
    const answer = ask(
      company({ a: { related: team('a') }, b: { parent: [team('a')] } }),
      '{ teams { related { name } parent { name } } }',
    )
    expect(answer.errors).toMatchObject([
      { path: ['teams', 0, 'related'], message: expect.stringContaining('/teams/a.yml: related') as string },
      { path: ['teams', 1, 'parent'], message: expect.stringContaining('/teams/b.yml: parent') as string },
    ])
  })

  it('Q15, better: all conditions of one object count, also with the list form of the types', () => {
    const bundle = bundleOf({
      graphql: CONFS,
      data: { '/a.yml': { $schema: '/team-1.yml', name: 'a' }, '/b.yml': { $schema: '/team-1.yml', name: 'b' } },
    })
    expect(filtered(bundle, '{ name: { in: ["a", "b"], ne: "b" } }')).toEqual(['a'])
  })

  it('Q16: an unknown or absent discriminator is an error of that field; only own keys count', () => {
    const permissions = [{ service: 'constructor' }]
    const answer = ask(
      company({ a: { permissions }, b: { permissions: [{}] } }),
      '{ teams { name permissions { service } } }',
    )
    expect(answer.data).toEqual({
      teams: [
        { name: 'a', permissions: null },
        { name: 'b', permissions: null },
      ],
    })
    expect(answer.errors?.map(({ path }) => path)).toEqual([
      ['teams', 0, 'permissions', 0],
      ['teams', 1, 'permissions', 0],
    ])
  })

  it('Q17, better: a list of paths gives their resources; a missing one is an error', () => {
    const resources = { '/p.txt': 'p', '/q.txt': 'q' }
    const bundle = company({ a: { policies: ['/q.txt', '/p.txt'] } }, { resources })
    expect(data(bundle, '{ teams { policies { content } } }')).toEqual({
      teams: [{ policies: [{ content: 'q' }, { content: 'p' }] }],
    })
    const gone = ask(company({ a: { policy: '/gone.txt' } }), '{ teams { policy { path } } }')
    expect(gone.errors).toMatchObject([
      { path: ['teams', 0, 'policy'], message: expect.stringContaining('/teams/a.yml: policy') as string },
    ])
    expect(data(company({ a: {} }), '{ teams { policy { path } } }')).toEqual({ teams: [{ policy: null }] })
  })

  it('Q18: a back reference of an inline object goes by its own path key', () => {
    const roles = [{ name: 'with', path: '/teams/a.yml' }, { name: 'without' }]
    const bundle = company(
      { a: {} },
      {
        data: {
          '/u.yml': { $schema: '/user-1.yml', name: 'u', roles: [...roles, { team: team('a') }] },
        },
      },
    )
    expect(data(bundle, '{ users { roles { peers { name } } } }')).toEqual({
      users: [{ roles: [{ peers: [{ name: 'u' }] }, { peers: [] }, { peers: [] }] }],
    })
  })
})

describe('types that cannot be used', () => {
  const confs = (...fields: object[]): Json =>
    [
      { name: 'T', fields: [{ name: 'x', type: 'string' }] },
      { name: 'Query', fields },
    ] as unknown as Json
  it.each<[string, Json, RegExp]>([
    ['no list', 'text', /neither a list of types/],
    ['no Query', [{ name: 'T', fields: [{ name: 'x', type: 'string' }] }], /no type Query/],
    [
      'an unknown type',
      confs({ name: 'a', type: 'strin' }),
      /Query\.a: there is no type strin\. Did you mean "string"/,
    ],
    [
      'isInterface where there is none',
      confs({ name: 'a', type: 'T', isInterface: true }),
      /isInterface must be true exactly/,
    ],
    ['a reserved name', confs({ name: '__a', type: 'string' }), /__a/],
    ['Q14: files without isList', confs({ name: 'a', type: 'T', datafileSchema: '/t.yml' }), /Query\.a .*isList/],
    [
      'Q14: back references without isList',
      confs({ name: 'a', type: 'T', synthetic: { schema: '/t.yml', subAttr: 'x' } }),
      /Query\.a .*isList/,
    ],
    [
      'a type twice',
      [...(confs({ name: 'a', type: 'T' }) as Json[]), { name: 'T', fields: [{ name: 'x', type: 'string' }] }],
      /T is defined twice/,
    ],
    [
      'no rule',
      [
        { name: 'I', isInterface: true, fields: [{ name: 'x', type: 'string' }] },
        ...(confs({ name: 'a', type: 'T' }) as Json[]),
      ],
      /I: the strategy/,
    ],
  ])('%s', (_, document, message) => {
    expect(() => readConfs(document)).toThrow(message)
  })

  it('all faults are told at once', () => {
    expect(() => readConfs(confs({ name: 'a', type: 'A' }, { name: 'b', type: 'B' }))).toThrow(/Query\.a.*\n.*Query\.b/)
  })

  it('what GraphQL itself refuses: an interface whose fields a type has not', () => {
    const document = [
      ...(CONFS as Json[]).filter((conf) => (conf as { name: string }).name !== 'PermissionGit_v1'),
      { name: 'PermissionGit_v1', interface: 'Permission_v1', fields: [{ name: 'org', type: 'string' }] },
    ]
    expect(() => buildSchema(readConfs(document))).toThrow(/PermissionGit_v1 does not provide it/)
  })
})
