// A temporary folder with a real git repository and the built bin/trueup.js. Give it files and arguments; get exit code, output and what
// the folder now holds. Nothing of the machine's own settings gets in. `await using` removes it. KEEP_TEMP=1 keeps it, SHOW_TEST_OUTPUT=1
// prints what children print, TEST_TIMEOUT (ms, default 60000) is the longest that a child may take.
import { spawn, type ChildProcessByStdio } from 'node:child_process'
import { mkdir, mkdtemp, readFile, realpath, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import type { Readable, Writable } from 'node:stream'
import { fileURLToPath } from 'node:url'

/** The bin as installed; `npm run build` first. */
export const bin = fileURLToPath(new URL('../../bin/trueup.js', import.meta.url))

/** All that a child keeps of this process's variables: neither CI's, the test runner's, git's, AWS's nor the tool's own get in. */
const KEPT = ['PATH', 'TMPDIR', 'LD_LIBRARY_PATH', 'NODE_V8_COVERAGE', 'SystemRoot']
const FIRST_COMMIT_AT = Date.UTC(2026, 0, 1)

export interface RigOptions {
  /** Files of the first commit. Without it the repository has no commit yet. */
  readonly files?: Files
  /** On top of the cleaned environment, for each child. */
  readonly env?: Environment
}
/** Path in the repository → text; an object is written as JSON; `null` deletes. */
export type Files = Readonly<Record<string, string | Uint8Array | object | null>>
/** `undefined` removes a variable. */
export type Environment = Readonly<Record<string, string | undefined>>

export interface RunOptions {
  readonly env?: Environment
  /** Standard input; without it, it is closed at once. */
  readonly input?: string
  /** Relative to the repository. @defaultValue the repository */
  readonly cwd?: string
  /** Sends `signal` (default SIGKILL) after that many ms, or as soon as stdout or stderr match. */
  readonly killAfter?: { readonly ms?: number; readonly output?: RegExp; readonly signal?: NodeJS.Signals }
  /** @defaultValue `bin`: another copy of bin/trueup.js */
  readonly bin?: string
}

export interface RunResult {
  /** `null` when ended by a signal. */
  readonly code: number | null
  readonly signal: NodeJS.Signals | null
  readonly stdout: string
  readonly stderr: string
  /** Standard output as one JSON document; a failure prints the whole output. */
  json(): unknown
}

export interface RunningChild {
  readonly pid: number
  /** Resolves with the match once stdout or stderr have one; rejects when the child ends first. */
  until(pattern: RegExp): Promise<RegExpExecArray>
  kill(signal?: NodeJS.Signals): void
  readonly result: Promise<RunResult>
}

export interface Rig extends AsyncDisposable {
  /** The temporary folder: holds `repo`, `home` and whatever a test puts there. */
  readonly root: string
  readonly repo: string
  readonly home: string
  /** The environment of every child. */
  readonly env: NodeJS.ProcessEnv
  write(files: Files): Promise<void>
  read(path: string): Promise<string>
  /** Adds everything and commits; each commit is a minute after the one before. Gives the commit's id. */
  commit(message?: string): Promise<string>
  /** Standard output without the last line break; a failing git is an error with what it said. */
  git(...args: string[]): Promise<string>
  run(args: readonly string[], options?: RunOptions): Promise<RunResult>
  start(args: readonly string[], options?: RunOptions): RunningChild
}

/** A fresh folder and repository (branch `main`). Equal files give equal commit ids everywhere. */
export async function createRig(options: RigOptions = {}): Promise<Rig> {
  const root = await realpath(await mkdtemp(join(tmpdir(), 'trueup-rig-')))
  const [repo, home] = [join(root, 'repo'), join(root, 'home')]
  await Promise.all([mkdir(repo), mkdir(home)])
  const env = childEnvironment(home, options.env)
  const running = new Set<RunningChild>()
  let commits = 0

  const git = async (...args: string[]): Promise<string> => {
    const { code, stdout, stderr } = await launch('git', args, { cwd: repo, env }).result
    if (code !== 0) throw new Error(`git ${args.join(' ')} ended with ${String(code)}: ${stderr}`)
    return stdout.replace(/\n$/, '')
  }
  const rig: Rig = {
    root,
    repo,
    home,
    env,
    git,
    write: (files) => writeFiles(repo, files),
    read: (path) => readFile(join(repo, path), 'utf8'),
    async commit(message = 'change') {
      const date = `@${String(FIRST_COMMIT_AT / 1000 + 60 * commits++)} +0000`
      await git('add', '--all')
      const dates = { ...env, GIT_AUTHOR_DATE: date, GIT_COMMITTER_DATE: date }
      const done = await launch('git', ['commit', '--quiet', '--allow-empty', '-m', message], { cwd: repo, env: dates })
        .result
      if (done.code !== 0) throw new Error(`git commit ended with ${String(done.code)}: ${done.stderr}`)
      return git('rev-parse', 'HEAD')
    },
    start(args, { cwd = '.', input, killAfter, ...run } = {}) {
      const child = launch(process.execPath, [run.bin ?? bin, ...args], {
        cwd: join(repo, cwd),
        env: merged(env, run.env),
        ...(input === undefined ? {} : { input }),
      })
      running.add(child)
      void child.result.finally(() => running.delete(child))
      if (killAfter !== undefined) arrangeKill(child, killAfter)
      return child
    },
    run: (args, run) => rig.start(args, run).result,
    async [Symbol.asyncDispose]() {
      for (const child of running) child.kill('SIGKILL')
      await Promise.all([...running].map((child) => child.result))
      if (process.env['KEEP_TEMP'] !== undefined) process.stderr.write(`kept ${root}\n`)
      else await rm(root, { recursive: true, force: true, maxRetries: 3 })
    },
  }

  await git('init', '--quiet', '--initial-branch=main')
  if (options.files !== undefined) {
    await rig.write(options.files)
    await rig.commit('first')
  }
  return rig
}

function childEnvironment(home: string, extra: Environment = {}): NodeJS.ProcessEnv {
  const kept: Environment = Object.fromEntries(KEPT.map((name) => [name, process.env[name]]))
  const identity = { NAME: 'trueup test', EMAIL: 'test@trueup.invalid' }
  const fixed: Environment = {
    HOME: home,
    NO_COLOR: '1',
    TZ: 'UTC',
    LC_ALL: 'C.UTF-8',
    GIT_CONFIG_NOSYSTEM: '1',
    GIT_AUTHOR_NAME: identity.NAME,
    GIT_AUTHOR_EMAIL: identity.EMAIL,
    GIT_COMMITTER_NAME: identity.NAME,
    GIT_COMMITTER_EMAIL: identity.EMAIL,
  }
  return merged({}, { ...kept, ...fixed, ...extra })
}

function merged(env: NodeJS.ProcessEnv, extra: Environment = {}): NodeJS.ProcessEnv {
  return Object.fromEntries(Object.entries({ ...env, ...extra }).filter(([, value]) => value !== undefined))
}

async function writeFiles(folder: string, files: Files): Promise<void> {
  for (const [path, content] of Object.entries(files)) {
    const file = join(folder, path)
    if (content === null) {
      await rm(file, { recursive: true, force: true })
      continue
    }
    await mkdir(dirname(file), { recursive: true })
    const isText = typeof content === 'string' || content instanceof Uint8Array
    await writeFile(file, isText ? content : `${JSON.stringify(content, null, 2)}\n`)
  }
}

function launch(
  command: string,
  args: readonly string[],
  options: { cwd: string; env: NodeJS.ProcessEnv; input?: string },
): RunningChild {
  const limits = { timeout: Number(process.env['TEST_TIMEOUT'] ?? 60_000), killSignal: 'SIGKILL' } as const
  const child = spawn(command, args, { cwd: options.cwd, env: options.env, stdio: ['pipe', 'pipe', 'pipe'], ...limits })
  const output = collect(child)
  child.stdin.on('error', () => undefined) // A child may end before it has read everything.
  child.stdin.end(options.input ?? '')
  const result = new Promise<RunResult>((resolve, reject) => {
    child.on('error', reject)
    child.on('close', (code, signal) => {
      const { stdout, stderr } = output.text()
      if (process.env['SHOW_TEST_OUTPUT'] !== undefined) {
        process.stderr.write(`$ ${command} ${args.join(' ')}\n${stdout}${stderr}→ ${String(code ?? signal)}\n`)
      }
      resolve({ code, signal, stdout, stderr, json: () => parseJson(stdout, stderr) })
    })
  })
  return { pid: child.pid ?? -1, until: output.until, kill: (signal = 'SIGTERM') => void child.kill(signal), result }
}

function collect(child: ChildProcessByStdio<Writable, Readable, Readable>): {
  text(): { stdout: string; stderr: string }
  until(pattern: RegExp): Promise<RegExpExecArray>
} {
  const chunks: Record<'stdout' | 'stderr', Buffer[]> = { stdout: [], stderr: [] }
  const text = (): { stdout: string; stderr: string } => ({
    stdout: Buffer.concat(chunks.stdout).toString('utf8'),
    stderr: Buffer.concat(chunks.stderr).toString('utf8'),
  })
  for (const name of ['stdout', 'stderr'] as const) child[name].on('data', (chunk: Buffer) => chunks[name].push(chunk))
  const until = (pattern: RegExp): Promise<RegExpExecArray> =>
    new Promise((resolve, reject) => {
      const forget = (): void => {
        for (const name of ['stdout', 'stderr'] as const) child[name].off('data', look)
        child.off('close', onClose)
      }
      const look = (): void => {
        const { stdout, stderr } = text()
        const match = pattern.exec(stdout) ?? pattern.exec(stderr)
        if (match === null) return
        forget()
        resolve(match)
      }
      const onClose = (): void => {
        forget()
        const { stdout, stderr } = text()
        reject(new Error(`the child ended without printing ${String(pattern)}:\n${stdout}${stderr}`))
      }
      for (const name of ['stdout', 'stderr'] as const) child[name].on('data', look)
      child.on('close', onClose)
      look()
    })
  return { text, until }
}

function arrangeKill(
  child: RunningChild,
  { ms, output, signal = 'SIGKILL' }: NonNullable<RunOptions['killAfter']>,
): void {
  const kill = (): void => {
    child.kill(signal)
  }
  // A child that ends without the output has simply not been killed; the test sees that in `signal`.
  if (output !== undefined) void child.until(output).then(kill, () => undefined)
  if (ms === undefined) return
  const timer = setTimeout(kill, ms)
  void child.result.finally(() => {
    clearTimeout(timer)
  })
}

function parseJson(stdout: string, stderr: string): unknown {
  try {
    return JSON.parse(stdout)
  } catch (error) {
    throw new Error(`standard output is not one JSON document:\n${stdout}\nstandard error:\n${stderr}`, {
      cause: error,
    })
  }
}
