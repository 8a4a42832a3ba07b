// A snapshot and the places of its data in, everything that is known of each file out: facts, and the value as text until somebody wants it. Only
// content that was never seen before is parsed; only what its schema changed for is checked again.
import { join } from 'node:path'
import { TrueupError } from '../../errors.js'
import type { Json } from '../../event.js'
import type { Snapshot } from '../source.js'
import { BlobPack } from './blob-pack.js'
import { parseKept } from './exact-json.js'
import type { Facts } from './facts.js'
import type { Finding } from './faults.js'
import { Inspector, type BlobJob, type BlobResult } from './inspect-blob.js'
import { inspectAll, type WorkerOptions } from './inspectors.js'
import { listDocuments, listResources, type DataPlace, type ListedFile } from './list-files.js'
import { readDocument } from './read-document.js'
import { SchemaDigests } from './schema-digests.js'

export interface ReadOptions {
  readonly snapshot: Snapshot
  readonly place: DataPlace
  /** Absolute folder for what was made of blobs, the user's own and never in the repository; null keeps nothing. @defaultValue null */
  readonly cacheDirectory?: string | null
  /** For very many files. @defaultValue none: this process alone */
  readonly workers?: WorkerOptions
}

export interface FileFacts {
  readonly listed: ListedFile
  readonly facts: Facts
}

/** A finding with the file in the repository it is about. */
export interface PlacedFinding {
  readonly file: string
  readonly finding: Finding
}

export interface ReadData {
  readonly inspector: Inspector
  /** By bundle path in code point order; without those that are skipped or unreadable. */
  readonly data: ReadonlyMap<string, FileFacts>
  readonly resources: ReadonlyMap<string, FileFacts>
  readonly schemas: ReadonlyMap<string, Json>
  readonly schemaFiles: ReadonlyMap<string, ListedFile>
  readonly graphql: Json | null
  readonly graphqlFile: ListedFile | null
  /** Of single files: what cannot be read, what does not fit. */
  readonly findings: readonly PlacedFinding[]
  /** Where the content of a file lies that is a link. */
  readonly links: ReadonlyMap<string, string>
  readonly isDirty: boolean
  /** How many blobs were parsed now, and how many checked now. */
  readonly work: { readonly parsed: number; readonly checked: number }
  /** Value of a data file as written, and its SHA-256. */
  parsedOf(path: string): { readonly sha256: string; readonly value: Json }
}

/** Raised when facts or values of the same content would come out otherwise. */
const SEMANTICS = '1'

