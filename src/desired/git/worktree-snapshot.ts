// The working tree on top of a commit in, its files out: clean ones from the object database, changed ones from disk.
// What was answered once stays so: a path keeps its id for the life of the snapshot, and bytes that no longer have it are an error.
import { TrueupError } from '../../errors.js'
import { compileGlobs, literalPaths, type GlobMatcher } from '../globs.js'
import { materialize } from '../materialize.js'
import type { Scratch } from '../scratch.js'
import type { Revision, Snapshot, SourceEntry } from '../source.js'
import { blobId, readDisk, storedContent } from './disk.js'
import type { ObjectReader } from './object-reader.js'
import { assertIsData, assertIsFile } from './readable.js'
import { byPath } from './tree.js'
import { readWorktree, type WorktreeFile, type WorktreeOptions } from './worktree-state.js'

export interface WorktreeSnapshotOptions extends WorktreeOptions {
  readonly objects: ObjectReader
  readonly scratch: Scratch
}

/** The files of a working tree: tracked and untracked, not ignored. */
export class WorktreeSnapshot implements Snapshot {
  readonly revision: Revision
  readonly #options: WorktreeSnapshotOptions
  readonly #folders: (() => Promise<void>)[] = []
  readonly #files = new Map<string, WorktreeFile>()
  /** What was asked for so far: a path that one of these means is what `#files` says, or absent. */
  readonly #asked: GlobMatcher[] = []
  readonly #askedPaths = new Set<string>()
  readonly #answers = new Map<string, readonly SourceEntry[]>()
  #isDirty = false
  #turn: Promise<unknown> = Promise.resolve()

  constructor(options: WorktreeSnapshotOptions) {
    this.revision = { kind: 'worktree', commit: options.commit }
    this.#options = options
  }

  /** Something that was asked for so far differs from HEAD; deleted files, which no entry shows, count too. */
  get isDirty(): boolean {
    return this.#isDirty
  }

  async entries(globs: readonly string[]): Promise<readonly SourceEntry[]> {
    const key = JSON.stringify(globs)
    return this.#inTurn(async () => {
      const known = this.#answers.get(key)
      if (known !== undefined) return known
      const matcher = compileGlobs(globs)
      const entries: SourceEntry[] = []
      for (const { entry } of this.#files.values()) if (matcher.matches(entry.path)) entries.push(entry)
      for (const { entry } of await this.#learn(matcher)) entries.push(entry)
      this.#asked.push(matcher)
      entries.sort(byPath)
      this.#answers.set(key, entries)
      return entries
    })
  }

  async read(path: string): Promise<Uint8Array | undefined> {
    const [file] = await this.#find([path])
    if (file === undefined) return undefined
    assertIsFile(file.entry)
    const content =
      file.from === 'object' ? await this.#options.objects.content(file.entry.oid) : await this.#readDisk(file.entry)
    assertIsData(file.entry, content)
    return content
  }

  async *readMany(
    paths: readonly string[],
  ): AsyncGenerator<{ readonly path: string; readonly content: Uint8Array }, void, void> {
    const files = (await this.#find(paths)).filter((file) => file !== undefined)
    for (const { entry } of files) assertIsFile(entry)
    const objects = this.#options.objects.contents(
      files.filter(({ from }) => from === 'object').map(({ entry }) => entry.oid),
    )
    for (const { entry, from } of files) {
      let content: Uint8Array
      if (from === 'disk') content = await this.#readDisk(entry)
      else {
        const next = await objects.next()
        if (next.done === true) return
        content = next.value
      }
      assertIsData(entry, content)
      yield { path: entry.path, content }
    }
  }

  async materialize(globs: readonly string[]): Promise<string> {
    const folder = await materialize(this, globs, this.#options.scratch)
    this.#folders.push(folder.remove)
    return folder.path
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const remove of this.#folders.splice(0)) await remove()
  }

  async #find(paths: readonly string[]): Promise<(WorktreeFile | undefined)[]> {
    return this.#inTurn(async () => {
      const unknown = paths.filter((path) => !this.#isSettled(path))
      if (unknown.length > 0) {
        await this.#learn(literalPaths(unknown))
        for (const path of unknown) this.#askedPaths.add(path)
      }
      return paths.map((path) => this.#files.get(path))
    })
  }

  /** What was not known before of the files that are meant; they are known from now on. */
  async #learn(matcher: GlobMatcher): Promise<readonly WorktreeFile[]> {
    const state = await readWorktree(this.#options, matcher)
    if (state.isDirty) this.#isDirty = true
    const learnt: WorktreeFile[] = []
    for (const [path, file] of state.files) {
      if (this.#isSettled(path)) continue
      this.#files.set(path, file)
      learnt.push(file)
    }
    return learnt
  }

  #isSettled(path: string): boolean {
    return this.#files.has(path) || this.#askedPaths.has(path) || this.#asked.some((matcher) => matcher.matches(path))
  }

  async #readDisk(entry: SourceEntry): Promise<Uint8Array> {
    const { git, scratch } = this.#options
    const file = readDisk(git.place.root, entry.path)
    if (file !== undefined && blobId(file.content, entry.oid) === entry.oid) return file.content
    if (file !== undefined && file.mode !== '120000') {
      // A filter stands between the disk and what git would store.
      const folder = await scratch.folder()
      try {
        const stored = await storedContent(git, entry.path, folder.path)
        if (stored.oid === entry.oid) return stored.content
      } finally {
        await folder.remove()
      }
    }
    throw new TrueupError(
      'desired-unreadable',
      `${entry.path} changed on disk while it was being read: run again when nobody writes to it`,
      {
        details: { path: entry.path },
        retryable: true,
      },
    )
  }

  /** One question after the other, so that each sees what the ones before settled. */
  #inTurn<T>(work: () => Promise<T>): Promise<T> {
    const result = this.#turn.then(work)
    this.#turn = result.catch(() => undefined)
    return result
  }
}
