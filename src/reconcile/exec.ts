// A program's name and arguments come in, its output goes out: `ctx.exec`. Refused while the run is planning.
// Must not: use a shell, or put arguments into an error (they may hold secrets).
import type { ChildProcess } from 'node:child_process'
import { toError, TrueupError } from '../errors.js'
import type { Exec, ExecResult, Log } from '../integration.js'
import { killTree } from '../util/kill-tree.js'

export interface ExecOptions {
  /** Name, for messages. */
  readonly integration: string
  /** Gets each line of output, as `info`. */
  readonly log: Log
  /** Of the run: ends the program and what it started. */
  readonly signal: AbortSignal
  /** Whether the run is planning now. */
  readonly planning: () => boolean
  /** What a program gets beside `env` of the call. @defaultValue the environment of this process, unless the call gives `env` */
  readonly baseEnv?: Readonly<Record<string, string | undefined>>
}

const lastLines = 5
/** Output beyond this is an error: it would be held in memory. */
const maxOutput = 64 * 1024 * 1024

/**
 * Errors: `dry-run-write` while planning; `apply-failed` for a program that cannot be started, ends with another code than 0 or by a signal
 * (with its last lines), or says more than 64 MiB; the signal's reason when the run is aborted. An aborted program gets SIGTERM, after 5 s SIGKILL,
 * with all processes of its group.
 */
export function createExec(options: ExecOptions): Exec {
  const { integration, log, signal, planning } = options
  return async (file, args = [], { cwd, env, input } = {}) => {
    if (planning()) {
      const message = `${integration}: the program ${file} was not started: planning only reads, and what a program does cannot be seen. Run it in a handler of the plan`
      throw new TrueupError('dry-run-write', message, { details: { integration, program: file } })
    }
    signal.throwIfAborted()
    const { spawn } = await import('node:child_process')
    const environment = env === undefined ? options.baseEnv : { ...options.baseEnv, ...env }
    const child = spawn(file, args, {
      shell: false,
      // A group of its own, so that what it starts can be ended with it.
      detached: true,
      windowsHide: true,
      stdio: 'pipe',
      ...(cwd === undefined ? {} : { cwd }),
      ...(environment === undefined ? {} : { env: environment }),
    })
    // A program that ends without reading its input is no error of its own.
    child.stdin.on('error', () => undefined)
    child.stdin.end(input)

    const onAbort = (): void => killTree(child)
    signal.addEventListener('abort', onAbort, { once: true })
    try {
      return await finished(child, { file, integration, log, signal })
    } finally {
      signal.removeEventListener('abort', onAbort)
    }
  }
}

interface Running {
  readonly file: string
  readonly integration: string
  readonly log: Log
  readonly signal: AbortSignal
}

/** Settles when the program has ended and its output is read. */
function finished(child: ChildProcess, { file, integration, log, signal }: Running): Promise<ExecResult> {
  const details = { integration, program: file }
  return new Promise((resolve, reject) => {
    let total = 0
    const recent: string[] = []
    const read = (stream: NodeJS.ReadableStream | null, name: 'stdout' | 'stderr'): (() => string) => {
      const pieces: string[] = []
      let unfinished = ''
      const tell = (line: string): void => {
        log.info(line, { program: file, stream: name })
        recent.push(line)
        if (recent.length > lastLines) recent.shift()
      }
      stream?.setEncoding('utf8')
      stream?.on('data', (piece: string) => {
        total += piece.length
        if (total > maxOutput) {
          killTree(child)
          return
        }
        pieces.push(piece)
        const lines = (unfinished + piece).split(/\r?\n/)
        unfinished = lines.pop() ?? ''
        lines.forEach(tell)
      })
      stream?.on('end', () => {
        if (unfinished !== '') tell(unfinished)
      })
      return () => pieces.join('')
    }
    const stdout = read(child.stdout, 'stdout')
    const stderr = read(child.stderr, 'stderr')

    child.on('error', (cause) => {
      if (child.pid !== undefined) return
      const why =
        (cause as NodeJS.ErrnoException).code === 'ENOENT'
          ? 'there is no such program (or working directory)'
          : cause.message
      reject(
        new TrueupError('apply-failed', `${integration}: ${file} could not be started: ${why}`, { cause, details }),
      )
    })
    child.on('close', (exitCode, killedBy) => {
      if (signal.aborted) reject(toError(signal.reason))
      else if (total > maxOutput)
        reject(
          new TrueupError('apply-failed', `${integration}: ${file} was ended: it said more than 64 MiB`, { details }),
        )
      else if (exitCode === 0) resolve({ stdout: stdout(), stderr: stderr() })
      else {
        const how = killedBy === null ? `with exit code ${exitCode ?? 'unknown'}` : `by signal ${killedBy}`
        const message = [`${integration}: ${file} ended ${how}`, ...recent.map((line) => `  ${line}`)].join('\n')
        reject(
          new TrueupError('apply-failed', message, {
            details: { ...details, exitCode, signal: killedBy, lastLines: recent },
          }),
        )
      }
    })
  })
}
