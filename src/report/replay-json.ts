// The kept log of an earlier run comes in, one JSON object a line goes out: first one that tells of the replay, then one a record.
// What was kept is JSON already, so it needs no library, which would take several times as long for the thousands of lines there may be.
import type { LogLevel, LogRecord, ReplayedEvent } from '../event.js'
import { inertJson } from './data-text.js'
import { utcTime } from './format.js'
import { bytesAsText, createPieces } from './pieces.js'
import { shownRecords, type ReplayOptions } from './replay.js'

export interface ReplayJsonOptions extends Pick<ReplayOptions, 'mode' | 'isShown' | 'write' | 'writeLines'> {
  /** UTC ms. */
  readonly now: number
}

/** For machines. Each line of the log has `replayedFrom`, the run that logged it. */
export function replayJson(event: ReplayedEvent, options: ReplayJsonOptions): void {
  const { target, entry, run, ageMs, expiresAt, zone, dropped } = event
  const records = shownRecords(event, options)
  options.write(
    inertJson(
      JSON.stringify({
        level: 'info',
        time: utcTime(options.now),
        target,
        entry,
        replayedFrom: run,
        ageMs,
        expiresAt: utcTime(expiresAt),
        zone,
        records: event.records.length,
        shown: records.length,
        dropped,
        message: 'replayed',
      }),
    ),
  )
  const parts = createJsonParts(event)
  const pieces = createPieces(options.writeLines)
  for (const record of records) {
    parts(record, pieces.add)
    pieces.end()
  }
  pieces.flush()
}

/** Of each record the parts of its line, which `add` gets. */
function createJsonParts({ target, run }: ReplayedEvent): (record: LogRecord, add: (part: string) => void) => void {
  const afterTime = `Z","target":${safeJson(target)}`
  const beforeMessage = `,"replayedFrom":${safeJson(run)},"message":`
  const beforeText = `${beforeMessage}"`
  const thousandths = Array.from({ length: 1000 }, (_, index) => String(index).padStart(3, '0'))
  let second = Number.NaN
  let secondText = ''
  let heads: Partial<Record<LogLevel, string>> = {}

  /** Records come in order: most share their second with the one before. */
  const headOf = (level: LogLevel, time: number): string => {
    if (Math.floor(time / 1000) !== second) {
      second = Math.floor(time / 1000)
      secondText = utcTime(time).slice(0, -'000Z'.length)
      heads = {}
    }
    return (heads[level] ??= `{"level":"${level}","time":"${secondText}`)
  }
  return ({ level, time, message, fields, shard, source }, add) => {
    add(headOf(level, time))
    add(thousandths[Math.floor(time) % 1000] ?? '000')
    add(afterTime)
    if (shard !== undefined) add(`,"shard":${safeJson(shard)}`)
    if (source !== undefined) add(`,"source":"${source}"`)
    if (fields !== undefined) add(`,"fields":${safeJson(fields)}`)
    if (ACTS_OR_QUOTED.test(message)) {
      add(beforeMessage)
      add(safeJson(message))
      add('}')
    } else {
      add(beforeText)
      add(message)
      add('"}')
    }
  }
}

/** Without any of it a text is JSON as it is, between quotation marks. One class of characters, which is the fastest to look for: `#` alone is harmless. */
const ACTS_OR_QUOTED = /[^ !$-[\]-~]/

/** As bytes, in which nothing acts. */
function safeJson(value: string | NonNullable<LogRecord['fields']>): string {
  return bytesAsText(inertJson(JSON.stringify(value)))
}
