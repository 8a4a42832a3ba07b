// The objects that are compared: roles and grants as plain values, and their keys. Pure.

export interface RoleItem {
  readonly kind: 'role'
  readonly instance: string
  readonly name: string
  readonly login: boolean
  readonly memberOf: readonly string[]
  readonly validUntil: string | null
  /** What it was made from; never the password. null: not managed. */
  readonly password: string | null
  /** What no role that is managed here has: SUPERUSER, CREATEDB, an option of a membership … */
  readonly beyond: readonly string[]
  /** Another target that has marked it. */
  readonly managedBy: string | null
}

export type GrantObject =
  | { readonly kind: 'database' }
  | { readonly kind: 'schema'; readonly schema: string }
  | { readonly kind: 'table' | 'sequence'; readonly schema: string; readonly name: string }
  | { readonly kind: 'column'; readonly schema: string; readonly name: string; readonly column: string }
  /** `arguments`: types as the server writes them; null for a function that is not there. */
  | { readonly kind: 'function'; readonly schema: string; readonly name: string; readonly arguments: string | null }
  | {
      readonly kind: 'default'
      /** null: in every schema. */
      readonly schema: string | null
      readonly objects: string
      readonly createdBy: string
    }

/** In this order, because a plan shows the fields of an object in the order in which it has them. */
export interface GrantItem {
  readonly kind: 'grant'
  readonly instance: string
  /** As one text, so that a change of it is shown whole: `INSERT, SELECT WITH GRANT OPTION`. Sorted. */
  readonly privileges: string
  readonly role: string
  readonly database: string
  readonly object: GrantObject
}

export type AccessItem = RoleItem | GrantItem

export function roleKey(instance: string, role: string): string {
  return `${instance}/role/${part(role)}`
}

/** One key for one object, whatever its names hold. */
export function keyOf(item: AccessItem): string {
  if (item.kind === 'role') return roleKey(item.instance, item.name)
  const { instance, role, database, object } = item
  return [instance, 'grant', part(role), part(database), ...objectPath(object)].join('/')
}

function objectPath(object: GrantObject): readonly string[] {
  switch (object.kind) {
    case 'database':
      return []
    case 'schema':
      return [part(object.schema)]
    case 'table':
    case 'sequence':
      return [part(object.schema), object.kind, part(object.name)]
    case 'column':
      return [part(object.schema), 'table', part(object.name), 'column', part(object.column)]
    case 'function': {
      const signature = object.arguments === null ? '' : `(${part(object.arguments)})`
      return [part(object.schema), 'function', `${part(object.name)}${signature}`]
    }
    case 'default':
      return [object.schema === null ? '*' : part(object.schema), 'default', object.objects, part(object.createdBy)]
  }
}

/** Names hold anything, also what separates the parts of a key. */
function part(name: string): string {
  if (!/[%/()*]/.test(name)) return name
  return name.replace(/[%/()*]/g, (char) => `%${char.charCodeAt(0).toString(16)}`)
}

/** For people. */
export function describeObject(object: GrantObject): string {
  switch (object.kind) {
    case 'database':
      return 'the database'
    case 'schema':
      return `schema ${object.schema}`
    case 'table':
    case 'sequence':
      return `${object.kind} ${object.schema}.${object.name}`
    case 'column':
      return `column ${object.schema}.${object.name}.${object.column}`
    case 'function':
      return `function ${object.schema}.${object.name}${object.arguments === null ? '' : `(${object.arguments})`}`
    case 'default':
      return `${object.objects} that ${object.createdBy} creates${object.schema === null ? '' : ` in schema ${object.schema}`}`
  }
}

/** Whether an update takes something away: a privilege, a membership, the right to log in. */
export function takesAway(before: AccessItem, after: AccessItem): boolean {
  if (before.kind === 'role' && after.kind === 'role') {
    const isLater = (after.validUntil ?? '9') >= (before.validUntil ?? '9')
    return (
      (before.login && !after.login) || before.memberOf.some((group) => !after.memberOf.includes(group)) || !isLater
    )
  }
  if (before.kind === 'grant' && after.kind === 'grant') {
    const left = privilegesIn(after)
    return privilegesIn(before).some((privilege) => !left.includes(privilege))
  }
  return true
}

export function privilegesText(privileges: Iterable<string>): string {
  return [...new Set(privileges)].sort().join(', ')
}

export function privilegesIn({ privileges }: GrantItem): readonly string[] {
  return privileges.split(', ')
}
