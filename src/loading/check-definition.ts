// What a module exported in, a checked definition or every mistake in it out. Pure: calls nothing of the author's.
import type { AnyIntegration } from '../integration.js'
import { didYouMean, suggest } from '../util/suggest.js'

export type CheckedDefinition =
  | { readonly kind: 'valid'; readonly definition: AnyIntegration }
  /** `name` is the declared one where there is one. */
  | { readonly kind: 'invalid'; readonly problems: readonly string[]; readonly name: string | undefined }

export interface CheckOptions {
  /** The name that the file or folder carries; null where any name is right. */
  readonly expectedName: string | null
}

type Fields = Readonly<Record<string, unknown>>

const NAME = /^[a-z][a-z0-9-]*$/
const ENV_NAME = /^[A-Za-z_][A-Za-z0-9_]*$/
const DELETE_POLICIES =
  '"never" (nothing is ever deleted), "owned" (only what this target is proven to own) or "all" (every listed object that is not desired); there is no default'

/** Every field that an integration may have, with the check of its value. */
const FIELDS: Readonly<Record<string, (value: unknown) => readonly string[]>> = {
  name: (value) =>
    problem(
      typeof value === 'string' && NAME.test(value),
      `name must be lower-case letters, digits and dashes, starting with a letter, not ${show(value)}`,
    ),
  version: (value) =>
    problem(typeof value === 'string' && value !== '', `version must be a text such as '1.0.0', not ${show(value)}`),
  description: (value) => problem(typeof value === 'string', `description must be a text, not ${show(value)}`),
  params: (value) =>
    problem(isSchema(value), `params must be a Standard Schema, such as z.object({ … }), not ${show(value)}`),
  inputs: checkInputs,
  external: (value) => problem(typeof value === 'boolean', `external must be true or false, not ${show(value)}`),
  env: checkEnv,
  secrets: checkSecrets,
  deletePolicy: (value) =>
    problem(
      value === 'never' || value === 'owned' || value === 'all',
      `deletePolicy must be ${DELETE_POLICIES}; it is ${show(value)}`,
    ),
  destination: (value) => mustBeFunction('destination', value),
  desiredState: (value) => mustBeFunction('desiredState', value),
  shards: (value) => mustBeFunction('shards', value),
  items: (value) => mustBeFunction('items', value),
  run: (value) => mustBeFunction('run', value),
  describe: (value) => problem(typeof value === 'string', `describe must be a text, not ${show(value)}`),
  limits: checkLimits,
}

const REQUIRED: Readonly<Record<string, string>> = {
  name: 'name is missing',
  version: "version is missing: any text, such as '1.0.0'",
  deletePolicy: `deletePolicy is missing: say ${DELETE_POLICIES}`,
  desiredState: 'desiredState is missing: a function that returns what should be',
  run: 'run is missing: a function that returns ctx.plan(…)',
}

/** Checks a module's exports: `defineIntegration()`, a plain object as default, or plain exports. */
export function checkModule(exports: Fields, options: CheckOptions): CheckedDefinition {
  const byDefault = exports['default']
  const isPlain = ['name', 'run', 'desiredState', 'deletePolicy'].some((field) => Object.hasOwn(exports, field))
  if (isObject(byDefault) && !isThenable(byDefault)) return checkExported(byDefault, options)
  if (isPlain) return checkFields(plainExports(exports), { ...options, isStrict: false })
  const found =
    byDefault === undefined
      ? Object.keys(exports).length === 0
        ? 'it exports nothing'
        : `it exports only ${Object.keys(exports).join(', ')}`
      : isThenable(byDefault)
        ? 'its default export is a promise (put `await` before it)'
        : `its default export is ${show(byDefault)}`
  return invalid([
    `is no integration: ${found}. Write \`export default defineIntegration({ … })\`; a helper's file name may start with "_"`,
  ])
}

