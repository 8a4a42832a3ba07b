// An integration's parameter schema and what was given in, described or checked parameters out.
// Knows Standard Schema and its JSON Schema door only: no schema library is named or loaded here.
import type { StandardJSONSchemaV1, StandardSchemaV1 } from '@standard-schema/spec'
import { TrueupError } from './errors.js'
import type { Json } from './event.js'
import type { AnyIntegration } from './integration.js'
import { coerceText } from './loading/param-text.js'
import type { ParamDescription, ParamType } from './loading/param-text.js'
import { isRecord } from './util/is-record.js'
import { didYouMean } from './util/suggest.js'

export type { ParamDescription }

export interface ResolveParamsOptions {
  /** For messages. */
  readonly target: string
  /** `params:` of the target in trueup.yaml. */
  readonly file: Readonly<Record<string, unknown>>
  /** Texts of `--param name=value`, by name; they win over the file. */
  readonly flags: Readonly<Record<string, string>>
}

type Fields = Readonly<Record<string, unknown>>

const TYPES: readonly ParamType[] = ['string', 'number', 'integer', 'boolean', 'array', 'object', 'null']

/**
 * The parameters that an integration takes, in the order of its schema; empty when it declares none.
 * Errors: `integration-invalid` for a schema that cannot give a JSON Schema, or is not one of an object.
 */
export async function describeParams(definition: AnyIntegration): Promise<readonly ParamDescription[]> {
  return (await readSchema(definition))?.params ?? []
}

/**
 * Checks parameters with the integration's schema and fills its defaults; an integration without a schema gets `{}`.
 * Errors: `params-invalid`, one line a mistake, each naming the target, the parameter and where it was given.
 */
export async function resolveParams(
  definition: AnyIntegration,
  options: ResolveParamsOptions,
): Promise<{ readonly values: unknown }> {
  const { target, file, flags } = options
  const described = await readSchema(definition)
  const given = [...new Set([...Object.keys(file), ...Object.keys(flags)])]
  if (described === undefined || definition.params === undefined) {
    const problems = given.map(
      (name) => `${target}: ${definition.name} takes no parameters; given: ${quote(name)} (${origin(name, options)})`,
    )
    if (problems.length > 0) throw paramsError(target, problems)
    return { values: Object.freeze({}) }
  }

  const problems: string[] = []
  const names = described.params.map(({ name }) => name)
  if (!described.isOpen) {
    for (const name of given.filter((each) => !names.includes(each))) {
      const known =
        names.length === 0 ? ' It takes none.' : didYouMean(name, names) || ` It takes: ${names.join(', ')}.`
      problems.push(`${target}: ${definition.name} has no parameter ${quote(name)} (${origin(name, options)}).${known}`)
    }
  }
  // Own properties by definition, so that a parameter called __proto__ is only a name.
  const values: Record<string, unknown> = Object.fromEntries(Object.entries(file))
  for (const [name, text] of Object.entries(flags)) {
    const coerced = coerceText(
      text,
      described.params.find((each) => each.name === name),
    )
    if (coerced.kind === 'value')
      Object.defineProperty(values, name, {
        value: coerced.value,
        enumerable: true,
        configurable: true,
        writable: true,
      })
    else
      problems.push(
        `${target}: parameter ${quote(name)} must be ${coerced.expected}, not ${quote(text)} (${origin(name, options)})`,
      )
  }
  if (problems.length > 0) throw paramsError(target, problems)

  const result = await definition.params['~standard'].validate(values)
  if (result.issues === undefined) return { values: result.value }
  throw paramsError(
    target,
    result.issues.map((issue) => issueText(issue, values, options)),
  )
}

interface ParamsSchema {
  readonly params: readonly ParamDescription[]
  /** Takes names that it does not list. */
  readonly isOpen: boolean
}

async function readSchema(definition: AnyIntegration): Promise<ParamsSchema | undefined> {
  const schema = definition.params
  if (schema === undefined) return undefined
  const json = jsonSchemaOf(schema, definition.name)
  const properties = isRecord(json['properties']) ? json['properties'] : {}
  const required = Array.isArray(json['required']) ? (json['required'] as unknown[]) : []
  const additional = json['additionalProperties']
  if (json['type'] !== undefined && json['type'] !== 'object') {
    throw new TrueupError(
      'integration-invalid',
      `${definition.name}: params must be a schema of an object; it is one of ${JSON.stringify(json['type'])}`,
    )
  }
  const defaults = await defaultsOf(schema)
  const params = Object.entries(properties).map(([name, property]) =>
    describe({
      name,
      property: isRecord(property) ? property : {},
      isRequired: required.includes(name),
      fallback: defaults[name],
    }),
  )
  const isOpen = (additional !== undefined && additional !== false) || json['patternProperties'] !== undefined
  return { params, isOpen }
}

