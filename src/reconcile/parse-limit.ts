// The text or number of one limit comes in, the limit goes out, with the exact comparison.
// Must not: know what is counted.
import { TrueupError } from '../errors.js'
import { unreachable } from '../util/unreachable.js'

/** `thousandths` of a percent, so that comparing needs no fractions. */
export type Limit =
  | { readonly kind: 'count'; readonly count: number; readonly text: string }
  | { readonly kind: 'percent'; readonly thousandths: number; readonly text: string }

/**
 * Takes `3`, `'3'`, `'10%'`, `'12.5 %'`.
 *
 * @param name what it is the value of, for the message: `limits.maxDeletes`, `--max-deletes`
 * @throws TrueupError `usage` naming the accepted forms
 */
export function parseLimit(value: number | string, name: string): Limit {
  if (typeof value === 'number' && Number.isSafeInteger(value) && value >= 0) {
    return { kind: 'count', count: value, text: String(value) }
  }
  const found = typeof value === 'string' ? /^(\d{1,12})(?:(?:\.(\d{1,3}))?\s*(%))?$/.exec(value.trim()) : null
  if (found === null) {
    throw new TrueupError(
      'usage',
      `${name} is a count such as 3 or a percentage such as 10%, not ${JSON.stringify(value)}`,
      {
        details: { name },
      },
    )
  }
  const [, digits = '', fraction = '', percent] = found
  if (percent === undefined) return { kind: 'count', count: Number(digits), text: digits }
  const shown = fraction === '' ? digits : `${digits}.${fraction}`
  return { kind: 'percent', thousandths: Number(digits) * 1000 + Number(fraction.padEnd(3, '0')), text: `${shown}%` }
}

export interface ExceedsInput {
  readonly limit: Limit
  readonly count: number
  /** What percentages are of. */
  readonly base: number
  /** Percentages apply from this base on. */
  readonly percentFrom: number
}

/** Whether the count is over the limit; exact, without rounding. A percentage of too small a base limits nothing. */
export function exceeds({ limit, count, base, percentFrom }: ExceedsInput): boolean {
  switch (limit.kind) {
    case 'count':
      return count > limit.count
    case 'percent':
      return base >= percentFrom && count * 100_000 > limit.thousandths * base
    default:
      return unreachable(limit)
  }
}
