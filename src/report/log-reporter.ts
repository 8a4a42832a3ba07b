// In: the events of runs. Out: log lines for stderr, pretty or JSON. The one place that words events; every kind has one wording.
// Writes no data (that is stdout's) and waits for nothing.
import type { ChangeOutcome, LogLevel, LogRecord, PlanSummary, Reporter, RunEvent, RunRecord } from '../event.js'
import type { Clock } from '../util/clock.js'
import { unreachable } from '../util/unreachable.js'
import { decisionFields, decisionLine, logfmt } from './decision-line.js'
import { clockTime, count, formatDuration } from './format.js'
import type { JsonLogLine } from './json-log.js'
import type { Style } from './style.js'

export interface LogReporterOptions {
  /** Gets one line without its line break; must be synchronous. */
  readonly write: (line: string) => void
  readonly format: 'pretty' | 'json'
  /** The lowest level written. The decision line is always written. */
  readonly level: LogLevel
  readonly style: Style
  /** Several targets share this output: lines say whose they are. */
  readonly showTarget: boolean
  readonly clock: Clock
  /** Write a line for each change that was applied; off where a moving line shows them. @defaultValue true */
  readonly changes?: boolean
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
  const json = options.format === 'json' ? (await import('./json-log.js')).createJsonLog(options.write) : null
  return {
    report: (event) => {
      const worded = wordingOf(event, options)
      if (worded.always !== true && ranks[worded.level] < ranks[options.level]) return
      if (json === null) {
        for (const line of worded.pretty?.split('\n') ?? []) options.write(line)
      } else json(jsonLine(worded, options.clock))
    },
  }
}

function jsonLine({ level, time, message, fields }: Worded, clock: Clock): JsonLogLine {
  return { level, time: time ?? clock.now(), message, fields }
}

function wordingOf(event: RunEvent, options: LogReporterOptions): Worded {
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

/** `  │ 09:12:44 info  41 records listed`; further lines of a message stay behind the bar. */
function logged(target: string, record: LogRecord, options: LogReporterOptions): Worded {
  const { style, showTarget } = options
  const { level, time, message, fields, shard } = record
  const bar = `  ${style.dim(style.symbols.bar)} `
  const paint = { debug: style.dim, info: (text: string) => text, warn: style.yellow, error: style.red }[level]
  const head = `${style.dim(clockTime(time, style.utc))} ${paint(level.padEnd(5))} `
  const who = [...(showTarget ? [target] : []), ...(shard === undefined ? [] : [`[${shard}]`])]
    .map((name) => style.data(name))
    .join(' ')
  const [first = '', ...rest] = message.replace(/\n+$/, '').split('\n')
  const facts =
    fields === undefined || Object.keys(fields).length === 0 ? '' : ` ${style.dim(style.data(logfmt(fields)))}`
  const lines = [
    `${bar}${head}${who === '' ? '' : `${who} `}${style.data(first)}${facts}`,
    ...rest.map((line) => `${bar}${' '.repeat(15)}${style.data(line)}`),
  ]
  return {
    level,
    time,
    message,
    fields: { target, ...(shard === undefined ? {} : { shard }), ...(fields === undefined ? {} : { fields }) },
    pretty: lines.join('\n'),
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