/** Checks one exported value: what `defineIntegration()` returned, or a plain definition object. */
export function checkExported(value: unknown, options: CheckOptions): CheckedDefinition {
  if (!isObject(value)) return invalid([`is no integration but ${show(value)}`])
  if (value['kind'] !== 'integration') return checkFields(value, { ...options, isStrict: true })
  const definition = value['definition']
  if (!isObject(definition)) return invalid([`defineIntegration() was given ${show(definition)}: give it an object`])
  return checkFields(definition, { ...options, isStrict: true })
}

function checkFields(fields: Fields, options: CheckOptions & { readonly isStrict: boolean }): CheckedDefinition {
  const problems: string[] = []
  for (const [field, check] of Object.entries(FIELDS)) {
    const value = fields[field]
    if (value !== undefined) problems.push(...check(value))
    else if (REQUIRED[field] !== undefined) problems.push(REQUIRED[field])
  }
  for (const field of Object.keys(fields)) {
    if (Object.hasOwn(FIELDS, field)) continue
    // Plain exports may stand beside others, for tests and the like: only what looks like a missing field is a mistake there.
    if (
      !options.isStrict &&
      suggest(
        field,
        Object.keys(FIELDS).filter((known) => fields[known] === undefined),
      ) === undefined
    )
      continue
    problems.push(`${field} is not a field of an integration.${didYouMean(field, Object.keys(FIELDS))}`)
  }
  const name = typeof fields['name'] === 'string' ? fields['name'] : undefined
  if (name !== undefined && options.expectedName !== null && name !== options.expectedName) {
    problems.push(
      `name is ${show(name)}, but its file or folder is called ${show(options.expectedName)}: make them the same`,
    )
  }
  // The object itself is kept, so that methods that use `this` still work.
  return problems.length === 0
    ? { kind: 'valid', definition: fields as unknown as AnyIntegration }
    : { kind: 'invalid', problems, name }
}

function plainExports(exports: Fields): Fields {
  return Object.fromEntries(
    Object.entries(exports).filter(([key]) => !['default', '__esModule', 'module.exports'].includes(key)),
  )
}

function checkInputs(value: unknown): readonly string[] {
  if (typeof value === 'function') return []
  if (!Array.isArray(value)) return [`inputs must be a list of globs or a function, not ${show(value)}`]
  return value.flatMap((glob: unknown, at) => checkGlob(glob, `inputs[${at}]`))
}

