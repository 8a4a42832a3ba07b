// A snapshot and the places of its data in, the GraphQL schema out, from the schema files alone: no data file is read.
import { TrueupError } from '../../errors.js'
import type { Json } from '../../event.js'
import { listDocuments, type DataPlace, type ListedFile } from '../data/list-files.js'
import { readDocument } from '../data/read-document.js'
import type { Snapshot } from '../source.js'
import { buildSchema, type DataSchema } from './build-schema.js'
import { readConfs } from './confs.js'
import { inferConfs } from './infer-confs.js'

/** @throws TrueupError `desired-invalid` for a file that cannot be read or types that cannot be used */
export async function schemaOfFiles(snapshot: Snapshot, place: DataPlace): Promise<DataSchema> {
  const folder = place.graphql.includes('/') ? place.graphql.slice(0, place.graphql.lastIndexOf('/')) : ''
  const types = (await listDocuments(snapshot, folder)).files.find(({ file }) => file === place.graphql)
  if (types !== undefined) return buildSchema(readConfs(await read(snapshot, types, place)))
  const { files } = await listDocuments(snapshot, place.schemas)
  if (files.length === 0)
    throw new TrueupError(
      'desired-unreadable',
      `there are neither GraphQL types (${place.graphql}) nor JSON Schemas (${place.schemas}/): name their places at data: in trueup.yaml`,
    )
  const schemas = new Map<string, Json>()
  for (const file of files) schemas.set(file.path, await read(snapshot, file, place))
  return buildSchema(inferConfs(schemas))
}

async function read(snapshot: Snapshot, { file, source, kind }: ListedFile, { format }: DataPlace): Promise<Json> {
  const content = await snapshot.read(source)
  if (content === undefined) throw new TrueupError('desired-unreadable', `${file}: there is no such file`)
  const answer = readDocument({ content, kind: kind === 'json' ? 'json' : 'yaml', format })
  if (answer.kind === 'value') return answer.value
  const [place, message] =
    answer.kind === 'unreadable'
      ? [`${String(answer.line)}:${String(answer.column)}`, answer.message]
      : ['1:1', 'it is empty']
  throw new TrueupError('desired-invalid', `${file}:${place}: ${message}`)
}
