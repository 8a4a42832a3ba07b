import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { firstDifference } from '../../src/desired/first-difference.js'
import type { Json } from '../../src/event.js'
import { canonicalText } from '../../src/util/digest.js'

describe('firstDifference', () => {
  it.each<[Json, Json, string, Json | undefined, Json | undefined]>([
    [1, 2, '', 1, 2],
    [{ a: { b: [1, { c: 2 }] } }, { a: { b: [1, { c: 3 }] } }, 'a.b[1].c', 2, 3],
    [{ b: 1, a: 1 }, { b: 2, a: 2 }, 'a', 1, 2],
    [{}, { 'x.y': null }, '["x.y"]', undefined, null],
    [{ constructor: 1 }, {}, 'constructor', 1, undefined],
    [[], {}, '', [], {}],
    [{ a: [1] }, { a: null }, 'a', [1], null],
    [[{ v: 1 }, { v: 2 }, { v: 3 }], [{ v: 1 }, { v: 9 }, { v: 2 }, { v: 3 }], '[1]', undefined, { v: 9 }],
    [[{ v: 1 }, { v: 2 }, { v: 3 }], [{ v: 2 }, { v: 3 }], '[0]', { v: 1 }, undefined],
    [[1], [1, 2], '[1]', undefined, 2],
    [[1, 1], [1], '[1]', 1, undefined],
    [[{ n: 'a', v: 1 }], [{ n: 'a', v: 2 }], '[0].v', 1, 2],
  ])('%j → %j', (before, after, path, was, is) => {
    expect(firstDifference(before, after)).toEqual({ path, before: was, after: is })
  })

  it('finds one exactly when the canonical texts differ', () => {
    const json = fc.jsonValue({ maxDepth: 3 }).map((value) => JSON.parse(JSON.stringify(value)) as Json)
    fc.assert(
      fc.property(json, json, (before, after) => {
        expect(firstDifference(before, before)).toBeUndefined()
        expect(firstDifference(before, after) === undefined).toBe(canonicalText(before) === canonicalText(after))
      }),
    )
  })
})
