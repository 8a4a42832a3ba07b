// A snapshot and the places of its data in, the whole bundle and everything that is wrong with it out. One revision, read once.
import type { Json } from '../../event.js'
import { compareText } from '../../util/compare-text.js'
import { digestBytes } from '../../util/digest.js'
import { formatPath, type JsonPath } from '../../util/json-path.js'
import { isRecord } from '../../util/is-record.js'
import type { Snapshot } from '../source.js'
import type { DataBundle, DataFile, ResourceBackref, ResourceFile } from './bundle.js'
import { checkConfs, checkFiles } from './check-files.js'
import { sortedAndFrozen, withKeys } from './exact-json.js'
import { pathOf, pathText, type Facts } from './facts.js'
import { WARNINGS, type DataFault, type Finding } from './faults.js'
import { SCALARS } from './graphql-confs.js'
import { resourceSchema } from './inspect-blob.js'
import type { DataPlace } from './list-files.js'
import { patchedSchemas } from './patch-schemas.js'
import { positionIn } from './read-document.js'
import { LostValue, readData, type PlacedFinding, type ReadData, type ReadOptions } from './read-data.js'
import { valueAt } from './schema-set.js'

export interface LoadOptions extends ReadOptions {
  /** Seconds since 1970 of the snapshot's commit, as text, for the bundle. @defaultValue empty */
  readonly commitTimestamp?: string
}

export interface CheckedData {
  /** By file, line and column. The bundle is good for nothing unless this is empty. */
  readonly faults: readonly DataFault[]
  /** What could not be checked, and is no fault; in the same order. */
  readonly warnings: readonly DataFault[]
  readonly counts: { readonly data: number; readonly resources: number; readonly schemas: number }
  /** How many files were parsed and how many checked now, rather than remembered. */
  readonly work: ReadData['work']
}

export interface LoadedBundle extends CheckedData {
  readonly bundle: DataBundle
}

/**
 * Reads, validates and resolves the data of one revision.
 *
 * @throws TrueupError `desired-unreadable` where there is no data file, or no GraphQL document that was asked for; errors of the snapshot.
 * What is wrong with files is no error but a fault.
 */
export async function loadBundle(options: LoadOptions): Promise<LoadedBundle> {
  return reading(options, async (read) => ({
    ...(await checkAll(options, read)),
    bundle: await bundleOf(options, read),
  }))
}

/** As {@link loadBundle}, without the values: what is remembered need not even be read. */
export async function validateData(options: LoadOptions): Promise<CheckedData> {
  return reading(options, (read) => checkAll(options, read))
}

/** Once more, and what was kept is made anew, where that turns out to be damaged. */
async function reading<T>(options: LoadOptions, work: (read: ReadData) => Promise<T>): Promise<T> {
  try {
    return await work(await readData(options))
  } catch (error) {
    if (!(error instanceof LostValue)) throw error
    return await work(await readData({ ...options, isAnew: true }))
  }
}

async function checkAll({ snapshot, place }: LoadOptions, read: ReadData): Promise<CheckedData> {
  const findings: PlacedFinding[] = [...read.findings]
  for (const [path, { file }] of read.schemaFiles)
    if (read.schemas.has(path))
      for (const finding of read.inspector.schemas.check(path)) findings.push({ file, finding })
  if (read.graphqlFile !== null && read.graphql !== null) {
    const { file } = read.graphqlFile
    const isList = Array.isArray(read.graphql)
    if (!isList) for (const finding of read.inspector.check(read.graphql)) findings.push({ file, finding })
    for (const finding of checkConfs(read.inspector.confs, isList, SCALARS)) findings.push({ file, finding })
  }
  const between = checkFiles({
    data: read.data,
    linksOf: (file) => read.linksOf(file),
    detailsOf: (file) => read.detailsOf(file),
    resources: new Set(read.resources.keys()),
    schemas: read.inspector.schemas,
    confs: read.inspector.confs,
    valueOf: (path) => read.parsedOf(path).value,
  })
  for (const { path, finding } of between) findings.push({ file: read.data.get(path)?.listed.file ?? path, finding })
  const all = await placed(snapshot, place, findings, read.links)
  return {
    faults: all.filter(({ reason }) => !WARNINGS.has(reason)),
    warnings: all.filter(({ reason }) => WARNINGS.has(reason)),
    counts: { data: read.data.size, resources: read.resources.size, schemas: read.schemas.size },
    work: read.work,
  }
}

/** Looks the places up, reading each faulty file once more. */
async function placed(
  snapshot: Snapshot,
  { format }: DataPlace,
  findings: readonly PlacedFinding[],
  links: ReadonlyMap<string, string>,
): Promise<readonly DataFault[]> {
  const byFile = grouped(findings.map((one) => [one.file, one]))
  const faults: DataFault[] = []
  for (const [file, list] of byFile) {
    const isPlain = list.every(({ finding }) => finding.position !== undefined || finding.at.length === 0)
    const content = isPlain ? undefined : await snapshot.read(links.get(file) ?? file)
    for (const { finding } of list) faults.push(faultOf(file, finding, content, format))
  }
  return faults.sort(
    (one, other) => compareText(one.file, other.file) || one.line - other.line || one.column - other.column,
  )
}

