// All schemas of one revision in, what is wrong with them and with values out. The only file that knows `ajv`. Compiles a schema when it is first
// needed, and a second time, for all errors, when a first value does not fit.
import { createRequire } from 'node:module'
import { Ajv, type AnySchemaObject, type ErrorObject, type Options, type ValidateFunction } from 'ajv'
import { Ajv2020 } from 'ajv/dist/2020.js'
import type { Json } from '../../event.js'
import { isRecord } from '../../util/is-record.js'
import { formatPath, type JsonPath } from '../../util/json-path.js'
import type { Finding } from './faults.js'
import { pythonPattern } from './python-pattern.js'
import { errorsOf, type SchemaProblem } from './schema-errors.js'
import { draft6Schema, preparedSchema, type Draft } from './schema-drafts.js'

export type DataFormat = 'default' | 'qontract'

/** What a value does not fit. */
export type Verdict = readonly SchemaProblem[] | { readonly broken: string }

const DRAFTS: ReadonlyMap<string, Draft> = new Map([
  ['http://json-schema.org/draft-06/schema', '6'],
  ['http://json-schema.org/draft-07/schema', '7'],
  ['https://json-schema.org/draft/2020-12/schema', '2020'],
])

export class SchemaSet {
  readonly #format: DataFormat
  readonly #schemas: ReadonlyMap<string, Json>
  readonly #compilers = new Map<string, Ajv | Ajv2020>()
  readonly #compiled = new Map<string, ValidateFunction | { readonly broken: string }>()

  constructor(format: DataFormat, schemas: ReadonlyMap<string, Json>) {
    this.#format = format
    this.#schemas = schemas
  }

  has(path: string): boolean {
    return this.#schemas.has(path)
  }

  /** Everything that is wrong with one schema itself. */
  check(path: string): readonly Finding[] {
    const schema = this.#schemas.get(path) ?? null
    const finding = (reason: Finding['reason'], message: string, at: Finding['at'] = []): Finding => ({
      kind: 'SCHEMA',
      reason,
      at,
      message,
      schema: isRecord(schema) && typeof schema['$schema'] === 'string' ? schema['$schema'] : null,
    })
    if (!isRecord(schema)) return [finding('MISSING_SCHEMA_URL', 'a schema file must be a mapping with a $schema')]
    const meta = schema['$schema']
    if (typeof meta !== 'string')
      return [finding('MISSING_SCHEMA_URL', 'the key "$schema" is missing: it names the metaschema or the draft')]
    const draft = this.#draftOf(path)
    if (draft === undefined)
      return [
        finding(
          'META_SCHEMA_NOT_FOUND',
          `there is no metaschema ${meta}: it is neither among the schemas nor a draft that is read (${this.#knownDrafts()})`,
          ['$schema'],
        ),
      ]
    const ofDraft = this.#problemsOf(this.#draftCheck(draft), schema)
    if (ofDraft.length > 0) return ofDraft.map(({ message, at }) => finding('SCHEMA_ERROR', message, at))
    const compiled = this.#validator(path, false)
    if ('broken' in compiled) return [finding('SCHEMA_ERROR', compiled.broken)]
    if (!this.#schemas.has(meta)) return []
    const problems = this.validate(meta, schema)
    return 'broken' in problems ? [] : problems.map(({ message, at }) => finding('VALIDATION_ERROR', message, at))
  }

  /** What of `value` does not fit the schema of that path, which must be there. A schema that is broken has been told by {@link check}. */
  validate(path: string, value: Json): Verdict {
    const quick = this.#validator(path, false)
    if ('broken' in quick) return quick
    if (quick(value)) return []
    const thorough = this.#validator(path, true)
    return 'broken' in thorough ? thorough : this.#problemsOf(thorough, value)
  }

  /** As {@link validate}, for a schema that is a part of the one of that path. */
  validatePart(path: string, pointer: JsonPath, value: Json): Verdict {
    const name = `${path}#${JSON.stringify(pointer)}`
    for (const all of [false, true]) {
      if (this.#compiled.has(this.#keyOf(name, all))) continue
      const schema = valueAt(this.#schemas.get(path), pointer)
      const draft = this.#draftOf(path) ?? '6'
      const isSchema = isRecord(schema)
      this.#compiled.set(
        this.#keyOf(name, all),
        isSchema
          ? this.#compile(this.#compiler(draft, all), preparedSchema(schema, draft))
          : { broken: `there is no schema at ${formatPath(pointer)} of ${path}` },
      )
    }
    return this.validate(name, value)
  }

  #problemsOf(validate: ValidateFunction, value: unknown): readonly SchemaProblem[] {
    return validate(value) ? [] : errorsOf((validate.errors ?? []) as readonly ErrorObject[], value)
  }

  #keyOf(path: string, all: boolean): string {
    return `${all ? 'all' : 'first'} ${path}`
  }

