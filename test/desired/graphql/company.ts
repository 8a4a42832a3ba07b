// A small company as data with its GraphQL types: one of each field option. For tests of queries.
import type { Json } from '../../../src/event.js'
import { bundleOf, type BundleParts } from '../../support/bundle.js'
import type { DataBundle } from '../../../src/desired/data/bundle.js'

const string = (name: string, more: object = {}): object => ({ name, type: 'string', ...more })
const FILE = [string('path', { isRequired: true }), string('schema', { isRequired: true })]

export const CONFS = [
  {
    name: 'DatafileObject_v1',
    isInterface: true,
    interfaceResolve: { strategy: 'schema' },
    fields: FILE,
  },
  {
    name: 'Resource_v1',
    fields: [...FILE.slice(0, 1), string('content'), string('schema'), string('sha256sum')],
  },
  {
    name: 'Team_v1',
    datafile: '/team-1.yml',
    fields: [
      ...FILE,
      string('name', { isRequired: true, isSearchable: true, isUnique: true }),
      { name: 'size', type: 'int', isSearchable: true },
      { name: 'open', type: 'boolean', isSearchable: true },
      { name: 'budget', type: 'float' },
      { name: 'labels', type: 'json' },
      { name: 'tags', type: 'string', isList: true },
      { name: 'boss', type: 'User_v1' },
      { name: 'parent', type: 'Team_v1' },
      { name: 'related', type: 'Team_v1', isList: true },
      { name: 'members', type: 'User_v1', isList: true, synthetic: { schema: '/user-1.yml', subAttr: 'roles.team' } },
      { name: 'logo', type: 'string', isResource: true },
      { name: 'policy', type: 'string', isRequired: true, isResource: true, resolveResource: true },
      { name: 'policies', type: 'string', isList: true, isResource: true, resolveResource: true },
      { name: 'permissions', type: 'Permission_v1', isInterface: true, isList: true },
    ],
  },
  {
    name: 'User_v1',
    datafile: '/user-1.yml',
    fields: [
      ...FILE,
      string('name', { isRequired: true, isSearchable: true }),
      { name: 'roles', type: 'Role_v1', isList: true },
    ],
  },
  {
    name: 'Role_v1',
    fields: [
      string('name'),
      string('schema'),
      { name: 'team', type: 'Team_v1' },
      { name: 'peers', type: 'User_v1', isList: true, synthetic: { schema: '/user-1.yml', subAttr: 'roles.team' } },
    ],
  },
  {
    name: 'Permission_v1',
    isInterface: true,
    interfaceResolve: {
      strategy: 'fieldMap',
      field: 'service',
      fieldMap: { git: 'PermissionGit_v1', chat: 'PermissionChat_v1' },
    },
    fields: [string('service', { isRequired: true })],
  },
  {
    name: 'PermissionGit_v1',
    interface: 'Permission_v1',
    fields: [string('service', { isRequired: true }), string('org')],
  },
  {
    name: 'PermissionChat_v1',
    interface: 'Permission_v1',
    fields: [string('service', { isRequired: true }), string('room')],
  },
  {
    name: 'Query',
    fields: [
      { name: 'teams', type: 'Team_v1', isList: true, datafileSchema: '/team-1.yml' },
      { name: 'users', type: 'User_v1', isList: true, isRequired: true, datafileSchema: '/user-1.yml' },
      { name: 'files', type: 'DatafileObject_v1', isInterface: true, isList: true, datafileSchema: '/team-1.yml' },
      {
        name: 'permissions',
        type: 'Permission_v1',
        isInterface: true,
        isList: true,
        datafileSchema: '/permission-1.yml',
      },
      { name: 'resources_v1', type: 'Resource_v1', isList: true, isRequired: true, isResource: true },
    ],
  },
] as unknown as Json

/** A team of these fields; more of the company's parts on top. */
export function company(teams: Readonly<Record<string, object>>, more: BundleParts = {}): DataBundle {
  const data = Object.fromEntries(
    Object.entries(teams).map(([name, fields]) => [`/teams/${name}.yml`, { $schema: '/team-1.yml', name, ...fields }]),
  )
  return bundleOf({ graphql: { confs: CONFS }, ...more, data: { ...data, ...more.data } })
}
