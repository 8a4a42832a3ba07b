// What author code prints comes in (console, the process's streams, warnings), log lines of the run, target and shard that printed it go out.
// By async context: also from timers and callbacks that outlive a call. Must not: print, or touch what trueup itself writes.
import { AsyncLocalStorage } from 'node:async_hooks'
import type { LogSource, Reporter } from '../event.js'
import type { Log } from '../integration.js'
import type { Clock } from '../util/clock.js'
import { createLineReader, patchWrite, type LineReader } from './line-reader.js'
import { plainText } from '../util/plain-text.js'
import { createRunLog, silentLog } from './run-log.js'
import { createVoiceConsole, patchConsole, type ConsoleConstructor, type VoiceConsole } from './voice-console.js'

/** Runs author code of a shard (empty: of none): what it prints becomes log lines. */
export type Authored = <T>(shard: string, fn: () => T) => T

export interface CapturedRun {
  readonly target: string
  readonly reporter: Reporter
  readonly clock: Clock
}

/** The port of a run. */
export interface Capture {
  forRun(run: CapturedRun): Authored
  /** What `fn` prints is dropped. */
  silently<T>(fn: () => T): T
  /** Work of trueup itself that author code has asked for: what it prints is not the integration's. */
  own<T>(fn: () => T): T
}

/** Lets everything be printed as it is. */
export const noCapture: Capture = {
  forRun: () => (_shard, fn) => fn(),
  silently: (fn) => fn(),
  own: (fn) => fn(),
}

export interface CaptureOptions {
  readonly console: Console
  readonly stdout: NodeJS.WritableStream
  readonly stderr: NodeJS.WritableStream
  /** Gets each line that no run has printed. */
  readonly unowned: (line: string) => void
}

export interface InstalledCapture extends Capture {
  /** Whether author code caused the warning; then it has become a log line. */
  takeWarning(warning: Error & { readonly code?: string; readonly detail?: string }): boolean
  /** Tells what was printed without a line break at its end. */
  flush(): void
  /** Puts back what was patched, unless somebody else has patched it since. */
  uninstall(): void
}

/** Who prints: one shard of one run. Groups, counters and timers of `console` are its own. */
interface Voice {
  readonly log: (source: LogSource) => Log
  readonly console: VoiceConsole
}

/** One call of author code. Its unfinished lines are its own, also beside other calls of the same voice. */
interface Scope {
  readonly voice: Voice
  readonly streams: Readonly<Record<'stdout' | 'stderr', LineReader>>
}

/**
 * Patches `console` and `write` of both streams. Not seen: child processes that inherit the streams, worker threads, `fs.writeSync(1, …)`, and
 * functions that were taken from a stream before.
 */
export function installCapture(options: CaptureOptions): InstalledCapture {
  const scopes = new AsyncLocalStorage<Scope>()
  const { Console } = options.console as unknown as { readonly Console: ConsoleConstructor }
  const voiceOf = (log: Voice['log']): Voice => ({ log, console: createVoiceConsole(Console, log('console')) })
  const scopeOf = (voice: Voice): Scope => ({
    voice,
    streams: {
      stdout: linesTo(voice, 'stdout'),
      stderr: linesTo(voice, 'stderr'),
    },
  })
  const silent = voiceOf(() => silentLog)
  const unowned = scopeOf(voiceOf(() => eachLine(options.unowned)))
  const current = (): Scope => scopes.getStore() ?? unowned
  const isOwned = (scope: Scope): boolean => scope !== unowned

  function within<T>(voice: Voice, fn: () => T): T {
    const scope = scopeOf(voice)
    const end = (): void => {
      // What comes later, from a timer, is told line by line without waiting for more.
      scope.streams.stdout.close()
      scope.streams.stderr.close()
    }
    let result: T
    try {
      result = scopes.run(scope, fn)
    } catch (thrown) {
      end()
      throw thrown
    }
    if (result instanceof Promise) return result.finally(end) as T
    end()
    return result
  }

  const undo = [
    ...patchConsole(options.console, (method, args) => current().voice.console(method, args)),
    patchWrite(options.stdout, (chunk, encoding) => current().streams.stdout.write(chunk, encoding)),
    patchWrite(options.stderr, (chunk, encoding) => current().streams.stderr.write(chunk, encoding)),
  ]
  return {
    forRun(run) {
      const voices = new Map<string, Voice>()
      return (shard, fn) => {
        let voice = voices.get(shard)
        if (voice === undefined) {
          const logs = new Map<LogSource, Log>()
          voice = voiceOf((source) => {
            const log = logs.get(source) ?? createRunLog({ ...run, shard, source })
            logs.set(source, log)
            return log
          })
          voices.set(shard, voice)
        }
        return within(voice, fn)
      }
    },
    silently: (fn) => within(silent, fn),
    // Nothing is entered where nothing is to be left: a skip stays free of async context.
    own: (fn) => (scopes.getStore() === undefined ? fn() : scopes.run(unowned, fn)),
    takeWarning(warning) {
      const scope = current()
      if (!isOwned(scope)) return false
      const { name, message, code, detail } = warning
      scope.voice.log('warning').warn(`${name}: ${message}`, {
        ...(code === undefined ? {} : { code }),
        ...(detail === undefined ? {} : { detail }),
      })
      return true
    },
    flush() {
      unowned.streams.stdout.flush()
      unowned.streams.stderr.flush()
    },
    uninstall() {
      for (const step of undo) step()
    },
  }
}

function linesTo(voice: Voice, source: LogSource): LineReader {
  return createLineReader((line) => {
    voice.log(source).info(line)
  })
}

function eachLine(tell: (line: string) => void): Log {
  const at = (message: string): void => {
    plainText(message).split('\n').forEach(tell)
  }
  return { debug: at, info: at, warn: at, error: at }
}
