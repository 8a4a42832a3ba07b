// The data of one revision, whole: what reading, validating and resolving give, and what queries ask. Words only; no reader, no writer.
import type { Json } from '../../event.js'

/** A parsed data file: its root value, with `$schema`, `$file_sha256sum` and, where something refers to it by list, `__identifier`. */
export type DataFile = Readonly<Record<string, Json>>

/** Who refers to a resource. */
export interface ResourceBackref {
  /** Of the data file, with a leading `/`. */
  readonly path: string
  readonly datafileSchema: string
  /** As `storage.[1].mount`. */
  readonly jsonpath: string
}

/** A plain file that data refers to. The names are those of the JSON bundle. */
export interface ResourceFile {
  readonly path: string
  readonly content: string
  readonly $schema: string | null
  /** Hex SHA-256 of the file's bytes. */
  readonly sha256sum: string
  readonly backrefs: readonly ResourceBackref[]
}

/** One revision's data. Paths have a leading `/` and start below their folder; every map is in code point order of its keys; all values are frozen. */
export interface DataBundle {
  readonly data: ReadonlyMap<string, DataFile>
  readonly resources: ReadonlyMap<string, ResourceFile>
  readonly schemas: ReadonlyMap<string, Json>
  /** The `graphql-schemas` document: `{ $schema, confs }`, or the bare list of confs of the old form; null where the project has none. */
  readonly graphql: Json | null
  /** Full id; empty for data that is in no commit. */
  readonly gitCommit: string
  /** Seconds since 1970, as text. */
  readonly gitCommitTimestamp: string
}
