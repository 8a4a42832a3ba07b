// What ajv says of a value in, one sentence a fault with its path out. Pure; of ajv it knows the shape of an error only.
import type { ErrorObject } from 'ajv'
import type { Json } from '../../event.js'
import { isRecord } from '../../util/is-record.js'
import { formatPath, type JsonPath } from '../../util/json-path.js'
import { didYouMean } from '../../util/suggest.js'

export interface SchemaProblem {
  readonly at: JsonPath
  /** The key itself is wrong, not its value. */
  readonly part?: 'key'
  readonly message: string
}

/** More choices are not listed. */
const SHOWN = 10

/** One problem for each error that says something: those of the branches of a oneOf or anyOf are summed up. */
export function errorsOf(errors: readonly ErrorObject[], value: Json): readonly SchemaProblem[] {
  const kept: { readonly error: ErrorObject; readonly nearest: ErrorObject | undefined }[] = []
  for (const error of errors) {
    if (error.keyword !== 'oneOf' && error.keyword !== 'anyOf') {
      // Told by the branches that were kept, or by the condition.
      if (error.keyword !== 'if') kept.push({ error, nearest: undefined })
      continue
    }
    // The branches' errors come right before the one that sums them up.
    const branches: ErrorObject[] = []
    while (kept.length > 0) {
      const last = kept.at(-1)?.error
      if (last === undefined || !isOfBranch(last, error)) break
      branches.push(last)
      kept.pop()
    }
    kept.push({ error, nearest: nearestOf(branches) })
  }
  const problems = kept.map(({ error, nearest }) => problemOf(error, nearest, value))
  const seen = new Set<string>()
  return problems.filter((problem) => {
    const key = JSON.stringify(problem)
    return seen.has(key) ? false : seen.add(key)
  })
}

function isOfBranch(error: ErrorObject, whole: ErrorObject): boolean {
  if (error.instancePath !== whole.instancePath && !error.instancePath.startsWith(`${whole.instancePath}/`))
    return false
  // A branch may lie in another schema; a keyword beside the oneOf lies in the same one, and not below it.
  const beside = whole.schemaPath.slice(0, whole.schemaPath.lastIndexOf('/') + 1)
  return error.schemaPath.startsWith(`${whole.schemaPath}/`) || !error.schemaPath.startsWith(beside)
}

/** The deepest one: its branch fitted furthest. A wrong constant mostly means that another branch was meant. */
function nearestOf(branches: readonly ErrorObject[]): ErrorObject | undefined {
  const rank = (error: ErrorObject): number =>
    error.instancePath.split('/').length * 2 - (['const', 'enum', '$ref'].includes(error.keyword) ? 3 : 0)
  return branches.toSorted((one, other) => rank(other) - rank(one))[0]
}

function problemOf(error: ErrorObject, nearest: ErrorObject | undefined, value: Json): SchemaProblem {
  const at = pathOf(error.instancePath, value)
  const name = at.length === 0 ? 'the file' : formatPath(at)
  const { params, parentSchema } = error as {
    params: Readonly<Record<string, Json>>
    parentSchema?: Readonly<Record<string, Json>>
  }
  const extra = textOf(params['additionalProperty'] ?? params['unevaluatedProperty'])
  switch (error.keyword) {
    case 'additionalProperties':
    case 'unevaluatedProperties': {
      const known = isRecord(parentSchema?.['properties']) ? Object.keys(parentSchema['properties']) : []
      const where = at.length === 0 ? '' : ` in ${name}`
      return {
        at: [...at, extra],
        part: 'key',
        message: `there is no key ${JSON.stringify(extra)}${where}.${didYouMean(extra, known)}`,
      }
    }
    case 'required':
      return {
        at,
        message: `the key ${JSON.stringify(params['missingProperty'])} is missing${at.length === 0 ? '' : ` in ${name}`}`,
      }
    case 'enum': {
      const allowed = Array.isArray(params['allowedValues']) ? (params['allowedValues'] as readonly Json[]) : []
      const found = error.data
      const hint =
        typeof found === 'string'
          ? didYouMean(
              found,
              allowed.filter((item) => typeof item === 'string'),
            )
          : ''
      const shown = allowed.slice(0, SHOWN).map((item) => JSON.stringify(item))
      const more = allowed.length > SHOWN ? ` and ${String(allowed.length - SHOWN)} more` : ''
      return { at, message: `${name} must be one of ${shown.join(', ')}${more}, not ${shownValue(found)}.${hint}` }
    }
    case 'const':
      return { at, message: `${name} must be ${JSON.stringify(params['allowedValue'])}, not ${shownValue(error.data)}` }
    case 'type':
      return {
        at,
        message: `${name} must be ${textOf(params['type']).replaceAll(',', ' or ')}, not ${shownValue(error.data)}`,
      }
    case 'pattern':
      return { at, message: `${name} must match ${textOf(params['pattern'])}, not ${shownValue(error.data)}` }
    case 'oneOf':
    case 'anyOf': {
      const passing: unknown = params['passingSchemas']
      if (Array.isArray(passing))
        return {
          at,
          message: `${name} fits more than one of the forms it may have (${passing.map((n) => Number(n) + 1).join(' and ')})`,
        }
      const hint = nearest === undefined ? '' : `; the nearest: ${problemOf(nearest, undefined, value).message}`
      return { at, message: `${name} fits none of the forms it may have${hint}` }
    }
    default:
      return { at, message: `${name} ${error.message ?? 'does not fit'}` }
  }
}

function textOf(value: Json | undefined): string {
  return typeof value === 'string' ? value : Array.isArray(value) ? value.join(',') : ''
}

/** Short, and never a whole part of the data. */
function shownValue(value: unknown): string {
  if (value === null) return 'null'
  if (Array.isArray(value)) return 'a list'
  if (typeof value === 'object') return 'a mapping'
  const text = JSON.stringify(value)
  return text.length > 60 ? `${text.slice(0, 57)}…` : text
}

/** The path of a JSON pointer inside a value: a part is a number in lists only. */
function pathOf(pointer: string, value: Json): JsonPath {
  const path: (string | number)[] = []
  let inside: unknown = value
  for (const part of pointer.split('/').slice(1)) {
    const name = part.replaceAll('~1', '/').replaceAll('~0', '~')
    const key = Array.isArray(inside) ? Number(name) : name
    path.push(key)
    inside =
      typeof inside === 'object' && inside !== null ? (inside as Readonly<Record<string, unknown>>)[key] : undefined
  }
  return path
}
