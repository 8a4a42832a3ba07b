// In: what the terminal can do. Out: colours, symbols and the treatment of data from outside, as one value handed to every renderer.
// Reads no environment: who makes a style has already looked at NO_COLOR, TERM and CI.
import { neutralise, visible } from './data-text.js'

export interface StyleOptions {
  /** ANSI colours. Off: not one escape sequence comes out. */
  readonly color: boolean
  /** Symbols beyond ASCII. */
  readonly unicode: boolean
  /** Columns. Only data may be longer. */
  readonly width: number
  /** Clock times in UTC instead of the local zone. @defaultValue false */
  readonly utc?: boolean
  /** The output is read by a CI runner: workflow commands inside data are neutralised. @defaultValue githubActions */
  readonly runner?: boolean
  /** The runner is that of GitHub Actions, which can be told to take no commands for a while. @defaultValue false */
  readonly githubActions?: boolean
}

export interface Symbols {
  readonly cross: string
  readonly check: string
  readonly ellipsis: string
  readonly arrow: string
  readonly bar: string
}

/** How text looks on one particular output. */
export interface Style {
  readonly color: boolean
  readonly unicode: boolean
  readonly width: number
  readonly utc: boolean
  readonly githubActions: boolean
  readonly symbols: Symbols
  readonly bold: (text: string) => string
  readonly dim: (text: string) => string
  readonly red: (text: string) => string
  readonly green: (text: string) => string
  readonly yellow: (text: string) => string
  /** Data from outside as one line: control characters visible, workflow commands neutralised. */
  readonly data: (text: string) => string
}

const unicodeSymbols: Symbols = { cross: '✗', check: '✓', ellipsis: '…', arrow: '→', bar: '│' }
const asciiSymbols: Symbols = { cross: 'x', check: 'ok', ellipsis: '...', arrow: '->', bar: '|' }

/** Makes the style of one output. */
export function createStyle(options: StyleOptions): Style {
  const githubActions = options.githubActions ?? false
  const runner = options.runner ?? githubActions
  const paint =
    (open: number, close: number) =>
    (text: string): string =>
      options.color && text !== '' ? `\u001b[${open}m${text}\u001b[${close}m` : text
  return {
    color: options.color,
    unicode: options.unicode,
    width: options.width,
    utc: options.utc ?? false,
    githubActions,
    symbols: options.unicode ? unicodeSymbols : asciiSymbols,
    bold: paint(1, 22),
    dim: paint(2, 22),
    red: paint(31, 39),
    green: paint(32, 39),
    yellow: paint(33, 39),
    data: (text) => {
      const line = visible(text)
      return runner ? neutralise(line) : line
    },
  }
}
