// `ctx.map` of one run: the bounded map, whose error names every item that failed. In: budget, signal, and what hides secrets. Out: the map.
// Must not: put a secret into a text, nor cut a text before its secrets were taken out.
import { isTrueupError, toError, TrueupError } from '../errors.js'
import type { BoundedMap } from '../integration.js'
import { boundedMap, type ItemFailure } from '../util/bounded-map.js'
import type { Budget } from '../util/budget.js'

export interface AuthorMapOptions {
  readonly budget: Budget
  readonly signal: AbortSignal
  /** Takes secrets out of a text. */
  readonly redact: (text: string) => string
}

/** Items that the message names; `details` and `errors` hold them all. */
const NAMED = 20
const ITEM_LENGTH = 80
const REASON_LENGTH = 300

/** What was thrown for one item. */
interface FailedItem {
  readonly index: number
  /** Short, and without secrets. */
  readonly item: string
  readonly reason: string
}

export function authorMap({ budget, signal, redact }: AuthorMapOptions): BoundedMap {
  const short = (text: string, length: number): string => {
    const whole = redact(text)
    return whole.length <= length ? whole : `${whole.slice(0, length - 1)}…`
  }
  return boundedMap(budget, {
    signal,
    errorOf: (failures, { begun, all }) => {
      const failed = failures.map(({ index, item, error }): FailedItem => ({
        index,
        item: short(textOf(item), ITEM_LENGTH),
        reason: short(reasonOf(error), REASON_LENGTH),
      }))
      const named = failed.slice(0, NAMED).map(({ index, item, reason }) => `[${index}] ${item}: ${reason}`)
      const more = failed.length > NAMED ? ` (and ${failed.length - NAMED} more)` : ''
      const left = all > begun ? `, ${all - begun} not started` : ''
      const message = `${failed.length} of ${all} ${all === 1 ? 'item' : 'items'} failed${left}: ${named.join('; ')}${more}`
      return failureOf(failures, { message, failed })
    },
  })
}

/** The errors of the items, in their order; with the code that tells most, where one has a code. */
function failureOf(
  failures: readonly ItemFailure[],
  { message, failed }: { readonly message: string; readonly failed: readonly FailedItem[] },
): Error {
  const all = new AggregateError(
    failures.map(({ error }) => error),
    message,
  )
  const coded = failures.map(({ error }) => error).filter(isTrueupError)
  // That something may have happened must not be lost among what has not.
  const telling = coded.find(({ code }) => code === 'outcome-unknown') ?? coded[0]
  if (telling === undefined) return all
  const retryable = coded.length === failures.length && coded.every((error) => error.retryable)
  return new TrueupError(telling.code, message, { cause: all, retryable, details: { ...telling.details, failed } })
}

function reasonOf(error: unknown): string {
  const { name, message } = toError(error)
  return message === '' ? name : message
}

function textOf(item: unknown): string {
  if (typeof item === 'string') return JSON.stringify(item)
  if (typeof item !== 'object' || item === null) return String(item)
  try {
    // What has a toJSON may say nothing.
    const json: unknown = JSON.stringify(item)
    return typeof json === 'string' ? json : Object.prototype.toString.call(item)
  } catch {
    return Object.prototype.toString.call(item)
  }
}