function faultOf(
  file: string,
  finding: Finding,
  content: Uint8Array | undefined,
  format: DataPlace['format'],
): DataFault {
  const { kind, reason, at, message, schema, part } = finding
  const document = {
    content: content ?? new Uint8Array(),
    kind: file.endsWith('.json') ? 'json' : 'yaml',
    format,
  } as const
  const position =
    finding.position ??
    (at.length === 0 || content === undefined ? { line: 1, column: 1 } : positionIn(document, at, part ?? 'value'))
  return { file, ...position, kind, reason, at: formatPath(at), message, schema }
}

async function bundleOf({ snapshot, commitTimestamp }: LoadOptions, read: ReadData): Promise<DataBundle> {
  const named = new Set<string>()
  const references: [string, ResourceBackref][] = []
  for (const [path, file] of read.data) {
    const { leads, resources } = read.linksOf(file)
    const { schema } = file.known
    for (const [, isItem, ...paths] of leads) if (isItem === 1) for (const to of paths) named.add(to)
    for (const [at, to, isTyped] of resources) {
      if (isTyped === 0 || schema === null) continue
      references.push([to, Object.freeze({ path, datafileSchema: schema, jsonpath: dotted(pathOf(at)) })])
    }
  }
  const data = new Map<string, DataFile>()
  const patches = new Set<string>()
  for (const [path, file] of read.data) {
    const details = read.detailsOf(file)
    for (const patch of details.patches) patches.add(JSON.stringify(patch))
    const root = named.has(path) ? file.known.rootIdentifier : null
    data.set(path, dataFileOf(read.parsedOf(path), details.lists, root))
    if (root !== null && file.known.schema !== null) patches.add(JSON.stringify([file.known.schema, pathText([])]))
  }
  const { revision } = snapshot
  const commit = revision.kind === 'commit' ? revision.id : read.isDirty ? null : revision.commit
  return {
    data,
    resources: await resourcesOf(snapshot, read, grouped(references)),
    schemas: patchedSchemas(read.schemas, patches),
    graphql: sortedAndFrozen(read.graphql),
    gitCommit: commit ?? '',
    gitCommitTimestamp: commit === null ? '' : (commitTimestamp ?? ''),
  }
}

function dataFileOf(
  { sha256, value }: ReturnType<ReadData['parsedOf']>,
  lists: Facts['lists'],
  identifier: string | null,
): DataFile {
  if (!isRecord(value)) return Object.freeze({})
  const root = value as Readonly<Record<string, Json>>
  for (const [at, , items] of lists) {
    const list = valueAt(root, pathOf(at))
    for (const [index, id] of items) {
      const item = valueAt(list, [index])
      if (isRecord(item)) (item as Record<string, unknown>)['__identifier'] = id
    }
  }
  return sortedAndFrozen(
    withKeys(root, { $file_sha256sum: sha256, ...(identifier === null ? {} : { __identifier: identifier }) }),
  ) as DataFile
}

async function resourcesOf(
  snapshot: Snapshot,
  { resources }: ReadData,
  backrefs: ReadonlyMap<string, readonly ResourceBackref[]>,
): Promise<ReadonlyMap<string, ResourceFile>> {
  const files = new Map<string, ResourceFile>()
  const list = [...resources.values()].filter(({ known }) =>
    known.findings.every(({ reason }) => reason !== 'PARSE_ERROR'),
  )
  let next = 0
  for await (const { content } of snapshot.readMany(list.map(({ listed }) => listed.source))) {
    const listed = list[next++]?.listed
    if (listed === undefined) break
    const text = Buffer.from(content).toString('utf8')
    files.set(
      listed.path,
      Object.freeze({
        path: listed.path,
        content: text,
        $schema: listed.kind === 'yaml-resource' ? resourceSchema(text) : null,
        sha256sum: digestBytes(content),
        backrefs: Object.freeze([...(backrefs.get(listed.path) ?? [])]),
      }),
    )
  }
  return files
}

/** As `storage.[1].mount`. */
function dotted(at: JsonPath): string {
  return at.map((part) => (typeof part === 'number' ? `[${String(part)}]` : part)).join('.')
}

function grouped<T>(pairs: readonly (readonly [string, T])[]): ReadonlyMap<string, readonly T[]> {
  const groups = new Map<string, T[]>()
  for (const [key, value] of pairs) {
    const group = groups.get(key)
    if (group === undefined) groups.set(key, [value])
    else group.push(value)
  }
  return groups
}
