// The `graphql` document of a bundle in, its types as checked plain values out. Knows nothing of graphql-js: inferred types have the same form.
import { TrueupError } from '../../errors.js'
import type { Json } from '../../event.js'
import { isRecord } from '../../util/is-record.js'
import { didYouMean } from '../../util/suggest.js'

/** The words of `type` that name no conf. */
export const SCALARS = ['string', 'int', 'float', 'boolean', 'json'] as const
export type ScalarName = (typeof SCALARS)[number]

/** One field of a conf; the names are those of the document. */
export interface Field {
  readonly name: string
  /** Under which key the data have it. The same as `name`, except where types are inferred from JSON Schemas. */
  readonly key: string
  /** One of {@link SCALARS}, or the name of a conf. */
  readonly type: string
  readonly isList: boolean
  readonly isRequired: boolean
  /** Lists the files of this schema. */
  readonly datafileSchema?: string
  readonly isSearchable: boolean
  /** Lists the files of `schema` in which the dotted path `subAttr` ends in a reference to this object's file. */
  readonly synthetic?: { readonly schema: string; readonly subAttr: string }
  /** `list`: all resources, or one by its path. `path`: the resource that the value names. */
  readonly resource?: 'list' | 'path'
  readonly description?: string
}

/** How the type of an object behind an interface is found. */
export type InterfaceRule =
  | { readonly strategy: 'schema' }
  | { readonly strategy: 'fieldMap'; readonly field: string; readonly fieldMap: ReadonlyMap<string, string> }

/** One type of the document: an object type, or an interface where it has a rule. */
export interface Conf {
  readonly name: string
  readonly fields: readonly Field[]
  readonly rule?: InterfaceRule
  /** The one interface that it implements, if there is one of that name. */
  readonly interface?: string
  /** The file schema that this type is of. */
  readonly datafile?: string
  readonly description?: string
}

export const RESOURCE_TYPE = 'Resource_v1'
/** Implemented by every type that is bound to a file schema. */
export const DATAFILE_INTERFACE = 'DatafileObject_v1'
/** Problems of more fields than this are counted, not told. */
const TOLD = 50

/**
 * @param document - a list of confs, or an object with `confs`
 * @throws TrueupError `desired-invalid` with all that is wrong
 */
export function readConfs(document: Json): readonly Conf[] {
  const list = isRecord(document) ? document['confs'] : document
  const faults: string[] = []
  if (!Array.isArray(list)) throw confFault(['it is neither a list of types nor an object with `confs`'])
  const confs = list.flatMap((value, index): Conf[] => {
    const conf = readConf(value as Json, `conf ${String(index + 1)}`, faults)
    return conf === undefined ? [] : [conf]
  })
  checkConfs(confs, list as readonly Json[], faults)
  if (faults.length > 0) throw confFault(faults)
  return confs
}

/** What is wrong with the types, as one error. */
export function confFault(faults: readonly string[]): TrueupError {
  const more = faults.length > TOLD ? [`… and ${String(faults.length - TOLD)} more`] : []
  return new TrueupError(
    'desired-invalid',
    [`the GraphQL schema of the data is not usable:`, ...faults.slice(0, TOLD), ...more].join('\n'),
    { details: { errors: faults, types: true } },
  )
}

function readConf(value: Json, place: string, faults: string[]): Conf | undefined {
  if (!isRecord(value) || typeof value['name'] !== 'string') {
    faults.push(`${place} has no name`)
    return undefined
  }
  const name = value['name']
  nameFault(name, `the type ${name}`, faults)
  const fields = value['fields']
  if (!Array.isArray(fields) || fields.length === 0) faults.push(`${name} has no fields`)
  // A field that is said twice is as it is said last.
  const read = new Map<string, Field>()
  for (const field of Array.isArray(fields) ? (fields as readonly Json[]) : []) {
    const found = readField(field, name, faults)
    if (found !== undefined) read.set(found.name, found)
  }
  const rule = value['isInterface'] === true ? readRule(value['interfaceResolve'], name, faults) : undefined
  return {
    name,
    fields: [...read.values()],
    ...(rule === undefined ? {} : { rule }),
    ...text(value, 'interface'),
    ...text(value, 'datafile'),
    ...text(value, 'description'),
  }
}

