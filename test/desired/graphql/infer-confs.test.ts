// Types of a project that has JSON Schemas and no GraphQL types: each rule of docs/graphql.md, seen in the printed schema and in answers.
import { printSchema } from 'graphql'
import { describe, expect, it } from 'vitest'
import { openBundleQueries } from '../../../src/desired/graphql/bundle-queries.js'
import type { Json } from '../../../src/event.js'
import { bundleOf } from '../../support/bundle.js'

const crossref = (schema: string): Json => ({ $ref: '/common-1.json#/definitions/crossref', $schemaRef: schema })
const SCHEMAS: Readonly<Record<string, Json>> = {
  '/metaschema-1.json': { type: 'object', properties: { properties: { type: 'object' } } },
  '/common-1.json': {
    definitions: {
      crossref: { type: 'object', properties: { $ref: { type: 'string' } } },
      resourceref: { type: 'string' },
      name: { type: 'string', pattern: '^[a-z]+$' },
      loop: { $ref: '#/definitions/loop' },
      address: { type: 'object', properties: { street: { type: 'string' }, next: { $ref: '#/definitions/address' } } },
    },
  },
  '/access/user-1.yml': {
    description: 'Who works here',
    type: 'object',
    required: ['name', 'nick'],
    properties: {
      $schema: { type: 'string' },
      name: { $ref: '/common-1.json#/definitions/name' },
      nick: { type: ['string', 'null'] },
      age: { type: 'integer' },
      'bank-account': { type: 'integer', maximum: 1e12 },
      share: { type: 'number' },
      isActive: { type: 'boolean', description: 'Comes to work' },
      kind: { enum: ['person', 'robot'] },
      mails: { type: 'array', items: { type: 'string' } },
      matrix: { type: 'array', items: { type: 'array', items: { type: 'integer' } } },
      notes: { type: 'object' },
      loop: { $ref: '/common-1.json#/definitions/loop' },
      address: { $ref: '../common-1.json#/definitions/address' },
      team: crossref('/team-1.yml'),
      teams: {
        type: 'array',
        items: { oneOf: [{ type: 'object', properties: { name: { type: 'string' } } }, crossref('/team-1.yml')] },
      },
      photo: { $ref: '/common-1.json#/definitions/resourceref' },
      keys: { type: 'array', items: { type: 'object', required: ['id'], properties: { id: { type: 'string' } } } },
    },
  },
  '/team-1.yml': {
    type: 'object',
    required: ['name'],
    properties: { name: { type: 'string' }, path: { type: 'string' } },
  },
}

const bundle = bundleOf({
  schemas: SCHEMAS,
  resources: { '/me.png': 'png' },
  data: {
    '/u.yml': {
      $schema: '/access/user-1.yml',
      name: 'ann',
      nick: null,
      'bank-account': 5_000_000_000,
      notes: { a: 1 },
      team: { $ref: '/t.yml' },
      teams: [{ name: 'inline' }, { $ref: '/t.yml' }],
      photo: '/me.png',
      address: { street: 's', next: { street: 't' } },
      keys: [{ id: 'k' }],
    },
    '/t.yml': { $schema: '/team-1.yml', name: 'crew' },
  },
})

describe('types inferred from JSON Schemas', () => {
  it('one for each schema that files can have, with a list of its files in Query', () => {
    const text = printSchema(openBundleQueries(bundle).types.schema)
    const shown = (start: string): string | undefined =>
      text.split('\n\n').find((part) => part.split('\n').some((line) => line.startsWith(start)))
    expect(shown('type Query')).toBe(
      `type Query {
  accessUser_v1(name: String, nick: String, kind: String, path: String, filter: JSON): [AccessUser_v1!]!
  team_v1(name: String, path: String, filter: JSON): [Team_v1!]!
  resources_v1(path: String, schema: String): [Resource_v1!]!
}`,
    )
    const [, ...fields] = /type AccessUser_v1 \{\n([^}]*)\}/.exec(text) ?? []
    expect(
      fields
        .join('')
        .split('\n')
        .map((line) => line.trim())
        .filter(Boolean),
    ).toEqual([
      'path: String!',
      'schema: String!',
      'name: String!',
      'nick: String',
      'age: Int',
      'bank_account: Float',
      'share: Float',
      '"""Comes to work"""',
      'isActive: Boolean',
      'kind: String',
      'mails: [String!]',
      'matrix: JSON',
      'notes: JSON',
      'loop: JSON',
      'address: Common_v1_address',
      'team: Team_v1',
      'teams: [Team_v1!]',
      'photo: Resource_v1',
      'keys: [AccessUser_v1_keys!]',
    ])
    expect(shown('type AccessUser_v1_keys')).toContain('id: String!')
    expect(text).not.toMatch(/[Mm]etaschema/)
  })

  it('they answer', () => {
    const document = `{ accessUser_v1(name: "ann") { schema nick bank_account notes team { name } teams { name } photo { content }
      address { street next { street } } keys { id } } }`
    expect(openBundleQueries(bundle).answer({ document })).toEqual({
      data: {
        accessUser_v1: [
          {
            schema: '/access/user-1.yml',
            nick: null,
            bank_account: 5_000_000_000,
            notes: '{"a":1}',
            team: { name: 'crew' },
            teams: [{ name: 'inline' }, { name: 'crew' }],
            photo: { content: 'png' },
            address: { street: 's', next: { street: 't' } },
            keys: [{ id: 'k' }],
          },
        ],
      },
      extensions: { schemas: ['/access/user-1.yml', '/team-1.yml'] },
    })
  })

  it.each<[string, Readonly<Record<string, Json>>, RegExp]>([
    [
      'two schemas of one name',
      { '/a/b-1.yml': SCHEMAS['/team-1.yml'] ?? null, '/a-b-1.yml': SCHEMAS['/team-1.yml'] ?? null },
      /\/a-b-1\.yml and \/a\/b-1\.yml would both be the type AB_v1/,
    ],
    [
      'two keys of one name',
      { '/a.yml': { properties: { 'x-y': {}, x_y: {} } } },
      /\/a\.yml: x-y and x_y would both be the field x_y/,
    ],
    [
      'no schema of files',
      { '/common-1.json': SCHEMAS['/common-1.json'] ?? null },
      /no schema of an object with properties/,
    ],
  ])('%s: refused with the reason', (_, schemas, message) => {
    expect(() => openBundleQueries(bundleOf({ schemas }))).toThrow(message)
  })
})
