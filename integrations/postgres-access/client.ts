// One instance as the outside system: read as a whole, and changed one role or one grant at a time, each in a transaction of its own that first
// makes sure that the role is this target's. Changes of one instance go one after another: their access lists are shared.
import { TrueupError, type Postgres, type PostgresClient, type PostgresTransaction } from 'trueup'
import { entriesQuery, signatureQuery } from './catalogue-queries.js'
import {
  columnsOf,
  pinSearchPath,
  readCatalogue,
  readRoles,
  type Catalogue,
  type CatalogueQuestion,
  type FoundRole,
} from './catalogue.js'
import { describeObject, type GrantItem, type RoleItem } from './items.js'
import { readComment, type Marker } from './marker.js'
import { identifier } from './names.js'
import { scramVerifier, storedDigest } from './password.js'
import { grantStatements, roleStatements, type FoundEntry, type PasswordChange } from './statements.js'

export interface InstanceOptions {
  readonly uri: string
  readonly postgres: Postgres
  /** Who marks roles here. */
  readonly marker: Pick<Marker, 'target' | 'destination'>
}

export interface Instance {
  read(question: Omit<CatalogueQuestion, 'inDatabase'>): Promise<Catalogue>
  createRole(after: RoleItem, password: string | null): Promise<void>
  /** Also of one that is only to be marked (adopted). `password`: the value, where `after` wants one that is not set. */
  updateRole(after: RoleItem, options: { readonly password: string | null; readonly isAdopted: boolean }): Promise<void>
  dropRole(before: RoleItem): Promise<void>
  /** Gives the role exactly these privileges on the object. */
  setGrant(grant: GrantItem, privileges: readonly string[]): Promise<void>
}

export function isMarkedBy(role: FoundRole, { target, destination }: Pick<Marker, 'target' | 'destination'>): boolean {
  const { marker } = readComment(role.comment)
  return marker?.target === target && marker.destination === destination
}

/** Nobody's to touch here, whatever its comment says. */
export function isUntouchable({ superuser, connecting, name }: FoundRole): boolean {
  return superuser || connecting || name.startsWith('pg_')
}

export function openInstance({ uri, postgres, marker }: InstanceOptions): Instance {
  const main = postgres(uri)
  const inDatabase = (database: string): PostgresClient => postgres(uri, { database, sessions: 1 })
  let last: Promise<unknown> = Promise.resolve()

  /** One change, when those before it are through. */
  function change(client: PostgresClient, fn: (transaction: PostgresTransaction) => Promise<void>): Promise<void> {
    const mine = last.then(() =>
      client.transaction(async (transaction) => {
        await pinSearchPath(transaction)
        await fn(transaction)
      }),
    )
    last = mine.catch(() => undefined)
    return mine
  }

  async function roleNow(transaction: PostgresTransaction, name: string): Promise<FoundRole | undefined> {
    return (await readRoles(transaction, { canReadPasswords: false, names: [name] })).get(name)
  }

  async function ourRole(transaction: PostgresTransaction, name: string): Promise<FoundRole> {
    const role = await roleNow(transaction, name)
    if (role === undefined) throw refused(`the role ${name} is not there any more; plan again`)
    if (isUntouchable(role))
      throw refused(`the role ${name} is a superuser or the connecting role, which are never touched`)
    if (!isMarkedBy(role, marker)) throw refused(`the role ${name} is not marked as this target's any more; plan again`)
    return role
  }

  async function put(
    transaction: PostgresTransaction,
    before: FoundRole | undefined,
    after: RoleItem,
    value: string | null,
  ): Promise<void> {
    const known = readComment(before?.comment ?? null).marker?.password
    const from = after.password
    let password: PasswordChange = { kind: 'keep' }
    let mark = known
    if (from === null && known !== undefined) {
      password = { kind: 'remove' }
      mark = undefined
    } else if (from !== null && value !== null) {
      const verifier = await scramVerifier(value)
      password = { kind: 'set', verifier }
      mark = { from, stored: storedDigest(verifier) }
    }
    const statements = roleStatements({
      before,
      after,
      password,
      marker: { ...marker, ...(mark === undefined ? {} : { password: mark }) },
    })
    for (const text of statements) await transaction.query(text)
  }

  return {
    read: (question) => readCatalogue(main, { ...question, inDatabase }),

    createRole: (after, password) => change(main, (transaction) => put(transaction, undefined, after, password)),

    updateRole: (after, { password, isAdopted }) =>
      change(main, async (transaction) => {
        const before = isAdopted ? await roleNow(transaction, after.name) : await ourRole(transaction, after.name)
        if (before === undefined || isUntouchable(before))
          throw refused(`the role ${after.name} has changed; plan again`)
        if (isAdopted && readComment(before.comment).marker !== undefined) {
          throw refused(`the role ${after.name} was marked by somebody else meanwhile; plan again`)
        }
        await put(transaction, before, after, password)
      }),

    dropRole: ({ name }) =>
      change(main, async (transaction) => {
        await ourRole(transaction, name)
        // What it owns by now keeps it: the server refuses, and says what that is.
        await transaction.query(`DROP ROLE ${identifier(name)}`)
      }),

    setGrant: ({ role, database, object }, privileges) =>
      change(inDatabase(database), async (transaction) => {
        await ourRole(transaction, role)
        const signature = await signatureOf(transaction, object)
        const asked = [role, ...columnsOf(object, database)]
        const before = await transaction.query<EntryRow>(entriesQuery, asked)
        const parts = { role, database, object, before, privileges, ...(signature === undefined ? {} : { signature }) }
        for (const text of grantStatements(parts)) await transaction.query(text)
        // A grant or revoke that the connecting role may not do is a mere warning of the server.
        const after = await transaction.query<EntryRow>(entriesQuery, asked)
        const has = new Set(after.map(({ privilege, grantable }) => `${privilege}${grantable ? ' *' : ''}`))
        if (has.size === privileges.length && privileges.every((privilege) => has.has(privilege))) return
        throw refused(
          `the privileges of ${role} on ${describeObject(object)} in ${database} did not become what they should: the connecting role may not grant or revoke them`,
        )
      }),
  }

  async function signatureOf(
    transaction: PostgresTransaction,
    object: GrantItem['object'],
  ): Promise<string | undefined> {
    if (object.kind !== 'function') return undefined
    const [found] = await transaction.query<{ signature: string }>(signatureQuery, [
      object.schema,
      object.name,
      object.arguments,
    ])
    if (found === undefined) throw refused(`there is no ${describeObject(object)}`)
    return found.signature
  }
}

type EntryRow = Readonly<Record<string, unknown>> & FoundEntry

function refused(message: string): TrueupError {
  return new TrueupError('apply-failed', `${message} (postgres-access)`)
}
