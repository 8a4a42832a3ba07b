// What one instance holds, read in READ ONLY transactions: roles, what they were given, what is there to give, what keeps roles from being dropped.
import { groupBy, type PostgresClient, type PostgresTransaction } from 'trueup'
import {
  databasesOfRolesQuery,
  grantsQuery,
  objectsQuery,
  obstaclesQuery,
  rolesQuery,
  serverQuery,
} from './catalogue-queries.js'
import type { GrantObject } from './items.js'

export interface FoundMembership {
  readonly role: string
  readonly grantor: string
  readonly admin: boolean
  readonly inherit: boolean
  readonly set: boolean
}

export interface FoundRole {
  readonly name: string
  readonly login: boolean
  /** It is the role that this connection was made as. */
  readonly connecting: boolean
  readonly superuser: boolean
  readonly createdb: boolean
  readonly createrole: boolean
  readonly replication: boolean
  readonly bypassrls: boolean
  readonly inherit: boolean
  readonly connectionLimit: number
  /** `2027-01-31T00:00:00.000000`, in UTC; null for no end. */
  readonly validUntil: string | null
  readonly comment: string | null
  /** Digest of what the server keeps of its password; null for none, or when it may not be read. */
  readonly stored: string | null
  readonly memberships: readonly FoundMembership[]
}

export interface FoundGrant {
  readonly role: string
  readonly database: string
  readonly object: GrantObject
  /** In any order, some perhaps twice. */
  readonly privileges: readonly string[]
}

/** Something that can be granted on. */
export interface FoundObject {
  readonly database: string
  readonly kind: 'schema' | 'table' | 'sequence' | 'function'
  readonly schema: string
  readonly name: string | null
  readonly detail: string | null
  readonly owner: string
}

export interface Catalogue {
  readonly roles: ReadonlyMap<string, FoundRole>
  /** What the server keeps of passwords could be read. */
  readonly canReadPasswords: boolean
  /** Of the roles that were asked for. */
  readonly grants: readonly FoundGrant[]
  readonly databases: ReadonlySet<string>
  readonly objects: readonly FoundObject[]
  /** By role: why it cannot be dropped. */
  readonly obstacles: ReadonlyMap<string, readonly string[]>
}

export interface CatalogueQuestion {
  /** Which of the roles found are to be looked at closely: those that are, or will be, this target's. */
  readonly isOurs: (role: FoundRole, canReadPasswords: boolean) => boolean
  /** Databases in which something is desired, with the schemas in question. */
  readonly schemas: ReadonlyMap<string, readonly string[]>
  /** A client of another database of the same server. */
  readonly inDatabase: (database: string) => PostgresClient
}

/** Names resolve to the catalogue's own functions and types only. */
export async function pinSearchPath(transaction: PostgresTransaction): Promise<void> {
  await transaction.query('SET LOCAL search_path = pg_catalog')
}

export async function readCatalogue(main: PostgresClient, question: CatalogueQuestion): Promise<Catalogue> {
  const obstacles = new Map<string, string[]>()
  const noteObstacles = (rows: readonly ObstacleRow[], where: string): void => {
    for (const { role, what } of rows) {
      const list = obstacles.get(role)
      if (list === undefined) obstacles.set(role, [`${what}${where}`])
      else list.push(`${what}${where}`)
    }
  }

  const whole = await main.transaction(async (transaction) => {
    await pinSearchPath(transaction)
    const { canReadPasswords, databases } = await readServer(transaction)
    const roles = await readRoles(transaction, { canReadPasswords, names: null })
    const ours = [...roles.values()].filter((role) => question.isOurs(role, canReadPasswords)).map(({ name }) => name)
    const holding = await transaction.query<{ name: string }>(databasesOfRolesQuery, [ours])
    return { canReadPasswords, databases: new Set(databases), roles, ours, holding: holding.map(({ name }) => name) }
  })

  const grants: FoundGrant[] = []
  const objects: FoundObject[] = []
  const wanted = [...question.schemas.keys()].filter((name) => whole.databases.has(name))
  const places = [...new Set([...wanted, ...whole.holding])].sort()
  // One after another: an instance is not to be flooded with sessions.
  for (const database of places) {
    await question.inDatabase(database).transaction(async (transaction) => {
      await pinSearchPath(transaction)
      const found = await transaction.query<GrantRow>(grantsQuery, [whole.ours])
      for (const row of found) for (const grant of grantsOf(row, database)) grants.push(grant)
      const there = await transaction.query<ObjectRow>(objectsQuery, [question.schemas.get(database) ?? []])
      for (const row of there) objects.push({ ...row, database })
      noteObstacles(await transaction.query<ObstacleRow>(obstaclesQuery, [whole.ours, false]), ` in ${database}`)
    })
  }
  await main.transaction(async (transaction) => {
    await pinSearchPath(transaction)
    // What belongs to no database: databases themselves, tablespaces, settings.
    noteObstacles(await transaction.query<ObstacleRow>(obstaclesQuery, [whole.ours, true]), '')
  })
  return { ...whole, grants, objects, obstacles }
}

