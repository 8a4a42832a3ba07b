// What happens in a daemon comes in; lines on stderr go out: when something changes, not each time it is as before. Repeated lines are counted.
import { formatDuration } from '../../util/duration.js'

export type Level = 'debug' | 'info' | 'warn' | 'error'

export interface Told {
  /** Always told, as far as the level allows. */
  line(level: Level, message: string, fields?: Readonly<Record<string, unknown>>): void
  /** Told when it differs from what was told last under this name; else counted, and the count is told with what differs then. */
  change(name: string, level: Level, message: string, fields?: Readonly<Record<string, unknown>>): void
  /** As {@link change}, but told though the last was the same: each time something was done. */
  each(name: string, level: Level, message: string, fields?: Readonly<Record<string, unknown>>): void
}

export interface ToldOptions {
  readonly write: (text: string) => void
  readonly format: 'pretty' | 'json'
  readonly level: Level
  /** UTC ms. */
  readonly now: () => number
  /** Of secrets. */
  readonly redact: (text: string) => string
}

const LEVELS: readonly Level[] = ['debug', 'info', 'warn', 'error']

export function createTold({ write, format, level: least, now, redact }: ToldOptions): Told {
  const last = new Map<string, { readonly message: string; times: number; readonly since: number }>()

  function line(level: Level, message: string, fields: Readonly<Record<string, unknown>> = {}): void {
    if (LEVELS.indexOf(level) < LEVELS.indexOf(least)) return
    const time = new Date(now())
    if (format === 'json') {
      write(`${redact(JSON.stringify({ level, time: time.toISOString(), msg: message, ...fields }))}\n`)
      return
    }
    const shown = redact(message)
      .replace(/\p{Cc}+/gu, ' ')
      .trim()
    write(`${time.toTimeString().slice(0, 8)} ${level.padEnd(5)} ${shown}\n`)
  }

  const each: Told['each'] = (name, level, message, fields = {}) => {
    const before = last.get(name)
    last.set(name, { message, times: 1, since: now() })
    const repeated =
      before === undefined || before.times === 1
        ? ''
        : ` (before that ${String(before.times)} times in ${formatDuration(roundedMs(now() - before.since))}: ${before.message})`
    line(level, `${message}${repeated}`, fields)
  }

  return {
    line,
    each,
    change(name, level, message, fields = {}) {
      const before = last.get(name)
      if (before?.message !== message) {
        each(name, level, message, fields)
        return
      }
      before.times += 1
      line('debug', message, fields)
    },
  }
}

/** Whole seconds, at least one. */
function roundedMs(ms: number): number {
  return Math.max(1, Math.round(ms / 1000)) * 1000
}
