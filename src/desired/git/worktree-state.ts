// A matcher in, what the working tree holds for it out: of a few files by comparing HEAD's tree with the disk, which does not cost more in a large
// repository; of many, and where these differ in anything, by `git status`. Reads only.
import { join } from 'node:path'
import { scheduler } from 'node:timers/promises'
import { TrueupError } from '../../errors.js'
import type { GlobMatcher } from '../globs.js'
import type { Git } from '../git.js'
import type { SourceEntry } from '../source.js'
import { refuseInside } from './commit-snapshot.js'
import { blobId, readDisk, storedIds, walkDisk } from './disk.js'
import { readStatus, type PathState } from './status.js'
import { assertNameable, type Trees } from './tree.js'

export interface WorktreeFile {
  readonly entry: SourceEntry
  /** Where the content is read from. A staged file differs from HEAD (`dirty`) and is still an object. */
  readonly from: 'object' | 'disk'
}

export interface WorktreeState {
  readonly files: ReadonlyMap<string, WorktreeFile>
  /** Something asked for differs from HEAD; a deleted file too. */
  readonly isDirty: boolean
}

export interface WorktreeOptions {
  readonly git: Git
  readonly trees: Trees
  /** HEAD; null before the first commit. */
  readonly commit: string | null
  readonly warn: (message: string) => void
}

/** Files hashed between two turns of the event loop. */
const CHUNK = 256
/** More than these are not read: git knows from its index which of them were touched, and a look at each costs less than its content. */
const MOST_READ = 500

/** What the working tree holds for a matcher, now. */
export async function readWorktree(options: WorktreeOptions, matcher: GlobMatcher): Promise<WorktreeState> {
  const { commit, trees, warn } = options
  let status: ReturnType<typeof statusOn> | undefined
  // Beside the listing, as soon as it is clear that the disk will not be read.
  const tell = (): void => {
    status = statusOn(options.git, matcher, commit)
    status.catch(() => undefined)
  }
  const listing =
    commit === null ? { entries: [], submodules: [] } : await trees.list(commit, matcher, { above: MOST_READ, tell })
  refuseInside(listing.submodules, matcher, warn)
  const files = new Map<string, WorktreeFile>()
  for (const entry of listing.entries) files.set(entry.path, { entry, from: 'object' })
  const isWorthReading = commit !== null && status === undefined
  if (isWorthReading && (await agreesWithDisk(options.git, listing.entries, matcher))) return { files, isDirty: false }

  const states = await (status ?? statusOn(options.git, matcher, commit))
  for (const state of states) {
    assertNameable(state.path)
    // Untracked comes after deleted: a path may be both (removed from the index, still on disk).
    if (state.kind === 'staged') {
      const { path, oid, mode } = state
      files.set(path, { entry: { path, oid, mode, dirty: true }, from: 'object' })
    } else if (state.kind === 'deleted') files.delete(state.path)
  }
  await takeFromDisk(options, files, states)
  return { files, isDirty: states.length > 0 }
}

/** Matching paths in which the working tree differs from HEAD, which must still be this commit. */
export async function statusOn(git: Git, matcher: GlobMatcher, commit: string | null): Promise<readonly PathState[]> {
  const status = await readStatus(git, matcher)
  if (status.commit !== commit) {
    throw new TrueupError(
      'source-unavailable',
      `HEAD of ${git.place.root} moved from ${commit ?? 'no commit'} to ${status.commit ?? 'no commit'} while it was read: run again`,
      { retryable: true },
    )
  }
  return status.states.filter((state) => matcher.matches(state.path))
}

/** True only if HEAD's entries and the disk are the same: paths, modes, and the ids that git would store. */
async function agreesWithDisk(git: Git, entries: readonly SourceEntry[], matcher: GlobMatcher): Promise<boolean> {
  if (entries.some((entry) => entry.mode === '160000')) return false
  const found = walkDisk(git.place.root, matcher)
  if (found === 'unclear' || found.size !== entries.length || !entries.every((entry) => found.has(entry.path)))
    return false
  // The same bytes need no git; others may be the same after its filters.
  const unsure: SourceEntry[] = []
  for (const [index, entry] of entries.entries()) {
    if (index % CHUNK === CHUNK - 1) await scheduler.yield()
    const file = readDisk(git.place.root, entry.path)
    if (file?.mode !== entry.mode) return false
    if (blobId(file.content, entry.oid) === entry.oid) continue
    if (file.mode === '120000') return false
    unsure.push(entry)
  }
  if (unsure.length === 0) return true
  try {
    const stored = await storedIds(
      git,
      unsure.map((entry) => entry.path),
    )
    return unsure.every((entry) => stored.get(entry.path) === entry.oid)
  } catch (error) {
    // A file that just vanished, or a filter that is not installed: status decides, or tells it better.
    if (error instanceof TrueupError && error.code === 'git-failed') return false
    throw error
  }
}

async function takeFromDisk(
  options: WorktreeOptions,
  files: Map<string, WorktreeFile>,
  states: readonly PathState[],
): Promise<void> {
  const { git, commit } = options
  const like = commit ?? ''
  const regular: { readonly path: string; readonly mode: string }[] = []
  const take = (path: string, oid: string, mode: string): void => {
    const before = files.get(path)
    // Touched, or written back: the object is the same and is the better place to read from.
    if (before?.entry.oid === oid && before.entry.mode === mode) return
    files.set(path, { entry: { path, oid, mode, dirty: true }, from: 'disk' })
  }
  for (const state of states) {
    if (state.kind !== 'disk') continue
    if (state.mode === '160000') {
      take(state.path, await submoduleCommit(git, state.path), state.mode)
      continue
    }
    const file = readDisk(git.place.root, state.path)
    if (file === undefined) files.delete(state.path)
    else if (file.mode === '120000') take(state.path, blobId(file.content, like), file.mode)
    else regular.push({ path: state.path, mode: state.mode ?? file.mode })
  }
  const stored = await storedIds(
    git,
    regular.map(({ path }) => path),
  )
  for (const { path, mode } of regular) take(path, stored.get(path) ?? '', mode)
}

/** What `git add` would record for a submodule that has another commit checked out. */
async function submoduleCommit(git: Git, path: string): Promise<string> {
  const { stdout } = await git.run(['rev-parse', '--verify', 'HEAD'], { directory: join(git.place.root, path) })
  return stdout.toString('latin1').trim()
}
