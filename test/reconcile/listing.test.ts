import { describe, expect, it } from 'vitest'
import { TrueupError } from '../../src/errors.js'
import { assertListing, listing } from '../../src/reconcile/listing.js'
import type { ListingPage } from '../../src/reconcile/listing.js'

/** A pager over these pages; `next` of each is the number of the one after it. */
function pagerOf<T>(pages: readonly (readonly T[])[], asked: (string | undefined)[] = []) {
  return (cursor: string | undefined): Promise<ListingPage<T>> => {
    asked.push(cursor)
    const index = cursor === undefined ? 0 : Number(cursor)
    const items = pages[index] ?? []
    return Promise.resolve(index + 1 < pages.length ? { items, next: String(index + 1) } : { items })
  }
}

describe('listing.fromPages', () => {
  it('reads all pages in order and is complete', async () => {
    const asked: (string | undefined)[] = []
    const read = await listing.fromPages(pagerOf([['a', 'b'], [], ['c']], asked))
    expect(read).toMatchObject({ kind: 'listing', items: ['a', 'b', 'c'], complete: true })
    expect(asked).toEqual([undefined, '1', '2'])
  })

  it.each([[undefined], [null], ['']])('takes %j for the end', async (next) => {
    const read = await listing.fromPages(() => Promise.resolve({ items: [1], next }))
    expect(read).toMatchObject({ items: [1], complete: true })
  })

  it('refuses a cursor that was given before', async () => {
    const circle: Record<string, string> = { start: 'one', one: 'two', two: 'one' }
    const read = listing.fromPages((cursor) => Promise.resolve({ items: [], next: circle[cursor ?? 'start'] }))
    await expect(read).rejects.toMatchObject({
      code: 'current-unreadable',
      message: expect.stringContaining('"one"') as string,
    })
  })

  it('refuses a cursor that is not text', async () => {
    const page = { items: [], next: 2 } as unknown as ListingPage<never>
    await expect(listing.fromPages(() => Promise.resolve(page))).rejects.toMatchObject({ code: 'current-unreadable' })
  })

  it.each([[{ error: 'denied' }], [undefined], [null], ['text'], [{ items: null }]])(
    'refuses the page %j, also with partial: an error in disguise is no end',
    async (page) => {
      const pages = [{ items: [1], next: '1' }, page]
      const fetchPage = (cursor?: string) => Promise.resolve(pages[Number(cursor ?? 0)] as ListingPage<number>)
      for (const partial of [false, true]) {
        await expect(listing.fromPages(fetchPage, { partial })).rejects.toMatchObject({
          code: 'current-unreadable',
          details: { page: 2 },
        })
      }
    },
  )

  it('refuses more pages than it may read', async () => {
    const endless = (cursor?: string) => Promise.resolve({ items: [1], next: String(Number(cursor ?? 0) + 1) })
    await expect(listing.fromPages(endless, { maxPages: 3 })).rejects.toMatchObject({
      code: 'current-unreadable',
      details: { maxPages: 3 },
    })
  })

  const failsOnSecond = (error: Error) => (cursor: string | undefined) =>
    cursor === undefined ? Promise.resolve({ items: ['a'], next: '1' }) : Promise.reject(error)

  it('fails when a page cannot be read, with the cause', async () => {
    const cause = new Error('403 Forbidden')
    await expect(listing.fromPages(failsOnSecond(cause))).rejects.toMatchObject({
      code: 'current-unreadable',
      cause,
      message: expect.stringContaining('page 2 could not be read: 403 Forbidden') as string,
    })
  })

  it('is incomplete when asked for what could be read', async () => {
    const read = await listing.fromPages(failsOnSecond(new Error('403 Forbidden')), { partial: true })
    expect(read).toMatchObject({ items: ['a'], complete: false, reason: 'page 2 could not be read: 403 Forbidden' })
  })

  it('lets errors through that say something else, also with partial', async () => {
    const abort = new DOMException('stopped', 'AbortError')
    const write = new TrueupError('dry-run-write', 'a POST while planning')
    for (const error of [abort, write]) {
      await expect(listing.fromPages(failsOnSecond(error), { partial: true })).rejects.toBe(error)
    }
  })
})

describe('a listing', () => {
  it('says that nothing could be read', () => {
    expect(listing.unreadable('no answer')).toMatchObject({
      items: [],
      complete: false,
      unreadable: true,
      reason: 'no answer',
    })
  })

  it('is made whole or incomplete by helpers', () => {
    expect(listing.whole([1])).toMatchObject({ items: [1], complete: true })
    expect(listing.incomplete([1], 'no access to b')).toMatchObject({ complete: false, reason: 'no access to b' })
  })

  it('cannot be changed afterwards, neither itself nor through the list it was made of', () => {
    const items = [1]
    const made = listing.incomplete(items, 'half')
    items.push(2)
    expect(made.items).toEqual([1])
    expect(() => {
      ;(made as { complete: boolean }).complete = true
    }).toThrow(TypeError)
    expect(() => (made.items as number[]).push(3)).toThrow(TypeError)
  })

  it.each([
    ['made by hand', { kind: 'listing', items: [], complete: true }],
    ['a copy', { ...listing.incomplete([], 'half'), complete: true }],
    ['a list', []],
    ['nothing', undefined],
  ])('is refused when it is %s, saying what to use', (_, value) => {
    let thrown: unknown
    try {
      assertListing(value)
    } catch (error) {
      thrown = error
    }
    expect(thrown).toMatchObject({
      code: 'plan-invalid',
      message: expect.stringMatching(/listing\.fromPages.*listing\.whole.*listing\.incomplete/) as string,
    })
  })

  it('refuses items that are no list', () => {
    expect(() => listing.whole(undefined as unknown as [])).toThrow(/must be an array/)
  })
})
