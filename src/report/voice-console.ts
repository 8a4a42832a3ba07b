// Calls of `console` come in, log lines go out: formatted as Node does, without colours, with groups, counters and timers of their own.
import type { LogLevel } from '../event.js'
import type { Log } from '../integration.js'
import { replaceMember } from '../util/replace-member.js'

export type ConsoleMethod =
  | 'assert'
  | 'clear'
  | 'count'
  | 'countReset'
  | 'debug'
  | 'dir'
  | 'dirxml'
  | 'error'
  | 'group'
  | 'groupCollapsed'
  | 'groupEnd'
  | 'info'
  | 'log'
  | 'table'
  | 'time'
  | 'timeEnd'
  | 'timeLog'
  | 'trace'
  | 'warn'

/** As https://console.spec.whatwg.org/ groups them; methods that print nothing have one all the same. */
const LEVELS: Readonly<Record<ConsoleMethod, LogLevel>> = {
  assert: 'error',
  clear: 'info',
  count: 'info',
  countReset: 'warn',
  debug: 'debug',
  dir: 'info',
  dirxml: 'info',
  error: 'error',
  group: 'info',
  groupCollapsed: 'info',
  groupEnd: 'info',
  info: 'info',
  log: 'info',
  table: 'info',
  time: 'info',
  timeEnd: 'info',
  timeLog: 'info',
  trace: 'info',
  warn: 'warn',
}
const METHODS = Object.keys(LEVELS) as readonly ConsoleMethod[]

type Methods = Record<ConsoleMethod, (...args: unknown[]) => void>
export type ConsoleConstructor = new (options: {
  readonly stdout: NodeJS.WritableStream
  readonly colorMode: boolean
  readonly ignoreErrors: boolean
}) => Methods
export type VoiceConsole = (method: ConsoleMethod, args: readonly unknown[]) => void

export function createVoiceConsole(Console: ConsoleConstructor, log: Log): VoiceConsole {
  let own: Methods | undefined
  let level: LogLevel = 'info'
  // All that a console wants of a stream whose errors it does not handle. Called before the method returns.
  const stream = {
    write: (text: string) => {
      log[level](text.replace(/\n$/, ''))
      return true
    },
  } as unknown as NodeJS.WritableStream
  return (method, args) => {
    own ??= new Console({ stdout: stream, colorMode: false, ignoreErrors: false })
    level = LEVELS[method]
    own[method](...args)
  }
}

/** Every method goes to `speak`. The result puts them back. */
export function patchConsole(
  console: Console,
  speak: (method: ConsoleMethod, args: readonly unknown[]) => void,
): readonly (() => void)[] {
  const methods = console as unknown as Methods
  return METHODS.map((method) =>
    replaceMember(methods, method, () => (...args) => {
      speak(method, args)
    }),
  )
}
