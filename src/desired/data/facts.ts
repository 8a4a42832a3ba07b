// What the checks across files need to know of one file, as plain JSON: independent of where the file lies, and kept by the id of its content. Tuples and
// paths as text, since tens of thousands are read back for every check. Words only.
import type { JsonPath } from '../../util/json-path.js'
import type { Finding } from './faults.js'

/** A path inside a file as {@link pathText} writes it. */
export type PathText = string

/**
 * A `$ref` of a data file. `expected`: the schema that the target must have, or where the schema is written that it must fit; null where none is
 * asked for. `isItem` (0 or 1): it stands in a list by itself, so that its target is given a name.
 */
export type ReferenceFact = readonly [
  at: PathText,
  to: string,
  expected: string | readonly [file: string, pointer: JsonPath] | null,
  isItem: number,
]

/** `isTyped` (0 or 1): by its JSON schema, so that it is a backref of the resource; otherwise by the GraphQL schema alone. */
export type ResourceFact = readonly [at: PathText, to: string, isTyped: number, schema: string | null]

/** `value` as JSON text. */
export type UniqueFact = readonly [type: string, field: string, value: string, at: PathText]

/** The items of one list that have a name of their own, by index. */
export type ListFact = readonly [list: PathText, type: string, items: readonly (readonly [index: number, id: string])[]]

export interface Facts {
  /** As written; null where there is none. */
  readonly schema: string | null
  readonly references: readonly ReferenceFact[]
  readonly resources: readonly ResourceFact[]
  readonly uniques: readonly UniqueFact[]
  readonly lists: readonly ListFact[]
  /** Schemas that get an `__identifier` among their properties, by file and pointer; each once. */
  readonly patches: readonly (readonly [file: string, pointer: PathText])[]
  /** The file's own `__identifier`, for when a list refers to it. */
  readonly rootIdentifier: string | null
  /** What is wrong with the file by itself. */
  readonly findings: readonly Finding[]
}

type Growing<T> = { -readonly [K in keyof T]: T[K] extends readonly (infer I)[] ? I[] : T[K] }

/** Of a file that says nothing: one that is skipped, or that could not be read; or to be filled. */
export function noFacts(findings: readonly Finding[] = []): Growing<Facts> {
  return {
    schema: null,
    references: [],
    resources: [],
    uniques: [],
    lists: [],
    patches: [],
    rootIdentifier: null,
    findings: [...findings],
  }
}

export function pathText(path: JsonPath): PathText {
  return JSON.stringify(path)
}

export function pathOf(text: PathText): JsonPath {
  return JSON.parse(text) as JsonPath
}