export async function readData(options: ReadOptions): Promise<ReadData> {
  const { snapshot, place } = options
  const packs = await openPacks(options.cacheDirectory ?? null, place)
  const [data, schemaFiles, resources, graphqlFile] = [
    await listDocuments(snapshot, place.dir),
    await listDocuments(snapshot, place.schemas),
    await listResources(snapshot, place.resources),
    await findGraphql(snapshot, place),
  ]
  if (data.files.length === 0)
    throw new TrueupError(
      'desired-unreadable',
      `there is no data file (.yml, .yaml, .json) below ${place.dir === '' ? 'the repository' : place.dir}: name the folder at data: in trueup.yaml`,
      { details: { path: place.dir } },
    )
  const findings: PlacedFinding[] = [...data.findings, ...schemaFiles.findings, ...resources.findings]
  const documents = new Documents(snapshot, place, findings)
  const schemas = await documents.readAll(schemaFiles.files)
  const graphql = graphqlFile === null ? null : ((await documents.readAll([graphqlFile])).get(graphqlFile.path) ?? null)
  const inspectorOptions = { format: place.format, schemas, graphql }
  const inspector = new Inspector(inspectorOptions)
  const digests = new SchemaDigests(schemas, graphql)

  const known = new Map<string, KnownFacts>()
  const files = [...data.files, ...resources.files]
  const todo = new Map<string, ListedFile>()
  for (const file of files) {
    const id = idOf(file)
    if (known.has(id) || todo.has(id)) continue
    const kept = keptFacts(packs.facts.get(id), digests)
    if (kept === undefined || (kept.hasValue && !packs.values.has(id))) todo.set(id, file)
    else known.set(id, kept)
  }
  let parsed = 0
  await inspectAll({
    inspector,
    options: inspectorOptions,
    jobs: jobsOf(snapshot, [...todo.values()], packs.values),
    count: todo.size,
    workers: options.workers,
    onResult: (result) => {
      if (result.parsed !== undefined) parsed += 1
      keep(result, packs, digests)
      known.set(result.id, { facts: result.facts, hasValue: hasValue(result, packs) })
    },
  })
  await Promise.all([packs.facts.save(), packs.values.save()])

  const factsOf = (list: readonly ListedFile[]): Map<string, FileFacts> => {
    const all = new Map<string, FileFacts>()
    for (const listed of list) {
      const one = known.get(idOf(listed))
      if (one === undefined) throw new Error(`Internal error: nothing is known of ${listed.file}`)
      for (const finding of one.facts.findings) findings.push({ file: listed.file, finding })
      const isData = listed.kind === 'yaml' || listed.kind === 'json'
      if (!isData || one.hasValue) all.set(listed.path, { listed, facts: one.facts })
    }
    return all
  }
  const dataFacts = factsOf(data.files)
  return {
    inspector,
    data: dataFacts,
    resources: factsOf(resources.files),
    schemas,
    schemaFiles: new Map(schemaFiles.files.map((file) => [file.path, file])),
    graphql,
    graphqlFile,
    findings,
    links: new Map(
      [...files, ...schemaFiles.files].flatMap(({ file, source }) =>
        file === source ? [] : [[file, source] as const],
      ),
    ),
    isDirty: data.isDirty || schemaFiles.isDirty || resources.isDirty,
    work: { parsed, checked: todo.size },
    parsedOf(path) {
      const listed = dataFacts.get(path)?.listed
      const text = listed === undefined ? undefined : packs.values.get(idOf(listed))
      if (text === undefined) throw new LostValue(`Internal error: the value of ${path} is not there`)
      return { sha256: text.slice(0, SHA_LENGTH), value: parseKept(text.slice(SHA_LENGTH + 1)) }
    },
  }
}

const SHA_LENGTH = 64

interface KnownFacts {
  readonly facts: Facts
  /** Of data files: there is a value, kept under the same id. */
  readonly hasValue: boolean
}

/** A value that was kept cannot be read after all. Reading the data again without what was kept helps. */
export class LostValue extends Error {}

interface Packs {
  readonly facts: BlobPack
  readonly values: BlobPack
}

async function openPacks(directory: string | null, { format }: DataPlace): Promise<Packs> {
  const open = (name: string): Promise<BlobPack> =>
    BlobPack.open(directory === null ? null : join(directory, `data-${format}-${SEMANTICS}-${name}`))
  const [facts, values] = await Promise.all([open('facts'), open('values')])
  return { facts, values }
}

/** The same bytes mean another thing under another kind of name. */
function idOf({ oid, kind }: ListedFile): string {
  return `${oid}:${kind}`
}

/** {@link Facts} without the names of its parts, which would be half of the text. */
type KeptFacts = readonly [
  Facts['schema'],
  Facts['references'],
  Facts['resources'],
  Facts['uniques'],
  Facts['lists'],
  Facts['patches'],
  Facts['rootIdentifier'],
  Facts['findings'],
]

/** Kept with the digest of what they depend on, which is `final` for facts that depend on no schema. */
function keptFacts(text: string | undefined, digests: SchemaDigests): KnownFacts | undefined {
  if (text === undefined) return undefined
  const [digest, hasValue, ...parts] = JSON.parse(text) as readonly [string, number, ...KeptFacts]
  const [schema, references, resources, uniques, lists, patches, rootIdentifier, findings] = parts
  if (digest !== 'final' && digest !== digests.of(schema)) return undefined
  const facts = { schema, references, resources, uniques, lists, patches, rootIdentifier, findings }
  return { facts, hasValue: hasValue === 1 }
}

