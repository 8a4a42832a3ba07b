// A bundle in, what queries look up in it out: files by path and by schema, references followed, back references. Reads nothing; each table is made once.
import type { Json } from '../../event.js'
import { isRecord } from '../../util/is-record.js'
import type { DataBundle, DataFile, ResourceFile } from '../data/bundle.js'

/** An object of the data: a file's root value, or an inline one. */
export type DataObject = Readonly<Record<string, Json>>

export interface BundleIndex {
  /** The root value of the file with this path. */
  file(path: string): DataObject | undefined
  /** Of a file's root value: its path; undefined for an inline object. */
  pathOf(object: DataObject): string | undefined
  /** The files whose `$schema` is exactly this, in path order. */
  ofSchema(schema: string): readonly DataObject[]
  /** The files of `schema` in which the dotted path `subAttr` ends in a reference to `path`; each once, in path order. */
  referring(question: {
    readonly schema: string
    readonly subAttr: string
    readonly path: string
  }): readonly DataObject[]
  resource(path: string): ResourceFile | undefined
  readonly resources: ReadonlyMap<string, ResourceFile>
}

export function indexBundle({ data, resources }: Pick<DataBundle, 'data' | 'resources'>): BundleIndex {
  const files = new Map<string, DataObject>()
  const paths = new Map<DataObject, string>()
  const schemas = new Map<string, DataObject[]>()
  for (const [path, value] of data) {
    // Two files of equal content may share one value, and still are two.
    const root: DataFile = paths.has(value) ? { ...value } : value
    files.set(path, root)
    paths.set(root, path)
    const { $schema } = root
    if (typeof $schema === 'string') append(schemas, $schema, root)
  }
  const back = new Map<string, ReadonlyMap<string, readonly DataObject[]>>()
  const none: readonly DataObject[] = []
  return {
    file: (path) => files.get(path),
    pathOf: (object) => paths.get(object),
    ofSchema: (schema) => schemas.get(schema) ?? none,
    referring({ schema, subAttr, path }) {
      const key = JSON.stringify([schema, subAttr])
      let table = back.get(key)
      if (table === undefined) {
        table = referrers(schemas.get(schema) ?? none, subAttr.split('.'))
        back.set(key, table)
      }
      return table.get(path) ?? none
    },
    resource: (path) => resources.get(path),
    resources,
  }
}

/** Who is referred to, with those that do. */
function referrers(files: readonly DataObject[], keys: readonly string[]): ReadonlyMap<string, readonly DataObject[]> {
  const found = new Map<string, DataObject[]>()
  for (const file of files) {
    for (const path of new Set(referencesAt(file, keys))) append(found, path, file)
  }
  return found
}

/** Null and scalars on the way lead nowhere. */
function referencesAt(value: Json, keys: readonly string[]): readonly string[] {
  if (Array.isArray(value)) return (value as readonly Json[]).flatMap((item) => referencesAt(item, keys))
  if (!isRecord(value)) return []
  const [key, ...rest] = keys
  if (key === undefined) return isReference(value) ? [value.$ref] : []
  return Object.hasOwn(value, key) ? referencesAt(value[key] as Json, rest) : []
}

/** `{ $ref: path }` and nothing beside it. */
export function isReference(value: unknown): value is { readonly $ref: string } {
  return isRecord(value) && typeof value['$ref'] === 'string' && Object.keys(value).length === 1
}

function append<T>(lists: Map<string, T[]>, key: string, item: T): void {
  const list = lists.get(key)
  if (list === undefined) lists.set(key, [item])
  else list.push(item)
}
