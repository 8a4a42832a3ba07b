// A snapshot and globs in, a private folder with these files out.
// The blobs are written as they are, without git's checkout: no filter, line-ending conversion, export attribute, hook or sparse setting
// applies, so one commit gives identical bytes on every machine.
import { mkdirSync, symlinkSync, writeFileSync } from 'node:fs'
import { dirname, join, posix } from 'node:path'
import { TrueupError } from '../errors.js'
import type { Scratch, ScratchFolder } from './scratch.js'
import type { Snapshot } from './source.js'

/**
 * Writes the matching files; executable ones stay executable, links stay links (to targets that are there only if they match too).
 *
 * @throws TrueupError `desired-unreadable` for a link that leaves the repository, a submodule or a Git LFS pointer
 */
export async function materialize(
  snapshot: Pick<Snapshot, 'entries' | 'readMany'>,
  globs: readonly string[],
  scratch: Scratch,
): Promise<ScratchFolder> {
  const entries = await snapshot.entries(globs)
  const folder = await scratch.folder()
  try {
    const modes = new Map(entries.map((entry) => [entry.path, entry.mode]))
    const made = new Set<string>()
    const links: { readonly path: string; readonly target: string }[] = []
    for await (const { path, content } of snapshot.readMany(entries.map((entry) => entry.path))) {
      const mode = modes.get(path)
      if (mode === '120000') {
        links.push({ path, target: Buffer.from(content).toString('utf8') })
        continue
      }
      const absolute = join(folder.path, path)
      makeParent(absolute, made)
      // Exclusive: on a disk that ignores case two paths may be one, and the second must not win silently.
      writeFileSync(absolute, content, { flag: 'wx', mode: mode === '100755' ? 0o755 : 0o644 })
    }
    // Links last: nothing is ever written through one.
    for (const { path, target } of links) {
      assertStaysInside(path, target)
      const absolute = join(folder.path, path)
      makeParent(absolute, made)
      symlinkSync(target, absolute)
    }
    return folder
  } catch (error) {
    await folder.remove()
    throw error
  }
}

function makeParent(absolute: string, made: Set<string>): void {
  const parent = dirname(absolute)
  if (made.has(parent)) return
  mkdirSync(parent, { recursive: true, mode: 0o755 })
  made.add(parent)
}

function assertStaysInside(path: string, target: string): void {
  const landing = posix.normalize(posix.join(posix.dirname(path), target))
  if (!target.startsWith('/') && landing !== '..' && !landing.startsWith('../')) return
  throw new TrueupError(
    'desired-unreadable',
    `${path} is a symbolic link to ${target}, outside the repository: leave it out of the globs`,
    {
      details: { path, target },
    },
  )
}
