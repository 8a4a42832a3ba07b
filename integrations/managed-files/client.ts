// The outside system: one folder. Every write is atomic (a file is whole or not there), none leaves the root, and none
// overwrites what is not what the plan was made from. Drafts that a killed run left behind are removed an hour later.
import { randomBytes } from 'node:crypto'
import { constants } from 'node:fs'
import { link, mkdir, open, readdir, rename, rm, stat, unlink } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { listing, TrueupError, type BoundedMap, type Listing } from 'trueup'
import { hasCode } from './errors.js'
import { look, refuseLinks, type FoundFile, type ManagedFile } from './look.js'
import { isDraftName } from './paths.js'

const DRAFT_KEPT_MS = 60 * 60 * 1000

export interface Root {
  /** These paths as they are; one that is not there is not listed. */
  list(paths: readonly string[]): Promise<Listing<FoundFile>>
  create(file: ManagedFile): Promise<void>
  replace(before: FoundFile, after: ManagedFile): Promise<void>
  remove(before: FoundFile): Promise<void>
}

export interface RootOptions {
  /** UTC ms. */
  readonly now: () => number
  readonly map: BoundedMap
}

export function openRoot(root: string, { now, map }: RootOptions): Root {
  const swept = new Set<string>()

  /** The whole new file under another name in the same folder. */
  async function writeDraft({ path, content, mode }: ManagedFile): Promise<string> {
    await refuseLinks(root, path)
    const folder = dirname(join(root, path))
    await mkdir(folder, { recursive: true })
    if (!swept.has(folder)) {
      swept.add(folder)
      await sweepDrafts(folder, now() - DRAFT_KEPT_MS)
    }
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

  return {
    async list(paths) {
      const found = await map(new Set(paths), (path) => look(root, path))
      return listing.whole(found.filter((file) => file !== undefined))
    },

    async create(file) {
      const draft = await writeDraft(file)
      try {
        // Unlike rename, link never replaces what appeared meanwhile.
        await link(draft, join(root, file.path))
      } catch (error) {
        throw hasCode(error, 'EEXIST') ? changedMeanwhile(file.path) : error
      } finally {
        await rm(draft, { force: true })
      }
      await syncFolder(dirname(join(root, file.path)))
    },

    async replace(before, after) {
      await stillAs(root, before)
      const target = join(root, after.path)
      if (before.kind === 'text' && before.content === after.content) return changeMode(target, after.mode)
      const draft = await writeDraft(after)
      try {
        // A link in the place is replaced itself, not what it points to.
        await rename(draft, target)
      } catch (error) {
        await rm(draft, { force: true })
        throw error
      }
      await syncFolder(dirname(target))
    },

    async remove(before) {
      await stillAs(root, before)
      await unlink(join(root, before.path))
      await syncFolder(dirname(join(root, before.path)))
    },
  }
}

async function changeMode(file: string, mode: string): Promise<void> {
  const handle = await open(file, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK)
  try {
    await handle.chmod(parseInt(mode, 8))
    await handle.sync()
  } finally {
    await handle.close()
  }
}

/** The last look before a write: what was planned against is still what is there. */
async function stillAs(root: string, before: FoundFile): Promise<void> {
  const now = await look(root, before.path)
  const same = now?.content === before.content && now.mode === before.mode && now.kind === before.kind
  if (!same) throw changedMeanwhile(before.path)
  if (before.kind === 'folder') {
    throw new TrueupError('apply-failed', `${before.path} is a folder by now; folders are never removed. Move it away`)
  }
}

function changedMeanwhile(path: string): TrueupError {
  return new TrueupError('apply-failed', `${path} was changed by somebody else since it was read; plan again`, {
    retryable: true,
  })
}

async function sweepDrafts(folder: string, before: number): Promise<void> {
  for (const name of (await readdir(folder)).filter(isDraftName)) {
    const file = join(folder, name)
    const stats = await stat(file).catch(() => undefined)
    if (stats !== undefined && stats.mtimeMs < before) await rm(file, { force: true })
  }
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
