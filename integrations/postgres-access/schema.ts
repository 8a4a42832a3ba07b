// What a data file may say, and the desired state that it becomes. Pure: no database is asked here.
import type { SecretReference } from 'trueup'
import { z } from 'zod'
import { nameProblem, roleNameProblem } from './names.js'

export interface DesiredRole {
  readonly name: string
  readonly login: boolean
  /** Sorted. */
  readonly memberOf: readonly string[]
  /** ISO 8601 in UTC; null for no end. */
  readonly validUntil: string | null
  /** null: passwords of this role are not managed. */
  readonly password: SecretReference | null
}

/** `all` means every object of the kind that is in the schema when the plan is made. */
export type Names = 'all' | readonly string[]

export type On =
  | { readonly kind: 'database' }
  | { readonly kind: 'schema' }
  | { readonly kind: 'table' | 'sequence' | 'function'; readonly names: Names }
  | { readonly kind: 'default'; readonly objects: DefaultObjects; readonly createdBy: string }

export interface DesiredGrant {
  readonly role: string
  readonly database: string
  readonly schema: string | null
  readonly on: On
  /** Sorted. */
  readonly privileges: readonly string[]
}

export interface DesiredInstance {
  readonly instance: string
  readonly connection: SecretReference
  readonly roles: readonly DesiredRole[]
  readonly grants: readonly DesiredGrant[]
}

export type DefaultObjects = keyof typeof DEFAULT_PRIVILEGES

const TABLE = ['DELETE', 'INSERT', 'MAINTAIN', 'REFERENCES', 'SELECT', 'TRIGGER', 'TRUNCATE', 'UPDATE']
const SEQUENCE = ['SELECT', 'UPDATE', 'USAGE']
const SCHEMA = ['CREATE', 'USAGE']
/** What can be granted on an object of each kind. */
const PRIVILEGES = {
  database: ['CONNECT', 'CREATE', 'TEMPORARY'],
  schema: SCHEMA,
  table: TABLE,
  sequence: SEQUENCE,
  function: ['EXECUTE'],
} as const
/** And on what somebody will create. */
const DEFAULT_PRIVILEGES = {
  tables: TABLE,
  sequences: SEQUENCE,
  functions: ['EXECUTE'],
  types: ['USAGE'],
  schemas: SCHEMA,
} as const

const checked = (problemOf: (text: string) => string | undefined): z.ZodString =>
  z.string().superRefine((text, context) => {
    const problem = problemOf(text)
    if (problem !== undefined) context.addIssue({ code: 'custom', message: `${JSON.stringify(text)} ${problem}` })
  })
const name = checked(nameProblem)
const roleName = checked(roleNameProblem)

const secret = z
  .strictObject({ path: z.string().min(1), field: z.string().min(1).optional(), version: z.string().min(1).optional() })
  .transform(({ path, field, version }): SecretReference => ({
    $secret: { path, ...(field === undefined ? {} : { field }), ...(version === undefined ? {} : { version }) },
  }))

const role = z
  .strictObject({
    name: roleName,
    login: z.boolean(),
    memberOf: z.array(name).default([]),
    validUntil: z.iso.datetime({ offset: true, error: "must be a time such as '2027-01-31T00:00:00Z'" }).optional(),
    password: z.strictObject({ secret }).optional(),
  })
  .transform(({ name, login, memberOf, validUntil, password }): DesiredRole => ({
    name,
    login,
    memberOf: sorted(memberOf),
    validUntil: validUntil === undefined ? null : new Date(validUntil).toISOString().replace(/\.?0*Z$/, 'Z'),
    password: password?.secret ?? null,
  }))

