// Log records come in, the lines that a person reads go out: `  │ 09:12:44 info  41 records listed`. The same for a run's own and for replayed ones.
// Texts are an author's: nothing in them acts on a terminal or on a CI runner.
import type { LogLevel, LogRecord } from '../event.js'
import { dataLine, isPlain } from './data-text.js'
import { logfmt } from './decision-line.js'
import { clockTime, dateTime } from './format.js'
import type { Style } from './style.js'

export interface LogLinesOptions {
  readonly style: Style
  /** Says whose line it is, where several share an output. */
  readonly target?: string
  /** With the day: for what was logged on another one. @defaultValue false */
  readonly dates?: boolean
  /** Of every text that may hold more than ASCII. @defaultValue as it is */
  readonly encode?: (text: string) => string
}

const asItIs = (text: string): string => text

/** Makes the renderer of one output; each record gives one line or more, without the last line break. */
export function createLogLines(options: LogLinesOptions): (record: LogRecord) => string {
  const parts = createLogParts(options)
  return (record) => {
    let lines = ''
    parts(record, (part) => {
      lines += part
    })
    return lines
  }
}

/** As {@link createLogLines}, which `add` gets in parts. */
export function createLogParts({
  style,
  target,
  dates = false,
  encode = asItIs,
}: LogLinesOptions): (record: LogRecord, add: (part: string) => void) => void {
  const bar = encode(`  ${style.dim(style.symbols.bar)} `)
  const levels = {
    debug: `${style.dim('debug')} `,
    info: 'info  ',
    warn: `${style.yellow('warn ')} `,
    error: `${style.red('error')} `,
  }
  const names = new Map<string, string>()
  let second = Number.NaN
  let heads: Partial<Record<LogLevel, string>> = {}
  let clock = ''
  let indent = ''

  /** Records come in order: most share their second with the one before. */
  const headOf = (level: LogLevel, time: number): string => {
    if (Math.floor(time / 1000) !== second) {
      second = Math.floor(time / 1000)
      const day = dates ? `${dateTime(time, style.utc).slice(0, 10)} ` : ''
      const text = `${day}${clockTime(time, style.utc)}`
      clock = `${bar}${style.dim(text)} `
      indent = `${bar}${' '.repeat(text.length + 7)}`
      heads = {}
    }
    return (heads[level] ??= `${clock}${levels[level]}`)
  }
  const whose = (shard: string | undefined): string => {
    const key = shard ?? ''
    let name = names.get(key)
    if (name === undefined) {
      const parts = [...(target === undefined ? [] : [target]), ...(shard === undefined ? [] : [`[${shard}]`])]
      name = encode(parts.map((part) => `${dataLine(part)} `).join(''))
      names.set(key, name)
    }
    return name
  }
  return ({ level, time, message, fields, shard, source }, add) => {
    add(headOf(level, time))
    if (target !== undefined || shard !== undefined) add(whose(shard))
    const facts = factsOf(fields, source)
    const tail = facts === '' ? '' : encode(` ${style.dim(facts)}`)
    // Most are one line, of which there may be thousands.
    if (isPlain(message)) {
      add(message)
      if (tail !== '') add(tail)
      return
    }
    const [first = '', ...rest] = message.replace(/\n+$/, '').split('\n')
    add(`${encode(dataLine(first))}${tail}`)
    for (const line of rest) add(`\n${indent}${encode(dataLine(line))}`)
  }
}

function factsOf(fields: LogRecord['fields'], source: LogRecord['source']): string {
  const isNamed = source !== undefined && source !== 'log'
  if (fields === undefined && !isNamed) return ''
  return dataLine(logfmt({ ...fields, ...(isNamed ? { source } : {}) }))
}