  #validator(path: string, all: boolean): ValidateFunction | { readonly broken: string } {
    const key = this.#keyOf(path, all)
    const known = this.#compiled.get(key)
    if (known !== undefined) return known
    const draft = this.#draftOf(path)
    const compiled =
      draft === undefined
        ? { broken: `the draft of ${path} is not known` }
        : this.#compile(this.#compiler(draft, all), { $ref: path })
    this.#compiled.set(key, compiled)
    return compiled
  }

  #compile(
    compiler: Ajv | Ajv2020,
    schema: Readonly<Record<string, Json>>,
  ): ValidateFunction | { readonly broken: string } {
    try {
      return compiler.compile(schema as AnySchemaObject)
    } catch (error) {
      return { broken: String(error instanceof Error ? error.message : error) }
    }
  }

  /** One compiler a draft, which knows all schemas: what a schema refers to is read by the draft of the one that refers. */
  #compiler(draft: Draft, all: boolean): Ajv | Ajv2020 {
    const key = this.#keyOf(draft, all)
    let compiler = this.#compilers.get(key)
    if (compiler === undefined) {
      const options = this.#options(all)
      compiler = draft === '2020' ? new Ajv2020(options) : new Ajv(options)
      for (const [path, schema] of this.#schemas)
        if (isRecord(schema)) compiler.addSchema(preparedSchema(schema, draft), path)
      this.#compilers.set(key, compiler)
    }
    return compiler
  }

  #options(all: boolean): Options {
    const isPython = this.#format === 'qontract'
    const search = (pattern: string, flags: string): RegExp =>
      isPython ? pythonPattern(pattern) : new RegExp(pattern, flags)
    return {
      strict: false,
      allErrors: all,
      verbose: all,
      validateFormats: false,
      validateSchema: false,
      addUsedSchema: false,
      logger: false,
      messages: true,
      code: { regExp: Object.assign(search, { code: 'pattern' }) },
    }
  }

  #draftCheck(draft: Draft): ValidateFunction {
    const key = `draft ${draft}`
    const known = this.#compiled.get(key)
    if (typeof known === 'function') return known
    const options = { strict: false, allErrors: true, verbose: true, validateFormats: false, logger: false } as const
    const compiler = draft === '2020' ? new Ajv2020(options) : new Ajv(options)
    if (draft === '6') compiler.addMetaSchema(draft6Schema(createRequire(import.meta.url)))
    const url = [...DRAFTS].find(([, name]) => name === draft)?.[0] ?? ''
    const check = compiler.compile({ $ref: draft === '2020' ? url : `${url}#` })
    this.#compiled.set(key, check)
    return check
  }

  #knownDrafts(): string {
    return [...DRAFTS]
      .filter(([, draft]) => this.#format === 'default' || draft === '6')
      .map(([url]) => url)
      .join(', ')
  }

  /** Follows a metaschema that is a file to the draft it is of. In the qontract format everything is draft 6. */
  #draftOf(path: string): Draft | undefined {
    let schema = this.#schemas.get(path)
    for (let steps = 0; steps < 8; steps++) {
      const meta = isRecord(schema) ? schema['$schema'] : undefined
      if (typeof meta !== 'string') return undefined
      const draft = DRAFTS.get(meta.replace(/#$/, ''))
      if (draft !== undefined) return this.#format === 'default' || draft === '6' ? draft : undefined
      if (!this.#schemas.has(meta)) return undefined
      if (this.#format === 'qontract') return '6'
      schema = this.#schemas.get(meta)
    }
    return undefined
  }
}

/** What a value holds at a path; undefined where there is nothing. */
export function valueAt(value: Json | undefined, path: JsonPath): Json | undefined {
  let inside: Json | undefined = value
  for (const part of path) {
    if (typeof inside !== 'object' || inside === null) return undefined
    inside = Object.hasOwn(inside, part) ? (inside as Readonly<Record<string, Json>>)[part] : undefined
  }
  return inside
}
