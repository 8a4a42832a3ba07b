// Ends a child process that leads a process group, and everything in the group.
import type { ChildProcess } from 'node:child_process'

const graceMs = 5000

/**
 * SIGTERM now, SIGKILL after 5 s unless the child was closed. To be called before its `close` event only: when the child itself has ended,
 * what it started may still be there and hold its output open.
 */
export function killTree(child: ChildProcess): void {
  if (child.pid === undefined) return
  kill(child, 'SIGTERM')
  const force = (): void => kill(child, 'SIGKILL')
  // The timer of an AbortSignal does not keep this process alive.
  const grace = AbortSignal.timeout(graceMs)
  grace.addEventListener('abort', force, { once: true })
  child.once('close', () => {
    grace.removeEventListener('abort', force)
  })
}

function kill(child: ChildProcess, signal: NodeJS.Signals): void {
  try {
    // A negative id means the group.
    if (child.pid !== undefined) process.kill(-child.pid, signal)
  } catch {
    // The group is gone, or this system has none.
    child.kill(signal)
  }
}
