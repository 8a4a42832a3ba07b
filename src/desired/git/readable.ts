// An entry or its bytes in; passes what can be read as data, throws on what only points to data elsewhere.
import { TrueupError } from '../../errors.js'
import type { SourceEntry } from '../source.js'

const LFS_HEADER = Buffer.from('version https://git-lfs.github.com/spec/')
/** Pointers are about 130 bytes; the specification allows up to this. */
const LFS_MAX_BYTES = 1024

/** @throws TrueupError `desired-unreadable` for a submodule */
export function assertIsFile(entry: SourceEntry): void {
  if (entry.mode === '160000') throw submoduleError(entry.path, entry.path)
}

export function submoduleError(path: string, submodule: string): TrueupError {
  return new TrueupError(
    'desired-unreadable',
    `${path} ${path === submodule ? 'is' : 'lies in'} a submodule${path === submodule ? '' : ` (${submodule})`}, whose files are not in this repository: ` +
      'leave it out of the globs, or keep the data in the repository itself',
    { details: { path, submodule } },
  )
}

/** @throws TrueupError `desired-unreadable` for a Git LFS pointer, and for a submodule */
export function assertIsData(entry: SourceEntry, content: Uint8Array): void {
  if (content.length > LFS_MAX_BYTES || !LFS_HEADER.equals(content.subarray(0, LFS_HEADER.length))) return
  throw new TrueupError(
    'desired-unreadable',
    `${entry.path} is a Git LFS pointer: its content is not in the repository. Leave it out of the globs, or run \`git lfs migrate export --include=${entry.path}\` to keep it in git`,
    { details: { path: entry.path } },
  )
}