/** What is wrong with one glob of `inputs`; empty when nothing is. */
export function checkGlob(glob: unknown, where: string): readonly string[] {
  if (typeof glob !== 'string' || glob === '') return [`${where} must be a glob, not ${show(glob)}`]
  const path = glob.replace(/^!(?!\()/, '')
  if (path.startsWith('/') || /^[A-Za-z]:[\\/]/.test(path))
    return [`${where} ${show(glob)} is absolute: globs start at the repository root`]
  if (path.split(/[\\/]/).includes('..'))
    return [`${where} ${show(glob)} contains "..": globs start at the repository root and cannot leave it`]
  return []
}

function checkEnv(value: unknown): readonly string[] {
  if (!Array.isArray(value)) return [`env must be a list of variable names, not ${show(value)}`]
  return value.flatMap((name: unknown, at) => {
    if (typeof name !== 'string' || !ENV_NAME.test(name))
      return [`env[${at}] must be the name of a variable, not ${show(name)}`]
    if (/^TRUEUP_(SECRET_|TOKEN$|QUEUE$|HOOK_SECRET$)/.test(name))
      return [`env[${at}] ${show(name)} is reserved: declare the secret in secrets`]
    return []
  })
}

function checkSecrets(value: unknown): readonly string[] {
  if (!Array.isArray(value)) return [`secrets must be a list of { path, field?, version?, for? }, not ${show(value)}`]
  return value.flatMap((secret: unknown, at) => {
    const where = `secrets[${at}]`
    if (!isObject(secret)) return [`${where} must be { path, field?, version?, for? }, not ${show(secret)}`]
    const texts = ['path', 'field', 'version']
    const known = [...texts, 'for']
    return [
      ...problem(secret['path'] !== undefined, `${where} has no path`),
      ...texts.flatMap((key) =>
        problem(
          secret[key] === undefined || (typeof secret[key] === 'string' && secret[key] !== ''),
          `${where}.${key} must be a text, not ${show(secret[key])}`,
        ),
      ),
      ...problem(
        secret['for'] === undefined || secret['for'] === 'plan' || secret['for'] === 'apply',
        `${where}.for must be "plan" or "apply", not ${show(secret['for'])}`,
      ),
      ...Object.keys(secret).flatMap((key) =>
        problem(known.includes(key), `${where}.${key} is unknown.${didYouMean(key, known)}`),
      ),
    ]
  })
}

const LIMITS: Readonly<Record<string, (value: unknown, where: string) => readonly string[]>> = {
  maxDeletes: checkAmount,
  maxChanges: checkAmount,
  percentFrom: (value, where) => problem(isCount(value), `${where} must be a count, not ${show(value)}`),
  allowEmpty: (value, where) =>
    problem(typeof value === 'boolean', `${where} must be true or false, not ${show(value)}`),
  protect: (value, where) => mustBeFunction(where, value),
  invariants: (value, where) =>
    Array.isArray(value)
      ? value.flatMap((each: unknown, at) => mustBeFunction(`${where}[${at}]`, each))
      : [`${where} must be a list of functions, not ${show(value)}`],
}

function checkLimits(value: unknown): readonly string[] {
  if (!isObject(value)) return [`limits must be an object, not ${show(value)}`]
  return Object.entries(value).flatMap(([key, limit]) => {
    const check = Object.hasOwn(LIMITS, key) ? LIMITS[key] : undefined
    if (check === undefined) return [`limits.${key} is unknown.${didYouMean(key, Object.keys(LIMITS))}`]
    return limit === undefined ? [] : check(limit, `limits.${key}`)
  })
}

function checkAmount(value: unknown, where: string): readonly string[] {
  return problem(
    isCount(value) || (typeof value === 'string' && /^\d+(?:\.\d+)?%?$/.test(value)),
    `${where} must be a count or a percentage such as '10%', not ${show(value)}`,
  )
}

function isCount(value: unknown): boolean {
  return typeof value === 'number' && Number.isInteger(value) && value >= 0
}

function mustBeFunction(what: string, value: unknown): readonly string[] {
  return problem(typeof value === 'function', `${what} must be a function, not ${show(value)}`)
}

function problem(isRight: boolean, text: string): readonly string[] {
  return isRight ? [] : [text]
}

function invalid(problems: readonly string[]): CheckedDefinition {
  return { kind: 'invalid', problems, name: undefined }
}

/** Some schema libraries make theirs callable. */
function isSchema(value: unknown): boolean {
  if ((typeof value !== 'object' && typeof value !== 'function') || value === null) return false
  const standard: unknown = (value as { '~standard'?: unknown })['~standard']
  return isObject(standard) && standard['version'] === 1 && typeof standard['validate'] === 'function'
}

function isObject(value: unknown): value is Fields {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

function isThenable(value: unknown): boolean {
  return isObject(value) && typeof value['then'] === 'function'
}

/** A value in few words. */
function show(value: unknown): string {
  if (typeof value === 'string') return JSON.stringify(value.length > 60 ? `${value.slice(0, 60)}…` : value)
  if (value === null || typeof value === 'number' || typeof value === 'boolean') return String(value)
  if (value === undefined) return 'nothing'
  if (typeof value === 'function') return 'a function'
  return Array.isArray(value) ? 'a list' : `a ${typeof value === 'object' ? 'plain object' : typeof value}`
}
