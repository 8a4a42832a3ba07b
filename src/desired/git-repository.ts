// A folder in, the repository around it as a source out. Opening starts no process; the first question does.
// Writes nothing to the repository, save for the objects of a commit that had to be fetched.
import { isAbsolute, relative } from 'node:path'
import { toError, TrueupError } from '../errors.js'
import type { Clock } from '../util/clock.js'
import { compileGlobs } from './globs.js'
import { CommitSnapshot } from './git/commit-snapshot.js'
import { locateRepository } from './git/locate.js'
import { ObjectReader } from './git/object-reader.js'
import { resolveRevision } from './git/resolve-revision.js'
import { Trees } from './git/tree.js'
import { WorktreeSnapshot } from './git/worktree-snapshot.js'
import { statusOn } from './git/worktree-state.js'
import { Git } from './git.js'
import { Scratch } from './scratch.js'
import type { ChangeQuestion, Repository, RepositoryFacts, ResolvedRevision, Snapshot } from './source.js'

export interface GitRepositoryOptions {
  readonly clock: Clock
  /** Of the process; git's own variables in it are ignored. */
  readonly environment: Readonly<Record<string, string | undefined>>
  /** For materialized files. @defaultValue the temporary directory of the operating system */
  readonly temporaryDirectory?: string
  /** Read a repository that belongs to another user. @defaultValue false */
  readonly trustRepository?: boolean
  /**
   * What will be asked for soon, so that git is started at once: revisions as commits (each as often as it will be asked for), and paths
   * in them. A wrong guess costs a little time and nothing else. Called with the root. @defaultValue nothing
   */
  readonly askAhead?: (root: string) => { readonly revisions: readonly string[]; readonly paths: readonly string[] }
  /** Told what is odd but not wrong, each once. @defaultValue nobody */
  readonly warn?: (message: string) => void
  /** Ends running git children. */
  readonly signal?: AbortSignal
  /** How long one git call may go without an answer. @defaultValue 60 seconds */
  readonly timeoutMs?: number
}

/**
 * Opens the repository that `directory` lies in.
 *
 * @throws TrueupError `source-unavailable` where there is none. Whether git is installed and accepts the repository shows with the first
 *   question: `git-missing`, `git-failed`
 */
// A promise by contract: another adapter may have to ask somebody.
export function openGitRepository(directory: string, options: GitRepositoryOptions): Promise<Repository> {
  try {
    return Promise.resolve(new GitRepository(directory, options))
  } catch (error) {
    return Promise.reject(toError(error))
  }
}

class GitRepository implements Repository {
  readonly root: string
  readonly #git: Git
  readonly #objects: ObjectReader
  readonly #trees: Trees
  readonly #scratch: Scratch
  readonly #warn: (message: string) => void

  constructor(directory: string, options: GitRepositoryOptions) {
    const place = locateRepository(directory)
    this.root = place.root
    this.#git = new Git({ ...options, place })
    this.#objects = new ObjectReader(this.#git)
    this.#trees = new Trees(this.#objects)
    this.#scratch = new Scratch(options.temporaryDirectory)
    const ahead = options.askAhead?.(this.root)
    if (ahead !== undefined) this.#trees.askAhead(ahead.revisions, ahead.paths)
    const told = new Set<string>()
    this.#warn = (message) => {
      if (told.has(message)) return
      told.add(message)
      options.warn?.(message)
    }
  }

  async head({ committed }: { readonly committed: boolean }): Promise<Snapshot> {
    const head = await this.#trees.commit('HEAD')
    const commit = head.kind === 'found' ? head.id : null
    const shared = {
      git: this.#git,
      trees: this.#trees,
      objects: this.#objects,
      scratch: this.#scratch,
      warn: this.#warn,
    }
    if (!committed) return new WorktreeSnapshot({ ...shared, commit })
    if (commit === null)
      throw new TrueupError(
        'source-unavailable',
        `${this.root} has no commit yet: run \`git commit\`, or leave out --committed`,
      )
    return new CommitSnapshot({ ...shared, commit })
  }

  resolve(revision: string): Promise<ResolvedRevision> {
    return resolveRevision(this.#git, this.#trees, revision)
  }

  async at(commit: string): Promise<Snapshot> {
    const found = /^[0-9a-f]{40,64}$/.test(commit) ? await this.#trees.commit(commit) : undefined
    if (found?.kind !== 'found') {
      throw new TrueupError(
        'source-unavailable',
        `${this.root} holds no commit ${commit}: run \`git fetch\` for it, or name another`,
        {
          details: { commit },
        },
      )
    }
    return new CommitSnapshot({
      commit: found.id,
      trees: this.#trees,
      objects: this.#objects,
      scratch: this.#scratch,
      warn: this.#warn,
    })
  }

  async committedAt(commit: string): Promise<number> {
    const answer = await this.#objects.get(commit)
    const seconds =
      answer.kind === 'found'
        ? /^committer .* (\d+) [-+]\d{4}$/m.exec(answer.content.toString('latin1'))?.[1]
        : undefined
    if (seconds !== undefined) return Number(seconds)
    throw new TrueupError('source-unavailable', `${this.root} holds no commit ${commit}: run \`git fetch\` for it`, {
      details: { commit },
    })
  }

  async changedPaths({ base, head, globs }: ChangeQuestion): Promise<readonly string[]> {
    const matcher = compileGlobs(globs)
    if (head.kind === 'commit') return this.#trees.changed(base, head.id, matcher)
    const committed = await this.#trees.changed(base, head.commit, matcher)
    const states = await statusOn(this.#git, matcher, head.commit)
    return [...new Set([...committed, ...states.map(({ path }) => path)])].sort()
  }

  async isTracked(path: string): Promise<boolean> {
    const inside = isAbsolute(path) ? relative(this.root, path) : path
    if (inside === '..' || inside.startsWith('../') || isAbsolute(inside)) return false
    const { stdout } = await this.#git.run(['ls-files', '-z', '--cached', '--', inside === '' ? '.' : inside])
    return stdout.length > 0
  }

  async facts(): Promise<RepositoryFacts> {
    const [version, shallow, head] = await Promise.all([
      this.#git.run(['--version']),
      this.#git.run(['rev-parse', '--is-shallow-repository']),
      this.#trees.commit('HEAD'),
    ])
    return {
      tool: version.stdout.toString('utf8').trim().replace('git version', 'git'),
      shallow: shallow.stdout.toString('utf8').trim() === 'true',
      commit: head.kind === 'found' ? head.id : null,
    }
  }

  close(): Promise<void> {
    return this.#objects.close()
  }
}