const names = z.union([z.literal('all'), z.array(z.string().min(1)).min(1)])
const on = z.union(
  [
    z.literal(['database', 'schema']).transform((kind): On => ({ kind })),
    z.strictObject({ tables: names }).transform(({ tables }): On => ({ kind: 'table', names: tables })),
    z.strictObject({ sequences: names }).transform(({ sequences }): On => ({ kind: 'sequence', names: sequences })),
    z.strictObject({ functions: names }).transform(({ functions }): On => ({ kind: 'function', names: functions })),
    z
      .strictObject({
        defaultPrivileges: z.enum(['tables', 'sequences', 'functions', 'types', 'schemas']),
        createdBy: name,
      })
      .transform(({ defaultPrivileges, createdBy }): On => ({
        kind: 'default',
        objects: defaultPrivileges,
        createdBy,
      })),
  ],
  {
    error:
      'must be database, schema, { tables: all }, { sequences: [a, b] }, { functions: all } or { defaultPrivileges: tables, createdBy: <role> }',
  },
)

const grant = z
  .strictObject({
    role: roleName,
    database: name,
    schema: name.optional(),
    on,
    privileges: z.array(z.string()).min(1),
  })
  .superRefine(({ schema, on, privileges }, context) => {
    const allowed: readonly string[] = on.kind === 'default' ? DEFAULT_PRIVILEGES[on.objects] : PRIVILEGES[on.kind]
    for (const [at, privilege] of privileges.entries()) {
      if (allowed.includes(privilege)) continue
      const message = `${JSON.stringify(privilege)} cannot be granted there; it is one of ${allowed.join(', ')}`
      context.addIssue({ code: 'custom', path: ['privileges', at], message })
    }
    const schemaProblem = problemOfSchema(on, schema)
    if (schemaProblem !== undefined) context.addIssue({ code: 'custom', path: ['schema'], message: schemaProblem })
    for (const named of 'names' in on && on.names !== 'all' ? on.names : []) {
      const problem = nameProblem(splitSignature(on.kind, named).name)
      if (problem !== undefined)
        context.addIssue({ code: 'custom', path: ['on'], message: `${JSON.stringify(named)} ${problem}` })
    }
  })
  .transform(({ role, database, schema, on, privileges }): DesiredGrant => ({
    role,
    database,
    schema: schema ?? null,
    on,
    privileges: sorted(privileges),
  }))

function problemOfSchema(on: On, schema: string | undefined): string | undefined {
  if (on.kind === 'database') return schema === undefined ? undefined : 'does not belong to a grant on a database'
  if (on.kind !== 'default') return schema === undefined ? 'is missing: which schema?' : undefined
  const isSchemas = on.objects === 'schemas' && schema !== undefined
  return isSchemas ? 'does not belong to default privileges for schemas' : undefined
}

export const dataFile = z
  .strictObject({
    instance: z
      .string()
      .regex(/^[a-z0-9][a-z0-9._-]{0,99}$/, 'must be lower-case letters, digits, dots, dashes and underscores'),
    connection: z.strictObject({ secret }),
    roles: z.array(role).default([]),
    grants: z.array(grant).default([]),
  })
  .superRefine(({ roles, grants }, context) => {
    const known = new Set<string>()
    for (const [at, { name }] of roles.entries()) {
      if (known.has(name))
        context.addIssue({ code: 'custom', path: ['roles', at, 'name'], message: `"${name}" is there twice` })
      known.add(name)
    }
    for (const [at, { role }] of grants.entries()) {
      if (known.has(role)) continue
      const message = `"${role}" is not among the roles of this file; only grants to roles that are managed can be`
      context.addIssue({ code: 'custom', path: ['grants', at, 'role'], message })
    }
  })
  .transform(({ instance, connection, roles, grants }): DesiredInstance => ({
    instance,
    connection: connection.secret,
    roles: [...roles].sort((a, b) => (a.name < b.name ? -1 : 1)),
    grants,
  }))

/** `add(integer, text)` names one function, `add` all of that name. */
export function splitSignature(kind: On['kind'], text: string): { readonly name: string; readonly arguments?: string } {
  const found = kind === 'function' ? /^(.+)\(([^()]*(?:\([^()]*\)[^()]*)*)\)$/s.exec(text) : null
  return found === null ? { name: text } : { name: found[1] ?? '', arguments: (found[2] ?? '').trim() }
}

export function sorted(texts: Iterable<string>): readonly string[] {
  return [...new Set(texts)].sort()
}