/** What comes without a value was made of one that was kept, or there is none. */
function hasValue({ id, parsed }: BlobResult, { values }: Packs): boolean {
  return parsed === undefined ? values.has(id) : parsed.json !== ''
}

function keep(result: BlobResult, packs: Packs, digests: SchemaDigests): void {
  const { id, facts, parsed, isFinal } = result
  const { schema, references, resources, uniques, lists, patches, rootIdentifier, findings } = facts
  const parts: KeptFacts = [schema, references, resources, uniques, lists, patches, rootIdentifier, findings]
  const digest = isFinal ? 'final' : digests.of(schema)
  packs.facts.put(id, JSON.stringify([digest, hasValue(result, packs) ? 1 : 0, ...parts]))
  if (parsed !== undefined && parsed.json !== '') packs.values.put(id, `${parsed.sha256} ${parsed.json}`)
}

/** What was parsed before comes as it was kept; the rest as bytes, read in one go. */
async function* jobsOf(snapshot: Snapshot, files: readonly ListedFile[], values: BlobPack): AsyncGenerator<BlobJob> {
  const unread: ListedFile[] = []
  for (const file of files) {
    const json =
      file.kind === 'yaml' || file.kind === 'json' ? values.get(idOf(file))?.slice(SHA_LENGTH + 1) : undefined
    if (json === undefined) unread.push(file)
    else yield { id: idOf(file), kind: file.kind, content: json }
  }
  let next = 0
  for await (const { content } of snapshot.readMany(unread.map(({ source }) => source))) {
    const file = unread[next++]
    if (file !== undefined) yield { id: idOf(file), kind: file.kind, content }
  }
  if (next < unread.length) throw new Error('Internal error: a file that was listed could not be read')
}

/** Reads schemas and the GraphQL document, which every check needs whole. */
class Documents {
  readonly #snapshot: Snapshot
  readonly #place: DataPlace
  readonly #findings: PlacedFinding[]

  constructor(snapshot: Snapshot, place: DataPlace, findings: PlacedFinding[]) {
    this.#snapshot = snapshot
    this.#place = place
    this.#findings = findings
  }

  async readAll(files: readonly ListedFile[]): Promise<Map<string, Json>> {
    const values = new Map<string, Json>()
    let next = 0
    for await (const { content } of this.#snapshot.readMany(files.map(({ source }) => source))) {
      const file = files[next++]
      if (file === undefined) break
      const kind = file.kind === 'json' ? 'json' : 'yaml'
      const answer = readDocument({ content, kind, format: this.#place.format })
      if (answer.kind === 'value') values.set(file.path, answer.value)
      else if (answer.kind === 'unreadable') {
        const { message, line, column } = answer
        const finding: Finding = {
          kind: 'SCHEMA',
          reason: 'PARSE_ERROR',
          at: [],
          message,
          schema: null,
          position: { line, column },
        }
        this.#findings.push({ file: file.file, finding })
      }
    }
    return values
  }
}

async function findGraphql(snapshot: Snapshot, place: DataPlace): Promise<ListedFile | null> {
  const folder = place.graphql.includes('/') ? place.graphql.slice(0, place.graphql.lastIndexOf('/')) : ''
  const { files } = await listDocuments(snapshot, folder)
  const found = files.find(({ file }) => file === place.graphql)
  if (found === undefined && place.isGraphqlAsked === true)
    throw new TrueupError(
      'desired-unreadable',
      `there is no file ${place.graphql}, which data.graphql in trueup.yaml names: it holds the GraphQL schema (.yml, .yaml, .json)`,
      { details: { path: place.graphql } },
    )
  return found ?? null
}
