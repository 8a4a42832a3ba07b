// The kept log of an earlier run comes in, its lines go out: level, time and source as they were, and first how old it is and how to be rid of it.
// What was kept may be hostile: no line of it gives a command to a terminal or to a CI runner.
import type { LogLevel, LogRecord, ReplayedEvent } from '../event.js'
import { dataLine, neutralise } from './data-text.js'
import { count, formatAge } from './format.js'
import { createLogParts } from './log-lines.js'
import { bytesAsText, createPieces } from './pieces.js'
import type { Style } from './style.js'

/** `errors`: only lines of level `error`; `none`: only the first line, which says what is not shown. */
export type ReplayMode = 'full' | 'errors' | 'none'

export interface ReplayOptions {
  readonly mode: ReplayMode
  readonly style: Style
  readonly showTarget: boolean
  /** Which records of this log are shown at all. */
  readonly isShown: (level: LogLevel) => boolean
  /** Gets one line, without the line break; synchronous. */
  readonly write: (line: string) => void
  /** Gets whole lines as UTF-8, each with its line break; synchronous. */
  readonly writeLines: (lines: Uint8Array) => void
  /** Of the runner's stop-commands, new for each replay. @defaultValue 24 random bytes as hex */
  readonly newToken?: () => string
}

const day = 86_400_000

/** For a screen. On GitHub Actions the runner takes no commands while it goes on. */
export function replayText(event: ReplayedEvent, options: ReplayOptions): void {
  const { style, showTarget, write, writeLines } = options
  const records = shownRecords(event, options)
  write(headline(event, records.length, options))
  if (records.length === 0) return
  const parts = createLogParts({
    style,
    encode: bytesAsText,
    dates: event.ageMs >= day / 2,
    ...(showTarget ? { target: event.target } : {}),
  })
  const token = style.githubActions ? (options.newToken ?? newToken)() : undefined
  if (token !== undefined) write(`::stop-commands::${token}`)
  try {
    const pieces = createPieces(writeLines)
    for (const record of records) {
      parts(record, pieces.add)
      pieces.end()
    }
    pieces.flush()
  } finally {
    if (token !== undefined) write(`::${token}::`)
  }
}

/** Those of the kept log that are shown. */
export function shownRecords(
  { records }: ReplayedEvent,
  { mode, isShown }: Pick<ReplayOptions, 'mode' | 'isShown'>,
): readonly LogRecord[] {
  if (mode === 'none') return []
  const levels: readonly LogLevel[] = mode === 'errors' ? ['error'] : ['debug', 'info', 'warn', 'error']
  const shown = levels.filter(isShown)
  return shown.length === 4 ? records : records.filter(({ level }) => shown.includes(level))
}

/** Says what is shown, never more. */
function headline(event: ReplayedEvent, shown: number, { mode, showTarget }: ReplayOptions): string {
  const { target, entry, run, ageMs, records, dropped, forget = `trueup cache delete ${entry}` } = event
  const all = count(records.length, 'record')
  const what =
    records.length === 0
      ? 'it logged nothing'
      : mode === 'none'
        ? `${all}, not shown`
        : shown === records.length
          ? all
          : mode === 'errors'
            ? `${String(shown)} of ${all}: errors only`
            : `${String(shown)} of ${all}: --log-level hides the others`
  const lost = dropped === 0 ? '' : `, ${count(dropped, 'line')} were not kept`
  const where = showTarget ? `${dataLine(target)}: ` : ''
  // As a whole: a target may be called `:`.
  return neutralise(
    `${where}Replayed: the log of run ${dataLine(run)} of ${formatAge(ageMs)} (${what}${lost}); to run anyway: --force, to forget it: ${dataLine(forget)}`,
  )
}

function newToken(): string {
  return Buffer.from(crypto.getRandomValues(new Uint8Array(24))).toString('hex')
}
