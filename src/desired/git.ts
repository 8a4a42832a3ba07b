// Arguments in, what git printed out: the one place that starts git children, each in a clean environment and under a time limit.
// Must not know what any command means, and must not be used to write to the repository (fetching is fetch-commit.ts).
import { spawn, type ChildProcessWithoutNullStreams } from 'node:child_process'
import { TrueupError } from '../errors.js'
import type { Clock } from '../util/clock.js'
import { startDeadline } from '../util/deadline.js'
import { cleanEnvironment, fixedSettings } from './git/environment.js'
import type { RepositoryPlace } from './git/locate.js'

/** @defaultValue 60 seconds without a result */
export const GIT_TIMEOUT_MS = 60_000

export interface GitOptions {
  readonly place: RepositoryPlace
  readonly clock: Clock
  readonly environment: Readonly<Record<string, string | undefined>>
  /** Read a repository that belongs to another user. @defaultValue false */
  readonly trustRepository?: boolean | undefined
  /** @defaultValue {@link GIT_TIMEOUT_MS} */
  readonly timeoutMs?: number | undefined
  readonly signal?: AbortSignal | undefined
}

export interface GitRunOptions {
  /** Written to stdin, which is then closed. */
  readonly input?: string | Uint8Array
  /** On top of the clean environment. */
  readonly environment?: Readonly<Record<string, string>>
  /** Folder below the root to run in. @defaultValue the root */
  readonly directory?: string
  /** Exit codes that are answers. @defaultValue [0] */
  readonly expect?: readonly number[]
}

export interface GitResult {
  readonly exitCode: number
  readonly stdout: Buffer
}

/** Starts git in one repository. Children get a process group of their own, so that what they started is ended with them. */
export class Git {
  readonly place: RepositoryPlace
  readonly clock: Clock
  readonly timeoutMs: number
  readonly signal: AbortSignal | undefined
  /** For fetch-commit.ts, which does not start git through this class. */
  readonly environment: Readonly<Record<string, string>>
  readonly settings: readonly string[]

  constructor(options: GitOptions) {
    this.place = options.place
    this.clock = options.clock
    this.timeoutMs = options.timeoutMs ?? GIT_TIMEOUT_MS
    this.signal = options.signal
    this.environment = cleanEnvironment(options.environment)
    this.settings = fixedSettings(options.trustRepository === true ? [this.place.root, this.place.gitDirectory] : [])
  }

  /**
   * Starts a child whose streams the caller uses; end it with {@link endGroup}.
   * `directory` and `environment` as in {@link GitRunOptions}.
   */
  start(
    args: readonly string[],
    options: Pick<GitRunOptions, 'directory' | 'environment'> = {},
  ): ChildProcessWithoutNullStreams {
    this.#checkAborted(args)
    const settings = this.settings.flatMap((setting) => ['-c', setting])
    return spawn('git', ['--no-pager', ...settings, ...args], {
      cwd: options.directory ?? this.place.root,
      env: { ...this.environment, ...options.environment },
      stdio: ['pipe', 'pipe', 'pipe'],
      detached: true,
    })
  }

  /**
   * Runs git to its end.
   *
   * @throws TrueupError `git-missing`, `git-failed` (with git's own words), `timeout`, `interrupted`
   */
  async run(args: readonly string[], options: GitRunOptions = {}): Promise<GitResult> {
    const child = this.start(args, options)
    const stdout: Buffer[] = []
    const stderr = collectText(child.stderr)
    child.stdout.on('data', (chunk: Buffer) => stdout.push(chunk))
    // A child that ends before it has read everything is told by its exit code, not by EPIPE.
    child.stdin.on('error', () => undefined)
    child.stdin.end(options.input ?? '')

    let stopped: TrueupError | undefined
    const stop = (error: TrueupError): void => {
      stopped ??= error
      endGroup(child)
    }
    const onAbort = (): void => {
      stop(this.interrupted(args))
    }
    this.signal?.addEventListener('abort', onAbort, { once: true })
    const endDeadline = startDeadline(this.clock, this.timeoutMs, () => {
      stop(this.timedOut(args))
    })
    try {
      const exitCode = await exitOf(child)
      if (stopped !== undefined) throw stopped
      if (!(options.expect ?? [0]).includes(exitCode)) throw this.failure(args, exitCode, stderr.text())
      return { exitCode, stdout: Buffer.concat(stdout) }
    } catch (error) {
      throw stopped ?? this.explain(args, error)
    } finally {
      endDeadline()
      this.signal?.removeEventListener('abort', onAbort)
    }
  }

  /** What a non-zero exit means, for people. */
  failure(args: readonly string[], exitCode: number | string, stderr: string): TrueupError {
    const { root, gitDirectory } = this.place
    const words = stderr.trim()
    if (words.includes('dubious ownership')) {
      return new TrueupError(
        'git-failed',
        `git refuses ${root} (its git folder: ${gitDirectory}) because it belongs to another user: pass --trust-repo, or run ` +
          `\`git config --global --add safe.directory ${root}\``,
        { details: { root, gitDirectory, stderr: words } },
      )
    }
    const name = args.find((arg) => !arg.startsWith('-')) ?? 'git'
    const why = words === '' ? `exit code ${exitCode}` : words
    return new TrueupError('git-failed', `git ${name} failed in ${root}: ${why}`, {
      details: { exitCode, stderr: words },
    })
  }

  /** Whatever starting a child threw, as an error that a person can act on. */
  explain(args: readonly string[], error: unknown): TrueupError {
    if (error instanceof TrueupError) return error
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') {
      return new TrueupError(
        'git-missing',
        'git was not found on the PATH: install git 2.29 or later (https://git-scm.com/downloads)',
        { cause: error },
      )
    }
    return new TrueupError('git-failed', `git ${args.join(' ')} could not be started: ${String(error)}`, {
      cause: error,
    })
  }

  timedOut(args: readonly string[]): TrueupError {
    const seconds = Math.round(this.timeoutMs / 1000)
    return new TrueupError(
      'timeout',
      `git ${args[0] ?? ''} gave no answer for ${seconds} s in ${this.place.root} and was ended`,
      { retryable: true },
    )
  }

  interrupted(args: readonly string[]): TrueupError {
    return new TrueupError('interrupted', `interrupted while git ${args[0] ?? ''} ran in ${this.place.root}`)
  }

  #checkAborted(args: readonly string[]): void {
    if (this.signal?.aborted === true) throw this.interrupted(args)
  }
}

/** Ends a child and everything it started. */
export function endGroup(child: ChildProcessWithoutNullStreams): void {
  if (child.pid === undefined) return
  try {
    process.kill(-child.pid, 'SIGKILL')
  } catch {
    // ESRCH: it is over already.
  }
}

/** Resolves when the child's streams are closed; rejects when it could not be started. */
export function exitOf(child: ChildProcessWithoutNullStreams): Promise<number> {
  return new Promise((resolve, reject) => {
    child.once('error', reject)
    child.once('close', (code) => {
      resolve(code ?? -1)
    })
  })
}

/** Keeps the first 8,000 characters of a stream. */
export function collectText(stream: NodeJS.ReadableStream): { text(): string } {
  const chunks: Buffer[] = []
  let size = 0
  stream.on('data', (chunk: Buffer) => {
    if (size < 8_000) chunks.push(chunk)
    size += chunk.length
  })
  return { text: () => Buffer.concat(chunks).toString('utf8').slice(0, 8_000) }
}
