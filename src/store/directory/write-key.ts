// The two ways a value comes to count: a folder for a missing key, a token renamed in one that is there. A value goes in, its etag comes out.
// It must not wait for others or try again: a lost race is an answer, and what to do then depends on the condition of the put.

import { dirname, join } from 'node:path'
import type { Clock } from '../../util/clock.js'
import { encodeMetadata } from './key-folder.js'
import { dataPath, makeEtag, metadataPath, preparedFolder, tokenPath } from './layout.js'
import type { Etag, Token } from './layout.js'
import type { Disk } from './disk.js'

export interface WriteParts {
  readonly root: string
  readonly disk: Disk
  readonly clock: Clock
  readonly randomId: () => string
}

export interface Write {
  readonly folder: string
  readonly value: Uint8Array
  readonly metadata: Readonly<Record<string, string>>
  readonly durable: boolean
}

/** `lost`: somebody else's folder is there, or ours was swept. `no-store`: the store folder is not prepared. */
export async function createKey(parts: WriteParts, write: Write): Promise<Etag | 'lost' | 'no-store'> {
  const { disk, root } = parts
  const etag = newEtag(parts, write)
  const prepared = join(preparedFolder(root), `${etag.modifiedAt}-${parts.randomId()}`)
  if (!disk.makeFolder(prepared)) return 'no-store'
  let isPublished = false
  try {
    isPublished = (await fillPrepared(disk, { prepared, etag, write })) && publish(disk, prepared, write.folder)
  } finally {
    if (!isPublished) discard(disk, prepared)
  }
  if (!isPublished) return 'lost'
  // Every folder above, too: one that another made for what may be lost must not take this with it.
  for (let above = write.folder; write.durable && above !== root;) {
    above = dirname(above)
    await disk.sync(above)
  }
  return etag
}

/** Undefined: the token was renamed by somebody else meanwhile. */
export async function replaceKey(parts: WriteParts, write: Write, token: Token): Promise<Etag | undefined> {
  const { disk } = parts
  const { folder } = write
  // A new name at each attempt: a sweep may be about to remove the value of an attempt that failed.
  const etag = newEtag(parts, write)
  const next = tokenPath(folder, { epoch: token.epoch, etag })
  let isCommitted = false
  try {
    const isWritten = await writeValue(disk, folder, { etag, write })
    isCommitted = isWritten && disk.rename(tokenPath(folder, token), next) === 'renamed'
  } finally {
    if (!isCommitted) removeValue(disk, folder, etag)
  }
  if (!isCommitted) return undefined
  // The old value goes only when the new token is on the disk: a power cut must not bring back a token without its value.
  if (write.durable) await disk.sync(folder)
  removeValue(disk, folder, token.etag)
  return etag
}

function newEtag(parts: WriteParts, write: Write): Etag {
  const hasMetadata = Object.keys(write.metadata).length > 0
  return makeEtag({ at: parts.clock.now(), id: parts.randomId(), value: write.value, hasMetadata })
}

async function fillPrepared(
  disk: Disk,
  { prepared, etag, write }: { readonly prepared: string; readonly etag: Etag; readonly write: Write },
): Promise<boolean> {
  if (!(await writeValue(disk, prepared, { etag, write }))) return false
  if (!(await disk.write(tokenPath(prepared, { epoch: 0, etag }), new Uint8Array(), false))) return false
  if (write.durable) await disk.sync(prepared)
  return true
}

function publish(disk: Disk, prepared: string, folder: string): boolean {
  const first = disk.rename(prepared, folder)
  if (first !== 'gone') return first === 'renamed'
  disk.makeFolders(dirname(folder))
  return disk.rename(prepared, folder) === 'renamed'
}

function discard(disk: Disk, prepared: string): void {
  for (const name of disk.names(prepared) ?? []) disk.tryUnlink(join(prepared, name))
  disk.tryRemoveFolder(prepared)
}

async function writeValue(
  disk: Disk,
  folder: string,
  { etag, write }: { readonly etag: Etag; readonly write: Write },
): Promise<boolean> {
  const { value, metadata, durable } = write
  if (etag.hasMetadata && !(await disk.write(metadataPath(folder, etag), encodeMetadata(etag, metadata), durable)))
    return false
  return disk.write(dataPath(folder, etag), value, durable)
}

function removeValue(disk: Disk, folder: string, etag: Etag): void {
  disk.tryUnlink(dataPath(folder, etag))
  if (etag.hasMetadata) disk.tryUnlink(metadataPath(folder, etag))
}
