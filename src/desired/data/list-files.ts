// A snapshot and the places of data in, the files of each place out: which count, what they are called in the bundle, where their content lies. Reads
// links only.
import { posix } from 'node:path'
import { isTrueupError } from '../../errors.js'
import { compareCodePoints } from '../../util/compare-text.js'
import { escapeGlob } from '../globs.js'
import { resolveLink } from '../resolve-link.js'
import type { Snapshot, SourceEntry } from '../source.js'
import type { Finding } from './faults.js'
import type { BlobKind } from './inspect-blob.js'
import type { DataFormat } from './schema-set.js'

/** Where the data of a project lies: paths from the root of the repository, without a trailing slash; empty for the root itself. */
export interface DataPlace {
  readonly format: DataFormat
  /** The folder of the data files. */
  readonly dir: string
  readonly schemas: string
  /** The file with the GraphQL schema. It may be missing unless `isGraphqlAsked`. */
  readonly graphql: string
  readonly resources: string
  /** Somebody named that file, so that it must be there. @defaultValue false */
  readonly isGraphqlAsked?: boolean
}

export interface ListedFile {
  /** In the bundle: below its folder, with a leading `/`. */
  readonly path: string
  /** From the root of the repository. */
  readonly file: string
  /** Where the content lies: the file itself, or what its link leads to. */
  readonly source: string
  readonly oid: string
  readonly kind: BlobKind
}

export interface ListedFiles {
  /** In code point order of their paths. */
  readonly files: readonly ListedFile[]
  /** By the file in the repository. */
  readonly findings: readonly { readonly file: string; readonly finding: Finding }[]
  /** Some of it is in no commit. */
  readonly isDirty: boolean
}

type Links = Pick<Snapshot, 'entries' | 'read'>

/** Files that are read as data: data files and schemas. */
export function listDocuments(snapshot: Links, folder: string): Promise<ListedFiles> {
  return list(snapshot, folder, (name) => {
    const ending = /\.(ya?ml|json)$/.exec(name)?.[1]
    if (ending === undefined) return undefined
    return ending === 'json' ? 'json' : 'yaml'
  })
}

/** All plain files. A link to a folder is a fault here, and nothing among data. */
export function listResources(snapshot: Links, folder: string): Promise<ListedFiles> {
  return list(snapshot, folder, (name) => (/\.ya?ml$/.test(name) ? 'yaml-resource' : 'resource'))
}

async function list(
  snapshot: Links,
  folder: string,
  kindOf: (name: string) => BlobKind | undefined,
): Promise<ListedFiles> {
  const entries = await snapshot.entries([folder === '' ? '**' : `${escapeGlob(folder)}/**`])
  const files: ListedFile[] = []
  const findings: { file: string; finding: Finding }[] = []
  for (const entry of entries) {
    const name = posix.basename(entry.path)
    const kind = name.startsWith('.') || entry.mode === '160000' ? undefined : kindOf(name)
    if (kind === undefined) continue
    const target = entry.mode === '120000' ? await followed(snapshot, entry) : entry
    if (typeof target === 'string') findings.push({ file: entry.path, finding: badLink(target) })
    else if (target !== undefined)
      files.push({
        path: folder === '' ? `/${entry.path}` : entry.path.slice(folder.length),
        file: entry.path,
        source: target.path,
        oid: target.oid,
        kind,
      })
    else if (kind === 'resource' || kind === 'yaml-resource')
      findings.push({ file: entry.path, finding: badLink('this link leads to a folder: link its files') })
  }
  files.sort((one, other) => compareCodePoints(one.path, other.path))
  return { files, findings, isDirty: entries.some(({ dirty }) => dirty) }
}

/** What a link leads to; undefined for a folder, a text for why it leads nowhere. */
async function followed(snapshot: Links, link: SourceEntry): Promise<SourceEntry | string | undefined> {
  try {
    const path = await resolveLink(snapshot, link.path)
    const [found] = path === undefined ? [] : await snapshot.entries([escapeGlob(path)])
    if (found !== undefined) return found
  } catch (error) {
    if (isTrueupError(error)) return error.message
    throw error
  }
  const content = await snapshot.read(link.path)
  const target = Buffer.from(content ?? '').toString('utf8')
  const folder = posix.normalize(posix.join(posix.dirname(link.path), target)).replace(/\/$/, '')
  const inside = await snapshot.entries([folder === '.' ? '**' : `${escapeGlob(folder)}/**`])
  return inside.length > 0 ? undefined : `this link leads to ${target}, which is not there`
}

function badLink(message: string): Finding {
  return { kind: 'FILE', reason: 'LINK_ERROR', at: [], message, schema: null }
}
