// A bundle in, the one JSON document that tools of that format exchange out, and back. Byte for byte the bundler's, but for the order of backrefs,
// which it leaves open. Reads no file.
import { TrueupError } from '../../errors.js'
import type { Json } from '../../event.js'
import { compareCodePoints } from '../../util/compare-text.js'
import { isRecord } from '../../util/is-record.js'
import type { DataBundle, DataFile, ResourceBackref, ResourceFile } from './bundle.js'
import { exactJson, parseExactJson, sortedAndFrozen } from './exact-json.js'

/** The bundle as one line of ASCII JSON. Its SHA-256 is the bundle's id. */
export function writeBundleJson(bundle: DataBundle): Uint8Array {
  const pieces: Buffer[] = []
  const add = (text: string): void => {
    pieces.push(Buffer.from(text, 'latin1'))
  }
  const addMap = (name: string, map: ReadonlyMap<string, Json>): void => {
    let before = `"${name}":{`
    for (const path of [...map.keys()].sort(compareCodePoints)) {
      add(`${before}${exactJson(path)}:${exactJson(map.get(path) ?? null)}`)
      before = ','
    }
    add(map.size === 0 ? `${before}}` : '}')
  }
  add('{')
  addMap('data', bundle.data)
  add(`,"git_commit":${exactJson(bundle.gitCommit)},"git_commit_timestamp":${exactJson(bundle.gitCommitTimestamp)}`)
  add(`,"graphql":${exactJson(bundle.graphql)},`)
  addMap('resources', bundle.resources as ReadonlyMap<string, unknown> as ReadonlyMap<string, Json>)
  add(',')
  addMap('schemas', bundle.schemas)
  add('}\n')
  return Buffer.concat(pieces)
}

/**
 * Reads what {@link writeBundleJson} or the bundler of that format wrote.
 *
 * @throws TrueupError `desired-invalid` for text that is no bundle, saying which part is not
 */
export function readBundleJson(text: string): DataBundle {
  let document: Json
  try {
    document = parseExactJson(text)
  } catch (cause) {
    throw new TrueupError('desired-invalid', `this is not a data bundle: it is not JSON (${String(cause)})`, { cause })
  }
  const parts = recordOf(document, 'the document')
  const textOf = (key: string): string => {
    const value = parts[key]
    if (typeof value === 'string') return value
    throw noBundle(`"${key}" is not a text`)
  }
  const mapOf = <T>(key: string, read: (value: Json, where: string) => T): ReadonlyMap<string, T> => {
    const entries = Object.entries(recordOf(parts[key], `"${key}"`))
    entries.sort(([one], [other]) => compareCodePoints(one, other))
    return new Map(entries.map(([path, value]) => [path, read(value, `${key} ${JSON.stringify(path)}`)]))
  }
  return {
    data: mapOf('data', (value, where): DataFile => recordOf(sortedAndFrozen(value), where)),
    resources: mapOf('resources', resourceOf),
    schemas: mapOf('schemas', (value) => sortedAndFrozen(value)),
    graphql: sortedAndFrozen(parts['graphql'] ?? null),
    gitCommit: textOf('git_commit'),
    gitCommitTimestamp: textOf('git_commit_timestamp'),
  }
}

function resourceOf(value: Json, where: string): ResourceFile {
  const record = recordOf(value, where)
  const { path, content, sha256sum } = record
  const schema = record['$schema'] ?? null
  const backrefs = record['backrefs'] ?? []
  const isWhole =
    typeof path === 'string' &&
    typeof content === 'string' &&
    typeof sha256sum === 'string' &&
    (schema === null || typeof schema === 'string') &&
    Array.isArray(backrefs)
  if (!isWhole) throw noBundle(`${where} is not a resource: path, content, $schema, sha256sum, backrefs`)
  return Object.freeze({
    path,
    content,
    $schema: schema,
    sha256sum,
    backrefs: Object.freeze(backrefs.map((item: Json) => backrefOf(item, where))),
  })
}

function backrefOf(value: Json, where: string): ResourceBackref {
  const { path, datafileSchema, jsonpath } = recordOf(value, `a backref of ${where}`)
  if (typeof path !== 'string' || typeof datafileSchema !== 'string' || typeof jsonpath !== 'string')
    throw noBundle(`a backref of ${where} is not { path, datafileSchema, jsonpath }`)
  return Object.freeze({ path, datafileSchema, jsonpath })
}

function recordOf(value: Json | undefined, what: string): Readonly<Record<string, Json>> {
  if (isRecord(value)) return value
  throw noBundle(`${what} is not an object`)
}

function noBundle(why: string): TrueupError {
  return new TrueupError('desired-invalid', `this is not a data bundle: ${why}`)
}
