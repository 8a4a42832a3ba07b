// The JSON Schemas of a project that has no GraphQL types of its own in, types out: one for each schema that files can have, by the rules of
// docs/graphql.md. What a rule cannot say is free-form (JSON), so that nothing is left out.
import { posix } from 'node:path'
import type { Json } from '../../event.js'
import { isRecord } from '../../util/is-record.js'
import { confFault, RESOURCE_TYPE, type Conf, type Field } from './confs.js'

type JsonObject = Readonly<Record<string, Json>>

/** Where a schema was met. */
interface Place {
  /** What a type made of it is called. */
  readonly name: string
  /** Of the schema that it stands in. */
  readonly path: string
  /** References followed to get there: one that leads back to itself ends. */
  readonly hops?: number
}

const MOST_HOPS = 20

const METASCHEMA = /^\/metaschema[^/]*\.(?:ya?ml|json)$/
const FILE_FIELDS: readonly Field[] = [required('path'), required('schema', '$schema')]
const RESOURCE_CONF: Conf = {
  name: RESOURCE_TYPE,
  description: 'A plain file that data refer to',
  fields: [
    required('path'),
    required('content'),
    plain('schema', 'string'),
    required('sha256sum'),
    { ...plain('backrefs', 'json'), isList: true },
  ],
}

/** @throws TrueupError `desired-invalid` where two schemas would have one name, or none is of files */
export function inferConfs(schemas: ReadonlyMap<string, Json>): readonly Conf[] {
  const inference = new Inference(schemas)
  return inference.confs()
}

class Inference {
  readonly #schemas: ReadonlyMap<string, Json>
  /** Path of a schema of files → name of its type. */
  readonly #names = new Map<string, string>()
  readonly #confs = new Map<string, Conf>()
  readonly #faults: string[] = []

  constructor(schemas: ReadonlyMap<string, Json>) {
    this.#schemas = schemas
  }

