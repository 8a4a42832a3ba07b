// What a client read from the outside system comes in, a Listing that says whether it is the whole comes out.
// Must not: let anyone claim completeness by hand, or take a page that cannot be read for the last one.
import { isTrueupError, toError, TrueupError } from '../errors.js'
import type { Listing } from '../integration.js'

/** One page of a listing. `next`: cursor of the page after it; absent, null or empty on the last. */
export interface ListingPage<T> {
  readonly items: readonly T[]
  readonly next?: string | undefined | null
}

export interface PagesOptions {
  /** A pager that goes on beyond this is taken for broken. @defaultValue 100,000 */
  readonly maxPages?: number
  /**
   * A page that cannot be read ends the listing as incomplete (so nothing is deleted) instead of failing the run.
   * @defaultValue false
   */
  readonly partial?: boolean
}

/** Shared by all copies of this module (the CLI's bundle and the library an integration imports). */
const brand = Symbol.for('trueup.listing')

/** Makes listings. `complete` is proof that deletes rely on, so there is no other way to make one. */
export const listing = {
  fromPages,
  whole,
  incomplete,
  unreadable: unreadableListing,
}

/**
 * Reads page after page; the first call gets `undefined`, later ones the cursor of the page before. Complete when a page has no `next`.
 *
 * @throws TrueupError `current-unreadable`: a page that throws (kept as `cause`, unless `partial`), a page without an `items` array, a cursor
 * that was given before or is not text, more than `maxPages` pages. TrueupErrors with another code and aborts pass as they are.
 */
async function fromPages<T>(
  fetchPage: (cursor: string | undefined) => Promise<ListingPage<T>>,
  options: PagesOptions = {},
): Promise<Listing<T>> {
  const { maxPages = 100_000, partial = false } = options
  const items: T[] = []
  const seen = new Set<string>()
  let cursor: string | undefined
  for (let number = 1; number <= maxPages; number++) {
    let page: unknown
    try {
      page = await fetchPage(cursor)
    } catch (thrown) {
      const error = toError(thrown)
      if (error.name === 'AbortError' || (isTrueupError(error) && error.code !== 'current-unreadable')) throw error
      const reason = `page ${String(number)} could not be read: ${error.message}`
      if (partial) return make(items, false, reason)
      throw unreadable(`the current state is not whole: ${reason}`, { page: number }, error)
    }
    if (!isPage<T>(page)) {
      throw unreadable(
        `page ${String(number)} of the current state has no items array, so it may be an error in disguise; the function given to listing.fromPages must return { items, next }`,
        { page: number },
      )
    }
    for (const item of page.items) items.push(item)
    const next: unknown = page.next
    if (next === undefined || next === null || next === '') return make(items, true)
    if (typeof next !== 'string') {
      throw unreadable(`the cursor after page ${String(number)} of the current state is not text but ${typeof next}`, {
        page: number,
      })
    }
    if (seen.has(next)) {
      throw unreadable(
        `the cursor after page ${String(number)} of the current state, "${next}", was given before: the pager goes round in circles`,
        { page: number, cursor: next },
      )
    }
    seen.add(next)
    cursor = next
  }
  throw unreadable(
    `the current state has more than ${String(maxPages)} pages; if that is right, raise maxPages of listing.fromPages`,
    { maxPages },
  )
}

/** All of it, read in one piece. Only for interfaces that cannot answer with a part: a directory, a file, an API without pages. */
function whole<T>(items: readonly T[]): Listing<T> {
  return make(items, true)
}

/** A part of it. Nothing that is missing from it is taken for gone: no deletes are planned in its shard. `reason` is shown to people. */
function incomplete<T>(items: readonly T[], reason: string): Listing<T> {
  return make(items, false, reason)
}

/** Nothing of it could be read: its shard is left as it is, and an apply does not succeed. Other shards go on. `reason` is shown to people. */
function unreadableListing<T>(reason: string): Listing<T> {
  return make<T>([], false, reason, true)
}

/** @throws TrueupError `plan-invalid` for anything that `listing.*` did not make, saying what to use instead. */
export function assertListing(value: unknown): asserts value is Listing<unknown> {
  if (typeof value === 'object' && value !== null && Object.hasOwn(value, brand)) return
  throw new TrueupError(
    'plan-invalid',
    'diff() got a `current` that was not made by a listing helper, so nothing proves that it is whole: ' +
      'use listing.fromPages(fetchPage), listing.whole(items) or listing.incomplete(items, reason)',
  )
}

function make<T>(items: readonly T[], complete: boolean, reason?: string, isUnreadable = false): Listing<T> {
  const given: unknown = items
  if (!Array.isArray(given)) {
    throw unreadable(`the items of a listing must be an array, not ${given === null ? 'null' : typeof given}`, {})
  }
  const made: Listing<T> = {
    kind: 'listing',
    items: Object.freeze([...items]),
    complete,
    ...(reason === undefined ? {} : { reason }),
    ...(isUnreadable ? { unreadable: true as const } : {}),
  }
  // Not enumerable: a copy made by spreading (with `complete: true` put in) is not a listing.
  Object.defineProperty(made, brand, { value: true })
  return Object.freeze(made)
}

function isPage<T>(value: unknown): value is ListingPage<T> {
  return typeof value === 'object' && value !== null && Array.isArray((value as { items?: unknown }).items)
}

function unreadable(message: string, details: Readonly<Record<string, unknown>>, cause?: Error): TrueupError {
  return new TrueupError('current-unreadable', message, { details, ...(cause === undefined ? {} : { cause }) })
}
