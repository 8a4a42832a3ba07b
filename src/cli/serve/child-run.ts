// Arguments of one trueup command come in; it runs as a child process, told to end by a signal; its exit code and its JSON document go out.
// Must not know what the document says, or what is said over a channel to it.
import { spawn } from 'node:child_process'
import { toError } from '../../errors.js'
import type { Clock } from '../../util/clock.js'
import { startDeadline } from '../../util/deadline.js'
import type { Environment } from '../process-context.js'

export interface ChildOptions {
  /** bin/trueup.js of this process. */
  readonly program: string
  readonly args: readonly string[]
  /** Absolute. */
  readonly directory: string
  readonly environment: Environment
  readonly signal: AbortSignal
  readonly clock: Clock
  /** Opens a channel to it. @defaultValue it has none */
  readonly talk?: Talk | undefined
}

/** What is done with what a child says over its channel. @param send - says something to it; to one that is gone, nothing */
export type Talk = (send: (message: object) => void) => {
  said(message: unknown): void
  /** Nothing more comes. May be told twice. */
  left(): void
}

export interface ChildResult {
  /** null where it was ended by force, or could not be started. */
  readonly exitCode: number | null
  /** What it wrote on stdout, as JSON; undefined where it is none. */
  readonly document: unknown
  /** The end of what it wrote on stderr. */
  readonly stderr: string
}

/** After it was told to end, a run has 20 s for what is under way; then it is ended by force. */
const FORCE_AFTER_MS = 30_000
const KEPT_STDERR = 4000

/** Runs it to its end, whatever becomes of it. Never rejects. */
export function runChild({
  program,
  args,
  directory,
  environment,
  signal,
  clock,
  talk,
}: ChildOptions): Promise<ChildResult> {
  return new Promise((resolve) => {
    const child = spawn(process.execPath, [program, ...args], {
      cwd: directory,
      env: { ...environment },
      stdio: ['ignore', 'pipe', 'pipe', ...(talk === undefined ? [] : (['ipc'] as const))],
      // An interrupt of the terminal is for the daemon, which tells its children in its own time.
      detached: true,
    })
    const stdout: Buffer[] = []
    let stderr = ''
    child.stdout?.on('data', (chunk: Buffer) => stdout.push(chunk))
    child.stderr?.setEncoding('utf8').on('data', (text: string) => {
      stderr = `${stderr}${text}`.slice(-KEPT_STDERR)
    })
    const guest = talk?.((message) => {
      // The callback keeps a failure from becoming an error of the child.
      if (child.connected) child.send(message, () => undefined)
    })
    if (guest !== undefined) {
      child.on('message', (message) => {
        guest.said(message)
      })
      child.once('disconnect', () => {
        guest.left()
      })
    }
    let endDeadline: (() => void) | undefined
    const onAbort = (): void => {
      child.kill('SIGTERM')
      endDeadline = startDeadline(clock, FORCE_AFTER_MS, () => {
        killGroup(child.pid)
      })
    }
    const end = (exitCode: number | null, why: string): void => {
      signal.removeEventListener('abort', onAbort)
      endDeadline?.()
      guest?.left()
      resolve({ exitCode, document: jsonOf(Buffer.concat(stdout).toString('utf8')), stderr: `${stderr}${why}` })
    }
    if (signal.aborted) onAbort()
    else signal.addEventListener('abort', onAbort, { once: true })
    child.once('error', (error) => {
      end(null, toError(error).message)
    })
    child.once('close', (code, killedBy) => {
      // Told to end before it listens for that, it dies of the signal: it ends as a command that listens does.
      end(killedBy === 'SIGTERM' ? 143 : code, killedBy === null ? '' : `ended by ${killedBy}`)
    })
  })
}

/** With what it started. */
function killGroup(pid: number | undefined): void {
  if (pid === undefined) return
  try {
    process.kill(-pid, 'SIGKILL')
  } catch {
    // It is over already.
  }
}

function jsonOf(text: string): unknown {
  try {
    return JSON.parse(text) as unknown
  } catch {
    return undefined
  }
}
