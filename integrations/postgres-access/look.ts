// One shard's run: the instance is read, the two sides of the comparison come out, and what carries a change out. An instance that cannot be
// reached is told and left as it is. Reads nothing but the database and the secrets it needs.
import { isTrueupError, listing, TrueupError, type Listing, type Postgres, type SecretReference } from 'trueup'
import { openInstance, type Instance } from './client.js'
import {
  compare,
  dependencies,
  desiredItem,
  isOurs,
  type CurrentItem,
  type DependsOn,
  type PasswordState,
} from './compare.js'
import { privilegesIn, type AccessItem } from './items.js'
import type { Marker } from './marker.js'
import { keyedDigest } from './password.js'
import type { DesiredInstance, DesiredRole } from './schema.js'

export interface LookOptions {
  /** The instance's name. */
  readonly shard: string
  /** undefined: it is in no data file any more. */
  readonly wanted: DesiredInstance | undefined
  /** Objects there that the ledger knows of. */
  readonly owned: number
  readonly marker: Pick<Marker, 'target' | 'destination'>
  readonly dryRun: boolean
  readonly postgres: Postgres
  /** A secret's value. */
  readonly resolve: (reference: SecretReference) => Promise<string>
  readonly warn: (message: string) => void
}

export interface Seen {
  readonly desired: readonly AccessItem[]
  readonly current: Listing<CurrentItem>
  readonly dependsOn: DependsOn
  put(after: AccessItem, before?: AccessItem): Promise<void>
  adopt(after: AccessItem): Promise<void>
  remove(before: AccessItem): Promise<void>
}

export async function lookAt(options: LookOptions): Promise<Seen> {
  const { wanted, shard, owned, marker } = options
  if (wanted === undefined) {
    return untouched([], owned === 0 ? listing.whole([]) : listing.unreadable(removedText(shard, owned, marker.target)))
  }
  const uri = await options.resolve(wanted.connection)
  try {
    return await lookInto(wanted, uri, options)
  } catch (error) {
    if (!isTrueupError(error) || !['current-unreadable', 'timeout'].includes(error.code)) throw error
    const roles = wanted.roles.map((role) => desiredItem(shard, role, null))
    return untouched(roles, listing.unreadable(`instance ${shard}: ${error.message}`))
  }
}

/** How to reach an instance stands in its file alone, so its roles are given up before the file goes. */
function removedText(instance: string, owned: number, target: string): string {
  const what = owned === 1 ? '1 object is' : `${String(owned)} objects are`
  return [
    `instance ${instance} is in no data file any more, and nothing else says how to reach it; ${what} still owned there and left as they are`,
    `To give the instance up, put its file back with roles: [] and grants: [], run: trueup apply ${target} --shard ${instance} --allow-empty, and only then remove the file`,
    `If its server is gone for good, have them forgotten: trueup owned list ${target} names them for trueup owned release ${target} <key>...`,
  ].join('. ')
}

async function lookInto(wanted: DesiredInstance, uri: string, options: LookOptions): Promise<Seen> {
  const { marker, postgres, warn } = options
  const instance = openInstance({ uri, postgres, marker })
  const catalogue = await instance.read({ isOurs: isOurs(wanted, marker), schemas: schemasOf(wanted) })
  const passwords = await passwordStates(wanted, uri, options)
  const sides = compare({ wanted, catalogue, marker, passwords })
  for (const message of sides.warnings) warn(message)
  return {
    desired: sides.desired,
    current: listing.whole(sides.current),
    dependsOn: dependencies(sides),
    ...handlers(instance, wanted, options),
  }
}

/** Schemas in which something is desired, by database. */
function schemasOf({ grants }: DesiredInstance): ReadonlyMap<string, readonly string[]> {
  const found = new Map<string, Set<string>>()
  for (const { database, schema } of grants) {
    const schemas = found.get(database) ?? new Set()
    found.set(database, schema === null ? schemas : schemas.add(schema))
  }
  return new Map([...found].map(([database, schemas]) => [database, [...schemas]]))
}

/** What each password is made from. A version in the reference answers by itself; else the value is read, also in a dry run. */
async function passwordStates(
  { instance, roles }: DesiredInstance,
  uri: string,
  { resolve, dryRun, warn }: LookOptions,
): Promise<ReadonlyMap<string, PasswordState>> {
  const states = new Map<string, PasswordState>()
  const unread: string[] = []
  for (const { name, password } of roles) {
    if (password === null) continue
    const { version } = password.$secret
    if (version !== undefined) {
      states.set(name, { kind: 'from', from: `version ${version}` })
      continue
    }
    try {
      const digest = keyedDigest(await resolve(password), { key: keyOfDigests(uri, instance), role: name })
      states.set(name, { kind: 'from', from: `digest ${digest}` })
    } catch (error) {
      if (!dryRun || !isTrueupError(error) || error.code !== 'secret-missing') throw error
      states.set(name, { kind: 'unknown' })
      unread.push(name)
    }
  }
  if (unread.length > 0) {
    warn(
      `${instance}: the passwords of ${unread.join(', ')} cannot be read in this dry run, so whether they changed is not known.`,
    )
  }
  return states
}

/** Digests stand in comments that every user of the server can read: without a key, passwords could be guessed by them. */
function keyOfDigests(uri: string, instance: string): string {
  const { password } = new URL(uri)
  if (password !== '') return password
  throw new TrueupError(
    'desired-invalid',
    `${instance}: its connection has no password, so nothing can key the digests of passwords; give each password's secret a version in the data file (postgres-access)`,
  )
}

function handlers(
  instance: Instance,
  wanted: DesiredInstance,
  { resolve }: LookOptions,
): Pick<Seen, 'put' | 'adopt' | 'remove'> {
  const roles = new Map(wanted.roles.map((role) => [role.name, role]))
  const valueFor = async (role: DesiredRole | undefined): Promise<string | null> =>
    role === undefined || role.password === null ? null : resolve(role.password)

  return {
    async put(after, before) {
      if (after.kind === 'grant') return instance.setGrant(after, privilegesIn(after))
      const needsPassword = before?.kind !== 'role' || before.password !== after.password
      const password = needsPassword ? await valueFor(roles.get(after.name)) : null
      if (before === undefined) await instance.createRole(after, password)
      else await instance.updateRole(after, { password, isAdopted: false })
    },
    async adopt(after) {
      // A grant carries no mark: it belongs to whoever its role belongs to.
      if (after.kind === 'role') await instance.updateRole(after, { password: null, isAdopted: true })
    },
    async remove(before) {
      if (before.kind === 'grant') await instance.setGrant(before, [])
      else await instance.dropRole(before)
    },
  }
}

/** Of an instance that could not be looked at: no change can be planned, so none is carried out. */
function untouched(desired: readonly AccessItem[], current: Listing<CurrentItem>): Seen {
  const never = (): Promise<void> =>
    Promise.reject(new Error('Internal error: a change was planned for an instance that was not read'))
  return { desired, current, dependsOn: () => [], put: never, adopt: never, remove: never }
}
