// The graphql-schemas document in, what validation and bundling ask of it out: types by name and by file schema, their fields, which interface type
// a value has. Queries are answered elsewhere.
import type { Json } from '../../event.js'
import { isRecord } from '../../util/is-record.js'

/** A field of a conf. */
export interface ConfField {
  readonly name: string
  readonly type: string
  readonly isList: boolean
  readonly isUnique: boolean
  /** The key isUnique is there, whatever it says. */
  readonly saysUnique: boolean
  readonly isContextUnique: boolean
  /** The value names a resource, which takes its place in answers. */
  readonly resolvesResource: boolean
  readonly datafileSchema: string | null
  readonly isSynthetic: boolean
  /** Where it stands in the list of fields. */
  readonly index: number
}

/** A type or interface. */
export interface Conf {
  readonly name: string
  readonly fields: ReadonlyMap<string, ConfField>
  readonly datafile: string | null
  readonly interface: string | null
  readonly isInterface: boolean
  /** Of an interface resolved by `fieldMap`: the field, and the names of types by its values. */
  readonly fieldMap: { readonly field: string; readonly types: ReadonlyMap<string, string> } | null
  /** Names of the fields that tell the items of a list apart, sorted. */
  readonly contextUnique: readonly string[]
  /** Where it stands in the list of confs. */
  readonly index: number
}

export const SCALARS: ReadonlySet<string> = new Set(['string', 'int', 'float', 'boolean', 'json'])

export class Confs {
  readonly types = new Map<string, Conf>()
  readonly #bySchema = new Map<string, string>()

  constructor(graphql: Json | null) {
    for (const [index, conf] of confsOf(graphql).entries()) {
      const read = readConf(conf, index)
      if (read !== undefined) this.types.set(read.name, read)
    }
    for (const { name, datafile } of this.types.values()) if (datafile !== null) this.#bySchema.set(datafile, name)
    for (const field of this.types.get('Query')?.fields.values() ?? [])
      if (field.datafileSchema !== null) this.#bySchema.set(field.datafileSchema, field.type)
  }

  /** The type of the files of a schema. */
  ofSchema(schema: string): Conf | undefined {
    return this.types.get(this.#bySchema.get(schema) ?? '')
  }

  /** Whether files are of this type: by `datafile`, by a field of Query, or as a type of such an interface. */
  isTopLevel(conf: Conf): boolean {
    const names = new Set(this.#bySchema.values())
    return names.has(conf.name) || (conf.interface !== null && names.has(conf.interface))
  }

  /** Of an interface with a field map: the type that a value has; undefined for any other type. */
  concrete(conf: Conf | undefined, value: Json): Conf | undefined {
    if (conf === undefined || conf.fieldMap === null || !isRecord(value)) return undefined
    const discriminator = value[conf.fieldMap.field]
    return typeof discriminator === 'string' ? this.types.get(conf.fieldMap.types.get(discriminator) ?? '') : undefined
  }
}

/** The list of confs of either form of the document. */
export function confsOf(graphql: Json | null): readonly Json[] {
  const list: unknown = isRecord(graphql) ? graphql['confs'] : graphql
  return Array.isArray(list) ? (list as readonly Json[]) : []
}

function readConf(conf: Json, index: number): Conf | undefined {
  if (!isRecord(conf) || typeof conf['name'] !== 'string') return undefined
  const fields = new Map<string, ConfField>()
  const list = Array.isArray(conf['fields']) ? (conf['fields'] as readonly Json[]) : []
  for (const [at, field] of list.entries()) {
    if (!isRecord(field) || typeof field['name'] !== 'string') continue
    fields.set(field['name'], {
      name: field['name'],
      type: typeof field['type'] === 'string' ? field['type'] : '',
      isList: field['isList'] === true,
      isUnique: field['isUnique'] === true,
      saysUnique: Object.hasOwn(field, 'isUnique'),
      isContextUnique: field['isContextUnique'] === true,
      resolvesResource: field['isResource'] === true && field['resolveResource'] === true,
      datafileSchema: typeof field['datafileSchema'] === 'string' ? field['datafileSchema'] : null,
      isSynthetic: isRecord(field['synthetic']),
      index: at,
    })
  }
  const resolve = conf['interfaceResolve']
  const isFieldMap = conf['isInterface'] === true && isRecord(resolve) && resolve['strategy'] === 'fieldMap'
  const map = isFieldMap && isRecord(resolve['fieldMap']) ? Object.entries(resolve['fieldMap']) : []
  return {
    name: conf['name'],
    fields,
    datafile: typeof conf['datafile'] === 'string' ? conf['datafile'] : null,
    interface: typeof conf['interface'] === 'string' ? conf['interface'] : null,
    isInterface: conf['isInterface'] === true,
    fieldMap:
      isFieldMap && typeof resolve['field'] === 'string'
        ? {
            field: resolve['field'],
            types: new Map(map.flatMap(([key, type]) => (typeof type === 'string' ? [[key, type] as const] : []))),
          }
        : null,
    contextUnique: [...fields.values()]
      .filter((field) => field.isContextUnique || field.isUnique)
      .map(({ name }) => name)
      .sort(),
    index,
  }
}
