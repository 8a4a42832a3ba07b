// What a setting can hold: text of one kind in, its typed value or what was expected out.
// Knows neither flags, variables nor files, so that all three accept the same forms.
import { DURATION_FORMS, formatDuration, parseDuration } from '../util/duration.js'

/** The kinds of values. Durations are in ms once parsed; an amount is a count (number) or a percentage (`10%`). */
export type ValueKind =
  | { readonly kind: 'flag' }
  | { readonly kind: 'text'; readonly placeholder: string }
  | { readonly kind: 'directory' }
  | { readonly kind: 'choice'; readonly choices: readonly string[] }
  /** `bare` is meant by the flag alone (a value only after `=`), `off` by `false` and `0`. */
  | {
      readonly kind: 'optional-choice'
      readonly choices: readonly string[]
      readonly bare: string
      readonly off: string
    }
  /** The flag alone, or `=` and a JSON text; empty for the flag alone. */
  | { readonly kind: 'optional-json' }
  | { readonly kind: 'duration'; readonly maxMs?: number; readonly zero?: true }
  | { readonly kind: 'count'; readonly min: number; readonly max: number }
  | { readonly kind: 'amount' }
  | { readonly kind: 'digest' }
  | { readonly kind: 'pair' }
  | { readonly kind: 'report' }

/** `name=value` of `--param`: the value is text; the parameter's schema gives it its type. */
export interface ParameterText {
  readonly name: string
  readonly value: string
}

/** One `--report`: a further form of the run and the file it goes to. */
export interface ReportRequest {
  readonly format: 'json' | 'markdown'
  readonly file: string
}

/** The value of one kind, typed. */
export type ValueOfKind<K extends ValueKind> = K extends { kind: 'flag' }
  ? boolean
  : K extends { kind: 'choice' | 'optional-choice'; choices: readonly (infer C)[] }
    ? C
    : K extends { kind: 'duration' | 'count' }
      ? number
      : K extends { kind: 'amount' }
        ? number | string
        : K extends { kind: 'pair' }
          ? ParameterText
          : K extends { kind: 'report' }
            ? ReportRequest
            : string

export type AnyValue = ValueOfKind<ValueKind> | readonly ValueOfKind<ValueKind>[] | undefined

/** What parsing gives: a value, or the end of the sentence "… must be". */
export type ParsedValue =
  { readonly ok: true; readonly value: ValueOfKind<ValueKind> } | { readonly ok: false; readonly expected: string }

const BOOLEANS: Readonly<Record<string, boolean>> = { true: true, '1': true, false: false, '0': false }

/** Text of a flag or a variable as a value of `kind`. */
export function parseValue(kind: ValueKind, text: string): ParsedValue {
  const expected = expectation(kind)
  const value = read(kind, text)
  return value === undefined ? { ok: false, expected } : { ok: true, value }
}

/** A count (`12`) or a percentage (`10%`, `2.5%`, at most 100%); undefined for anything else. */
export function parseAmount(text: string): number | string | undefined {
  if (/^\d+$/.test(text)) return Number.isSafeInteger(Number(text)) ? Number(text) : undefined
  return /^\d+(\.\d+)?%$/.test(text) && Number.parseFloat(text) <= 100 ? text : undefined
}

/** What a value of this kind must be, for messages. */
export function expectation(kind: ValueKind): string {
  switch (kind.kind) {
    case 'flag':
      return 'true, false, 1 or 0'
    case 'text':
    case 'directory':
      return 'a text that is not empty'
    case 'choice':
    case 'optional-choice':
      return oneOf(kind.choices)
    case 'optional-json':
      return 'a JSON value, as in --done=\'{"id":5}\''
    case 'duration':
      return `a duration${kind.zero === true ? '' : ' above zero'}${kind.maxMs === undefined ? '' : ` and at most ${formatDuration(kind.maxMs)}`} (${DURATION_FORMS})`
    case 'count':
      return `a whole number from ${kind.min} to ${kind.max}`
    case 'amount':
      return 'a count (12) or a percentage (10%)'
    case 'digest':
      return 'the 12 to 64 hex digits of a plan digest'
    case 'pair':
      return 'name=value'
    case 'report':
      return 'json=FILE or markdown=FILE'
  }
}

/** `a`, `a or b`, `a, b or c`. */
export function oneOf(words: readonly string[]): string {
  if (words.length < 2) return words.join('')
  return `${words.slice(0, -1).join(', ')} or ${words.slice(-1).join('')}`
}

/** How the value is shown after its flag in help; empty for none. */
export function placeholderOf(kind: ValueKind): string {
  switch (kind.kind) {
    case 'flag':
    case 'optional-choice':
    case 'optional-json':
      return ''
    case 'text':
      return `<${kind.placeholder}>`
    case 'directory':
      return '<dir>'
    case 'choice':
      return `<${kind.choices.join('|')}>`
    case 'duration':
      return '<duration>'
    case 'count':
      return '<n>'
    case 'amount':
      return '<n|n%>'
    case 'digest':
      return '<digest>'
    case 'pair':
      return '<name=value>'
    case 'report':
      return '<format=file>'
  }
}

function read(kind: ValueKind, text: string): ValueOfKind<ValueKind> | undefined {
  switch (kind.kind) {
    case 'flag':
      return BOOLEANS[text]
    case 'text':
    case 'directory':
      return text === '' ? undefined : text
    case 'choice':
      return kind.choices.includes(text) ? text : undefined
    case 'optional-choice':
      if (kind.choices.includes(text)) return text
      return BOOLEANS[text] === undefined ? undefined : BOOLEANS[text] ? kind.bare : kind.off
    case 'optional-json':
      return isJson(text) ? text : undefined
    case 'duration': {
      const ms = kind.zero === true && /^0+[smhd]?$/.test(text) ? 0 : parseDuration(text)
      return ms === undefined || ms > (kind.maxMs ?? Number.MAX_SAFE_INTEGER) ? undefined : ms
    }
    case 'count': {
      const count = /^\d+$/.test(text) ? Number(text) : Number.NaN
      return count >= kind.min && count <= kind.max ? count : undefined
    }
    case 'amount':
      return parseAmount(text)
    case 'digest':
      return /^[0-9a-f]{12,64}$/i.test(text) ? text.toLowerCase() : undefined
    case 'pair': {
      const at = text.indexOf('=')
      return at < 1 ? undefined : { name: text.slice(0, at), value: text.slice(at + 1) }
    }
    case 'report': {
      const match = /^(json|markdown)=(.+)$/s.exec(text)
      return match === null ? undefined : { format: match[1] === 'json' ? 'json' : 'markdown', file: match[2] ?? '' }
    }
  }
}

function isJson(text: string): boolean {
  try {
    JSON.parse(text)
    return true
  } catch {
    return false
  }
}
