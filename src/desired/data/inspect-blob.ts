// The content of one file in, its value as JSON text and its facts out. Depends on that content and the schemas alone, so that it can be done elsewhere
// (in a worker) and kept. Must not know paths or other files.
import type { Json } from '../../event.js'
import { digestBytes } from '../../util/digest.js'
import { isRecord } from '../../util/is-record.js'
import { didYouMean } from '../../util/suggest.js'
import { keptText, parseKept } from './exact-json.js'
import { noFacts, type Facts } from './facts.js'
import type { Finding } from './faults.js'
import { Confs } from './graphql-confs.js'
import { readDocument, type DocumentKind } from './read-document.js'
import { SchemaSet, type DataFormat } from './schema-set.js'
import { walkFile } from './walk.js'

/** `resource` is a plain file, `yaml-resource` one whose name ends like YAML. */
export type BlobKind = DocumentKind | 'resource' | 'yaml-resource'

/** Content as bytes, or as the text that was made of it before. */
export interface BlobJob {
  readonly id: string
  readonly kind: BlobKind
  readonly content: Uint8Array | string
}

export interface BlobResult {
  readonly id: string
  readonly facts: Facts
  /** Of data files that were parsed now: SHA-256 of the bytes, and the value as keptText() has it. */
  readonly parsed?: { readonly sha256: string; readonly json: string }
  /** It is a data file with a value, that of `parsed` or the one that was kept. */
  readonly hasValue: boolean
  /** The facts do not depend on any schema. */
  readonly isFinal: boolean
}

export interface InspectorOptions {
  readonly format: DataFormat
  readonly schemas: ReadonlyMap<string, Json>
  readonly graphql: Json | null
}

interface Unreadable {
  readonly message: string
  readonly line: number
  readonly column: number
}

export class Inspector {
  readonly schemas: SchemaSet
  readonly confs: Confs
  readonly #options: InspectorOptions

  constructor(options: InspectorOptions) {
    this.#options = options
    this.schemas = new SchemaSet(options.format, options.schemas)
    this.confs = new Confs(options.graphql)
  }

  inspect({ id, kind, content }: BlobJob): BlobResult {
    if (typeof content === 'string')
      return { id, facts: this.#factsOf(parseKept(content)), hasValue: true, isFinal: false }
    if (kind === 'resource' || kind === 'yaml-resource') return this.#resource(id, kind, content)
    const answer = readDocument({ content, kind, format: this.#options.format })
    if (answer.kind === 'unreadable') return withoutValue(id, noFacts([unreadable(answer)]))
    if (answer.kind === 'empty') return withoutValue(id, noFacts())
    const sha256 = digestBytes(content)
    return {
      id,
      facts: this.#factsOf(answer.value),
      parsed: { sha256, json: keptText(answer.value) },
      hasValue: true,
      isFinal: false,
    }
  }

  /** What does not fit of a file with a `$schema`. */
  check(value: Json): readonly Finding[] {
    const schema = isRecord(value) ? value['$schema'] : undefined
    const finding = (reason: Finding['reason'], message: string, at: Finding['at']): Finding => ({
      kind: 'FILE',
      reason,
      message,
      at,
      schema: typeof schema === 'string' ? schema : null,
    })
    if (!isRecord(value))
      return [finding('MISSING_SCHEMA_URL', 'the file must be a mapping with the key "$schema"', [])]
    if (typeof schema !== 'string')
      return [
        finding(
          'MISSING_SCHEMA_URL',
          'the key "$schema" is missing or no text: it names the schema of the file, for example $schema: /user-1.yml',
          Object.hasOwn(value, '$schema') ? ['$schema'] : [],
        ),
      ]
    const path = schemaPath(schema)
    if (!this.schemas.has(path)) {
      const hint = didYouMean(path, this.#options.schemas.keys())
      return [finding('SCHEMA_NOT_FOUND', `there is no schema ${path}.${hint}`, ['$schema'])]
    }
    const verdict = this.schemas.validate(path, value)
    // Told once, for the schema itself.
    if ('broken' in verdict) return []
    return verdict.map((problem) => ({
      ...finding('VALIDATION_ERROR', problem.message, problem.at),
      ...(problem.part === undefined ? {} : { part: problem.part }),
    }))
  }

  #factsOf(value: Json): Facts {
    if (!isRecord(value)) return noFacts(this.check(value))
    const facts = walkFile({
      value: value,
      schemas: this.#options.schemas,
      confs: this.confs,
    })
    return { ...facts, findings: [...this.check(value), ...facts.findings] }
  }

  #resource(id: string, kind: BlobKind, content: Uint8Array): BlobResult {
    let text: string
    try {
      text = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(content)
    } catch {
      const message = 'this resource is not UTF-8: save it as UTF-8, or leave it out of the resources'
      return withoutValue(id, noFacts([unreadable({ message, line: 1, column: 1 })]))
    }
    const schema = kind === 'yaml-resource' ? resourceSchema(text) : null
    if (schema === null) return withoutValue(id, noFacts())
    const answer = readDocument({ content, kind: 'yaml', format: this.#options.format })
    const findings =
      answer.kind === 'value' ? this.check(answer.value) : answer.kind === 'empty' ? [] : [unchecked(answer, schema)]
    return { id, facts: { ...noFacts(findings), schema }, hasValue: false, isFinal: false }
  }
}

function withoutValue(id: string, facts: Facts): BlobResult {
  return { id, facts, hasValue: false, isFinal: true }
}

/** The first line that says so in the one way that counts: unquoted, from the first column, alone, no CR at its end. */
export function resourceSchema(text: string): string | null {
  for (const line of text.split('\n')) {
    const schema = /^\$schema: (.+\.ya?ml)$/s.exec(line)?.[1]
    if (schema !== undefined && !/["']/.test(schema[0] ?? '')) return schema
  }
  return null
}

/** A `$schema` may leave its first slash out. */
export function schemaPath(schema: string): string {
  return schema.startsWith('/') || schema.startsWith('http') ? schema : `/${schema}`
}

/** A template becomes YAML later; anything else that looks like one is a mistake that nobody would find. */
function unchecked(answer: Unreadable, schema: string): Finding {
  const message = `this resource is no YAML, so it was not held against ${schema} (a template?): ${answer.message}`
  return { ...unreadable({ ...answer, message }), reason: 'NOT_CHECKED', schema }
}

function unreadable(answer: Unreadable): Finding {
  const { message, line, column } = answer
  return { kind: 'FILE', reason: 'PARSE_ERROR', at: [], message, schema: null, position: { line, column } }
}
