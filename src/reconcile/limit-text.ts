// Numbers, keys and limits come in, the words for them in messages go out.
import type { Limit } from './parse-limit.js'

/** `1 object`, `41 objects`. */
export function objects(count: number): string {
  return `${String(count)} ${count === 1 ? 'object' : 'objects'}`
}

/** A limit as people read it: `10 %`, `3`. */
export function spaced(limit: Limit): string {
  return limit.kind === 'percent' ? limit.text.replace('%', ' %') : limit.text
}

export interface PercentInput {
  readonly count: number
  readonly base: number
  /** The limit that it is over; null when it is over none. */
  readonly limit: Limit | null
}

/** `29 %`, rounded; with as many decimals as it takes to show that it is over its limit. Empty where there is nothing to take a percentage of. */
export function percentText({ count, base, limit }: PercentInput): string {
  if (base === 0) return ''
  const percent = (count * 100) / base
  const over = limit?.kind === 'percent' ? limit.thousandths / 1000 : undefined
  const digits = over === undefined ? 0 : ([0, 1, 2, 3].find((places) => Number(percent.toFixed(places)) > over) ?? 4)
  return `${percent.toFixed(digits)} %`
}

/** The first three keys; how many more there are. */
export function some(keys: readonly string[]): string {
  if (keys.length <= 3) return keys.length === 2 ? keys.join(' and ') : keys.join(', ')
  return `${keys.slice(0, 3).join(', ')} and ${String(keys.length - 3)} more`
}

/** A key as one word of a command that can be pasted. */
export function shellWord(text: string): string {
  return /^[\w@%+=:,./-]+$/.test(text) && !text.startsWith('-') ? text : `'${text.replaceAll("'", `'\\''`)}'`
}
