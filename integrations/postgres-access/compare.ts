// What is desired of one instance and what it holds come in, the two sides of the comparison go out, and what people should be told. Pure.
import type { Catalogue, FoundRole } from './catalogue.js'
import { isMarkedBy, isUntouchable } from './client.js'
import { expandGrants } from './expand.js'
import { keyOf, privilegesText, roleKey, type AccessItem, type RoleItem } from './items.js'
import { readComment, type Marker } from './marker.js'
import { sorted, type DesiredInstance, type DesiredRole } from './schema.js'
import { timeOf } from './statements.js'

/** An object of the instance: as it would be desired, and whether it is this target's. */
export interface CurrentItem {
  readonly item: AccessItem
  readonly owned: boolean
}

export interface Sides {
  readonly desired: readonly AccessItem[]
  readonly current: readonly CurrentItem[]
  readonly warnings: readonly string[]
}

export interface CompareInput {
  readonly wanted: DesiredInstance
  readonly catalogue: Catalogue
  readonly marker: Pick<Marker, 'target' | 'destination'>
  /** By role: what its password is made from; null where it is not managed or its secret is out of reach of a dry run. */
  readonly passwords: ReadonlyMap<string, PasswordState>
}

/** `unknown`: what it should be could not be read (dry runs only); it is taken to be right. */
export type PasswordState = { readonly kind: 'from'; readonly from: string } | { readonly kind: 'unknown' }

export function compare({ wanted, catalogue, marker, passwords }: CompareInput): Sides {
  const { instance } = wanted
  const warnings: string[] = []
  const wantedRoles = new Map(wanted.roles.map((role) => [role.name, role]))

  const current: CurrentItem[] = []
  const kept: RoleItem[] = []
  for (const role of catalogue.roles.values()) {
    const item = foundItem(instance, role, { marker, canReadPasswords: catalogue.canReadPasswords })
    const owned = isMarkedBy(role, marker) && !isUntouchable(role)
    current.push({ item, owned })
    const desired = wantedRoles.get(role.name)
    if (desired === undefined && owned) {
      const obstacles = [...(catalogue.obstacles.get(role.name) ?? []), ...namedIn(wanted, role.name)]
      if (obstacles.length === 0) continue
      kept.push(item)
      warnings.push(
        `${instance}: the role ${role.name} is no longer desired but is not dropped: it ${listed(obstacles)}. Give these to another role (REASSIGN OWNED) or drop them, then run again.`,
      )
    } else if (desired !== undefined && isUntouchable(role)) {
      warnings.push(
        `${instance}: the role ${role.name} is ${role.superuser ? 'a superuser' : 'the role that trueup connects as'}, which is never touched: take it out of the data file.`,
      )
    }
  }

  const roles = wanted.roles.map((role) => desiredItem(instance, role, stateOf(role, catalogue, passwords)))
  for (const { name, memberOf } of wanted.roles) {
    for (const group of memberOf) {
      if (catalogue.roles.has(group) || wantedRoles.has(group) || group.startsWith('pg_')) continue
      warnings.push(`${instance}: ${name} is to be a member of ${group}, which is not there.`)
    }
  }
  const grants = expandGrants(wanted, catalogue)
  warnings.push(...grants.missing.map((what) => `${instance}: ${what}: grants on it cannot be made yet.`))
  for (const { role, database, object, privileges } of catalogue.grants) {
    const item: AccessItem = { kind: 'grant', instance, privileges: privilegesText(privileges), role, database, object }
    current.push({ item, owned: true })
  }
  return { desired: [...roles, ...kept, ...grants.items], current, warnings }
}

/** Roles whose grants are this target's business: its own, and those that this plan makes its own (they are as desired and nobody's). */
export function isOurs(
  wanted: DesiredInstance,
  marker: Pick<Marker, 'target' | 'destination'>,
): (role: FoundRole, canReadPasswords: boolean) => boolean {
  const wantedRoles = new Map(wanted.roles.map((role) => [role.name, role]))
  return (role, canReadPasswords) => {
    if (isUntouchable(role)) return false
    if (isMarkedBy(role, marker)) return true
    const desired = wantedRoles.get(role.name)
    if (desired?.password !== null) return false
    const item = foundItem(wanted.instance, role, { marker, canReadPasswords })
    return JSON.stringify(item) === JSON.stringify(desiredItem(wanted.instance, desired, null))
  }
}

export function desiredItem(instance: string, role: DesiredRole, password: string | null): RoleItem {
  const { name, login, memberOf, validUntil } = role
  return { kind: 'role', instance, name, login, memberOf, validUntil, password, beyond: [], managedBy: null }
}

