// The port for where desired state is read from: the files of one revision of a repository.
// Adapters: git (git-repository.ts), memory (memory-repository.ts, for tests of integrations).

/** A commit, or the working tree on top of one. */
export type Revision =
  | { readonly kind: 'commit'; readonly id: string }
  /** `commit` is null before the first commit. `dirty` is known only for what was asked of the snapshot so far. */
  | { readonly kind: 'worktree'; readonly commit: string | null }

export interface SourceEntry {
  /** From the repository root, with `/`. */
  readonly path: string
  /** Git object id of the content as git would store it, whether from a commit, the index or the disk. */
  readonly oid: string
  /** `100644`, `100755`, `120000` (symbolic link), `160000` (submodule). */
  readonly mode: string
  /** The content is that of the disk, not of a git object. */
  readonly dirty: boolean
}

/** The files of one revision. Reads see one state: the one of the moment the snapshot was first asked for a path. */
export interface Snapshot extends AsyncDisposable {
  readonly revision: Revision
  /** Matching entries, sorted by path (code units). Globs are picomatch's (`dot: true`); a glob without magic is a path. */
  entries(globs: readonly string[]): Promise<readonly SourceEntry[]>
  /** The bytes of one entry as git stores them (a symbolic link's target for a link). Undefined when there is no such path. */
  read(path: string): Promise<Uint8Array | undefined>
  /** As {@link read}, many at once, streamed in the order given; cheaper than one by one. */
  readMany(paths: readonly string[]): AsyncIterable<{ readonly path: string; readonly content: Uint8Array }>
  /** The matching files as a private folder with real files, removed on dispose and, after a crash, by a later run. Absolute path. */
  materialize(globs: readonly string[]): Promise<string>
}

export type ResolvedRevision =
  | { readonly kind: 'found'; readonly id: string; readonly fetched: boolean }
  /** `reason`: why, for people, with what to do. */
  | { readonly kind: 'missing'; readonly reason: string }

export interface ChangeQuestion {
  /** Full id of a commit that is here. */
  readonly base: string
  readonly head: Revision
  /** As for {@link Snapshot.entries}. */
  readonly globs: readonly string[]
}

/** For `doctor`. */
export interface RepositoryFacts {
  /** `git 2.39.5`. */
  readonly tool: string
  /** History is cut: a base may not be here. */
  readonly shallow: boolean
  /** HEAD's commit; null before the first. */
  readonly commit: string | null
}

export interface Repository {
  /** Absolute path of the top of the working tree. */
  readonly root: string
  /** The head: the working tree, or HEAD's commit with `committed`. */
  head(options: { readonly committed: boolean }): Promise<Snapshot>
  /** A revision as a full commit id; tries one depth-1 fetch when it is not here. Anything that looks like an option is refused (`usage`). */
  resolve(revision: string): Promise<ResolvedRevision>
  at(commit: string): Promise<Snapshot>
  /** When a commit (a full id that is here) was made: whole seconds since 1970. */
  committedAt(commit: string): Promise<number>
  /** Matching paths, sorted, in which a revision differs from a commit. None is missing; one may be as it was after all (written back, say). */
  changedPaths(question: ChangeQuestion): Promise<readonly string[]>
  /** Whether this exact path is in the index (a store there could be forged by a pull request). */
  isTracked(path: string): Promise<boolean>
  facts(): Promise<RepositoryFacts>
  close(): Promise<void>
}
