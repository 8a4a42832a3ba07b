// The value of one data file in, with the schemas and types of its parts: what it refers to, what must be unique, what its list items are called. The
// walk goes where the format's own goes: properties, items, whole-file $ref, and two kinds of oneOf. Looks at no other file.
import { createHash } from 'node:crypto'
import type { Json } from '../../event.js'
import { isRecord } from '../../util/is-record.js'
import { formatPath, type JsonPath } from '../../util/json-path.js'
import { exactJson, onlyKeys } from './exact-json.js'
import type { Finding } from './faults.js'
import { noFacts, pathText, type Facts } from './facts.js'
import { SCALARS, type Conf, type ConfField, type Confs } from './graphql-confs.js'
import { SameItems } from './same-items.js'

const RESOURCE_REF = '/common-1.json#/definitions/resourceref'

/** A schema, and where it is written. */
interface SchemaPart {
  readonly schema: Json
  readonly file: string
  readonly pointer: JsonPath
}

interface Node {
  readonly value: Json
  readonly at: JsonPath
  readonly part: SchemaPart | undefined
  /** The schema whose oneOf led to `part` by an enum. */
  readonly oneOf: SchemaPart | undefined
  readonly type: Conf | undefined
  readonly field: ConfField | undefined
  readonly parent: Node | undefined
}

export interface WalkOptions {
  readonly value: Readonly<Record<string, Json>>
  readonly schemas: ReadonlyMap<string, Json>
  readonly confs: Confs
}

/** The facts of a file, but for whether it fits its schema. */
export function walkFile({ value, schemas, confs }: WalkOptions): Facts {
  const schema = typeof value['$schema'] === 'string' ? value['$schema'] : null
  const type = schema === null ? undefined : confs.ofSchema(schema)
  const walk = new Walk(schemas, confs, schema)
  const own = schema === null ? undefined : schemas.get(schema)
  walk.visit({
    value,
    at: [],
    part: schema === null || own === undefined ? undefined : { schema: own, file: schema, pointer: [] },
    oneOf: undefined,
    type,
    field: undefined,
    parent: undefined,
  })
  const { facts } = walk
  const lists = new Map<string, [string, string, [number, string][]]>()
  const same = new SameItems(confs)
  const patches = new Map<string, [string, string]>()
  for (const item of walk.named.values()) {
    const id = identifierOf(item.value, item.fields)
    if (id === null) continue
    for (const part of [item.part, item.oneOf])
      if (part !== undefined) patches.set(`${part.file} ${pathText(part.pointer)}`, [part.file, pathText(part.pointer)])
    const key = JSON.stringify([item.at.slice(0, -1), item.type])
    const list = lists.get(key) ?? [pathText(item.at.slice(0, -1)), item.type, []]
    lists.set(key, list)
    list[2].push([item.index, id])
    const finding = same.add({ list: list[0], index: item.index, type: item.type, id })
    if (finding !== undefined) facts.findings.push(finding)
  }
  facts.lists.push(...lists.values())
  facts.patches.push(...patches.values())
  if (type !== undefined && type.contextUnique.length > 0)
    facts.rootIdentifier = identifierOf(value, new Set(type.contextUnique))
  return facts
}

/** Hex SHA-256 of the unique fields that are there; null where none is. */
function identifierOf(value: Json, fields: ReadonlySet<string>): string | null {
  if (!isRecord(value)) return null
  const names = Object.keys(value).filter((name) => fields.has(name))
  if (names.length === 0) return null
  return createHash('sha256')
    .update(exactJson(onlyKeys(value, names)))
    .digest('hex')
}

interface NamedItem {
  readonly value: Json
  readonly at: JsonPath
  readonly fields: Set<string>
  readonly part: SchemaPart | undefined
  readonly oneOf: SchemaPart | undefined
  readonly index: number
  readonly type: string
}

class Walk {
  readonly facts: ReturnType<typeof noFacts>
  readonly named = new Map<string, NamedItem>()
  readonly #schemas: ReadonlyMap<string, Json>
  readonly #confs: Confs

