// Notices as commands: started without a shell, the notice as JSON on stdin. Exit code 0 is delivered; anything else is tried again.
import { spawn } from 'node:child_process'
import { killTree } from '../util/kill-tree.js'
import type { Attempt, Channel } from './channel.js'
import { noticeJson } from './notice.js'

export interface CommandChannelOptions {
  /** Program and arguments. */
  readonly command: readonly string[]
  /** Absolute: what a relative program is relative to. */
  readonly directory: string
  readonly environment: Readonly<Record<string, string | undefined>>
  /** Of secrets: it may print what it was given. */
  readonly redact: (text: string) => string
}

const KEPT_STDERR = 500

export function commandChannel({ command, directory, environment, redact }: CommandChannelOptions): Channel {
  const [program = '', ...args] = command
  return {
    deliver: (notice, signal) =>
      new Promise<Attempt>((resolve) => {
        // A group of its own, so that what it started ends with it.
        const child = spawn(program, args, {
          cwd: directory,
          env: { ...environment },
          stdio: ['pipe', 'ignore', 'pipe'],
          detached: true,
        })
        let stderr = ''
        const onAbort = (): void => {
          killTree(child)
        }
        const end = (attempt: Attempt): void => {
          signal.removeEventListener('abort', onAbort)
          resolve(attempt)
        }
        child.stderr.setEncoding('utf8').on('data', (text: string) => {
          stderr = `${stderr}${text}`.slice(-KEPT_STDERR)
        })
        // It may end before it has read all.
        child.stdin.on('error', () => undefined)
        child.stdin.end(`${JSON.stringify(noticeJson(notice))}\n`)
        child.once('error', (error: NodeJS.ErrnoException) => {
          const isThere = error.code !== 'ENOENT' && error.code !== 'EACCES'
          end({ kind: isThere ? 'again' : 'refused', why: `it cannot be started (${error.code ?? error.message})` })
        })
        child.once('close', (exitCode, killedBy) => {
          if (exitCode === 0) {
            end({ kind: 'delivered' })
            return
          }
          const last = redact(stderr).trim().split('\n').at(-1) ?? ''
          const how = signal.aborted ? 'it took too long' : `it ended with ${String(exitCode ?? killedBy)}`
          end({ kind: 'again', why: `${how}${last === '' ? '' : `: ${last}`}` })
        })
        if (signal.aborted) onAbort()
        else signal.addEventListener('abort', onAbort, { once: true })
      }),
  }
}
