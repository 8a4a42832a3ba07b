// The facts of all files of a revision in, what is wrong between them out: references that lead nowhere or to the wrong schema, values that must be
// unique, resources that are missing. Reads nothing; a target's value is asked for only where a schema is written at the reference.
import type { Json } from '../../event.js'
import { formatPath } from '../../util/json-path.js'
import { didYouMean } from '../../util/suggest.js'
import { pathOf, pathText, type Facts, type ReferenceFact } from './facts.js'
import type { Finding } from './faults.js'
import type { Confs } from './graphql-confs.js'
import type { Details, Lead, Links } from './kept-facts.js'
import { SameItems } from './same-items.js'
import type { SchemaSet } from './schema-set.js'

interface FileToCheck {
  readonly known: Pick<Facts, 'schema' | 'rootIdentifier'>
}

export interface FilesToCheck<F extends FileToCheck> {
  /** In path order. */
  readonly data: ReadonlyMap<string, F>
  linksOf(file: F): Links
  detailsOf(file: F): Pick<Details, 'references' | 'lists'>
  readonly resources: ReadonlySet<string>
  readonly schemas: SchemaSet
  readonly confs: Confs
  valueOf(path: string): Json
}

export interface PathFinding {
  readonly path: string
  readonly finding: Finding
}

/** Looking for the nearest of very many paths takes time. */
const SUGGESTED = 50

/** Findings by data file, in path order and then in the order of each file. */
export function checkFiles<F extends FileToCheck>(files: FilesToCheck<F>): readonly PathFinding[] {
  const check = new Check(files)
  for (const [path, file] of files.data) check.file(path, file)
  return check.findings
}

class Check<F extends FileToCheck> {
  readonly findings: PathFinding[] = []
  readonly #files: FilesToCheck<F>
  readonly #uniques = new Map<string, string>()
  #suggested = 0

  constructor(files: FilesToCheck<F>) {
    this.#files = files
  }

