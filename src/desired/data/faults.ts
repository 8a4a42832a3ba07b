// Everything that can be wrong with data, as data. Words only. Kinds and reasons are those of the format's own validator, and a few more.

export type FaultKind = 'SCHEMA' | 'FILE' | 'REF' | 'UNIQUE'

/** Those of the format's validator; then what its bundler stops at without naming a file, or lets through to fail later. */
export const FAULT_REASONS = {
  MISSING_SCHEMA_URL: 'the file has no `$schema` at its top',
  META_SCHEMA_NOT_FOUND: "a schema's `$schema` is neither a known draft nor a file among the schemas",
  SCHEMA_ERROR: 'a schema is not one of its draft, or refers to what is not there',
  VALIDATION_ERROR: 'the file does not fit its schema',
  SCHEMA_NOT_FOUND: 'there is no schema of the name in `$schema`',
  FILE_NOT_FOUND: 'a `$ref` does not name a data file',
  INCORRECT_SCHEMA: 'a `$ref` names a file of another schema than the `$schemaRef` of its place',
  SCHEMA_REF_VALIDATION_ERROR: 'a `$ref` names a file that does not fit the `$schemaRef` of its place',
  RESOURCE_FILE_NOT_FOUND: 'a reference to a resource names none',
  DUPLICATE_UNIQUE_FIELD: 'a value of an `isUnique` field is there more than once',
  DUPLICATE_CONTEXT_UNIQUE_FIELD: 'two items of one list have the same unique fields',
  IS_UNIQUE_ON_NON_TOP_LEVEL_TYPE: '`isUnique` on a field of a type that no file has',
  IS_UNIQUE_ON_COMPLEX_FIELD: '`isUnique` on a field that is no scalar',
  PARSE_ERROR: 'the file cannot be read: syntax, encoding, a value that JSON cannot hold',
  LINK_ERROR: 'a symbolic link leads to nothing, out of the repository, or (resources) to a folder',
  LIST_MISMATCH: 'one reference where the GraphQL schema has a list, or a list where it has one',
  NOT_CHECKED: 'a resource with a `$schema` is no YAML (a template): its text is not held against it',
} as const

/** Told, and no reason to refuse the data: what the format's own validator warns of. */
export const WARNINGS: ReadonlySet<FaultReason> = new Set(['NOT_CHECKED'])

export type FaultReason = keyof typeof FAULT_REASONS

/** One thing that is wrong, with its place. */
export interface DataFault {
  /** From the root of the repository. */
  readonly file: string
  /** 1-based; 1 for a fault of the whole file. */
  readonly line: number
  /** 1-based, in UTF-16 units. */
  readonly column: number
  readonly kind: FaultKind
  readonly reason: FaultReason
  /** The value that is wrong, as `roles[0].$ref`; empty for the whole file. */
  readonly at: string
  /** One sentence: what was expected, what is there, the nearest that would be right. */
  readonly message: string
  /** The schema that says so; null where none does. */
  readonly schema: string | null
}

/** In one line, without the name of its reason. */
export function faultText({ file, line, column, message }: DataFault): string {
  return `${file}:${String(line)}:${String(column)}: ${message}`
}

/** A fault before its place is looked up. `part`: whether a key or its value is meant. */
export interface Finding {
  readonly kind: FaultKind
  readonly reason: FaultReason
  readonly at: readonly (string | number)[]
  readonly part?: 'key'
  readonly message: string
  readonly schema: string | null
  /** Known at once where the file could not be read. */
  readonly position?: { readonly line: number; readonly column: number }
}
