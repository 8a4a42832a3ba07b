// Turns SIGINT, SIGTERM and --timeout into two AbortSignals: stop starting, then (after a grace period) give up what is under way.
// A second signal ends the process at once. Handlers are set explicitly, so it also works as PID 1. When
// nothing at all is left to wait for and the run has not ended, that ends it.
import { TrueupError } from '../errors.js'

/** How long what is under way may take after a stop. */
export const GRACE_MS = 20_000

export interface StopSignals {
  readonly stop: AbortSignal
  readonly giveUp: AbortSignal
  /** The run's deadline, from now. */
  endAfter(timeoutMs: number): void
  close(): void
}

export function listenForStop(options: {
  readonly onStop: (message: string) => void
  readonly graceMs?: number
}): StopSignals {
  const stop = new AbortController()
  const giveUp = new AbortController()
  // They keep the process alive: something that hangs without a handle of its own must still be ended, not forgotten. close() clears them.
  const timers: NodeJS.Timeout[] = []
  const end = (reason: TrueupError): void => {
    stop.abort(reason)
    const timer = setTimeout(() => {
      giveUp.abort(reason)
    }, options.graceMs ?? GRACE_MS)
    timers.push(timer)
  }
  const onSignal = (signal: 'SIGINT' | 'SIGTERM'): void => {
    if (stop.signal.aborted) {
      // Asked twice: what is in the journal is what the next run knows.
      process.exit(signal === 'SIGINT' ? 130 : 143)
    }
    options.onStop(`${signal}: nothing more is started; what is under way may finish (again to end at once)`)
    end(new TrueupError('interrupted', `ended by ${signal}`, { details: { signal } }))
  }
  const onInterrupt = (): void => {
    onSignal('SIGINT')
  }
  const onTerminate = (): void => {
    onSignal('SIGTERM')
  }
  process.on('SIGINT', onInterrupt)
  process.on('SIGTERM', onTerminate)
  const onNothingLeft = (): void => {
    const reason = new TrueupError(
      'integration-invalid',
      'the run can never end: it waits for a promise of the integration that nothing is left to settle',
    )
    stop.abort(reason)
    giveUp.abort(reason)
  }
  process.once('beforeExit', onNothingLeft)
  return {
    stop: stop.signal,
    giveUp: giveUp.signal,
    endAfter(timeoutMs) {
      const timer = setTimeout(() => {
        end(new TrueupError('timeout', `the run took longer than its --timeout of ${String(timeoutMs / 1000)} s`))
      }, timeoutMs)
      timers.push(timer)
    },
    close() {
      process.off('SIGINT', onInterrupt)
      process.off('SIGTERM', onTerminate)
      process.off('beforeExit', onNothingLeft)
      for (const timer of timers) clearTimeout(timer)
    },
  }
}
