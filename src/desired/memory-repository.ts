// Files as values in, a repository out: for tests of integrations, without git. Object ids are those git would give.
import { createHash } from 'node:crypto'
import { TrueupError } from '../errors.js'
import { compileGlobs } from './globs.js'
import { materialize } from './materialize.js'
import { Scratch } from './scratch.js'
import type { Repository, ResolvedRevision, Revision, Snapshot, SourceEntry } from './source.js'

export type MemoryFiles = Readonly<Record<string, string | Uint8Array>>

export interface MemoryCommits {
  /** The revision that HEAD is at, and that the working tree equals. */
  readonly head: string
  readonly commits: Readonly<Record<string, MemoryFiles>>
}

/** A repository of one commit named `head`, or of several. Ids of commits are made from their names and stay the same. */
export function createMemoryRepository(files: MemoryFiles | MemoryCommits): Repository {
  const { head, commits } = isCommits(files) ? files : { head: 'head', commits: { head: files } }
  const byId = new Map(Object.entries(commits).map(([name, content]) => [commitId(name), content]))
  const headId = commitId(head)
  if (!byId.has(headId)) throw new TrueupError('usage', `the memory repository has no commit '${head}' for its head`)
  const snapshotOf = (id: string, revision: Revision): Promise<Snapshot> => {
    const content = byId.get(id)
    if (content !== undefined) return Promise.resolve(new MemorySnapshot(content, revision))
    return Promise.reject(new TrueupError('source-unavailable', `the memory repository holds no commit ${id}`))
  }
  return {
    root: '/',
    head: ({ committed }) =>
      snapshotOf(headId, committed ? { kind: 'commit', id: headId } : { kind: 'worktree', commit: headId }),
    resolve: (revision) => Promise.resolve(resolveName(revision, headId, byId)),
    at: (id) => snapshotOf(id, { kind: 'commit', id }),
    committedAt: () => Promise.resolve(0),
    changedPaths: ({ base, head, globs }) => {
      const matcher = compileGlobs(globs)
      const [before, after] = [base, head.kind === 'commit' ? head.id : headId].map((id) => byId.get(id) ?? {})
      const paths = new Set([...Object.keys(before ?? {}), ...Object.keys(after ?? {})])
      const differs = (path: string): boolean =>
        !Buffer.from(before?.[path] ?? '').equals(Buffer.from(after?.[path] ?? '')) ||
        (before?.[path] === undefined) !== (after?.[path] === undefined)
      return Promise.resolve([...paths].filter((path) => matcher.matches(path) && differs(path)).sort())
    },
    isTracked: (path) => {
      const paths = Object.keys(byId.get(headId) ?? {})
      return Promise.resolve(paths.some((known) => known === path || known.startsWith(`${path}/`)))
    },
    facts: () => Promise.resolve({ tool: 'memory', shallow: false, commit: headId }),
    close: () => Promise.resolve(),
  }
}

function isCommits(files: MemoryFiles | MemoryCommits): files is MemoryCommits {
  return (
    typeof files['head'] === 'string' &&
    typeof files['commits'] === 'object' &&
    !(files['commits'] instanceof Uint8Array)
  )
}

function resolveName(revision: string, headId: string, byId: ReadonlyMap<string, MemoryFiles>): ResolvedRevision {
  if (revision === '' || revision.startsWith('-')) {
    throw new TrueupError('usage', `'${revision}' is not a revision: give a commit id, a branch or a tag`)
  }
  const id = revision === 'HEAD' ? headId : byId.has(revision) ? revision : commitId(revision)
  if (byId.has(id)) return { kind: 'found', id, fetched: false }
  return { kind: 'missing', reason: `the memory repository holds no commit ${revision}` }
}

function commitId(name: string): string {
  return /^[0-9a-f]{40}$/.test(name) ? name : createHash('sha1').update(`commit ${name}`).digest('hex')
}

class MemorySnapshot implements Snapshot {
  readonly revision: Revision
  readonly #files = new Map<string, { readonly entry: SourceEntry; readonly content: Uint8Array }>()
  readonly #folders: (() => Promise<void>)[] = []

  constructor(files: MemoryFiles, revision: Revision) {
    this.revision = revision
    for (const [path, value] of Object.entries(files)) {
      const content = Buffer.from(value)
      const oid = createHash('sha1').update(`blob ${content.length}\0`).update(content).digest('hex')
      this.#files.set(path, { entry: { path, oid, mode: '100644', dirty: false }, content })
    }
  }

  entries(globs: readonly string[]): Promise<readonly SourceEntry[]> {
    const matcher = compileGlobs(globs)
    const entries = [...this.#files.values()].map(({ entry }) => entry).filter(({ path }) => matcher.matches(path))
    return Promise.resolve(entries.sort((a, b) => (a.path < b.path ? -1 : 1)))
  }

  read(path: string): Promise<Uint8Array | undefined> {
    const file = this.#files.get(path)
    return Promise.resolve(file === undefined ? undefined : Uint8Array.from(file.content))
  }

  async *readMany(
    paths: readonly string[],
  ): AsyncGenerator<{ readonly path: string; readonly content: Uint8Array }, void, void> {
    for (const path of paths) {
      const content = await this.read(path)
      if (content !== undefined) yield { path, content }
    }
  }

  async materialize(globs: readonly string[]): Promise<string> {
    const folder = await materialize(this, globs, new Scratch())
    this.#folders.push(folder.remove)
    return folder.path
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const remove of this.#folders.splice(0)) await remove()
  }
}
