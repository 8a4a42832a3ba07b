// All schemas of one revision in, one digest for each that a file may name out: it changes whenever a check of such a file could end otherwise.
import { posix } from 'node:path'
import type { Json } from '../../event.js'
import { digestBytes } from '../../util/digest.js'
import { isRecord } from '../../util/is-record.js'
import { exactJson } from './exact-json.js'
import { schemaPath } from './inspect-blob.js'

interface OneSchema {
  readonly digest: string
  readonly leadsTo: readonly string[]
}

/** Of the schema, all schemas that it leads to, and the GraphQL document. Where schemas may refer to each other by other names than their paths: of all schemas. */
export class SchemaDigests {
  readonly #schemas: ReadonlyMap<string, Json>
  readonly #graphql: string
  readonly #own = new Map<string, OneSchema>()
  readonly #known = new Map<string | null, string>()
  readonly #all: readonly string[] | null

  constructor(schemas: ReadonlyMap<string, Json>, graphql: Json | null) {
    this.#schemas = schemas
    this.#graphql = digestBytes(exactJson(graphql, false))
    this.#all = [...schemas.values()].some(hasOtherNames) ? [...schemas.keys()] : null
  }

  of(schema: string | null): string {
    let digest = this.#known.get(schema)
    if (digest === undefined) {
      const files = new Set<string>(this.#all ?? [])
      if (schema !== null) files.add(schemaPath(schema)).add(schema)
      // A set that grows is walked to its end.
      for (const file of files) for (const next of this.#one(file).leadsTo) files.add(next)
      const parts = [...files].sort().map((file) => [file, this.#one(file).digest])
      digest = digestBytes(JSON.stringify([this.#graphql, parts]))
      this.#known.set(schema, digest)
    }
    return digest
  }

  #one(file: string): OneSchema {
    let one = this.#own.get(file)
    if (one === undefined) {
      const schema = this.#schemas.get(file)
      const leadsTo = new Set<string>()
      if (schema !== undefined) collectFiles(schema, posix.dirname(file), leadsTo)
      one = { digest: schema === undefined ? '' : digestBytes(exactJson(schema, false)), leadsTo: [...leadsTo] }
      this.#own.set(file, one)
    }
    return one
  }
}

/** Every text that could be the path of a schema, fragment left out: too many do no harm. */
function collectFiles(value: Json, folder: string, into: Set<string>): void {
  if (typeof value === 'string') {
    const file = value.split('#')[0] ?? value
    if (/\.(?:ya?ml|json)$/.test(file)) into.add(posix.resolve('/', folder, file))
  } else if (Array.isArray(value)) for (const item of value as readonly Json[]) collectFiles(item, folder, into)
  else if (isRecord(value)) for (const item of Object.values(value)) collectFiles(item, folder, into)
}

/** An `$id` gives a schema a further name; an escape hides a path. */
function hasOtherNames(value: Json): boolean {
  if (Array.isArray(value)) return (value as readonly Json[]).some(hasOtherNames)
  if (!isRecord(value)) return false
  const reference = value['$ref']
  if (typeof value['$id'] === 'string' || (typeof reference === 'string' && reference.includes('%'))) return true
  return Object.values(value).some((item) => hasOtherNames(item))
}
