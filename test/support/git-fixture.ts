// Real git repositories in a private temporary folder, with an environment that holds nothing of the developer's git.
import { execFileSync } from 'node:child_process'
import { mkdirSync, mkdtempSync, realpathSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { openGitRepository, type GitRepositoryOptions } from '../../src/desired/git-repository.js'
import type { Repository, Snapshot } from '../../src/desired/source.js'
import { systemClock } from '../../src/util/clock.js'

export interface GitCallOptions {
  readonly cwd?: string
  readonly environment?: Readonly<Record<string, string>>
  readonly input?: string | Uint8Array
}

/** A temporary folder with repositories in it. Removed, with everything opened from it closed, on dispose. */
export class GitFixture implements AsyncDisposable {
  readonly folder: string
  readonly environment: Readonly<Record<string, string>>
  readonly #open: { close(): Promise<void> }[] = []

  constructor() {
    this.folder = realpathSync(mkdtempSync(join(tmpdir(), 'trueup-git-test-')))
    mkdirSync(join(this.folder, 'home'))
    mkdirSync(join(this.folder, 'tmp'))
    this.environment = {
      PATH: process.env['PATH'] ?? '',
      HOME: join(this.folder, 'home'),
      GIT_CONFIG_NOSYSTEM: '1',
      GIT_AUTHOR_NAME: 'Author',
      GIT_AUTHOR_EMAIL: 'author@example.com',
      GIT_COMMITTER_NAME: 'Committer',
      GIT_COMMITTER_EMAIL: 'committer@example.com',
      GIT_AUTHOR_DATE: '2026-01-02T03:04:05Z',
      GIT_COMMITTER_DATE: '2026-01-02T03:04:05Z',
    }
    writeFileSync(
      join(this.folder, 'home', '.gitconfig'),
      '[init]\n\tdefaultBranch = main\n[protocol "file"]\n\tallow = always\n[gc]\n\tauto = 0\n[maintenance]\n\tauto = false\n',
    )
  }

  path(...parts: readonly string[]): string {
    return join(this.folder, ...parts)
  }

  /** Runs git and returns what it printed, without the last newline. */
  git(cwd: string, ...args: readonly string[]): string {
    return this.call(args, { cwd })
  }

  call(args: readonly string[], options: GitCallOptions = {}): string {
    const output = execFileSync('git', args, {
      cwd: options.cwd ?? this.folder,
      env: { ...this.environment, ...options.environment },
      stdio: ['pipe', 'pipe', 'pipe'],
      maxBuffer: 64 * 1024 * 1024,
      ...(options.input === undefined ? {} : { input: options.input }),
    })
    return output.toString('utf8').replace(/\n$/, '')
  }

  /** Makes a repository and returns its path. With files, they are its first commit. */
  init(name: string, files?: Readonly<Record<string, string | Uint8Array>>, ...args: readonly string[]): string {
    const path = this.path(name)
    this.call(['init', '--quiet', ...args, path])
    if (files !== undefined) this.commit(path, files)
    return path
  }

  write(repository: string, files: Readonly<Record<string, string | Uint8Array>>): void {
    for (const [path, content] of Object.entries(files)) {
      const absolute = join(repository, path)
      mkdirSync(dirname(absolute), { recursive: true })
      writeFileSync(absolute, content)
    }
  }

  /** Writes files, commits everything and returns the commit's id. */
  commit(repository: string, files: Readonly<Record<string, string | Uint8Array>>, message = 'Change'): string {
    this.write(repository, files)
    this.git(repository, 'add', '--all')
    this.git(repository, 'commit', '--quiet', '--allow-empty', '--message', message)
    return this.git(repository, 'rev-parse', 'HEAD')
  }

  /** Opens with the fixture's environment and temporary folder; closed with the fixture. */
  async open(directory: string, options: Partial<GitRepositoryOptions> = {}): Promise<Repository> {
    const repository = await openGitRepository(directory, {
      clock: systemClock,
      environment: this.environment,
      temporaryDirectory: this.path('tmp'),
      ...options,
    })
    this.#open.push(repository)
    return repository
  }

  /** The working tree of a repository. */
  async worktree(directory: string, options: Partial<GitRepositoryOptions> = {}): Promise<Snapshot> {
    return (await this.open(directory, options)).head({ committed: false })
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const { close } of this.#open.map((repository) => ({ close: () => repository.close() }))) await close()
    rmSync(this.folder, { recursive: true, force: true })
  }
}

/** Entries as `path → content`, read with readMany. */
export async function contents(snapshot: Snapshot, globs: readonly string[] = ['**']): Promise<Record<string, string>> {
  const entries = await snapshot.entries(globs)
  const found: Record<string, string> = {}
  for await (const { path, content } of snapshot.readMany(entries.map((entry) => entry.path))) {
    found[path] = Buffer.from(content).toString('utf8')
  }
  return found
}

/** What an awaited promise was rejected with. */
export async function rejection(promise: Promise<unknown>): Promise<Error & { readonly code?: string }> {
  try {
    await promise
  } catch (error) {
    return error as Error & { readonly code?: string }
  }
  throw new Error('nothing was thrown')
}
