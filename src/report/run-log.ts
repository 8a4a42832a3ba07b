// A log whose lines become events of a run. In: what an author logs, in whatever form. Out: records of plain text and JSON, never an exception.
import type { LogLevel, LogRecord, LogSource, Reporter } from '../event.js'
import type { Log } from '../integration.js'
import type { Clock } from '../util/clock.js'
import { isRecord } from '../util/is-record.js'
import { plainJson } from '../util/plain-json.js'
import { plainText } from '../util/plain-text.js'

export interface RunLogOptions {
  readonly target: string
  /** Empty for an unsharded target. */
  readonly shard?: string
  /** @defaultValue log */
  readonly source?: LogSource
  readonly clock: Clock
  readonly reporter: Reporter
}

/** A log that reports every line under this target (and shard). */
export function createRunLog({ target, shard, source, clock, reporter }: RunLogOptions): Log {
  const where: Pick<LogRecord, 'source' | 'shard'> = {
    ...(source === undefined || source === 'log' ? {} : { source }),
    ...(shard === undefined || shard === '' ? {} : { shard }),
  }
  const at =
    (level: LogLevel) =>
    (message: unknown, fields?: unknown): void => {
      // Authors in JavaScript hand over anything.
      const text = plainText(typeof message === 'string' ? message : String(message))
      const kept = fields === undefined || fields === null ? undefined : plainJson(fields, plainText)
      reporter.report({
        kind: 'logged',
        target,
        record: {
          level,
          time: clock.now(),
          message: text,
          ...(kept === undefined ? {} : { fields: isRecord(kept) ? kept : { value: kept } }),
          ...where,
        },
      })
    }
  return { debug: at('debug'), info: at('info'), warn: at('warn'), error: at('error') }
}

/** A log that says nothing: the base side is evaluated silently. */
export const silentLog: Log = {
  debug: () => undefined,
  info: () => undefined,
  warn: () => undefined,
  error: () => undefined,
}
