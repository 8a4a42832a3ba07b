// Log records of a run come in as they happen, what is kept of them goes out: the first ones and the last ones, at most 1 MiB in all.
// What was dropped is counted, and told by a record at its place. Pure.
import type { LogRecord, RunRecord } from '../event.js'
import { count } from './format.js'

/** Bytes of the records as a JSON list in UTF-8. */
export const KEPT_BYTES = 1024 * 1024
/** Of one record. */
const LONGEST_RECORD = KEPT_BYTES / 8
/** For the record that tells what was dropped, and the brackets of the list. */
const MARKER_BYTES = 512
const HEAD_BYTES = KEPT_BYTES / 2
const TAIL_BYTES = KEPT_BYTES - HEAD_BYTES - MARKER_BYTES

export interface LogKeeper {
  keep(record: LogRecord): void
  kept(): RunRecord['log']
}

interface Sized {
  readonly record: LogRecord
  readonly bytes: number
}

export function createLogKeeper(): LogKeeper {
  const head: LogRecord[] = []
  let headBytes = 0
  // A queue: what lies before `from` is gone.
  let tail: (Sized | undefined)[] = []
  let from = 0
  let tailBytes = 0
  let dropped = 0
  let droppedBytes = 0
  let droppedAt = 0

  function dropFirst(): void {
    const first = tail[from]
    tail[from] = undefined
    from += 1
    if (first === undefined) return
    tailBytes -= first.bytes
    dropped += 1
    droppedBytes += first.bytes
    droppedAt = first.record.time
    if (from > 1024 && from * 2 > tail.length) {
      tail = tail.slice(from)
      from = 0
    }
  }

  return {
    keep(given) {
      const { record, bytes } = shortened(given)
      if (tail.length === 0 && headBytes + bytes <= HEAD_BYTES) {
        headBytes += bytes
        head.push(record)
        return
      }
      tail.push({ record, bytes })
      tailBytes += bytes
      while (tailBytes > TAIL_BYTES) dropFirst()
    },
    kept() {
      const marker: LogRecord = {
        level: 'warn',
        time: droppedAt,
        message: `${count(dropped, 'line')} (${String(Math.ceil(droppedBytes / 1024))} KiB) were dropped here: of the log of a run the first and the last ${String(HEAD_BYTES / 1024)} KiB are kept`,
        fields: { droppedLines: dropped, droppedBytes },
      }
      const last = tail.slice(from).flatMap((sized) => (sized === undefined ? [] : [sized.record]))
      return { records: [...head, ...(dropped === 0 ? [] : [marker]), ...last], dropped, replayedFrom: null }
    },
  }
}

/** With the comma behind it. */
function bytesOf(record: LogRecord): number {
  return Buffer.byteLength(JSON.stringify(record)) + 1
}

/** A record that is too long by itself loses the middle of its message, and fields that do not fit beside it. */
function shortened(record: LogRecord): Sized {
  const bytes = bytesOf(record)
  if (bytes <= LONGEST_RECORD) return { record, bytes }
  const { fields, message, shard, ...rest } = record
  const facts = fields === undefined ? 0 : Buffer.byteLength(JSON.stringify(fields))
  const hasFields = fields !== undefined && facts <= LONGEST_RECORD / 4
  const lost = fields === undefined || hasFields ? '' : `\n(${String(facts)} bytes of fields were dropped)`
  const around = {
    ...rest,
    ...(hasFields ? { fields } : {}),
    // Longer than any that can be a part of a key of the store; a record must not fail for it.
    ...(shard === undefined ? {} : { shard: shard.slice(0, 4096) }),
  }
  for (let half = LONGEST_RECORD / 2; ;) {
    const cut: LogRecord = { ...around, message: `${withoutMiddle(message, half)}${lost}` }
    const size = bytesOf(cut)
    if (size <= LONGEST_RECORD || half === 0) return { record: cut, bytes: size }
    // A character takes one byte, or up to six.
    half = Math.floor(Math.min(half, message.length / 2) * (LONGEST_RECORD / size) * 0.98)
  }
}

/** At most `half` characters of each end, never half of a surrogate pair. */
function withoutMiddle(text: string, half: number): string {
  if (text.length <= 2 * half) return text
  const start = text.slice(0, half).replace(/[\ud800-\udbff]$/, '')
  const end = text.slice(text.length - half).replace(/^[\udc00-\udfff]/, '')
  return `${start}\n… ${String(text.length - start.length - end.length)} characters were dropped here …\n${end}`
}