  constructor(schemas: ReadonlyMap<string, Json>, confs: Confs, schema: string | null) {
    this.#schemas = schemas
    this.#confs = confs
    this.facts = { ...noFacts(), schema }
  }

  visit(node: Node): void {
    const { value } = node
    this.#checkList(node)
    if (Array.isArray(value)) {
      for (const [index, item] of (value as readonly Json[]).entries()) this.visit(this.#item(node, item, index))
    } else if (isRecord(value)) {
      for (const [key, inner] of Object.entries(value as Readonly<Record<string, Json>>)) {
        if (key === '$ref' && typeof inner !== 'string') this.facts.findings.push(noReference([...node.at, key]))
        if (key !== '$schema') this.visit(this.#member(node, key, inner))
      }
    } else this.#leaf(node)
  }

  #member(node: Node, key: string, value: Json): Node {
    const { type, field } = typeOfMember(node, key, this.#confs)
    const { part } = node
    const inner =
      part === undefined || !isRecord(part.schema)
        ? undefined
        : Object.hasOwn(part.schema, '$schemaRef')
          ? part
          : below(part, ['properties', key])
    return this.#node({ value, at: [...node.at, key], part: inner, type, field, parent: node })
  }

  #item(node: Node, value: Json, index: number): Node {
    const part = node.part === undefined ? undefined : below(node.part, ['items'])
    return this.#node({ value, at: [...node.at, index], part, type: node.type, field: node.field, parent: node })
  }

  #node(node: Omit<Node, 'oneOf'>): Node {
    const fieldType = node.field === undefined ? undefined : this.#confs.types.get(node.field.type)
    const resolved = this.#resolve(node.part, node.value, fieldType)
    const concrete = this.#confs.concrete(fieldType, node.value)
    if (concrete !== undefined) return { ...node, ...resolved, type: concrete, field: undefined }
    return { ...node, ...resolved }
  }

  #resolve(part: SchemaPart | undefined, value: Json, type: Conf | undefined): Pick<Node, 'part' | 'oneOf'> {
    const whole = this.#followed(part)
    const choices =
      isRecord(whole?.schema) && !Object.hasOwn(whole.schema, '$schemaRef') ? whole.schema['oneOf'] : undefined
    if (whole === undefined || !Array.isArray(choices)) return { part: whole, oneOf: undefined }
    const parts = choices.map((_, index) => below(whole, ['oneOf', index])).filter((one) => one !== undefined)
    const references = parts.filter(({ schema }) => isRecord(schema) && Object.hasOwn(schema, '$schemaRef'))
    if (parts.length === 2 && references.length === 1) {
      const isReference = isRecord(value) && Object.hasOwn(value, '$ref')
      const chosen = parts.find((one) => references.includes(one) === isReference)
      return { part: this.#followed(chosen), oneOf: undefined }
    }
    const discriminator = isRecord(value) && type?.fieldMap ? value[type.fieldMap.field] : undefined
    if (type === undefined || type.fieldMap === null || typeof discriminator !== 'string')
      return { part: whole, oneOf: undefined }
    for (const one of parts) {
      const followed = this.#followed(one)
      const allowed = followed === undefined ? undefined : below(followed, ['properties', type.fieldMap.field, 'enum'])
      if (Array.isArray(allowed?.schema) && allowed.schema.includes(discriminator))
        return { part: followed, oneOf: whole }
    }
    return { part: undefined, oneOf: undefined }
  }

