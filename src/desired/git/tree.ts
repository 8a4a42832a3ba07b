// A commit and a matcher in, the matching entries of its tree out, read as tree objects so that the cost follows what is asked for.
// Must not start git itself, and never follows symbolic links or enters submodules.
import { TrueupError } from '../../errors.js'
import type { GlobMatcher } from '../globs.js'
import type { SourceEntry } from '../source.js'
import type { ObjectReader } from './object-reader.js'

/** Trees are kept as git's bytes (about 40 an entry), until they are this many bytes together. */
const KEPT_BYTES = 32 * 1024 * 1024

export type CommitAnswer =
  { readonly kind: 'found'; readonly id: string } | { readonly kind: 'missing' } | { readonly kind: 'ambiguous' }

/** What listing found beside the files themselves. */
export interface TreeListing {
  /** Matching files, links and submodules, sorted by path. */
  readonly entries: readonly SourceEntry[]
  /** Submodules that do not match but could hold files that do. */
  readonly submodules: readonly string[]
}

interface Member {
  readonly mode: string
  readonly oid: string
}

/** One folder at two revisions, by its trees; undefined where it is not. */
interface FolderPair {
  readonly path: string
  readonly before: string | undefined
  readonly after: string | undefined
}

const FOLDER = '40000'

/** The trees of one repository. Equal trees of two revisions are read once. */
export class Trees {
  readonly #objects: ObjectReader
  readonly #kept = new Map<string, Buffer>()
  #keptBytes = 0
  readonly #treeOfCommit = new Map<string, string>()

  constructor(objects: ObjectReader) {
    this.#objects = objects
  }

  /**
   * Starts git and asks it for what will be asked for soon: these revisions as commits, and in each of them these folders (empty: the
   * root) and files. All of it is one question and one answer, where one tree after the other would be many.
   */
  askAhead(revisions: readonly string[], paths: readonly string[]): void {
    const inside = [...new Set(revisions)].flatMap((revision) => paths.map((path) => `${revision}:${path}`))
    this.#objects.askAhead([...revisions.map((revision) => `${revision}^{commit}`), ...inside])
  }

