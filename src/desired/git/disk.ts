// The working tree on disk: which files match, what they hold, and the object id that git would give them.
// Must not write anywhere; follows no symbolic link; does not enter nested repositories.
import { createHash } from 'node:crypto'
import { lstatSync, readdirSync, readFileSync, readlinkSync, type Stats } from 'node:fs'
import { join } from 'node:path'
import type { GlobMatcher } from '../globs.js'
import type { Git } from '../git.js'

export interface DiskFile {
  readonly mode: '100644' | '100755' | '120000'
  /** As on disk: no filter was applied. For a link its target. */
  readonly content: Buffer
}

/** One file or link as it lies on disk; undefined when there is none (or something that git does not track, such as a pipe). */
export function readDisk(root: string, path: string): DiskFile | undefined {
  const absolute = join(root, path)
  try {
    const stats = lstatSync(absolute)
    if (stats.isSymbolicLink()) return { mode: '120000', content: readlinkSync(absolute, { encoding: 'buffer' }) }
    if (!stats.isFile()) return undefined
    return { mode: (stats.mode & 0o100) === 0 ? '100644' : '100755', content: readFileSync(absolute) }
  } catch (error) {
    if (isAbsence(error)) return undefined
    throw error
  }
}

/** The id of these bytes as a blob. `like`: any id of the same repository; its length tells SHA-1 from SHA-256. */
export function blobId(content: Uint8Array, like: string): string {
  const hash = createHash(like.length === 64 ? 'sha256' : 'sha1')
  return hash.update(`blob ${content.length}\0`).update(content).digest('hex')
}

/**
 * Paths of matching files below the matcher's roots; `unclear` where only git can tell: a folder that is a link or another repository.
 */
export function walkDisk(root: string, matcher: GlobMatcher): Set<string> | 'unclear' {
  const found = new Set<string>()
  const plain = new Map<string, 'plain' | 'missing' | 'unclear'>()
  for (const start of matcher.roots) {
    const folder = start.kind === 'folder' ? start.path : parentOf(start.path)
    const standing = standingOf(root, folder, plain)
    if (standing === 'unclear') return 'unclear'
    if (standing === 'missing') continue
    if (start.kind === 'file') {
      if (matcher.matches(start.path) && isTrackable(lstatOrUndefined(join(root, start.path)))) found.add(start.path)
    } else if (!walkFolder(root, start.path, matcher, found)) return 'unclear'
  }
  return found
}

/** False: only git can tell. */
function walkFolder(root: string, start: string, matcher: GlobMatcher, found: Set<string>): boolean {
  const open = [start]
  for (let folder = open.pop(); folder !== undefined; folder = open.pop()) {
    for (const entry of readdirSync(join(root, folder), { withFileTypes: true })) {
      if (entry.name === '.git') {
        if (folder !== '') return false
        continue
      }
      const path = folder === '' ? entry.name : `${folder}/${entry.name}`
      if (entry.isDirectory()) {
        if (matcher.mayContain(path)) open.push(path)
      } else if ((entry.isFile() || entry.isSymbolicLink()) && matcher.matches(path)) found.add(path)
    }
  }
  return true
}

function standingOf(
  root: string,
  folder: string,
  known: Map<string, 'plain' | 'missing' | 'unclear'>,
): 'plain' | 'missing' | 'unclear' {
  if (folder === '') return 'plain'
  const seen = known.get(folder)
  if (seen !== undefined) return seen
  let standing = standingOf(root, parentOf(folder), known)
  if (standing === 'plain') {
    const stats = lstatOrUndefined(join(root, folder))
    // Nothing lies below a file.
    if (stats === undefined || stats.isFile()) standing = 'missing'
    else if (!stats.isDirectory() || lstatOrUndefined(join(root, folder, '.git')) !== undefined) standing = 'unclear'
  }
  known.set(folder, standing)
  return standing
}

function parentOf(path: string): string {
  return path.slice(0, Math.max(0, path.lastIndexOf('/')))
}

function isTrackable(stats: Stats | undefined): boolean {
  return stats?.isFile() === true || stats?.isSymbolicLink() === true
}

function lstatOrUndefined(path: string): Stats | undefined {
  try {
    return lstatSync(path)
  } catch (error) {
    if (isAbsence(error)) return undefined
    throw error
  }
}

function isAbsence(error: unknown): boolean {
  const { code } = error as NodeJS.ErrnoException
  return code === 'ENOENT' || code === 'ENOTDIR'
}

/**
 * The ids git would store regular files under: filters and line-ending conversion applied.
 *
 * @throws TrueupError `git-failed`, also when a file vanished or its filter is not installed
 */
export async function storedIds(git: Git, paths: readonly string[]): Promise<Map<string, string>> {
  if (paths.length === 0) return new Map()
  const input = paths.map((path) => `${quotePath(path)}\n`).join('')
  const { stdout } = await git.run(['hash-object', '--stdin-paths'], { input })
  const ids = stdout.toString('latin1').split('\n')
  return new Map(paths.map((path, index) => [path, ids[index] ?? '']))
}

/** The bytes git would store for a regular file, by way of a private object folder: nothing is written to the repository. */
export async function storedContent(
  git: Git,
  path: string,
  scratch: string,
): Promise<{ readonly oid: string; readonly content: Buffer }> {
  const environment = {
    GIT_OBJECT_DIRECTORY: scratch,
    GIT_ALTERNATE_OBJECT_DIRECTORIES: quoteAlways(join(git.place.commonDirectory, 'objects')),
  }
  const written = await git.run(['hash-object', '-w', '--stdin-paths'], { input: `${quotePath(path)}\n`, environment })
  const oid = written.stdout.toString('latin1').trim()
  const { stdout } = await git.run(['cat-file', 'blob', oid], { environment })
  return { oid, content: stdout }
}

/** `--stdin-paths` is line by line; a line that starts with a quote is read as a C string. */
function quotePath(path: string): string {
  return path.startsWith('"') || path.includes('\n') ? quoteAlways(path) : path
}

function quoteAlways(path: string): string {
  return `"${path.replace(/[\\"]/g, '\\$&').replace(/\n/g, '\\n')}"`
}
