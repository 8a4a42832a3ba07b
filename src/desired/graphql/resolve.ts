// One field of one object in, its value out: references followed, files listed, resources found. Keeps which schemas were read.
import type { Json } from '../../event.js'
import { isRecord } from '../../util/is-record.js'
import { compareText } from '../../util/compare-text.js'
import type { ResourceFile } from '../data/bundle.js'
import { isReference, type BundleIndex, type DataObject } from './bundle-index.js'
import type { Conf, Field } from './confs.js'
import { select, type Confs } from './filters.js'
import { GraphQLError } from './graphql-js.js'

/** Of one query. */
export interface QueryContext {
  readonly index: BundleIndex
  /** `$schema` of each object that a field was read from, in order of first reading. */
  readonly schemas: Set<string>
  /** All that had a part in the answer: also of lists of files, of references, and of what an argument followed. */
  readonly looked: Set<string>
}

type Arguments = Readonly<Record<string, unknown>>
type Resolver = (object: DataObject, args: Arguments, context: QueryContext) => unknown

export function resolverOf(field: Field, confs: Confs): Resolver {
  const { datafileSchema, synthetic } = field
  if (datafileSchema !== undefined)
    return (object, args, context) => {
      touch(object, context)
      const { index, looked } = context
      looked.add(datafileSchema)
      return select(index.ofSchema(datafileSchema), args, { index, confs, looked, type: field.type })
    }
  if (synthetic !== undefined)
    return (object, _, context) => {
      touch(object, context)
      context.looked.add(synthetic.schema)
      const path = pathOf(object, context.index)
      return typeof path === 'string' ? context.index.referring({ ...synthetic, path }) : []
    }
  if (field.resource === 'list') return (_, args, { index }) => resources(args, index)
  if (field.resource === 'path')
    return (object, _, context) => resourcesOf(own(object, field, context), field, { object, index: context.index })
  return (object, _, context) => own(object, field, context)
}

/** The object type of an object behind an interface. @throws GraphQLError when nothing tells it */
export function typeOfObject(
  conf: Conf,
  object: DataObject,
  known: { readonly confs: Confs; readonly context: QueryContext },
): string {
  const { rule } = conf
  if (rule === undefined) return conf.name
  if (rule.strategy === 'fieldMap') {
    const value = Object.hasOwn(object, rule.field) ? object[rule.field] : null
    const name = typeof value === 'string' ? rule.fieldMap.get(value) : undefined
    if (name !== undefined) return name
    throw new GraphQLError(
      `${placeOf(object, known.context.index)}: ${rule.field} is ${JSON.stringify(value)}, which names no type of ${conf.name} (${[...rule.fieldMap.keys()].join(', ')})`,
    )
  }
  const { $schema } = object
  const bound = [...known.confs.values()].findLast(({ datafile }) => datafile !== undefined && datafile === $schema)
  if (bound !== undefined && bound.name !== conf.name) return typeOfObject(bound, object, known)
  throw new GraphQLError(
    `${placeOf(object, known.context.index)}: no type of ${conf.name} is bound to its $schema ${JSON.stringify($schema ?? null)}`,
  )
}

function own(object: DataObject, field: Field, context: QueryContext): unknown {
  touch(object, context)
  const { index } = context
  if (field.name === 'schema') return object['$schema'] ?? null
  const value =
    field.name === 'path' ? pathOf(object, index) : Object.hasOwn(object, field.key) ? object[field.key] : null
  if (value === undefined || value === null) return null
  if (field.type === 'json') return freeForm(value, field, context)
  if (Array.isArray(value)) {
    if (!field.isList)
      throw new GraphQLError(`${placeOf(object, index)}: ${field.key} is a list, where one value belongs`)
    return (value as readonly Json[]).map((item) =>
      isReference(item) ? (behind(item, context) ?? missing(item.$ref)) : item,
    )
  }
  if (field.isList) throw new GraphQLError(`${placeOf(object, index)}: ${field.key} is one value, where a list belongs`)
  return isReference(value) ? (behind(value, context) ?? null) : value
}

function behind({ $ref }: { readonly $ref: string }, { index, looked }: QueryContext): DataObject | undefined {
  const file = index.file($ref)
  if (typeof file?.['$schema'] === 'string') looked.add(file['$schema'])
  return file
}

/** A reference in place of the value is followed, as are the elements of a list of nothing else; deeper ones are data like any other. */
function freeForm(value: Json, field: Field, context: QueryContext): unknown {
  const whole = (reference: { readonly $ref: string }): unknown => {
    const file = behind(reference, context)
    return file === undefined ? null : plainValue({ ...file, path: reference.$ref })
  }
  if (isReference(value)) return whole(value)
  const items = value as readonly Json[]
  if (Array.isArray(value) && value.length > 0 && items.every(isReference)) return items.map(whole)
  return field.isList && Array.isArray(value) ? items.map(plainValue) : plainValue(value)
}

/** With its keys in the order of the JSON bundle, so that the text of a value is the same wherever it was read from. */
export function plainValue(value: Json): Json {
  if (Array.isArray(value)) return (value as readonly Json[]).map(plainValue)
  if (!isRecord(value)) return value
  const entries = Object.entries(value as DataObject).sort(([a], [b]) => compareText(a, b))
  return Object.fromEntries(entries.map(([key, item]) => [key, plainValue(item)]))
}

function resources({ path, schema }: Arguments, index: BundleIndex): readonly unknown[] {
  if (typeof path === 'string' && path !== '') return [index.resource(path) ?? noResource(path)]
  const all = [...index.resources.values()]
  return typeof schema === 'string' && schema !== '' ? all.filter(({ $schema }) => $schema === schema) : all
}

function resourcesOf(
  value: unknown,
  field: Field,
  { object, index }: { readonly object: DataObject; readonly index: BundleIndex },
): unknown {
  const find = (path: unknown): ResourceFile | GraphQLError =>
    (typeof path === 'string' ? index.resource(path) : undefined) ??
    noResource(path, `${placeOf(object, index)}: ${field.key}: `)
  if (value === null) return null
  return Array.isArray(value) ? value.map(find) : find(value)
}

function noResource(path: unknown, place = ''): GraphQLError {
  return new GraphQLError(`${place}there is no resource ${JSON.stringify(path)}`)
}

function missing(path: string): GraphQLError {
  return new GraphQLError(`there is no data file ${JSON.stringify(path)}`)
}

function touch(object: DataObject, { schemas, looked }: QueryContext): void {
  const { $schema } = object
  if (typeof $schema !== 'string') return
  schemas.add($schema)
  looked.add($schema)
}

/** A file's own path; an inline object's key of that name. */
function pathOf(object: DataObject, index: BundleIndex): Json | undefined {
  return index.pathOf(object) ?? (Object.hasOwn(object, 'path') ? object['path'] : undefined)
}

function placeOf(object: DataObject, index: BundleIndex): string {
  return index.pathOf(object) ?? 'an inline object'
}
