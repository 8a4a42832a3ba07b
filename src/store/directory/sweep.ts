// Removes what killed writers left in a store folder: files that no token names, dead key folders, half-made folders, empty ones.
// A store folder goes in, counts come out. It must never remove what a writer, in whatever process, may still make count.

import { join } from 'node:path'
import { dataPath, metadataPath, objectsFolder, parseName, parsePartName, preparedFolder, tokenPath } from './layout.js'
import type { Etag } from './layout.js'
import { buryFolder, glanceAt, scanFolder } from './key-folder.js'
import { temporarySince } from './root.js'
import type { Disk } from './disk.js'

export interface SweepRequest {
  readonly disk: Disk
  readonly root: string
  /** UTC ms. */
  readonly now: number
  /** What is younger is left alone. Only to disturb no writer: it is safe at 0. */
  readonly graceMs: number
  /** Asked between folders; true ends the sweep early, which is safe. */
  readonly isStopped: () => boolean
}

/** How much was removed. */
export interface SweepResult {
  /** Values that no token names. */
  orphans: number
  /** Folders: of deleted keys, half-made ones, and empty ones above. */
  folders: number
}

export async function sweepFolder(request: SweepRequest): Promise<SweepResult> {
  const result: SweepResult = { orphans: 0, folders: 0 }
  sweepPrepared(request, result)
  await sweepKeys(request, objectsFolder(request.root), result)
  for (const name of request.disk.names(request.root) ?? []) {
    const since = temporarySince(name)
    if (since !== undefined && isOld(request, since)) request.disk.tryUnlink(join(request.root, name))
  }
  return result
}

// Moved away first, so that its maker can no longer publish it: a folder must not be published with its value already removed.
function sweepPrepared(request: SweepRequest, result: SweepResult): void {
  const { disk, root } = request
  for (const name of disk.names(preparedFolder(root)) ?? []) {
    const since = /^~?(-?\d+)-/.exec(name)?.[1]
    if (since === undefined || !isOld(request, Number(since))) continue
    const away = join(preparedFolder(root), name.startsWith('~') ? name : `~${name}`)
    if (!name.startsWith('~') && disk.rename(join(preparedFolder(root), name), away) !== 'renamed') continue
    for (const file of disk.names(away) ?? []) disk.tryUnlink(join(away, file))
    if (disk.tryRemoveFolder(away)) result.folders += 1
  }
}

async function sweepKeys(request: SweepRequest, folder: string, result: SweepResult): Promise<void> {
  const { disk, root } = request
  for (const name of (await disk.namesLater(folder)) ?? []) {
    if (request.isStopped()) return
    const part = parsePartName(name)
    if (part === undefined) continue
    if (part.isKey) await sweepKey(request, join(folder, name), result)
    else await sweepKeys(request, join(folder, name), result)
  }
  if (folder !== objectsFolder(root) && disk.names(folder)?.length === 0 && disk.tryRemoveFolder(folder)) {
    result.folders += 1
  }
}

async function sweepKey(request: SweepRequest, folder: string, result: SweepResult): Promise<void> {
  const { disk } = request
  const names = await disk.namesLater(folder)
  if (names === undefined) return
  const glance = glanceAt(names)
  const state = glance === 'unsure' ? scanFolder(disk, folder) : glance
  if (state.kind === 'absent') return
  if (state.kind === 'dead') {
    if (buryFolder(disk, folder, state.names)) result.folders += 1
    return
  }
  const { token } = state
  const orphans = state.names
    .flatMap((name) => orphanOf(name, token.etag) ?? [])
    .filter((etag) => isOld(request, etag.modifiedAt))
  if (orphans.length === 0) return
  // The order is what makes this safe: orphans are listed, then the epoch is raised, so that a writer who saw the old token can no longer make
  // one of them count, and only then they go. A writer who fails writes its value anew under a new name.
  const raised = { epoch: token.epoch + 1, etag: token.etag }
  if (disk.rename(tokenPath(folder, token), tokenPath(folder, raised)) !== 'renamed') return
  for (const etag of orphans) {
    disk.tryUnlink(dataPath(folder, etag))
    disk.tryUnlink(metadataPath(folder, etag))
  }
  result.orphans += new Set(orphans.map((etag) => etag.text)).size
}

function orphanOf(name: string, counts: Etag): Etag | undefined {
  const parsed = parseName(name)
  const isValue = parsed?.kind === 'data' || parsed?.kind === 'metadata'
  return isValue && parsed.etag.text !== counts.text ? parsed.etag : undefined
}

function isOld(request: SweepRequest, since: number): boolean {
  return Math.abs(request.now - since) >= request.graceMs
}
