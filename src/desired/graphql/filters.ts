// The arguments of a field that lists files in, whether a file is among them out. Compares stored values: references are followed only by
// an inner `filter`. Must not: throw where there is no file to look at.
import type { Json } from '../../event.js'
import { isRecord } from '../../util/is-record.js'
import { isReference, type BundleIndex, type DataObject } from './bundle-index.js'
import { SCALARS, type Conf, type Field } from './confs.js'
import { GraphQLError } from './graphql-js.js'

/** The types by name, as filters need them. */
export type Confs = ReadonlyMap<string, Conf>

export interface Listing {
  readonly index: BundleIndex
  readonly confs: Confs
  /** Gets the `$schema` of each file that an inner `filter` went to. */
  readonly looked: Set<string>
  /** Name of the type of the files. */
  readonly type: string
}

/** The files that fit all arguments: searchable fields, `path`, `filter`. Null and what is not given do not count. */
export function select(
  files: readonly DataObject[],
  args: Readonly<Record<string, unknown>>,
  listing: Listing,
): readonly DataObject[] {
  if (files.length === 0) return files
  const given = Object.entries(args).filter(([, value]) => value !== null && value !== undefined)
  if (given.length === 0) return files
  const fields = filterFields(listing.confs, listing.type)
  const { filter } = args
  const looked = new Filter(listing)
  if (filter !== null && filter !== undefined) looked.check(filter, listing.type)
  return files.filter((file) =>
    given.every(([name, value]) => {
      if (name === 'filter') return looked.fits(file, value, listing.type)
      const field = fields.get(name)
      const raw = name === 'path' && field === undefined ? listing.index.pathOf(file) : looked.raw(file, name, field)
      return sameText(raw, value)
    }),
  )
}

/** An argument is text; a number or boolean is compared as it is written. */
function sameText(raw: unknown, value: unknown): boolean {
  return typeof raw === 'number' || typeof raw === 'boolean' ? String(raw) === value : raw === value
}

/** The fields that a filter may name: those of the type, and of the types that a `fieldMap` interface leads to. */
function filterFields(confs: Confs, type: string): ReadonlyMap<string, Field> {
  const conf = confs.get(type)
  const rule = conf?.rule
  const mapped = rule?.strategy === 'fieldMap' ? [...rule.fieldMap.values()] : []
  const all = [...mapped.map((name) => confs.get(name)), conf]
  return new Map(all.flatMap((each) => each?.fields ?? []).map((field) => [field.name, field]))
}

class Filter {
  readonly #index: BundleIndex
  readonly #confs: Confs
  readonly #looked: Set<string>
  readonly #fields = new Map<string, ReadonlyMap<string, Field>>()

  constructor({ index, confs, looked }: Listing) {
    this.#index = index
    this.#confs = confs
    this.#looked = looked
  }

  /** @throws GraphQLError `BAD_FILTER_FIELD`, `BAD_FILTER` */
  check(filter: unknown, type: string): void {
    if (typeof filter !== 'object' || filter === null) return
    for (const [name, condition] of Object.entries(filter)) {
      const field = this.#fieldsOf(type).get(name)
      if (field === undefined)
        throw new GraphQLError(`${type} has no field "${name}" to filter by`, {
          extensions: { code: 'BAD_FILTER_FIELD', gqlType: type },
        })
      if (!isRecord(condition)) continue
      if (Object.hasOwn(condition, 'in') && !Array.isArray(condition['in']))
        throw new GraphQLError(`filter: ${name}.in must be a list`, {
          extensions: { code: 'BAD_FILTER', gqlType: type },
        })
      if (Object.hasOwn(condition, 'filter')) this.check(condition['filter'], typeOf(field))
    }
  }

  fits(object: DataObject, filter: unknown, type: string): boolean {
    if (typeof filter !== 'object' || filter === null) return false
    return Object.entries(filter).every(([name, condition]) => this.#fitsField(object, name, condition, type))
  }

  raw(object: DataObject, name: string, field: Field | undefined): Json {
    const path = name === 'path' ? this.#index.pathOf(object) : undefined
    if (path !== undefined) return path
    const key = name === 'schema' ? '$schema' : (field?.key ?? name)
    return Object.hasOwn(object, key) ? (object[key] ?? null) : null
  }

  #fitsField(object: DataObject, name: string, condition: unknown, type: string): boolean {
    const field = this.#fieldsOf(type).get(name)
    const raw = this.raw(object, name, field)
    if (Array.isArray(condition)) {
      const items = condition as readonly unknown[]
      return Array.isArray(raw) && raw.length === items.length && raw.every((item, index) => item === items[index])
    }
    if (!isRecord(condition)) return raw === condition
    const operators = OPERATORS.filter((operator) => Object.hasOwn(condition, operator))
    return operators.length > 0 && operators.every((operator) => this.#holds(operator, raw, condition[operator], field))
  }

  #holds(operator: (typeof OPERATORS)[number], raw: Json, operand: unknown, field: Field | undefined): boolean {
    switch (operator) {
      case 'in':
        return raw !== null && (operand as readonly unknown[]).includes(raw)
      case 'ne':
        // Undefined: a variable that was not given, which matches nothing.
        return operand !== undefined && raw !== operand
      case 'filter':
        return this.#fitsBehind(raw, operand, typeOf(field))
    }
  }

  #fitsBehind(raw: Json, filter: unknown, type: string): boolean {
    if (raw === null || typeof filter !== 'object' || filter === null) return false
    if (!Array.isArray(raw)) {
      const object = this.#followed(raw)
      return object !== undefined && this.fits(object, filter, type)
    }
    const items = (raw as readonly Json[]).map((item) => this.#followed(item))
    return Object.entries(filter).every(([name, condition]) => {
      // A list has no fields of its own: only what asks for each element can be true of it.
      const asksElements = isRecord(condition) && OPERATORS.some((operator) => Object.hasOwn(condition, operator))
      if (!asksElements) return condition === null
      return items.every((item) => item !== undefined && this.#fitsField(item, name, condition, type))
    })
  }

  #followed(value: Json): DataObject | undefined {
    if (!isReference(value)) return isRecord(value) ? value : undefined
    const file = this.#index.file(value.$ref)
    if (typeof file?.['$schema'] === 'string') this.#looked.add(file['$schema'])
    return file
  }

  #fieldsOf(type: string): ReadonlyMap<string, Field> {
    const known = this.#fields.get(type) ?? filterFields(this.#confs, type)
    this.#fields.set(type, known)
    return known
  }
}

const OPERATORS = ['in', 'ne', 'filter'] as const

function typeOf(field: Field | undefined): string {
  const type = field?.type ?? 'json'
  return (SCALARS as readonly string[]).includes(type) ? type.toUpperCase() : type
}
