// A snapshot and the places of its data in, everything that is known of each file out: facts, and the value as text until somebody wants it. Only
// content that was never seen before is parsed; only what its schema changed for is checked again.
import { join } from 'node:path'
import { TrueupError } from '../../errors.js'
import type { Json } from '../../event.js'
import type { Snapshot } from '../source.js'
import { BlobPack } from './blob-pack.js'
import { parseKept } from './exact-json.js'
import type { Finding } from './faults.js'
import { Inspector, type BlobJob } from './inspect-blob.js'
import { inspectAll, type WorkerOptions } from './inspectors.js'
import { KeptFacts, type Details, type KnownFacts, type Links } from './kept-facts.js'
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
  /** What was kept is made again, all of it. @defaultValue false */
  readonly isAnew?: boolean
}

export interface FileFacts {
  readonly listed: ListedFile
  readonly known: KnownFacts
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
  linksOf(file: FileFacts): Links
  detailsOf(file: FileFacts): Details
  /** Value of a data file as written, and its SHA-256. @throws LostValue */
  parsedOf(path: string): { readonly sha256: string; readonly value: Json }
}

/** Raised when facts or values of the same content would come out otherwise. */
const SEMANTICS = '2'

export async function readData(options: ReadOptions): Promise<ReadData> {
  const { snapshot, place } = options
  const packs = packsOf(options)
  // git looks at the disk meanwhile.
  const [data] = await Promise.all([listDocuments(snapshot, place.dir), packs.facts.read()])
  const [schemaFiles, resources, graphqlFile] = [
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
  const kept = new KeptFacts(packs.facts, new SchemaDigests(schemas, graphql))

  const known = new Map<string, KnownFacts>()
  const files = [...data.files, ...resources.files]
  const todo = new Map<string, ToInspect>()
  for (const listed of files) {
    const id = idOf(listed)
    if (known.has(id) || todo.has(id)) continue
    const found = kept.find(id)
    if (found === undefined || found.isStale) todo.set(id, { listed, isParsed: found?.known.hasValue === true })
    else known.set(id, found.known)
  }
  let parsed = 0
  await inspectAll({
    inspector,
    options: inspectorOptions,
    jobs: jobsOf(snapshot, [...todo.values()], packs.values),
    count: todo.size,
    workers: options.workers,
    onResult: (result) => {
      const { id } = result
      known.set(id, kept.put(id, result.facts, result))
      if (result.parsed === undefined) return
      parsed += 1
      packs.values.put(id, `${result.parsed.sha256} ${result.parsed.json}`)
    },
  })
  const keep = packs.facts.worthKeeping() ?? (options.isAnew === true ? new Set<string>() : undefined)
  await Promise.all([packs.facts.save(keep), packs.values.save(keep)])

  const factsOf = (list: readonly ListedFile[]): Map<string, FileFacts> => {
    const all = new Map<string, FileFacts>()
    for (const listed of list) {
      const one = known.get(idOf(listed))
      if (one === undefined) throw new Error(`Internal error: nothing is known of ${listed.file}`)
      for (const finding of one.findings) findings.push({ file: listed.file, finding })
      const isData = listed.kind === 'yaml' || listed.kind === 'json'
      if (!isData || one.hasValue) all.set(listed.path, { listed, known: one })
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
    linksOf: (file) => kept.links(file.known),
    detailsOf: (file) => kept.details(file.known),
    parsedOf(path) {
      const id = dataFacts.get(path)?.known.id
      const text = id === undefined ? undefined : packs.values.get(id)
      if (text === undefined) throw new LostValue(`Internal error: the value of ${path} is not there`)
      return { sha256: text.slice(0, SHA_LENGTH), value: parseKept(text.slice(SHA_LENGTH + 1)) }
    },
  }
}

const SHA_LENGTH = 64

/** A value that was kept cannot be read after all. Reading the data anew helps. */
export class LostValue extends Error {}

/** `values` is read only where one is asked for: checking what is known needs none. */
interface Packs {
  readonly facts: BlobPack
  readonly values: BlobPack
}

function packsOf({ cacheDirectory = null, place, isAnew }: ReadOptions): Packs {
  const open = (name: string): BlobPack => {
    const pack = new BlobPack(
      cacheDirectory === null ? null : join(cacheDirectory, `data-${place.format}-${SEMANTICS}-${name}`),
    )
    if (isAnew === true) pack.discard()
    return pack
  }
  return { facts: open('facts'), values: open('values') }
}

/** The same bytes mean another thing under another kind of name. */
function idOf({ oid, kind }: ListedFile): string {
  return `${oid}:${kind}`
}

interface ToInspect {
  readonly listed: ListedFile
  /** Its value was kept. */
  readonly isParsed: boolean
}

/** What was parsed before comes as it was kept; the rest as bytes, read in one go. */
async function* jobsOf(snapshot: Snapshot, files: readonly ToInspect[], values: BlobPack): AsyncGenerator<BlobJob> {
  const unread: ListedFile[] = []
  for (const { listed, isParsed } of files) {
    const json = isParsed ? values.get(idOf(listed))?.slice(SHA_LENGTH + 1) : undefined
    if (json === undefined) unread.push(listed)
    else yield { id: idOf(listed), kind: listed.kind, content: json }
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