interface ObstacleRow extends Readonly<Record<string, unknown>> {
  readonly role: string
  readonly what: string
}
interface ObjectRow extends Readonly<Record<string, unknown>>, Omit<FoundObject, 'database'> {}
interface ServerRow extends Readonly<Record<string, unknown>> {
  readonly canReadPasswords: boolean
  readonly version: number
  readonly databases: readonly string[]
}
type RoleRow = Readonly<Record<string, unknown>> & FoundRole
interface GrantRow extends Readonly<Record<string, unknown>> {
  readonly kind: GrantObject['kind']
  readonly schema: string | null
  readonly name: string | null
  readonly detail: string | null
  /** Role, privilege, and whether it may be granted on. */
  readonly entries: readonly (readonly [string, string, boolean])[]
}

async function readServer(transaction: PostgresTransaction): Promise<ServerRow> {
  const [server] = await transaction.query<ServerRow>(serverQuery)
  if (server === undefined) throw new Error('Internal error: the server did not say who it is')
  return server
}

/** By name. `names: null` for all but the server's own. */
export async function readRoles(
  transaction: PostgresTransaction,
  { canReadPasswords, names }: { readonly canReadPasswords: boolean; readonly names: readonly string[] | null },
): Promise<ReadonlyMap<string, FoundRole>> {
  const rows = await transaction.query<RoleRow>(rolesQuery(canReadPasswords), [names])
  return new Map(rows.map((row) => [row.name, row]))
}

/** One a role. */
function grantsOf(row: GrantRow, database: string): readonly FoundGrant[] {
  const object = objectOf(row)
  const byRole = groupBy(row.entries, ([role]) => role)
  return [...byRole].map(([role, entries]) => ({
    role,
    database,
    object,
    privileges: entries.map(([, privilege, grantable]) => (grantable ? `${privilege} WITH GRANT OPTION` : privilege)),
  }))
}

/** Letters of pg_default_acl. */
const DEFAULT_OBJECTS: Readonly<Record<string, string>> = {
  r: 'tables',
  S: 'sequences',
  f: 'functions',
  T: 'types',
  n: 'schemas',
  L: 'large objects',
}

function objectOf({ kind, schema, name, detail }: GrantRow): GrantObject {
  const [inSchema, called] = [schema ?? '', name ?? '']
  switch (kind) {
    case 'database':
      return { kind }
    case 'schema':
      return { kind, schema: inSchema }
    case 'table':
    case 'sequence':
      return { kind, schema: inSchema, name: called }
    case 'column':
      return { kind, schema: inSchema, name: called, column: detail ?? '' }
    case 'function':
      return { kind, schema: inSchema, name: called, arguments: detail ?? '' }
    case 'default':
      return { kind, schema, objects: DEFAULT_OBJECTS[detail ?? ''] ?? `(${detail ?? ''})`, createdBy: called }
  }
}

/** As `kind`, `schema`, `name` and `detail` of a row: what {@link entriesQuery} is asked by. */
export function columnsOf(object: GrantObject, database: string): readonly (string | null)[] {
  switch (object.kind) {
    case 'database':
      return ['database', null, database, null]
    case 'schema':
      return ['schema', object.schema, null, null]
    case 'table':
    case 'sequence':
      return [object.kind, object.schema, object.name, null]
    case 'column':
      return ['column', object.schema, object.name, object.column]
    case 'function':
      return ['function', object.schema, object.name, object.arguments]
    case 'default': {
      const letter = Object.entries(DEFAULT_OBJECTS).find(([, objects]) => objects === object.objects)?.[0]
      return ['default', object.schema, object.createdBy, letter ?? '']
    }
  }
}