function foundItem(
  instance: string,
  role: FoundRole,
  { marker, canReadPasswords }: { readonly marker: CompareInput['marker']; readonly canReadPasswords: boolean },
): RoleItem {
  const by = readComment(role.comment).marker
  const isForeign = by !== undefined && !isMarkedBy(role, marker)
  return {
    kind: 'role',
    instance,
    name: role.name,
    login: role.login,
    memberOf: sorted(role.memberships.map((membership) => membership.role)),
    validUntil: timeOf(role.validUntil),
    password: passwordOf(role, canReadPasswords),
    beyond: beyondOf(role),
    managedBy: isForeign ? `${by.target} at ${by.destination}` : null,
  }
}

function passwordOf(role: FoundRole, canReadPasswords: boolean): string | null {
  const password = readComment(role.comment).marker?.password
  if (password === undefined) return null
  return canReadPasswords && role.stored !== password.stored ? 'changed by hand' : password.from
}

function beyondOf(role: FoundRole): readonly string[] {
  const attributes: readonly (readonly [boolean, string])[] = [
    [role.superuser, 'SUPERUSER'],
    [role.connecting, 'the connecting role'],
    [role.createdb, 'CREATEDB'],
    [role.createrole, 'CREATEROLE'],
    [role.replication, 'REPLICATION'],
    [role.bypassrls, 'BYPASSRLS'],
    [!role.inherit, 'NOINHERIT'],
    [role.connectionLimit !== -1, `CONNECTION LIMIT ${String(role.connectionLimit)}`],
  ]
  const options = role.memberships.flatMap(({ role: group, admin, inherit, set }) => [
    ...(admin ? [`member of ${group} WITH ADMIN`] : []),
    ...(inherit ? [] : [`member of ${group} WITHOUT INHERIT`]),
    ...(set ? [] : [`member of ${group} WITHOUT SET`]),
  ])
  return sorted([...attributes.flatMap(([has, word]) => (has ? [word] : [])), ...options])
}

function stateOf(role: DesiredRole, catalogue: Catalogue, passwords: CompareInput['passwords']): string | null {
  const state = passwords.get(role.name)
  if (role.password === null || state === undefined) return null
  if (state.kind === 'from') return state.from
  const found = catalogue.roles.get(role.name)
  return (found === undefined ? null : passwordOf(found, catalogue.canReadPasswords)) ?? 'not read in this dry run'
}

/** Default privileges that are desired keep the role whose objects they are about. */
function namedIn({ grants }: DesiredInstance, role: string): readonly string[] {
  const isNamed = grants.some(({ on }) => on.kind === 'default' && on.createdBy === role)
  return isNamed ? ['is the createdBy of default privileges in the data file'] : []
}

function listed(texts: readonly string[]): string {
  const shown = texts.slice(0, 10)
  return `${shown.join(', ')}${texts.length > shown.length ? ` and ${String(texts.length - shown.length)} more` : ''}`
}

/** Keys of what must have happened first. */
export type DependsOn = (sides: {
  readonly desired?: AccessItem | undefined
  readonly current?: AccessItem | undefined
}) => readonly string[]

/** What must have happened before a change of one object: groups before members, roles before their grants, revokes and members before drops. */
export function dependencies({ desired, current }: Sides): DependsOn {
  const wantedRoles = new Set(desired.flatMap((item) => (item.kind === 'role' ? [item.name] : [])))
  const before = new Map<string, string[]>()
  const need = (role: string, key: string): void => {
    const list = before.get(role)
    if (list === undefined) before.set(role, [key])
    else list.push(key)
  }
  for (const { item } of current) {
    if (item.kind === 'grant') {
      need(item.role, keyOf(item))
      if (item.object.kind === 'default') need(item.object.createdBy, keyOf(item))
    }
    if (item.kind === 'role') for (const group of item.memberOf) need(group, keyOf(item))
  }
  const ifWanted = (instance: string, role: string): readonly string[] =>
    wantedRoles.has(role) ? [roleKey(instance, role)] : []

  return ({ desired: wanted, current: found }) => {
    const item = wanted ?? found
    if (item === undefined) return []
    if (item.kind === 'grant') {
      const { instance, role, object } = item
      const creator = object.kind === 'default' ? ifWanted(instance, object.createdBy) : []
      return [...ifWanted(instance, role), ...creator]
    }
    if (wanted !== undefined) return item.memberOf.flatMap((group) => ifWanted(item.instance, group))
    return before.get(item.name) ?? []
  }
}
