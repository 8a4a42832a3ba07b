// A commit in, its files out, read from the object database alone: nothing is checked out, registered or written to the repository.
import { compileGlobs, literalPaths, type GlobMatcher } from '../globs.js'
import { materialize } from '../materialize.js'
import type { Revision, Snapshot, SourceEntry } from '../source.js'
import type { ObjectReader } from './object-reader.js'
import { assertIsData, assertIsFile, submoduleError } from './readable.js'
import type { Scratch } from '../scratch.js'
import type { Trees } from './tree.js'

export interface CommitSnapshotOptions {
  /** Full id. */
  readonly commit: string
  readonly trees: Trees
  readonly objects: ObjectReader
  readonly scratch: Scratch
  readonly warn: (message: string) => void
}

/** The files of one commit. */
export class CommitSnapshot implements Snapshot {
  readonly revision: Revision
  readonly #options: CommitSnapshotOptions
  readonly #folders: (() => Promise<void>)[] = []
  /** Of what was listed or read so far; a commit never changes. */
  readonly #known = new Map<string, SourceEntry>()

  constructor(options: CommitSnapshotOptions) {
    this.revision = { kind: 'commit', id: options.commit }
    this.#options = options
  }

  async entries(globs: readonly string[]): Promise<readonly SourceEntry[]> {
    const matcher = compileGlobs(globs)
    const entries = await this.#list(matcher)
    return entries
  }

  async read(path: string): Promise<Uint8Array | undefined> {
    const [entry] = await this.#find([path])
    if (entry === undefined) return undefined
    assertIsFile(entry)
    const content = await this.#options.objects.content(entry.oid)
    assertIsData(entry, content)
    return content
  }

  async *readMany(
    paths: readonly string[],
  ): AsyncGenerator<{ readonly path: string; readonly content: Uint8Array }, void, void> {
    const entries = (await this.#find(paths)).filter((entry) => entry !== undefined)
    for (const entry of entries) assertIsFile(entry)
    let index = 0
    for await (const content of this.#options.objects.contents(entries.map((entry) => entry.oid))) {
      const entry = entries[index]
      index += 1
      if (entry === undefined) return
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

  async #list(matcher: GlobMatcher): Promise<readonly SourceEntry[]> {
    const { trees, commit, warn } = this.#options
    const { entries, submodules } = await trees.list(commit, matcher)
    refuseInside(submodules, matcher, warn)
    for (const entry of entries) this.#known.set(entry.path, entry)
    return entries
  }

  async #find(paths: readonly string[]): Promise<(SourceEntry | undefined)[]> {
    const unknown = paths.filter((path) => !this.#known.has(path))
    if (unknown.length > 0) await this.#list(literalPaths(unknown))
    return paths.map((path) => this.#known.get(path))
  }
}

/**
 * A root that lies in a submodule can hold nothing: an error, since it would read as "no files". A wider glob that merely sweeps over
 * one is a warning.
 */
export function refuseInside(
  submodules: readonly string[],
  matcher: GlobMatcher,
  warn: (message: string) => void,
): void {
  for (const submodule of submodules) {
    const inside = matcher.roots.find((root) => root.path === submodule || root.path.startsWith(`${submodule}/`))
    if (inside !== undefined) throw submoduleError(inside.path, submodule)
    warn(`files in the submodule ${submodule} are not part of this repository and are not read`)
  }
}
