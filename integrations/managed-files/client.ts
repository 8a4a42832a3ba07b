// The outside system: one folder. Every write is atomic (a file is whole or not there), none leaves the root, and none
// overwrites what is not what the plan was made from.
import { randomBytes, randomUUID } from 'node:crypto'
import { constants } from 'node:fs'
import { chmod, link, lstat, mkdir, open, readFile, rename, rm, writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { listing, TrueupError, type Listing } from 'trueup'
import { ID_FILE } from './paths.js'

export interface ManagedFile {
  readonly path: string
  readonly content: string
  /** Four octal digits. */
  readonly mode: string
}

/** A file as it is; `kind` other: a folder, a link, a device, or bytes that are no text. */
export interface FoundFile extends ManagedFile {
  readonly kind: 'text' | 'other'
}

export interface Root {
  /** These paths as they are; one that is not there is not listed. */
  list(paths: readonly string[]): Promise<Listing<FoundFile>>
  create(file: ManagedFile): Promise<void>
  replace(before: FoundFile, after: ManagedFile): Promise<void>
  remove(before: FoundFile): Promise<void>
}

/** The identity of a root; undefined while it has none. `create` makes the folder and gives it one. */
export async function rootId(root: string, { create }: { readonly create: boolean }): Promise<string | undefined> {
  const file = join(root, ID_FILE)
  for (;;) {
    try {
      const id = (await readFile(file, 'utf8')).trim()
      if (/^[0-9a-f-]{36}$/.test(id)) return `files:${id}`
      throw new TrueupError('current-unreadable', `${file} does not hold the id of a root. If it is not managed-files' own, choose another root`)
    } catch (error) {
      if (!hasCode(error, 'ENOENT', 'ENOTDIR')) throw error
      if (!create) return undefined
    }
    await mkdir(root, { recursive: true })
    // Written whole and linked into place, so that two first runs agree on one id.
    const draft = join(root, `${ID_FILE}.${randomBytes(6).toString('hex')}`)
    await writeFile(draft, `${randomUUID()}\n`)
    await link(draft, file).catch((error: unknown) => {
      if (!hasCode(error, 'EEXIST')) throw error
    })
    await rm(draft)
  }
}

export function openRoot(root: string): Root {
  return {
    async list(paths) {
      const found: FoundFile[] = []
      for (const path of new Set(paths)) {
        const file = await look(root, path)
        if (file !== undefined) found.push(file)
      }
      return listing.whole(found)
    },
    async create(file) {
      const draft = await writeDraft(root, file)
      try {
        // Unlike rename, link never replaces what appeared meanwhile.
        await link(draft, join(root, file.path))
      } catch (error) {
        if (hasCode(error, 'EEXIST')) throw changed(file.path)
        throw error
      } finally {
        await rm(draft, { force: true })
      }
      await syncFolder(dirname(join(root, file.path)))
    },
    async replace(before, after) {
      await stillAs(root, before)
      const target = join(root, after.path)
      if (before.kind === 'text' && before.content === after.content) {
        await chmod(target, parseInt(after.mode, 8))
        return
      }
      const draft = await writeDraft(root, after)
      try {
        await rename(draft, target)
      } catch (error) {
        await rm(draft, { force: true })
        if (hasCode(error, 'EISDIR', 'ENOTEMPTY', 'EEXIST')) throw new TrueupError('apply-failed', `${after.path} is a folder; remove it first`)
        throw error
      }
      await syncFolder(dirname(target))
    },
    async remove(before) {
      await stillAs(root, before)
      await rm(join(root, before.path), { force: true })
      await syncFolder(dirname(join(root, before.path)))
    },
  }
}

async function look(root: string, path: string): Promise<FoundFile | undefined> {
  await refuseLinks(root, path)
  const file = join(root, path)
  try {
    const stats = await lstat(file)
    const mode = (stats.mode & 0o7777).toString(8).padStart(4, '0')
    const kind = stats.isDirectory() ? 'folder' : stats.isSymbolicLink() ? 'symbolic link' : stats.isFile() ? 'file' : 'special file'
    if (kind !== 'file') return { path, content: `(a ${kind})`, mode, kind: 'other' }
    const handle = await open(file, constants.O_RDONLY | constants.O_NOFOLLOW)
    try {
      const bytes = await handle.readFile()
      const content = textOf(bytes)
      return content === undefined ? { path, content: `(${String(bytes.length)} bytes that are no text)`, mode, kind: 'other' } : { path, content, mode, kind: 'text' }
    } finally {
      await handle.close()
    }
  } catch (error) {
    if (hasCode(error, 'ENOENT', 'ENOTDIR')) return undefined
    throw error
  }
}

/** No folder between the root and the file may be a link: it could lead anywhere. */
async function refuseLinks(root: string, path: string): Promise<void> {
  const folders = path.split('/').slice(0, -1)
  for (let depth = 1; depth <= folders.length; depth += 1) {
    const folder = folders.slice(0, depth).join('/')
    const stats = await lstat(join(root, folder)).catch((error: unknown) => {
      if (hasCode(error, 'ENOENT', 'ENOTDIR')) return undefined
      throw error
    })
    if (stats === undefined) return
    if (stats.isSymbolicLink()) throw new TrueupError('current-unreadable', `${path} would leave ${root}: ${folder} is a symbolic link. Remove the link or choose another path (managed-files)`)
    if (!stats.isDirectory()) throw new TrueupError('current-unreadable', `${path} cannot be in ${root}: ${folder} is a file (managed-files)`)
  }
}

/** The whole new file under another name in the same folder. */
async function writeDraft(root: string, { path, content, mode }: ManagedFile): Promise<string> {
  await refuseLinks(root, path)
  const folder = dirname(join(root, path))
  await mkdir(folder, { recursive: true })
  const draft = join(folder, `.trueup-${randomBytes(8).toString('hex')}`)
  const handle = await open(draft, 'wx', 0o600)
  try {
    await handle.writeFile(content)
    await handle.chmod(parseInt(mode, 8))
    await handle.sync()
  } catch (error) {
    await rm(draft, { force: true })
    throw error
  } finally {
    await handle.close()
  }
  return draft
}

async function stillAs(root: string, before: FoundFile): Promise<void> {
  const now = await look(root, before.path)
  if (now === undefined || now.content !== before.content || now.mode !== before.mode || now.kind !== before.kind) throw changed(before.path)
}

function changed(path: string): TrueupError {
  return new TrueupError('apply-failed', `${path} was changed by somebody else since it was read; plan again`, { retryable: true })
}

/** So that the new name survives a crash of the machine. */
async function syncFolder(folder: string): Promise<void> {
  const handle = await open(folder, constants.O_RDONLY)
  try {
    await handle.sync()
  } finally {
    await handle.close()
  }
}

function textOf(bytes: Uint8Array): string | undefined {
  try {
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes)
  } catch {
    return undefined
  }
}

function hasCode(error: unknown, ...codes: readonly string[]): boolean {
  return error instanceof Error && codes.includes((error as NodeJS.ErrnoException).code ?? '')
}
