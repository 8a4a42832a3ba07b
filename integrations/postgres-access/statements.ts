// What is there and what should be come in, the statements between them go out. Pure; every name and text in them is quoted.
import type { FoundMembership, FoundRole } from './catalogue.js'
import type { GrantObject, RoleItem } from './items.js'
import { readComment, writeComment, type Marker } from './marker.js'
import { identifier, literal } from './names.js'

/** What becomes of a role's password: kept, taken away, or set to what a verifier stands for. */
export type PasswordChange = { readonly kind: 'keep' | 'remove' } | { readonly kind: 'set'; readonly verifier: string }

export interface RoleChange {
  /** undefined: it is to be created. */
  readonly before: FoundRole | undefined
  readonly after: RoleItem
  readonly marker: Marker
  readonly password: PasswordChange
}

/** In the order in which they must run, in one transaction: nobody ever sees the role without its marker. */
export function roleStatements({ before, after, marker, password }: RoleChange): readonly string[] {
  const role = identifier(after.name)
  const clauses = before === undefined ? creationClauses(after) : alterClauses(before, after)
  if (password.kind === 'set') clauses.push(`PASSWORD ${literal(password.verifier)}`)
  if (password.kind === 'remove') clauses.push('PASSWORD NULL')
  const { text } = readComment(before?.comment ?? null)
  const comment = writeComment({ text, marker })
  return [
    ...(before === undefined ? [`CREATE ROLE ${role} ${clauses.join(' ')}`] : []),
    ...(before !== undefined && clauses.length > 0 ? [`ALTER ROLE ${role} ${clauses.join(' ')}`] : []),
    ...(before?.comment === comment ? [] : [`COMMENT ON ROLE ${role} IS ${literal(comment)}`]),
    ...membershipStatements(before?.memberships ?? [], after),
  ]
}

function creationClauses({ login, validUntil }: RoleItem): string[] {
  return [login ? 'LOGIN' : 'NOLOGIN', ...(validUntil === null ? [] : [`VALID UNTIL ${literal(validUntil)}`])]
}

function alterClauses(before: FoundRole, after: RoleItem): string[] {
  const { validUntil } = after
  return [
    ...(before.login === after.login ? [] : [after.login ? 'LOGIN' : 'NOLOGIN']),
    ...(timeOf(before.validUntil) === validUntil ? [] : [`VALID UNTIL ${literal(validUntil ?? 'infinity')}`]),
    ...(before.createdb ? ['NOCREATEDB'] : []),
    ...(before.createrole ? ['NOCREATEROLE'] : []),
    ...(before.replication ? ['NOREPLICATION'] : []),
    ...(before.bypassrls ? ['NOBYPASSRLS'] : []),
    ...(before.inherit ? [] : ['INHERIT']),
    ...(before.connectionLimit === -1 ? [] : ['CONNECTION LIMIT -1']),
  ]
}

/** A membership with options that are not managed here is made anew: options cannot all be taken back one by one. */
function membershipStatements(before: readonly FoundMembership[], after: RoleItem): readonly string[] {
  const role = identifier(after.name)
  const isPlain = ({ role: group }: FoundMembership): boolean =>
    after.memberOf.includes(group) &&
    before.filter((other) => other.role === group).every(({ admin, inherit, set }) => !admin && inherit && set)
  const kept = new Set(before.filter(isPlain).map(({ role: group }) => group))
  return [
    ...before
      .filter(({ role: group }) => !kept.has(group))
      .map(({ role: group, grantor }) => `REVOKE ${identifier(group)} FROM ${role} GRANTED BY ${identifier(grantor)}`),
    ...after.memberOf.filter((group) => !kept.has(group)).map((group) => `GRANT ${identifier(group)} TO ${role}`),
  ]
}

/** As the desired state writes it: `2027-01-31T00:00:00Z`, with as many digits after the second as are needed. */
export function timeOf(validUntil: string | null): string | null {
  return validUntil === null ? null : `${validUntil.replace(/\.?0+$/, '')}Z`
}

/** One entry of an object's access list for one role. */
export interface FoundEntry {
  readonly grantor: string
  readonly owner: string
  readonly privilege: string
  readonly grantable: boolean
}

export interface GrantChange {
  readonly role: string
  readonly database: string
  readonly object: GrantObject
  /** Of a function: schema, name and types as the server quotes them. */
  readonly signature?: string
  readonly before: readonly FoundEntry[]
  /** None: everything is taken away. */
  readonly privileges: readonly string[]
}

/** In the order in which they must run, in one transaction. What somebody else granted is taken away in that role's name. */
export function grantStatements(change: GrantChange): readonly string[] {
  const { before, privileges } = change
  const kept = before.filter(({ privilege, grantable }) => !grantable && privileges.includes(privilege))
  const surplus = before.filter((entry) => !kept.includes(entry))
  const had = new Set(
    [...kept, ...surplus.filter(({ privilege }) => privileges.includes(privilege))].map(({ privilege }) => privilege),
  )
  const missing = privileges.filter((privilege) => !had.has(privilege))
  return [
    ...surplus.flatMap((entry) => {
      const isOption = entry.grantable && privileges.includes(entry.privilege)
      const revoke = statement(change, 'revoke', entry.privilege, isOption)
      const isByOwner = entry.grantor === entry.owner
      return isByOwner ? [revoke] : [`SET LOCAL ROLE ${identifier(entry.grantor)}`, revoke, 'RESET ROLE']
    }),
    ...(missing.length === 0 ? [] : [statement(change, 'grant', missing.join(', '), false)]),
  ]
}

function statement(
  { role, database, object, signature }: GrantChange,
  action: 'grant' | 'revoke',
  privileges: string,
  isOptionOnly: boolean,
): string {
  const who = action === 'grant' ? `TO ${identifier(role)}` : `FROM ${identifier(role)}`
  const what = `${action === 'grant' ? 'GRANT' : isOptionOnly ? 'REVOKE GRANT OPTION FOR' : 'REVOKE'} ${keywords(privileges)}`
  switch (object.kind) {
    case 'database':
      return `${what} ON DATABASE ${identifier(database)} ${who}`
    case 'schema':
      return `${what} ON SCHEMA ${identifier(object.schema)} ${who}`
    case 'table':
    case 'sequence':
      return `${what} ON ${object.kind.toUpperCase()} ${identifier(object.schema)}.${identifier(object.name)} ${who}`
    case 'column':
      return `${what} (${identifier(object.column)}) ON TABLE ${identifier(object.schema)}.${identifier(object.name)} ${who}`
    case 'function':
      if (signature === undefined) throw new Error('Internal error: a function without its signature')
      return `${what} ON ROUTINE ${signature} ${who}`
    case 'default': {
      const where = object.schema === null ? '' : ` IN SCHEMA ${identifier(object.schema)}`
      return `ALTER DEFAULT PRIVILEGES FOR ROLE ${identifier(object.createdBy)}${where} ${what} ON ${keywords(object.objects.toUpperCase())} ${who}`
    }
  }
}

/** Words of the grammar cannot be quoted, so nothing else may come here. */
function keywords(text: string): string {
  if (/^[A-Z]+([, ]+[A-Z]+)*$/.test(text)) return text
  throw new Error('Internal error: that is no word of a statement')
}