  confs(): readonly Conf[] {
    const files = [...this.#schemas].filter(
      (entry): entry is [string, JsonObject] => !METASCHEMA.test(entry[0]) && isObjectSchema(entry[1]),
    )
    for (const [path] of files) {
      const name = typeName(path)
      const other = [...this.#names].find(([, known]) => known === name)?.[0]
      if (other !== undefined)
        this.#faults.push(`the schemas ${other} and ${path} would both be the type ${name}: rename one of them`)
      this.#names.set(path, name)
    }
    for (const [path, schema] of files) {
      const name = typeName(path)
      const fields = this.#fields(schema, { name, path }).map((field) =>
        field.type === 'string' && !field.isList && field.resource === undefined
          ? { ...field, isSearchable: true }
          : field,
      )
      const own = new Set(FILE_FIELDS.map((field) => field.name))
      this.#add({
        name,
        datafile: path,
        fields: [...FILE_FIELDS, ...fields.filter((field) => !own.has(field.name))],
        ...described(schema),
      })
    }
    if (files.length === 0) this.#faults.push('there is no schema of an object with properties, and no GraphQL types')
    if (this.#faults.length > 0) throw confFault(this.#faults)
    const query: Conf = {
      name: 'Query',
      fields: [
        ...files.map(([path]): Field => ({
          ...plain(queryName(typeName(path)), typeName(path)),
          isList: true,
          isRequired: true,
          datafileSchema: path,
        })),
        { ...plain('resources_v1', RESOURCE_TYPE), isList: true, isRequired: true, resource: 'list' },
      ],
    }
    return [...this.#confs.values(), RESOURCE_CONF, query]
  }

  #add(conf: Conf): void {
    if (this.#confs.has(conf.name) || conf.name === RESOURCE_TYPE || conf.name === 'Query')
      this.#faults.push(`two places would both be the type ${conf.name}`)
    this.#confs.set(conf.name, conf)
  }

  #fields(schema: JsonObject, at: Place): readonly Field[] {
    const properties = isRecord(schema['properties']) ? (schema['properties'] as JsonObject) : {}
    const demanded = Array.isArray(schema['required']) ? (schema['required'] as readonly Json[]) : []
    const fields = new Map<string, Field>()
    for (const [key, value] of Object.entries(properties)) {
      const name = fieldName(key)
      if (name === undefined) continue
      const other = fields.get(name)?.key
      if (other !== undefined) this.#faults.push(`${at.path}: ${other} and ${key} would both be the field ${name}`)
      fields.set(name, {
        ...this.#field(isRecord(value) ? value : {}, { ...at, name: `${at.name}_${name}` }),
        name,
        key,
        isRequired: demanded.includes(key) && !isNullable(value),
        ...(isRecord(value) ? described(value) : {}),
      })
    }
    return [...fields.values()]
  }

  #field(schema: JsonObject, at: Place): Omit<Field, 'name' | 'key' | 'isRequired'> {
    const one = { isList: false, isSearchable: false }
    const alternatives = schema['oneOf'] ?? schema['anyOf']
    if (Array.isArray(alternatives)) {
      // Inline or by reference: the inline one is taken to have the fields of the file's schema.
      const references = (alternatives as readonly Json[]).filter(
        (each): each is Record<string, Json> => isRecord(each) && '$ref' in each,
      )
      const names = references.map((each) => this.#field(each, at).type)
      return { ...one, type: names.find((name) => [...this.#names.values()].includes(name)) ?? 'json' }
    }
    const reference = schema['$ref']
    if (typeof reference === 'string') return this.#referred(schema, reference, at)
    const type = soleType(schema['type'])
    switch (type) {
      case 'string':
      case 'boolean':
        return { ...one, type }
      case 'integer':
        return { ...one, type: fitsInt(schema) ? 'int' : 'float' }
      case 'number':
        return { ...one, type: 'float' }
      case 'array': {
        const { items } = schema
        const item = isRecord(items) ? this.#field(items, at) : undefined
        // A list of lists, or of what may be null, has no form here.
        if (item === undefined || item.isList || isNullable(items)) return { ...one, type: 'json' }
        return { ...item, isList: true }
      }
      default:
    }
    if (isObjectSchema(schema)) {
      this.#add({ name: at.name, fields: this.#fields(schema, at), ...described(schema) })
      return { ...one, type: at.name }
    }
    const values = Array.isArray(schema['enum']) ? (schema['enum'] as readonly Json[]) : []
    const isText = type === undefined && values.length > 0 && values.every((value) => typeof value === 'string')
    return { ...one, type: isText ? 'string' : 'json' }
  }

  #referred(schema: JsonObject, reference: string, at: Place): Omit<Field, 'name' | 'key' | 'isRequired'> {
    const one = { isList: false, isSearchable: false }
    const [file = '', pointer = ''] = reference.split('#')
    if (pointer.endsWith('/crossref')) {
      const target = schema['$schemaRef']
      return {
        ...one,
        type: (typeof target === 'string' ? this.#names.get(absolute(target, at.path)) : undefined) ?? 'json',
      }
    }
    if (pointer.endsWith('/resourceref')) return { ...one, type: RESOURCE_TYPE, resource: 'path' }
    const path = file === '' ? at.path : absolute(file, at.path)
    const isFile = pointer === '' || pointer === '/'
    const known = isFile ? this.#names.get(path) : undefined
    if (known !== undefined) return { ...one, type: known }
    const target = pointed(this.#schemas.get(path), pointer)
    if (target === undefined) return { ...one, type: 'json' }
    const hops = (at.hops ?? 0) + 1
    if (!isObjectSchema(target))
      return hops > MOST_HOPS ? { ...one, type: 'json' } : this.#field(target, { name: at.name, path, hops })
    // A definition is one type wherever it is used; it may lead to itself.
    const name = `${typeName(path)}_${pointer.split('/').at(-1) ?? ''}`.replace(/\W/g, '_')
    if (!this.#confs.has(name)) {
      this.#confs.set(name, { name, fields: [] })
      const conf = { name, fields: this.#fields(target, { name, path }), ...described(target) }
      this.#confs.set(name, conf)
    }
    return { ...one, type: name }
  }
}

function pointed(document: Json | undefined, pointer: string): JsonObject | undefined {
  let value: unknown = document
  for (const part of pointer.split('/').slice(1)) {
    const key = part.replaceAll('~1', '/').replaceAll('~0', '~')
    value = isRecord(value) && Object.hasOwn(value, key) ? value[key] : undefined
  }
  return isRecord(value) ? (value as JsonObject) : undefined
}

function absolute(reference: string, from: string): string {
  return posix.resolve(posix.dirname(from), reference)
}

/** `/access/user-1.yml` → `AccessUser_v1`. */
function typeName(path: string): string {
  const [, stem = path, version] = /^(.*?)(?:-(\d+))?\.(?:ya?ml|json)$/.exec(path) ?? []
  const words = stem.split(/[^A-Za-z0-9]+/).filter((word) => word !== '')
  const name = words.map((word) => word.charAt(0).toUpperCase() + word.slice(1)).join('')
  return `${/^\d/.test(name) || name === '' ? 'T' : ''}${name}${version === undefined ? '' : `_v${version}`}`
}

function queryName(type: string): string {
  return type.charAt(0).toLowerCase() + type.slice(1)
}

/** Undefined for what is no data of the author: `$schema` and its like, and what has no letter in it. */
function fieldName(key: string): string | undefined {
  if (key.startsWith('$') || key.startsWith('__')) return undefined
  const name = key.replace(/\W/g, '_')
  if (!/[A-Za-z]/.test(name)) return undefined
  return /^\d/.test(name) ? `_${name}` : name
}

function isObjectSchema(value: unknown): value is JsonObject {
  if (!isRecord(value) || !isRecord(value['properties'])) return false
  const keys = Object.keys(value['properties']).filter((key) => fieldName(key) !== undefined)
  return keys.length > 0 && ['object', undefined].includes(soleType(value['type'] as Json | undefined))
}

/** The one type beside `null`. */
function soleType(type: Json | undefined): string | undefined {
  if (!Array.isArray(type)) return typeof type === 'string' ? type : undefined
  const others = (type as readonly Json[]).filter((name) => name !== 'null')
  return others.length === 1 && typeof others[0] === 'string' ? others[0] : 'any'
}

function isNullable(schema: unknown): boolean {
  return isRecord(schema) && Array.isArray(schema['type']) && schema['type'].includes('null')
}

/** GraphQL's Int has 32 bits; a schema that says its numbers may be larger is a Float, which holds them all. */
function fitsInt({ minimum, maximum }: JsonObject): boolean {
  const limit = 2 ** 31
  return (
    (minimum === undefined || (typeof minimum === 'number' && minimum >= -limit)) &&
    (maximum === undefined || (typeof maximum === 'number' && maximum < limit))
  )
}

function described({ description }: JsonObject): { readonly description?: string } {
  return typeof description === 'string' ? { description } : {}
}

function plain(name: string, type: string): Field {
  return { name, key: name, type, isList: false, isRequired: false, isSearchable: false }
}

function required(name: string, key = name): Field {
  return { ...plain(name, 'string'), key, isRequired: true }
}
