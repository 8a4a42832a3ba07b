// In: log lines as data. Out: one JSON object a line, through a `write` that is synchronous, so that an exit loses none.
// Owner of the package `pino`; imported only when JSON lines are asked for.
import { pino } from 'pino'
import type { LogLevel } from '../event.js'
import { inertJson } from './data-text.js'
import { utcTime } from './format.js'

export interface JsonLogLine {
  readonly level: LogLevel
  /** UTC milliseconds. */
  readonly time: number
  readonly message: string
  /** Written beside level, time and message, which they must not be named. */
  readonly fields: Readonly<Record<string, unknown>>
}

/** Writes `{"level":"info","time":"…Z","message":"…", …fields}`. `write` gets each line without its line break. */
export function createJsonLog(write: (line: string) => void): (line: JsonLogLine) => void {
  const logger = pino(
    // Levels are filtered by the reporter, which must always let the decision line through.
    {
      level: 'debug',
      base: null,
      timestamp: false,
      messageKey: 'message',
      formatters: { level: (label) => ({ level: label }) },
    },
    {
      write: (text: string) => {
        write(inertJson(text.slice(0, -1)))
      },
    },
  )
  return ({ level, time, message, fields }) => {
    logger[level]({ time: utcTime(time), ...fields }, message)
  }
}
