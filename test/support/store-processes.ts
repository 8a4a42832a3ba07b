// Runs test/support/store-program.ts (or another program of jobs) in real processes: bundled once a suite, started with a job, killed at the end whatever happens.
import { build } from 'esbuild'
import { spawn } from 'node:child_process'
import type { ChildProcess } from 'node:child_process'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import type { StoreJob } from './store-program.js'

export interface StoreProcess {
  readonly lines: readonly string[]
  /** Resolves when that many lines were printed, or the process has ended. */
  until(count: number): Promise<void>
  /** Resolves when that line was printed, or the process has ended. */
  untilLine(line: string): Promise<void>
  /** @defaultValue SIGKILL */
  kill(signal?: NodeJS.Signals): void
  readonly ended: Promise<{
    readonly code: number | null
    readonly signal: NodeJS.Signals | null
    readonly stderr: string
  }>
}

export interface StorePrograms<Job = StoreJob> extends AsyncDisposable {
  start(job: Job, options?: { readonly mostBlocks?: number }): StoreProcess
}

export function buildStoreProgram(): Promise<StorePrograms> {
  return buildProgram<StoreJob>('./store-program.ts')
}

/** @param path - of the program, from this file */
export async function buildProgram<Job>(path: string): Promise<StorePrograms<Job>> {
  const folder = await mkdtemp(join(tmpdir(), 'trueup-program-'))
  const program = join(folder, 'program.mjs')
  await build({
    entryPoints: [fileURLToPath(new URL(path, import.meta.url))],
    bundle: true,
    platform: 'node',
    format: 'esm',
    // The oldest Node that is supported has no `await using`.
    target: 'node20.19',
    // Packages of the older kind ask for Node's own modules by require.
    banner: { js: "import { createRequire } from 'node:module'; const require = createRequire(import.meta.url);" },
    outfile: program,
    logLevel: 'error',
  })
  const children = new Set<ChildProcess>()
  return {
    start: (job, options = {}) => start({ program, job, children, mostBlocks: options.mostBlocks }),
    async [Symbol.asyncDispose]() {
      await Promise.all(
        [...children].map(
          (child) =>
            new Promise((resolve) => {
              child.once('close', resolve)
              child.kill('SIGKILL')
            }),
        ),
      )
      await rm(folder, { recursive: true, force: true })
    },
  }
}

interface Start {
  readonly program: string
  readonly job: unknown
  readonly children: Set<ChildProcess>
  /** `ulimit -f`: the largest file, in blocks of 512 bytes. */
  readonly mostBlocks: number | undefined
}

function start({ program, job, children, mostBlocks }: Start): StoreProcess {
  const args = [program, JSON.stringify(job)]
  const child =
    mostBlocks === undefined
      ? spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'pipe'] })
      : spawn('sh', ['-c', 'ulimit -f "$0"; exec "$@"', String(mostBlocks), process.execPath, ...args], {
          stdio: ['ignore', 'pipe', 'pipe'],
        })
  children.add(child)
  const lines: string[] = []
  const waiting = new Set<() => void>()
  const wake = (): void => {
    for (const check of waiting) check()
  }
  const reader = createInterface({ input: child.stdout })
  reader.on('line', (line) => {
    lines.push(line)
    wake()
  })
  let stderr = ''
  child.stderr.setEncoding('utf8').on('data', (chunk: string) => {
    stderr += chunk
  })
  let isOver = false
  const ended = new Promise<Awaited<StoreProcess['ended']>>((resolve, reject) => {
    child.once('error', reject)
    child.once('close', (code, signal) => {
      isOver = true
      children.delete(child)
      wake()
      resolve({ code, signal, stderr })
    })
  })
  const untilTrue = (isSo: () => boolean): Promise<void> =>
    new Promise((resolve) => {
      const check = (): void => {
        if (!isOver && !isSo()) return
        waiting.delete(check)
        resolve()
      }
      waiting.add(check)
      check()
    })
  return {
    lines,
    ended,
    kill: (signal = 'SIGKILL') => {
      child.kill(signal)
    },
    until: (count) => untilTrue(() => lines.length >= count),
    untilLine: (line) => untilTrue(() => lines.includes(line)),
  }
}
