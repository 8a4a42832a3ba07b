// Grants as they are written and what is in the databases come in, one grant for each object goes out, and what is missing. Pure.
import { groupBy } from 'trueup'
import type { Catalogue, FoundObject } from './catalogue.js'
import { keyOf, privilegesIn, privilegesText, type GrantItem, type GrantObject } from './items.js'
import { splitSignature, type DesiredGrant, type DesiredInstance, type On } from './schema.js'

export interface ExpandedGrants {
  readonly items: readonly GrantItem[]
  /** What is named and not there, for people; each once. */
  readonly missing: readonly string[]
}

/** `all` becomes what is there; what several grants give of one object becomes one. */
export function expandGrants({ instance, grants }: DesiredInstance, catalogue: Catalogue): ExpandedGrants {
  const index = indexOf(catalogue)
  const missing = new Set<string>()
  const items = new Map<string, GrantItem>()
  for (const grant of grants) {
    const found = objectsFor(grant, index)
    if (found.missing !== undefined) missing.add(found.missing)
    const { role, database } = grant
    const privileges = privilegesText(grant.privileges)
    for (const object of found.objects) {
      const item: GrantItem = { kind: 'grant', instance, privileges, role, database, object }
      const key = keyOf(item)
      const same = items.get(key)
      items.set(
        key,
        same === undefined
          ? item
          : { ...item, privileges: privilegesText([...privilegesIn(same), ...grant.privileges]) },
      )
    }
  }
  return { items: [...items.values()], missing: [...missing] }
}

type Kind = FoundObject['kind']
interface Place {
  readonly database: string
  readonly schema: string | null
}

/** What is there, found by place and name without looking at everything. */
interface Index {
  has(database: string): boolean
  all(place: Place, kind: Kind): readonly FoundObject[]
  named(place: Place, kind: Kind, name: string): readonly FoundObject[]
}

function indexOf({ objects, databases }: Catalogue): Index {
  const id = (...parts: readonly (string | null)[]): string => JSON.stringify(parts)
  const byKind = groupBy(objects, ({ database, schema, kind }) => id(database, schema, kind))
  const byName = groupBy(objects, ({ database, schema, kind, name }) => id(database, schema, kind, name))
  return {
    has: (database) => databases.has(database),
    all: ({ database, schema }, kind) => byKind.get(id(database, schema, kind)) ?? [],
    named: ({ database, schema }, kind, name) => byName.get(id(database, schema, kind, name)) ?? [],
  }
}

interface Found {
  readonly objects: readonly GrantObject[]
  readonly missing?: string | undefined
}

/** What is named but not there is kept: the server will say so, and the plan shows it. What the role owns needs no grant. */
function objectsFor(grant: DesiredGrant, index: Index): Found {
  const { on, schema, database } = grant
  const placeMissing = !index.has(database)
    ? `there is no database ${database}`
    : schema !== null && index.all(grant, 'schema').length === 0
      ? `there is no schema ${schema} in ${database}`
      : undefined
  const notOwn = ({ owner }: FoundObject): boolean => owner !== grant.role
  switch (on.kind) {
    case 'database':
      return { objects: [{ kind: 'database' }], missing: placeMissing }
    case 'schema': {
      const isOwn = index.all(grant, 'schema').some((found) => !notOwn(found))
      return { objects: isOwn ? [] : [{ kind: 'schema', schema: schema ?? '' }], missing: placeMissing }
    }
    case 'default':
      return {
        objects: [{ kind: 'default', schema, objects: on.objects, createdBy: on.createdBy }],
        missing: placeMissing,
      }
    case 'table':
    case 'sequence':
    case 'function': {
      if (on.names === 'all') {
        return { objects: index.all(grant, on.kind).filter(notOwn).map(objectOf), missing: placeMissing }
      }
      const named = on.names.map((text) => ({ text, there: namedObjects(grant, on.kind, text, index) }))
      const gone = named.filter(({ there }) => there.length === 0).map(({ text }) => text)
      return {
        objects: named.flatMap(({ text, there }) =>
          there.length === 0 ? [absent(on.kind, schema ?? '', text)] : there.filter(notOwn).map(objectOf),
        ),
        missing:
          placeMissing ??
          (gone.length === 0
            ? undefined
            : `there is no ${on.kind} ${gone.join(', ')} in schema ${schema ?? ''} of ${database}`),
      }
    }
  }
}

type Named = Extract<On, { readonly names: unknown }>['kind']

/** A table of that very name; functions of the name, or the one with these types. */
function namedObjects(place: Place, kind: Named, text: string, index: Index): readonly FoundObject[] {
  const { name, arguments: types } = splitSignature(kind, text)
  return index.named(place, kind, name).filter(({ detail }) => types === undefined || detail === types)
}

function absent(kind: Named, schema: string, text: string): GrantObject {
  const { name, arguments: types = null } = splitSignature(kind, text)
  return kind === 'function' ? { kind, schema, name, arguments: types } : { kind, schema, name }
}

function objectOf({ kind, schema, name, detail }: FoundObject): GrantObject {
  if (kind === 'schema') return { kind, schema }
  return kind === 'function'
    ? { kind, schema, name: name ?? '', arguments: detail ?? '' }
    : { kind, schema, name: name ?? '' }
}
