import fc from 'fast-check'
import { beforeEach, describe, expect, it } from 'vitest'
import { decodeDocument, encodeDocument, readDocument, readDocuments, writeDocument } from '../../src/store/document.js'
import { createMemoryStore } from '../../src/store/memory-store.js'
import { storeKey } from '../../src/store/object-store.js'
import type { ObjectStore } from '../../src/store/object-store.js'
import { systemClock } from '../../src/util/clock.js'
import { watchStore } from '../support/failing-store.js'

interface Mark {
  readonly counter: number
  readonly note?: string
}
const mark = { kind: 'mark', version: 2 }
const key = storeKey('marks', 'a')

describe('documents', () => {
  let store: ObjectStore
  beforeEach(() => {
    store = createMemoryStore({ clock: { ...systemClock, now: () => 7 } })
  })
  const put = (text: string): Promise<unknown> => store.put(key, Buffer.from(text))

  it('come back as written', async () => {
    expect(await readDocument<Mark>(store, key, mark)).toEqual({ kind: 'missing' })
    const written = await writeDocument<Mark>(store, key, mark, { counter: 3 })
    expect(await readDocument<Mark>(store, key, mark)).toEqual({
      kind: 'found',
      value: { counter: 3 },
      version: 2,
      etag: written.kind === 'stored' ? written.etag : '',
      modifiedAt: 7,
    })
  })

  it('pass conditions on', async () => {
    await writeDocument<Mark>(store, key, mark, { counter: 1 })
    expect(await writeDocument<Mark>(store, key, mark, { counter: 2 }, { condition: { kind: 'if-absent' } })).toEqual({
      kind: 'exists',
    })
  })

  it('are JSON for people', () => {
    const text = Buffer.from(encodeDocument(mark, { counter: 3 })).toString('utf8')
    expect(text).toMatch(
      /^\{\n {2}"format": "trueup",\n {2}"kind": "mark",\n {2}"v": 2,\n {2}"digest": "[0-9a-f]{64}",\n {2}"payload": \{\n {4}"counter": 3\n/,
    )
    expect(text.endsWith('}\n')).toBe(true)
  })

  it('hold any JSON exactly', () => {
    fc.assert(
      fc.property(fc.jsonValue(), (value) => {
        const text = JSON.stringify(value)
        expect(JSON.stringify(decodeDocument<unknown>(encodeDocument<unknown>(mark, value), mark, 'here').value)).toBe(
          text,
        )
      }),
    )
  })

  it('leave out what JSON leaves out, and refuse what it cannot say', () => {
    expect(decodeDocument(encodeDocument<object>(mark, { a: undefined, at: new Date(0) }), mark, 'here').value).toEqual(
      { at: '1970-01-01T00:00:00.000Z' },
    )
    expect(() => encodeDocument<unknown>(mark, undefined)).toThrow('Internal error')
  })

  it('may be indented anew, but not changed', async () => {
    const text = Buffer.from(encodeDocument(mark, { counter: 3 })).toString('utf8')
    await put(JSON.stringify(JSON.parse(text)))
    expect(await readDocument<Mark>(store, key, mark)).toMatchObject({ value: { counter: 3 } })
    await put(text.replace('3', '4'))
    await expect(readDocument<Mark>(store, key, mark)).rejects.toMatchObject({
      code: 'store-corrupt',
      message: expect.stringContaining('marks/a in memory:') as string,
    })
  })

  it.each([
    ['', 'not JSON'],
    ['{"format": "trueup", "kind": "ma', 'not JSON'],
    ['[]', 'not a JSON object'],
    ['null', 'not a JSON object'],
    ['{}', 'not a trueup document'],
    ['{"format":"other","kind":"mark","v":1}', 'not a trueup document'],
    ['{"format":"trueup","kind":"mark","v":1}', 'digest'],
    ['{"format":"trueup","kind":"lease","v":9,"digest":"","payload":1}', 'it holds a lease where a mark should be'],
  ])('are damaged as %j', async (text, why) => {
    await put(text)
    await expect(readDocument<Mark>(store, key, mark)).rejects.toMatchObject({
      code: 'store-corrupt',
      message: expect.stringContaining(why) as string,
    })
  })

  it('are damaged by any bit', () => {
    const whole = encodeDocument(mark, { counter: 3, note: 'x' })
    for (let bit = 0; bit < whole.length * 8; bit += 1) {
      const flipped = Uint8Array.from(whole)
      flipped[bit >> 3] = (flipped[bit >> 3] ?? 0) ^ (1 << (bit & 7))
      let value: unknown
      try {
        value = decodeDocument(flipped, mark, 'here').value
      } catch {
        continue
      }
      // White space, or the version, which is no part of the value.
      expect(value).toEqual({ counter: 3, note: 'x' })
    }
  })

  it('of a newer version are refused, of an older one given with it', async () => {
    await writeDocument<Mark>(store, key, { kind: 'mark', version: 3 }, { counter: 1 })
    await expect(readDocument<Mark>(store, key, mark)).rejects.toMatchObject({
      code: 'store-refused',
      message: expect.stringContaining('written by a newer trueup') as string,
    })
    await writeDocument<Mark>(store, key, { kind: 'mark', version: 1 }, { counter: 1 })
    expect(await readDocument<Mark>(store, key, mark)).toMatchObject({ kind: 'found', version: 1 })
  })
  it('of one prefix are read side by side and come in the order of their keys, without one that goes meanwhile', async () => {
    const keys = Array.from({ length: 40 }, (_, index) => storeKey('marks', String(index).padStart(2, '0')))
    for (const [counter, each] of keys.entries()) await writeDocument<Mark>(store, each, mark, { counter })
    let [underWay, most] = [0, 0]
    const watched = watchStore(store, async (call, each) => {
      if (call !== 'get') return
      most = Math.max(most, ++underWay)
      if (each === keys[7]) await store.delete(keys[7])
      // Whoever is there at once has come by the next turn of the loop.
      await new Promise(setImmediate)
      underWay -= 1
    })
    const found = await readDocuments<Mark>(watched.store, 'marks/', mark)
    expect(found.map(({ value }) => value.counter)).toEqual([...keys.keys()].filter((index) => index !== 7))
    expect(most).toBe(16)
  })
})
