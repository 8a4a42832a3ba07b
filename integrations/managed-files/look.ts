// What is at a path below a root. Reads only, follows no link, opens nothing but plain files.
import { createHash } from 'node:crypto'
import { constants } from 'node:fs'
import { lstat, open, readlink } from 'node:fs/promises'
import { join } from 'node:path'
import { TrueupError } from 'trueup'
import { hasCode, messageOf } from './errors.js'

export interface ManagedFile {
  readonly path: string
  readonly content: string
  /** Four octal digits. */
  readonly mode: string
}

/**
 * What is there. Of anything but a text file, `content` says in words what it is and `mode` says so too, so that it never
 * equals a file that is wanted.
 */
export interface FoundFile extends ManagedFile {
  readonly kind: 'text' | 'binary' | 'symbolic link' | 'folder' | 'special file'
}

/** Undefined when nothing is there. */
export async function look(root: string, path: string): Promise<FoundFile | undefined> {
  await refuseLinks(root, path)
  const file = join(root, path)
  try {
    const stats = await lstat(file)
    const mode = (stats.mode & 0o7777).toString(8).padStart(4, '0')
    const other = (kind: FoundFile['kind'], content: string): FoundFile => ({
      path,
      content,
      mode: `${mode} ${kind}`,
      kind,
    })
    if (stats.isDirectory()) return other('folder', '(a folder)')
    if (stats.isSymbolicLink()) return other('symbolic link', `(a symbolic link to ${await readlink(file)})`)
    if (!stats.isFile()) return other('special file', '(a special file)')
    const bytes = await readPlainFile(file)
    const content = textOf(bytes)
    if (content !== undefined) return { path, content, mode, kind: 'text' }
    const digest = createHash('sha256').update(bytes).digest('hex')
    return other('binary', `(${String(bytes.length)} bytes that are no text, sha256 ${digest})`)
  } catch (error) {
    if (hasCode(error, 'ENOENT', 'ENOTDIR')) return undefined
    throw new TrueupError('current-unreadable', `${file} cannot be read: ${messageOf(error)} (managed-files)`, {
      cause: error,
    })
  }
}

/** No folder between the root and the file may be a link: it could lead anywhere. */
export async function refuseLinks(root: string, path: string): Promise<void> {
  const folders = path.split('/').slice(0, -1)
  for (let depth = 1; depth <= folders.length; depth += 1) {
    const folder = folders.slice(0, depth).join('/')
    const stats = await lstat(join(root, folder)).catch((error: unknown) => {
      if (hasCode(error, 'ENOENT', 'ENOTDIR')) return undefined
      throw error
    })
    if (stats === undefined) return
    if (stats.isDirectory()) continue
    const problem = stats.isSymbolicLink() ? `would leave ${root}` : `cannot be in ${root}`
    const what = stats.isSymbolicLink() ? 'a symbolic link' : 'not a folder'
    throw new TrueupError(
      'current-unreadable',
      `${path} ${problem}: ${folder} is ${what}. Move it away or choose another path (managed-files)`,
    )
  }
}

async function readPlainFile(file: string): Promise<Uint8Array> {
  // What was a plain file a moment ago may be a link or a pipe by now: neither follow nor wait.
  const handle = await open(file, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK)
  try {
    return await handle.readFile()
  } finally {
    await handle.close()
  }
}

/** The exact text; undefined for bytes that are not UTF-8. */
function textOf(bytes: Uint8Array): string | undefined {
  try {
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes)
  } catch {
    return undefined
  }
}
