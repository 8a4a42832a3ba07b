// A regular expression as Python's re reads it in, one that means the same in JavaScript out. Pure.

/** Python's classes are Unicode ones. */
const CLASSES: Readonly<Record<string, string>> = { d: '\\p{Nd}', w: '\\p{L}\\p{M}\\p{N}_' }
const SYNTAX = '^$\\.*+?()[]{}|/'

/**
 * The pattern for `search`, with the flag `u`.
 *
 * @throws SyntaxError where JavaScript has no such thing (conditional groups, possessive quantifiers, verbose mode)
 */
export function pythonPattern(pattern: string): RegExp {
  const opening = /^\(\?([aiLmsux]+)\)/.exec(pattern)
  const flags = opening?.[1] ?? ''
  if (/[xL]/.test(flags)) throw new SyntaxError(`the flag ${flags} of ${pattern} is not known`)
  const body = translated(opening === null ? pattern : pattern.slice(opening[0].length), flags.includes('m'))
  return new RegExp(
    body,
    `u${flags.includes('i') ? 'i' : ''}${flags.includes('m') ? 'm' : ''}${flags.includes('s') ? 's' : ''}`,
  )
}

function translated(pattern: string, isMultiline: boolean): string {
  let out = ''
  let inClass = false
  for (let at = 0; at < pattern.length; at++) {
    const rest = pattern.slice(at)
    const unit = pattern[at] ?? ''
    if (unit === '\\') {
      out += escaped(pattern[at + 1] ?? '', inClass)
      at += 1
    } else if (inClass) {
      if (unit === ']') inClass = false
      out += unit === '[' ? '\\[' : unit
    } else if (unit === '[') {
      const opening = /^\[\^?\]?/.exec(rest)?.[0] ?? '['
      // A bracket right at the beginning is one of the class.
      out += opening.replace(']', '\\]')
      at += opening.length - 1
      inClass = true
    } else if (unit === '(') {
      const named = /^\(\?P(?:<(\w+)>|=(\w+)\))/.exec(rest)
      const comment = /^\(\?#[^)]*\)/.exec(rest)
      if (named?.[1] !== undefined) out += `(?<${named[1]}>`
      else if (named?.[2] !== undefined) out += `\\k<${named[2]}>`
      else if (comment === null) out += unit
      at += (named?.[0] ?? comment?.[0] ?? unit).length - 1
    } else if (unit === '{') {
      const quantifier = /^\{(\d*)(,?)(\d*)\}/.exec(rest)
      const isOne = quantifier !== null && quantifier[0] !== '{}' && quantifier[0] !== '{,}'
      out += isOne ? quantifier[0].replace('{,', '{0,') : '\\{'
      if (isOne) at += quantifier[0].length - 1
    } else if (unit === '}' || unit === ']') out += `\\${unit}`
    // Without multiline, Python's end is also before a last line end.
    else if (unit === '$' && !isMultiline) out += '(?=\\n?(?![\\s\\S]))'
    else out += unit
  }
  return out
}

function escaped(unit: string, inClass: boolean): string {
  const inside = CLASSES[unit]
  if (inside !== undefined) return inClass ? inside : `[${inside}]`
  if (unit === 'D') return '\\P{Nd}'
  if (unit === 'W') return inClass ? '\\W' : `[^${CLASSES['w'] ?? ''}]`
  if (unit === 'A') return '(?<![\\s\\S])'
  if (unit === 'Z') return '(?![\\s\\S])'
  if (unit === 'a') return '\\x07'
  if (unit === '-') return inClass ? '\\-' : '-'
  // What Python lets be escaped without need, the flag u does not.
  return /[A-Za-z\d]/.test(unit) || SYNTAX.includes(unit) ? `\\${unit}` : unit
}