  /** A `$ref` that is a whole file leads to it; others stay as they are. */
  #followed(part: SchemaPart | undefined): SchemaPart | undefined {
    if (!isRecord(part?.schema) || Object.hasOwn(part.schema, '$schemaRef')) return part
    const file = part.schema['$ref']
    const schema = typeof file === 'string' ? this.#schemas.get(file) : undefined
    return schema === undefined || typeof file !== 'string' ? part : { schema, file, pointer: [] }
  }

  #leaf(node: Node): void {
    const { value, at, part, type, field } = node
    const key = at.at(-1)
    const schema = isRecord(part?.schema) ? part.schema : undefined
    const isResource = schema?.['$ref'] === RESOURCE_REF
    if (typeof value === 'string' && (isResource || field?.resolvesResource === true))
      this.facts.resources.push([pathText(at), value, isResource ? 1 : 0, part?.file ?? null])
    if (key === '$ref' && typeof value === 'string') {
      const expected = schema?.['$schemaRef']
      this.facts.references.push([
        pathText(at),
        value,
        typeof expected === 'string'
          ? expected
          : isRecord(expected) && part !== undefined
            ? [part.file, [...part.pointer, '$schemaRef']]
            : null,
        typeof at.at(-2) === 'number' ? 1 : 0,
      ])
    }
    if (type !== undefined && field !== undefined && key !== '$ref') {
      const over = type.interface === null ? undefined : this.#confs.types.get(type.interface)
      const owner = over?.fields.get(field.name)?.isUnique === true ? over : field.isUnique ? type : undefined
      if (owner !== undefined) this.facts.uniques.push([owner.name, field.name, exactJson(value), pathText(at)])
    }
    this.#nameItem(node)
  }

  /** A unique field of a list item, also where the field is a reference. */
  #nameItem(node: Node): void {
    const isReference = node.at.at(-1) === '$ref'
    if (isReference && typeof node.at.at(-2) === 'number') return
    const member = isReference ? node.parent : node
    const item = member?.parent
    const name = member?.at.at(-1)
    if (typeof name !== 'string' || item === undefined || typeof item.at.at(-1) !== 'number') return
    if (member?.field === undefined || !(member.field.isContextUnique || member.field.isUnique)) return
    const type = item.field === undefined ? item.type : this.#confs.types.get(item.field.type)
    const index = item.at.at(-1)
    if (type === undefined || typeof index !== 'number') return
    const key = pathText(item.at)
    const known = this.named.get(key)
    if (known !== undefined) known.fields.add(name)
    else
      this.named.set(key, {
        value: item.value,
        at: item.at,
        fields: new Set([name]),
        part: item.part,
        oneOf: item.oneOf,
        index,
        type: type.name,
      })
  }

  #checkList({ value, at, field }: Node): void {
    if (field === undefined || typeof at.at(-1) === 'number' || SCALARS.has(field.type)) return
    const isReference = isRecord(value) && typeof value['$ref'] === 'string'
    if (field.isList && isReference)
      this.facts.findings.push(
        mismatch(at, `${formatPath(at)} is a list in the GraphQL schema: write the reference as an item of one`),
      )
    if (!field.isList && Array.isArray(value))
      this.facts.findings.push(mismatch(at, `${formatPath(at)} is one ${field.type} in the GraphQL schema, not a list`))
  }
}

function typeOfMember(node: Node, key: string, confs: Confs): Pick<Node, 'type' | 'field'> {
  const { type, field } = node
  if (type === undefined) return { type: undefined, field: undefined }
  if (key === '$ref') return { type, field }
  if (field === undefined) return { type, field: type.fields.get(key) }
  const inner = confs.types.get(field.type)
  return { type: inner, field: inner?.fields.get(key) }
}

function below(part: SchemaPart, path: JsonPath): SchemaPart | undefined {
  let schema: unknown = part.schema
  for (const key of path) {
    if (typeof schema !== 'object' || schema === null || !Object.hasOwn(schema, key)) return undefined
    schema = (schema as Readonly<Record<string | number, unknown>>)[key]
  }
  return { schema: schema as Json, file: part.file, pointer: [...part.pointer, ...path] }
}

function mismatch(at: JsonPath, message: string): Finding {
  return { kind: 'REF', reason: 'LIST_MISMATCH', at, message, schema: null }
}

function noReference(at: JsonPath): Finding {
  return {
    kind: 'REF',
    reason: 'FILE_NOT_FOUND',
    at,
    message: 'a $ref must be the path of a data file, as a text that begins with /',
    schema: null,
  }
}
