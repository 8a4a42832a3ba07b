// What the folder of one key says: is there an object, and which of its files counts. A folder goes in, its state comes out.
// It never decides by a single glance where a glance can be wrong, and never removes what a token names.

import { TrueupError } from '../../errors.js'
import { digestBytes } from '../../util/digest.js'
import { dataPath, deletedPath, metadataPath, parseEtag, parseName, tokenPath } from './layout.js'
import type { Etag, Token } from './layout.js'
import type { Disk } from './disk.js'

export type FolderState =
  | { readonly kind: 'absent' }
  /** No token, and none can come: what is left of a deleted key. */
  | { readonly kind: 'dead'; readonly names: readonly string[] }
  | (LiveFolder & { readonly names: readonly string[] })

interface LiveFolder {
  readonly kind: 'live'
  readonly token: Token
}

/**
 * Reads a folder. Listing it is one atomic look on Linux while it is small, but not everywhere: no token, or two, may be a rename seen half.
 * Every rename comes with a new file, so the same names three times running are the truth.
 */
export function scanFolder(disk: Disk, folder: string): FolderState {
  let before = ''
  let times = 0
  for (;;) {
    const names = disk.names(folder)
    if (names === undefined) return { kind: 'absent' }
    const glance = glanceAt(names)
    if (glance !== 'unsure') return glance
    const listing = names.sort().join('/')
    times = listing === before ? times + 1 : 1
    before = listing
    if (times < 3) continue
    if (names.some((name) => parseName(name)?.kind === 'token')) {
      throw damaged(folder, 'two tokens say which value counts; was it copied or synchronised while in use?')
    }
    return { kind: 'dead', names }
  }
}

/** As {@link scanFolder}, for who expects a value (its etag): mostly it is the one that counts, and one look tells that without a listing. */
export function lookAt(disk: Disk, folder: string, expected: string | undefined): LiveFolder | FolderState {
  const etag = expected === undefined ? undefined : parseEtag(expected)
  const token = etag === undefined ? undefined : { epoch: 0, etag }
  // That it is not there says nothing: a sweep may have raised the epoch.
  if (token !== undefined && disk.exists(tokenPath(folder, token))) return { kind: 'live', token }
  return scanFolder(disk, folder)
}

/** The state that a listing proves by itself. */
export function glanceAt(names: readonly string[]): FolderState | 'unsure' {
  const tokens: Token[] = []
  let isDeleted = names.length === 0
  for (const name of names) {
    const parsed = parseName(name)
    if (parsed?.kind === 'token') tokens.push(parsed)
    if (parsed?.kind === 'deleted') isDeleted = true
  }
  const [token, second] = tokens
  if (token !== undefined) return second === undefined ? { kind: 'live', token, names } : 'unsure'
  return isDeleted ? { kind: 'dead', names } : 'unsure'
}

/** The value of a live folder; undefined when it was replaced or deleted meanwhile. */
export function readValue(disk: Disk, folder: string, token: Token): Uint8Array | undefined {
  const value = disk.read(dataPath(folder, token.etag))
  if (value === undefined) {
    proveStillCounts(disk, folder, token, 'its value file is missing')
    return undefined
  }
  if (digestBytes(value) !== token.etag.digest)
    throw damaged(folder, 'the value is not what was written (truncated or changed)')
  return value
}

/** As {@link readValue}, of the size alone. */
export function checkSize(disk: Disk, folder: string, token: Token): boolean {
  const size = disk.size(dataPath(folder, token.etag))
  if (size === undefined) proveStillCounts(disk, folder, token, 'its value file is missing')
  if (size !== undefined && size !== token.etag.size)
    throw damaged(folder, 'the value file does not have the size that was written')
  return size !== undefined
}

/** When the value of a live folder was written, by the clock of the file system; undefined when it was replaced or deleted meanwhile. */
export function readModifiedAt(disk: Disk, folder: string, token: Token): number | undefined {
  const at = disk.modifiedAt(dataPath(folder, token.etag))
  if (at === undefined) proveStillCounts(disk, folder, token, 'its value file is missing')
  return at
}

/** The metadata of a live folder; undefined when it was replaced or deleted meanwhile. */
export function readMetadata(disk: Disk, folder: string, token: Token): Readonly<Record<string, string>> | undefined {
  if (!token.etag.hasMetadata) return {}
  const bytes = disk.read(metadataPath(folder, token.etag))
  if (bytes === undefined) {
    proveStillCounts(disk, folder, token, 'its metadata file is missing')
    return undefined
  }
  try {
    const parsed = JSON.parse(Buffer.from(bytes).toString('utf8')) as { digest?: unknown; metadata?: unknown }
    if (parsed.digest === metadataDigest(token.etag, parsed.metadata))
      return parsed.metadata as Readonly<Record<string, string>>
  } catch {
    // Falls through: no JSON is as wrong as another digest.
  }
  throw damaged(folder, 'the metadata is not what was written (truncated or changed)')
}

export function encodeMetadata(etag: Etag, metadata: Readonly<Record<string, string>>): Uint8Array {
  return Buffer.from(`${JSON.stringify({ digest: metadataDigest(etag, metadata), metadata }, null, 2)}\n`, 'utf8')
}

/**
 * Removes a dead folder. Safe beside others who do the same and beside a new folder in its place: every file name is used once ever. The mark of
 * the deleted key goes last, so that what is left after a crash still says that it is dead.
 */
export function buryFolder(disk: Disk, folder: string, names: readonly string[]): boolean {
  const ours = names.flatMap((name) => parseName(name) ?? [])
  for (const { kind, etag } of ours) {
    if (kind === 'data') disk.tryUnlink(dataPath(folder, etag))
    if (kind === 'metadata') disk.tryUnlink(metadataPath(folder, etag))
  }
  for (const { kind, etag } of ours) {
    if (kind === 'deleted') disk.tryUnlink(deletedPath(folder, etag))
  }
  return disk.tryRemoveFolder(folder)
}

export function damaged(folder: string, why: string): TrueupError {
  return new TrueupError(
    'store-corrupt',
    `The object in ${folder} is damaged: ${why}. Restore that folder from a backup, or remove it if what it remembers may be forgotten.`,
    { details: { path: folder } },
  )
}

// A file that a token names is unlinked only after the token is gone: if the token is still there, the file was lost.
function proveStillCounts(disk: Disk, folder: string, token: Token, why: string): void {
  const again = scanFolder(disk, folder)
  if (
    again.kind === 'live' &&
    again.token.etag.text === token.etag.text &&
    disk.size(tokenPath(folder, again.token)) !== undefined
  ) {
    throw damaged(folder, why)
  }
}

function metadataDigest(etag: Etag, metadata: unknown): string {
  return digestBytes(`${etag.text}\n${JSON.stringify(metadata)}`)
}
