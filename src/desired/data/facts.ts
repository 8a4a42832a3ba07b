// What the checks across files need to know of one file, as plain JSON: small, independent of where the file lies, and kept by the id of its content. Words only.
import type { JsonPath } from '../../util/json-path.js'
import type { Finding } from './faults.js'

/** A `$ref` of a data file. */
export interface ReferenceFact {
  readonly at: JsonPath
  readonly to: string
  /** The schema that the target must have, or where the schema is written that it must fit; null where none is asked for. */
  readonly expected: string | readonly [file: string, pointer: JsonPath] | null
  /** It stands in a list by itself, so that its target is given a name. */
  readonly isItem: boolean
}

export interface ResourceFact {
  readonly at: JsonPath
  readonly to: string
  /** By its JSON schema, so that it is a backref of the resource; otherwise by the GraphQL schema alone. */
  readonly isTyped: boolean
  readonly schema: string | null
}

export interface UniqueFact {
  readonly type: string
  readonly field: string
  /** As JSON text. */
  readonly value: string
  readonly at: JsonPath
}

/** A list item that has a name of its own. */
export interface ItemFact {
  readonly list: JsonPath
  readonly index: number
  readonly type: string
  readonly id: string
}

export interface Facts {
  /** As written; null where there is none. */
  readonly schema: string | null
  readonly references: readonly ReferenceFact[]
  readonly resources: readonly ResourceFact[]
  readonly uniques: readonly UniqueFact[]
  readonly items: readonly ItemFact[]
  /** `__identifier` of inline list items. */
  readonly identifiers: readonly (readonly [at: JsonPath, id: string])[]
  /** Schemas that get an `__identifier` among their properties, by file and pointer. */
  readonly patches: readonly (readonly [file: string, pointer: JsonPath])[]
  /** The file's own `__identifier`, for when a list refers to it. */
  readonly rootIdentifier: string | null
  /** What is wrong with the file by itself. */
  readonly findings: readonly Finding[]
}

/** Of a file that says nothing: one that is skipped, or that could not be read. */
export function noFacts(findings: readonly Finding[]): Facts {
  return {
    schema: null,
    references: [],
    resources: [],
    uniques: [],
    items: [],
    identifiers: [],
    patches: [],
    rootIdentifier: null,
    findings,
  }
}