function jsonSchemaOf(schema: StandardSchemaV1, integration: string): Fields {
  const door = (schema['~standard'] as Partial<StandardJSONSchemaV1.Props>).jsonSchema
  const advice =
    'Use zod 4.2 or later (not zod/mini), arktype 2.1.28 or later, or wrap a valibot schema in toStandardJsonSchema() of @valibot/to-json-schema'
  if (door === undefined) {
    throw new TrueupError(
      'integration-invalid',
      `${integration}: the schema of params (${schema['~standard'].vendor}) gives no JSON Schema, which --param and \`trueup show\` need. ${advice}.`,
    )
  }
  try {
    // `input`, since that is what people write; libraries are asked to leave out what JSON cannot say, instead of failing.
    return door.input({
      target: 'draft-2020-12',
      libraryOptions: {
        unrepresentable: 'any',
        fallback: (context: { readonly base?: unknown }) => context.base ?? {},
      },
    })
  } catch (thrown) {
    const why = thrown instanceof Error ? thrown.message : String(thrown)
    throw new TrueupError(
      'integration-invalid',
      `${integration}: the schema of params (${schema['~standard'].vendor}) cannot be said as JSON Schema: ${why}`,
      { cause: thrown },
    )
  }
}

/** What the schema itself fills in for nothing; some libraries leave it out of their JSON Schema. */
async function defaultsOf(schema: StandardSchemaV1): Promise<Fields> {
  try {
    const result = await schema['~standard'].validate({})
    return result.issues === undefined && isRecord(result.value) ? result.value : {}
  } catch {
    return {}
  }
}

interface Property {
  readonly name: string
  readonly property: Fields
  readonly isRequired: boolean
  readonly fallback: unknown
}

function describe({ name, property, isRequired, fallback }: Property): ParamDescription {
  const type = typeOf(property)
  const choices = choicesOf(property)
  const standard = Object.hasOwn(property, 'default')
    ? property['default']
    : isJson(fallback) && !isRequired
      ? fallback
      : undefined
  return {
    name,
    type,
    required: isRequired,
    ...(standard === undefined ? {} : { default: standard as Json }),
    ...(typeof property['description'] === 'string' ? { description: property['description'] } : {}),
    ...(choices === undefined ? {} : { enum: choices }),
    ...(type === 'array' && isRecord(property['items']) ? { items: typeOf(property['items']) } : {}),
  }
}

function choicesOf(property: Fields): readonly Json[] | undefined {
  if (Array.isArray(property['enum'])) return property['enum'] as Json[]
  return property['const'] === undefined ? undefined : [property['const'] as Json]
}

/** One type where the schema takes one (null aside), else `any`. */
function typeOf(property: Fields): ParamType {
  const found = new Set(typesIn(property))
  if (found.size > 1) found.delete('null')
  if (found.has('integer') && found.has('number')) found.delete('integer')
  const [only] = found
  return only !== undefined && found.size === 1 ? only : 'any'
}

function typesIn(property: Fields): readonly ParamType[] {
  const declared = property['type']
  if (declared !== undefined)
    return ([declared].flat() as unknown[]).filter((each): each is ParamType => TYPES.includes(each as ParamType))
  const choices = choicesOf(property)
  if (choices !== undefined)
    return choices.map((each) => (each === null ? 'null' : Array.isArray(each) ? 'array' : (typeof each as ParamType)))
  const branches = [property['anyOf'], property['oneOf']].find(Array.isArray) as unknown[] | undefined
  return branches === undefined ? ['any'] : branches.flatMap((each) => typesIn(isRecord(each) ? each : {}))
}

function issueText(issue: StandardSchemaV1.Issue, values: Fields, options: ResolveParamsOptions): string {
  const path = (issue.path ?? []).map((part) => (typeof part === 'object' ? part.key : part))
  const name = path[0]
  if (name === undefined) return `${options.target}: parameters: ${issue.message}`
  const key = String(name)
  if (path.length === 1 && !Object.hasOwn(values, key)) {
    return `${options.target}: parameter ${quote(key)} is missing: give --param ${key}=…, or set it in params: of the target in trueup.yaml`
  }
  const inside = path
    .slice(1)
    .map((part) => (typeof part === 'number' ? `[${part}]` : `.${String(part)}`))
    .join('')
  return `${options.target}: parameter ${quote(key + inside)}: ${issue.message} (${origin(key, options)})`
}

function origin(name: string, { flags }: ResolveParamsOptions): string {
  return Object.hasOwn(flags, name) ? `from --param ${name}` : 'from trueup.yaml'
}

function paramsError(target: string, problems: readonly string[]): TrueupError {
  return new TrueupError('params-invalid', problems.join('\n'), { details: { target, problems } })
}

function isJson(value: unknown): boolean {
  if (value === null || ['string', 'boolean'].includes(typeof value)) return true
  if (typeof value === 'number') return Number.isFinite(value)
  if (Array.isArray(value)) return value.every(isJson)
  return isRecord(value) && Object.getPrototypeOf(value) === Object.prototype && Object.values(value).every(isJson)
}

function quote(text: string): string {
  return JSON.stringify(text)
}
