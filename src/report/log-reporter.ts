// In: the events of runs. Out: log lines for stderr, pretty or JSON. The one place that words events; every kind has one wording.
// Writes no data (that is stdout's) and waits for nothing.
import type { ChangeOutcome, LogLevel, LogRecord, PlanSummary, Reporter, RunEvent, RunRecord } from '../event.js'
import type { Clock } from '../util/clock.js'
import { unreachable } from '../util/unreachable.js'
import { decisionFields, decisionLine } from './decision-line.js'
import { count, formatDuration } from './format.js'
import type { JsonLogLine } from './json-log.js'
import { createLogLines } from './log-lines.js'
import { replayJson } from './replay-json.js'
import { replayText, type ReplayMode } from './replay.js'
import type { Style } from './style.js'

export interface LogReporterOptions {
  /** Gets one line, without its line break; must be synchronous. */
  readonly write: (line: string) => void
  /** Gets many lines of a replayed log at once, as UTF-8, each with its line break; must be synchronous. @defaultValue each line to `write` */
  readonly writeLines?: (lines: Uint8Array) => void
  readonly format: 'pretty' | 'json'
  /** The lowest level written. The decision line is always written. */
  readonly level: LogLevel
  readonly style: Style
  /** Several targets share this output: lines say whose they are. */
  readonly showTarget: boolean
  readonly clock: Clock
  /** Write a line for each change that was applied; off where a moving line shows them. @defaultValue true */
  readonly changes?: boolean
  /** What is shown of a replayed log. @defaultValue full */
  readonly replay?: ReplayMode
}

/** A worded event. `pretty`: its lines on a screen; null where stdout says the same to a person. */
interface Worded {
  readonly level: LogLevel
  readonly message: string
  readonly fields: Readonly<Record<string, unknown>>
  readonly pretty: string | null
  readonly time?: number
  readonly always?: boolean
}

const ranks: Readonly<Record<LogLevel, number>> = { debug: 0, info: 1, warn: 2, error: 3 }

/** Makes the reporter of a command. Async only because JSON lines load their library when asked for. */
export async function createLogReporter(options: LogReporterOptions): Promise<Reporter> {
  const json = options.format === 'json' ? (await import('./json-log.js')).createJsonLog(options.write) : undefined
  const isShown = (level: LogLevel): boolean => ranks[level] >= ranks[options.level]
  const wording: WordingOptions = { ...options, lines: linesOfTargets(options) }
  return {
    report: (event) => {
      if (event.kind === 'replayed') {
        if (!isShown('info')) return
        const { clock, replay: mode = 'full', writeLines = oneByOne(options.write) } = options
        const showing = { ...options, writeLines, mode, isShown }
        if (json === undefined) replayText(event, showing)
        else replayJson(event, { ...showing, now: clock.now() })
        return
      }
      const worded = wordingOf(event, wording)
      if (worded.always !== true && !isShown(worded.level)) return
      if (json === undefined) {
        for (const line of worded.pretty?.split('\n') ?? []) options.write(line)
      } else json(jsonLine(worded, options.clock))
    },
  }
}

function oneByOne(write: (line: string) => void): (lines: Uint8Array) => void {
  return (lines) => {
    for (const line of Buffer.from(lines).toString().slice(0, -1).split('\n')) write(line)
  }
}

interface WordingOptions extends LogReporterOptions {
  readonly lines: (target: string, record: LogRecord) => string
}

/** Each target's name is made safe once. */
function linesOfTargets({ style, showTarget }: LogReporterOptions): WordingOptions['lines'] {
  const made = new Map<string, (record: LogRecord) => string>()
  return (target, record) => {
    const lines = made.get(target) ?? createLogLines({ style, ...(showTarget ? { target } : {}) })
    made.set(target, lines)
    return lines(record)
  }
}

function jsonLine({ level, time, message, fields }: Worded, clock: Clock): JsonLogLine {
  return { level, time: time ?? clock.now(), message, fields }
}

