// A parsed file and a Standard Schema come in, the schema's output goes out. All issues of a file are one error.
import type { StandardSchemaV1 } from '@standard-schema/spec'
import { TrueupError } from '../errors.js'
import { formatPath } from '../util/json-path.js'
import type { ParsedDocument } from './parse-document.js'

/** One thing that is wrong in a data file; the `errors` in the details of a `desired-invalid` error. */
export interface DataIssue {
  readonly file: string
  readonly line: number
  readonly column: number
  /** Inside the file, like `records[3].type`; empty for the whole. */
  readonly path: string
  readonly message: string
}

/**
 * @param file repository path, for messages
 * @throws TrueupError `desired-invalid`: a line `file:line:column: records[3].type: …` for each issue, in the order of the file
 */
export async function validate<S extends StandardSchemaV1>(
  schema: S,
  document: ParsedDocument,
  file: string,
): Promise<StandardSchemaV1.InferOutput<S>> {
  const result = await schema['~standard'].validate(document.value)
  if (result.issues === undefined) return result.value
  const issues = result.issues.map((issue): DataIssue => {
    const path = (issue.path ?? []).map((part) => keyOf(typeof part === 'object' ? part.key : part))
    return { file, ...document.locate(path), path: formatPath(path), message: issue.message }
  })
  throw dataError(issues.sort((one, other) => one.line - other.line || one.column - other.column))
}

/** One `desired-invalid` error of all issues, a line each; file, line and column of the first are in the details too. */
export function dataError(issues: readonly DataIssue[]): TrueupError {
  const lines = issues.map(
    ({ file, line, column, path, message }) => `${file}:${line}:${column}: ${path === '' ? '' : `${path}: `}${message}`,
  )
  const [first] = issues
  return new TrueupError('desired-invalid', lines.join('\n'), {
    details: {
      ...(first === undefined ? {} : { file: first.file, line: first.line, column: first.column }),
      errors: issues,
    },
  })
}

function keyOf(key: PropertyKey): string | number {
  return typeof key === 'symbol' ? String(key) : key
}