function readRule(value: Json | undefined, name: string, faults: string[]): InterfaceRule {
  const strategy = isRecord(value) ? value['strategy'] : undefined
  if (isRecord(value) && strategy === 'fieldMap') {
    const { field, fieldMap } = value
    if (typeof field === 'string' && isRecord(fieldMap)) {
      const named = Object.entries(fieldMap).filter((entry): entry is [string, string] => typeof entry[1] === 'string')
      return { strategy, field, fieldMap: new Map(named) }
    }
    faults.push(`the interface ${name}: interfaceResolve needs a field and a fieldMap`)
  } else if (strategy !== 'schema') {
    faults.push(`the interface ${name}: the strategy of interfaceResolve must be fieldMap or schema`)
  }
  return { strategy: 'schema' }
}

function readField(value: Json, type: string, faults: string[]): Field | undefined {
  if (!isRecord(value) || typeof value['name'] !== 'string' || typeof value['type'] !== 'string') {
    faults.push(`${type} has a field without a name or a type`)
    return undefined
  }
  const { name } = value
  const place = `${type}.${name}`
  nameFault(name, place, faults)
  const isList = value['isList'] === true
  const isResource = value['isResource'] === true
  const resource =
    isResource && value['type'] === RESOURCE_TYPE
      ? 'list'
      : isResource && value['type'] === 'string' && value['resolveResource'] === true
        ? 'path'
        : undefined
  const { synthetic, datafileSchema } = value
  const isBack =
    isRecord(synthetic) && typeof synthetic['schema'] === 'string' && typeof synthetic['subAttr'] === 'string'
  if (synthetic !== undefined && synthetic !== null && !isBack)
    faults.push(`${place}: synthetic needs a schema and a subAttr`)
  // Without it, a list would be read as an object that has no keys.
  if (!isList && (isBack || typeof datafileSchema === 'string'))
    faults.push(`${place} gives several files, so it needs isList: true`)
  return {
    name,
    key: name,
    type: resource === 'path' ? RESOURCE_TYPE : value['type'],
    isList,
    isRequired: value['isRequired'] === true && resource !== 'path',
    isSearchable: value['isSearchable'] === true,
    ...(typeof datafileSchema === 'string' ? { datafileSchema } : {}),
    ...(isBack ? { synthetic: synthetic as { schema: string; subAttr: string } } : {}),
    ...(resource === undefined ? {} : { resource }),
    ...text(value, 'description'),
  }
}

function checkConfs(confs: readonly Conf[], written: readonly Json[], faults: string[]): void {
  const known = new Map(confs.map((conf) => [conf.name, conf]))
  const twice = confs.filter(({ name }, index) => confs.findIndex((other) => other.name === name) < index)
  for (const { name } of twice) faults.push(`the type ${name} is defined twice`)
  const query = known.get('Query')
  if (query === undefined || query.rule !== undefined) faults.push('there is no type Query to start from')
  for (const conf of confs) {
    for (const field of conf.fields) {
      if ((SCALARS as readonly string[]).includes(field.type)) continue
      const target = known.get(field.type)
      const place = `${conf.name}.${field.name}`
      if (target === undefined)
        faults.push(`${place}: there is no type ${field.type}.${didYouMean(field.type, [...known.keys(), ...SCALARS])}`)
      else if ((target.rule !== undefined) !== saysInterface(written, conf.name, field.name))
        faults.push(`${place}: isInterface must be true exactly where the type is an interface (${field.type})`)
    }
  }
}

function saysInterface(written: readonly Json[], conf: string, field: string): boolean {
  const records = (list: unknown): Record<string, unknown>[] => (Array.isArray(list) ? list.filter(isRecord) : [])
  const fields = records(written).find(({ name }) => name === conf)?.['fields']
  return records(fields).findLast(({ name }) => name === field)?.['isInterface'] === true
}

function nameFault(name: string, place: string, faults: string[]): void {
  if (!/^[A-Za-z_]\w*$/.test(name) || name.startsWith('__'))
    faults.push(
      `${place}: ${JSON.stringify(name)} is not a name that GraphQL takes (letters, digits, _; not __ in front)`,
    )
}

function text<K extends string>(value: Readonly<Record<string, unknown>>, key: K): { readonly [N in K]?: string } {
  const found = value[key]
  return typeof found === 'string' ? ({ [key]: found } as { readonly [N in K]?: string }) : {}
}