function wordingOf(event: Exclude<RunEvent, { kind: 'replayed' }>, options: WordingOptions): Worded {
  const { style, showTarget } = options
  const named = (target: string): string => (showTarget ? `${style.data(target)}: ` : '')
  switch (event.kind) {
    case 'decided':
      return {
        level: 'info',
        always: true,
        message: 'decision',
        fields: decisionFields(event.target, event.decision),
        // Never coloured: scripts look for it at the start of a line.
        pretty: style.data(decisionLine(event.target, event.decision)),
      }
    case 'planned': {
      const blocked = event.limits.filter((check) => check.blocked).map(({ rule }) => rule)
      return {
        level: blocked.length > 0 ? 'warn' : 'info',
        message: 'planned',
        fields: {
          target: event.target,
          mode: event.mode,
          digest: event.plan.digest,
          ...summaryFields(event.plan.summary),
          blocked,
        },
        pretty: null,
      }
    }
    case 'change-started': {
      const { action, key, shard } = event.change
      return {
        level: 'debug',
        message: 'change started',
        fields: { target: event.target, action, key, shard },
        pretty: style.dim(`started  ${action} ${named(event.target)}${style.data(key)}`),
      }
    }
    case 'change-finished':
      return changeFinished(event, options)
    case 'durable-called': {
      const { name, version, id, how, shard } = event.use
      const where = shard === undefined ? '' : ` [${style.data(shard)}]`
      return {
        // What was done is news; that nothing had to be done is not.
        level: how === 'executed' ? 'info' : 'debug',
        message: 'durable function called',
        fields: { target: event.target, function: name, version, id, how, ...(shard === undefined ? {} : { shard }) },
        pretty: style.dim(`${how.padEnd(14)}  ${named(event.target)}${style.data(name)} ${id.slice(0, 12)}${where}`),
      }
    }
    case 'logged':
      return logged(event.target, event.record, options)
    case 'warned':
      return {
        level: 'warn',
        message: event.message,
        fields: { target: event.target, ...(event.details === undefined ? {} : { details: event.details }) },
        pretty: `${style.yellow('trueup: warning:')} ${named(event.target)}${event.message
          .split('\n')
          .map((line) => style.data(line))
          .join('\n  ')}`,
      }
    case 'recovered':
      return {
        level: 'warn',
        message: 'recovered',
        fields: {
          target: event.target,
          run: event.run,
          unknown: event.unknown.map(({ action, key, shard }) => ({ action, key, shard })),
        },
        pretty: `${style.yellow('trueup: warning:')} ${named(event.target)}${recoveredText(event.run, event.unknown, style)}`,
      }
    case 'finished':
      return finished(event.record)
    default:
      return unreachable(event)
  }
}

const resultLevels: Readonly<Record<ChangeOutcome['result'], LogLevel>> = {
  applied: 'info',
  failed: 'error',
  unknown: 'error',
  skipped: 'warn',
  'not-attempted': 'warn',
}

/** `applied  create example.com/api/A  (12 ms)` */
function changeFinished(event: Extract<RunEvent, { kind: 'change-finished' }>, options: LogReporterOptions): Worded {
  const { style, showTarget, changes = true } = options
  const { action, key, shard, result, error } = event.outcome
  const target = showTarget ? `${style.data(event.target)}: ` : ''
  const paint =
    result === 'applied' ? style.green : result === 'failed' || result === 'unknown' ? style.red : style.yellow
  const where = shard === null ? '' : ` [${style.data(shard)}]`
  const why = error === null ? '' : `  ${style.data(error)}`
  const took =
    result === 'skipped' || result === 'not-attempted' ? '' : `  ${style.dim(`(${formatDuration(event.durationMs)})`)}`
  return {
    level: resultLevels[result],
    message: 'change finished',
    fields: { target: event.target, action, key, shard, result, error, durationMs: event.durationMs },
    pretty:
      result === 'applied' && !changes
        ? null
        : `${paint(result.padEnd(7))}  ${action.padEnd(6)} ${target}${style.data(key)}${where}${took}${why}`,
  }
}

function logged(target: string, record: LogRecord, { lines }: WordingOptions): Worded {
  const { level, time, message, fields, shard, source } = record
  return {
    level,
    time,
    message,
    fields: {
      target,
      ...(shard === undefined ? {} : { shard }),
      ...(source === undefined ? {} : { source }),
      ...(fields === undefined ? {} : { fields }),
    },
    pretty: lines(target, record),
  }
}

function recoveredText(run: string, unknown: readonly ChangeOutcome[], style: Style): string {
  const id = style.data(run)
  if (unknown.length === 0) return `run ${id} ended before its time; nothing of it is in doubt.`
  const shown = unknown.slice(0, 5).map(({ action, key }) => `${action} ${style.data(key)}`)
  const more = unknown.length > shown.length ? ` and ${unknown.length - shown.length} more` : ''
  return `run ${id} ended in the middle of ${count(unknown.length, 'change')}, looked at again now: ${shown.join(', ')}${more}.`
}

function finished(record: RunRecord): Worded {
  const { run, error, exitCode } = record
  const results: Record<string, number> = {}
  for (const { result } of record.outcomes) results[result] = (results[result] ?? 0) + 1
  return {
    level: error === null ? 'info' : 'error',
    message: 'finished',
    fields: {
      target: run.target,
      run: run.id,
      mode: run.mode,
      durationMs: run.durationMs,
      outcomes: results,
      ...(error === null ? {} : { error: { code: error.code, message: error.message } }),
      exitCode,
    },
    pretty: null,
  }
}

function summaryFields(summary: PlanSummary): Readonly<Record<string, number>> {
  const { create, update, delete: deletes, adopt, of, unchanged, foreign } = summary
  return { create, update, delete: deletes, adopt, of, unchanged, foreign }
}
