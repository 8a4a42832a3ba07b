// In: values and text from outside (integrations, files, answers of services). Out: text that is safe and short enough for one line.
// What comes from outside must not move the cursor, set colours, reorder the line or give commands to a CI runner.
import type { Json } from '../event.js'

// Controls, invisible formatting (bidi overrides among them), line and paragraph separators, lone surrogates.
// The two joiners stay: scripts and emoji need them, and they move nothing.
const unsafe = /(?!\u200c|\u200d)[\p{Cc}\p{Cf}\p{Zl}\p{Zp}\p{Cs}]/gu
const namedEscapes: Readonly<Record<string, string>> = { '\n': '\\n', '\r': '\\r', '\t': '\\t' }

/** Shows every character that would act instead of being shown: `\n`, `\x1b`, `\u202e`. */
export function visible(text: string): string {
  if (/^[\u0020-\u007e]*$/.test(text)) return text
  return text.replace(unsafe, (character) => {
    const code = character.codePointAt(0) ?? 0
    const hex = code.toString(16)
    return namedEscapes[character] ?? (code < 0x100 ? `\\x${hex.padStart(2, '0')}` : `\\u${hex.padStart(4, '0')}`)
  })
}

/**
 * Takes workflow commands out of one line, visibly: a leading `::` becomes `\::`, `##[` becomes `##\[`.
 * A runner looks for `::` at the start of a line only, but for the older `##[` anywhere in it.
 */
export function neutralise(line: string): string {
  if (!line.includes('::') && !line.includes('##')) return line
  return line.replace(/^(\s*)::/, '$1\\::').replace(/##(\[|vso\[|teamcity\[)/g, '##\\$1')
}

/** One line for an output that any runner may read. */
export function dataLine(text: string): string {
  return isPlain(text) ? text : neutralise(visible(text))
}

/** One line in which nothing acts. There are others; of most texts this tells it at once. */
export function isPlain(text: string): boolean {
  return !/[^\u0020-\u007e]|::|##/.test(text)
}

/** As {@link dataLine}, of a text of several lines. */
export function dataLines(text: string): string {
  return text.split('\n').map(dataLine).join('\n')
}

/** JSON of the same value in which no runner finds `##[` and no terminal a control. Outside of its strings there is none of either. */
export function inertJson(json: string): string {
  if (!/##|[\u007f-\u009f\u2028-\u202e\u2066-\u2069]/.test(json)) return json
  return json
    .replaceAll('##', '#\\u0023')
    .replace(
      /[\u007f-\u009f\u2028-\u202e\u2066-\u2069]/g,
      (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`,
    )
}

/** Columns that a text takes on a terminal: wide characters take two, combining marks none. */
export function displayWidth(text: string): number {
  if (/^[\u0020-\u007e]*$/.test(text)) return text.length
  let width = 0
  for (const character of text) {
    if (/[\p{M}\p{Cf}]/u.test(character)) continue
    width +=
      /[\u1100-\u115f\u2e80-\ua4cf\uac00-\ud7a3\uf900-\ufaff\ufe30-\ufe6f\uff01-\uff60\uffe0-\uffe6]|\p{Emoji_Presentation}/u.test(
        character,
      )
        ? 2
        : 1
  }
  return width
}

/** Fills up with spaces to `width` columns; longer text stays whole. */
export function padEnd(text: string, width: number): string {
  return text + ' '.repeat(Math.max(0, width - displayWidth(text)))
}

/** At most `max` columns, cut at the end with an ellipsis. */
export function cut(text: string, max: number, ellipsis = '…'): string {
  if (text.length <= max && displayWidth(text) <= max) return text
  const room = Math.max(0, max - ellipsis.length)
  let kept = ''
  let width = 0
  for (const character of text) {
    width += displayWidth(character)
    if (width > room) break
    kept += character
  }
  return kept + ellipsis
}

export interface ShortValueOptions {
  /** Columns. @defaultValue 60 */
  readonly max?: number
  /** @defaultValue `…` */
  readonly ellipsis?: string
}

/** A value on one line. Text is quoted only where it could be mistaken; text of several lines is counted, not shown. */
export function shortValue(value: Json | undefined, options: ShortValueOptions = {}): string {
  return cut(wholeValue(value), options.max ?? 60, options.ellipsis)
}

/** Two values that differ, each on one line; of long ones the part around the first difference is shown. */
export function shortPair(
  before: Json | undefined,
  after: Json | undefined,
  options: ShortValueOptions = {},
): readonly [string, string] {
  const max = options.max ?? 60
  const ellipsis = options.ellipsis ?? '…'
  let [left, right] = [wholeValue(before), wholeValue(after)]
  if (displayWidth(left) > max || displayWidth(right) > max) {
    const same = commonPrefix(left, right)
    if (same > 12) [left, right] = [ellipsis + left.slice(same - 8), ellipsis + right.slice(same - 8)]
  }
  return [cut(left, max, ellipsis), cut(right, max, ellipsis)]
}

/** Breaks a sentence at spaces so that lines stay within `width`, further lines indented by two. Long words stay whole. */
export function wrap(text: string, width: number): string {
  const lines: string[] = []
  let line = ''
  // A number and its unit stay together.
  for (const word of text.split(/ (?!%)/)) {
    if (line.trim() !== '' && displayWidth(line) + 1 + displayWidth(word) > width) {
      lines.push(line)
      line = `  ${word}`
    } else line = line === '' ? word : `${line} ${word}`
  }
  return [...lines, line].join('\n')
}

/** The number of lines; a final line break ends a line and starts none. */
export function lineCount(text: string): number {
  if (text === '') return 0
  return text.split('\n').length - (text.endsWith('\n') ? 1 : 0)
}

/** Text that needs more than one line to be shown. */
export function isMultiLine(value: Json | undefined): value is string {
  return typeof value === 'string' && lineCount(value) > 1
}

function wholeValue(value: Json | undefined): string {
  if (value === undefined) return '(none)'
  if (typeof value === 'string') {
    if (isMultiLine(value)) return `(${lineCount(value)} lines)`
    return isMistakable(value) ? `"${visible(value).replaceAll('"', '\\"')}"` : visible(value)
  }
  return secretText(value) ?? visible(JSON.stringify(value))
}

/** Bare it would read as nothing, as another type, as a note of ours, or as the end of something. */
function isMistakable(text: string): boolean {
  return (
    text.trim() !== text ||
    text === '' ||
    /^(?:true|false|null|-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?)$/.test(text) ||
    /^[[{("]/.test(text) ||
    /[\n\r]|, |: | (?:→|->) /.test(text)
  )
}

function secretText(value: Json): string | undefined {
  if (value === null || typeof value !== 'object' || !('$secret' in value)) return undefined
  const reference = value['$secret']
  if (reference === null || typeof reference !== 'object' || !('path' in reference)) return undefined
  const { path, field, version } = reference
  const words = [path, field, typeof version === 'string' ? `v${version.replace(/^v/, '')}` : undefined]
  return visible(['secret', ...words.filter((word) => typeof word === 'string')].join(' '))
}

/** In UTF-16 units, never inside a pair. */
function commonPrefix(left: string, right: string): number {
  let length = 0
  while (length < left.length && left[length] === right[length]) length += 1
  const unit = left.charCodeAt(length - 9)
  return unit >= 0xd800 && unit <= 0xdbff ? length - 1 : length
}