  /** A revision as a full commit id. */
  async commit(revision: string): Promise<CommitAnswer> {
    // An id that was seen before; a commit never changes.
    if (this.#treeOfCommit.has(revision)) return { kind: 'found', id: revision }
    const answer = await this.#objects.get(`${revision}^{commit}`)
    if (answer.kind !== 'found') return answer
    const tree = /^tree ([0-9a-f]{40,64})\n/.exec(answer.content.toString('latin1', 0, 80))?.[1]
    if (tree !== undefined) this.#treeOfCommit.set(answer.oid, tree)
    return { kind: 'found', id: answer.oid }
  }

  /** Whether several objects begin like this. git says so only of the bare name; peeled to a commit it is just missing. */
  async isAmbiguous(abbreviation: string): Promise<boolean> {
    return (await this.#objects.get(abbreviation)).kind === 'ambiguous'
  }

  /** Matching entries of a commit (a full id). `many` is told, on the way, that there are more than so many. */
  async list(
    commit: string,
    matcher: GlobMatcher,
    many?: { readonly above: number; readonly tell: () => void },
  ): Promise<TreeListing> {
    const entries: SourceEntry[] = []
    const submodules: string[] = []
    // One level after the other, all trees of a level asked for together.
    let level: { readonly path: string; readonly oid: string }[] = [{ path: '', oid: await this.#rootTree(commit) }]
    while (level.length > 0) {
      const trees = await Promise.all(level.map(({ oid }) => this.#tree(oid)))
      const next: typeof level = []
      for (const [index, folder] of level.entries()) {
        const tree = trees[index]
        if (tree === undefined) continue
        for (const { name, mode, oid } of parseTree(tree, commit.length / 2)) {
          const path = folder.path === '' ? name : `${folder.path}/${name}`
          if (mode === FOLDER) {
            if (matcher.mayContain(path)) next.push({ path, oid })
          } else if (matcher.matches(path)) {
            assertNameable(path)
            entries.push({ path, oid, mode, dirty: false })
            if (many !== undefined && entries.length === many.above + 1) many.tell()
          } else if (mode === '160000' && matcher.mayContain(path)) {
            submodules.push(path)
          }
        }
      }
      level = next
    }
    return { entries: entries.sort(byPath), submodules }
  }

  /**
   * Files below the matcher's folders that are not the same in two commits, sorted; null stands for no commit. Folders that are equal are not
   * opened, so that the cost follows what changed.
   */
  async changed(before: string, after: string | null, matcher: GlobMatcher): Promise<readonly string[]> {
    const paths: string[] = []
    let level: readonly FolderPair[] = [
      {
        path: '',
        before: await this.#rootTree(before),
        after: after === null ? undefined : await this.#rootTree(after),
      },
    ]
    while (level.length > 0) {
      const next: FolderPair[] = []
      const trees = await Promise.all(
        level.map(async ({ before: left, after: right }) =>
          left === right ? undefined : await Promise.all([this.#members(left), this.#members(right)]),
        ),
      )
      for (const [index, folder] of level.entries()) {
        const [old = new Map<string, Member>(), now = new Map<string, Member>()] = trees[index] ?? []
        for (const name of new Set([...old.keys(), ...now.keys()])) {
          const [was, is] = [old.get(name), now.get(name)]
          if (was?.oid === is?.oid && was?.mode === is?.mode) continue
          const path = folder.path === '' ? name : `${folder.path}/${name}`
          // A folder may have become a file, or a file a folder: then both are looked at.
          const [left, right] = [was?.mode === FOLDER ? was.oid : undefined, is?.mode === FOLDER ? is.oid : undefined]
          if ((left ?? right) !== undefined && matcher.mayContain(path)) next.push({ path, before: left, after: right })
          const isFile = (was !== undefined && left === undefined) || (is !== undefined && right === undefined)
          if (isFile && matcher.matches(path)) paths.push(path)
        }
      }
      level = next
    }
    return paths.sort()
  }

  async #members(tree: string | undefined): Promise<Map<string, Member>> {
    const members = new Map<string, Member>()
    if (tree === undefined) return members
    for (const { name, mode, oid } of parseTree(await this.#tree(tree), tree.length / 2)) {
      members.set(name, { mode, oid })
    }
    return members
  }

  async #rootTree(commit: string): Promise<string> {
    if (!this.#treeOfCommit.has(commit)) await this.commit(commit)
    const tree = this.#treeOfCommit.get(commit)
    if (tree === undefined)
      throw new TrueupError('git-failed', `commit ${commit} is not in this clone: run \`git fetch origin ${commit}\``)
    return tree
  }

  async #tree(oid: string): Promise<Buffer> {
    const kept = this.#kept.get(oid)
    if (kept !== undefined) return kept
    const content = await this.#objects.content(oid)
    if (this.#keptBytes + content.length <= KEPT_BYTES && !this.#kept.has(oid)) {
      this.#kept.set(oid, content)
      this.#keptBytes += content.length
    }
    return content
  }
}

/** Code units, as everywhere in trueup; git's own order is by bytes. */
export function byPath(a: { readonly path: string }, b: { readonly path: string }): number {
  return a.path < b.path ? -1 : a.path > b.path ? 1 : 0
}

/** `<mode> <name>\0<raw id>`, repeated. Cut out of two texts of the whole tree: a call into Node for each part of each entry costs three times as much. */
function* parseTree(tree: Buffer, idBytes: number): Generator<Member & { readonly name: string }, void, void> {
  const text = tree.toString('latin1')
  const hex = tree.toString('hex')
  let at = 0
  while (at < text.length) {
    const space = text.indexOf(' ', at)
    const nul = text.indexOf('\0', space)
    if (space === -1 || nul === -1)
      throw new TrueupError('git-failed', 'a tree object of the repository is damaged: run `git fsck`')
    const bytes = text.slice(space + 1, nul)
    const name = /[\u0080-\u00ff]/.test(bytes) ? tree.toString('utf8', space + 1, nul) : bytes
    // git itself refuses to make such names; they would lead a written copy out of its folder.
    if (name === '' || name === '.' || name === '..' || name.includes('/') || name.toLowerCase() === '.git') {
      throw new TrueupError('git-failed', `a tree of the repository holds the unsafe name '${name}': run \`git fsck\``)
    }
    const mode = text.slice(at, space)
    at = nul + 1 + idBytes
    yield { name, mode: mode === '100664' ? '100644' : mode, oid: hex.slice(2 * (nul + 1), 2 * at) }
  }
}

/** A path that is not UTF-8 cannot be named in text: better said than read as another. */
export function assertNameable(path: string): void {
  if (!path.includes('\uFFFD')) return
  throw new TrueupError(
    'desired-unreadable',
    `the path '${path}' is not valid UTF-8 (or holds U+FFFD): rename it, or leave it out of the globs`,
    {
      details: { path },
    },
  )
}