  file(path: string, file: F): void {
    const { leads, resources, uniques } = this.#files.linksOf(file)
    if (!leads.every((lead) => this.#leadsRight(lead))) {
      const { references, lists } = this.#files.detailsOf(file)
      for (const reference of references) this.#reference(path, reference)
      if (references.some(([, , , isItem]) => isItem === 1)) this.#lists(path, references, lists)
    }
    for (const [at, to, , schema] of resources) {
      if (this.#files.resources.has(to)) continue
      const hint = this.#nearest(to, this.#files.resources)
      this.#add(path, {
        kind: 'REF',
        reason: 'RESOURCE_FILE_NOT_FOUND',
        at: pathOf(at),
        message: `there is no resource ${to}.${hint}`,
        schema,
      })
    }
    for (const [type, field, value, at] of uniques) {
      const key = `${type} ${field} ${value}`
      const first = this.#uniques.get(key)
      if (first === undefined) this.#uniques.set(key, path)
      else
        this.#add(path, {
          kind: 'UNIQUE',
          reason: 'DUPLICATE_UNIQUE_FIELD',
          at: pathOf(at),
          message: `${formatPath(pathOf(at))} must be unique among all ${type}, and ${value} is in ${first === path ? 'this file already' : `${first} too`}`,
          schema: file.known.schema,
        })
    }
  }

  /** For certain. Where it is not, each reference is looked at. */
  #leadsRight([expected, isItem, ...paths]: Lead): boolean {
    if (isItem === 1 || Array.isArray(expected)) return false
    return paths.every((to) => {
      const target = this.#files.data.get(to)
      return target !== undefined && (expected === null || expected === target.known.schema)
    })
  }

  #reference(path: string, [at, to, expected]: ReferenceFact): void {
    const { data, schemas } = this.#files
    const target = data.get(to)
    const add = (reason: Finding['reason'], message: string, schema: string | null): void => {
      this.#add(path, { kind: 'REF', reason, at: pathOf(at), message, schema })
    }
    if (target === undefined) {
      add('FILE_NOT_FOUND', `there is no data file ${to}${whyNot(to, data)}.${this.#nearest(to, data.keys())}`, null)
      return
    }
    const { schema } = target.known
    if (expected === null || schema === null) return
    if (typeof expected === 'string') {
      if (schema !== expected)
        add(
          'INCORRECT_SCHEMA',
          `${formatPath(pathOf(at))} must be a file of ${expected}, and ${to} is one of ${schema}`,
          expected,
        )
      return
    }
    const [file, pointer] = expected
    const verdict = schemas.validatePart(file, pointer, this.#files.valueOf(to))
    const problems = 'broken' in verdict ? [verdict.broken] : verdict.map(({ message }) => message)
    const [first, ...more] = problems
    if (first === undefined) return
    const others = more.length === 0 ? '' : ` (and ${String(more.length)} more)`
    add('SCHEMA_REF_VALIDATION_ERROR', `${to} does not fit what ${file} asks for here: ${first}${others}`, file)
  }

  /** Items that are alike by what a reference leads to; those that are alike by themselves are known from their file alone. */
  #lists(path: string, references: readonly ReferenceFact[], lists: Facts['lists']): void {
    const { confs, data } = this.#files
    const same = new SameItems(confs)
    for (const [list, type, members] of lists) for (const [index, id] of members) same.add({ list, index, type, id })
    for (const [at, to, , isItem] of references) {
      const { schema = null, rootIdentifier: id = null } = data.get(to)?.known ?? {}
      const type = schema === null ? undefined : confs.ofSchema(schema)
      const place = pathOf(at)
      const index = place.at(-2)
      if (isItem === 0 || id === null || type === undefined || typeof index !== 'number') continue
      const finding = same.add({ list: pathText(place.slice(0, -2)), index, type: type.name, id })
      if (finding !== undefined) this.#add(path, finding)
    }
  }

  #nearest(path: string, candidates: Iterable<string>): string {
    this.#suggested += 1
    return this.#suggested > SUGGESTED ? '' : didYouMean(path, candidates, (found) => found)
  }

  #add(path: string, finding: Finding): void {
    this.findings.push({ path, finding })
  }
}

function whyNot(to: string, data: ReadonlyMap<string, unknown>): string {
  const file = to.split('#')[0] ?? ''
  if (file !== to && data.has(file)) return `: a $ref names whole files, so leave out ${to.slice(file.length)}`
  return to.startsWith('/') ? '' : ': the path of a $ref begins with / and starts below the data folder'
}

/** What the GraphQL schema says that cannot be kept. Paths are those of the `graphql-schemas` document. */
export function checkConfs(confs: Confs, isList: boolean, scalars: ReadonlySet<string>): readonly Finding[] {
  const findings: Finding[] = []
  for (const conf of confs.types.values()) {
    for (const field of conf.fields.values()) {
      const at = [...(isList ? [] : ['confs']), conf.index, 'fields', field.index]
      const add = (reason: Finding['reason'], key: string, message: string): void => {
        findings.push({ kind: 'SCHEMA', reason, at: [...at, key], part: 'key', message, schema: null })
      }
      const name = `${conf.name}.${field.name}`
      if (field.saysUnique && !confs.isTopLevel(conf))
        add(
          'IS_UNIQUE_ON_NON_TOP_LEVEL_TYPE',
          'isUnique',
          `${name}: isUnique is for types that files have; ${conf.name} has no datafile`,
        )
      else if (field.saysUnique && (!scalars.has(field.type) || field.type === 'json'))
        add(
          'IS_UNIQUE_ON_COMPLEX_FIELD',
          'isUnique',
          `${name}: isUnique is for scalars, and the field is of type ${field.type}`,
        )
      if (field.isList) continue
      const key = field.isSynthetic ? 'synthetic' : field.datafileSchema === null ? undefined : 'datafileSchema'
      if (key !== undefined) add('LIST_MISMATCH', key, `${name}: a ${key} field gives a list, so it needs isList: true`)
    }
  }
  return findings
}
