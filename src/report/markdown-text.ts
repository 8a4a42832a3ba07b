// In: values and sentences from outside. Out: Markdown that shows them and does nothing else: no markup, no HTML, no mention,
// no reference to an issue, no workflow command.
import { neutralise, visible } from './data-text.js'

/** One line of data as a code span, whatever backticks it holds. */
export function codeSpan(text: string): string {
  const shown = neutralise(visible(text))
  if (shown === '') return '`""`'
  const ticks = '`'.repeat(longestRun(shown) + 1)
  // A space on both sides is taken off by Markdown; it keeps backticks apart and outer spaces alive.
  const pad = /^[` ]|[` ]$/.test(shown) ? ' ' : ''
  return `${ticks}${pad}${shown}${pad}${ticks}`
}

/** Lines of data as a fenced block, each line behind `indent`. */
export function fence(lines: readonly string[], { language = '', indent = '' } = {}): string {
  const shown = lines.map((line) => line.slice(0, 1) + neutralise(visible(line.slice(1))))
  const ticks = '`'.repeat(Math.max(3, longestRun(shown.join('\n')) + 1))
  return [`${ticks}${language}`, ...shown, ticks].map((line) => `${indent}${line}\n`).join('')
}

/** A sentence as plain text on one line. Mentions and issue numbers become code, since an escaped one would still notify. */
export function prose(text: string): string {
  return neutralise(visible(text.replace(/\s+/g, ' ').trim()))
    .split(/((?:@|#|GH-)[\w/-]+)/)
    .map((part, index) => (index % 2 === 1 ? codeSpan(part) : part.replace(/[\\`*_[\]<>#|~&@$]/g, escapeCharacter)))
    .join('')
}

/** An HTML comment by which a later run finds the text it wrote before. */
export function marker(target: string): string {
  // Two dashes would end the comment in some readers; lone surrogates cannot be encoded.
  const name = encodeURIComponent(target.replace(/\p{Cs}/gu, '?')).replace(/-(?=-|$)/g, '%2D')
  return `<!-- trueup:plan ${name} -->`
}

/** The comment by which the text of several targets is found; no target is called so. */
export function manyMarker(): string {
  return marker('*')
}

function escapeCharacter(character: string): string {
  if (character === '<') return '&lt;'
  if (character === '>') return '&gt;'
  if (character === '&') return '&amp;'
  return `\\${character}`
}

function longestRun(text: string): number {
  return (text.match(/`+/g) ?? []).reduce((longest, run) => Math.max(longest, run.length), 0)
}
