import { createHash } from 'node:crypto'
import { runInNewContext } from 'node:vm'
import fc from 'fast-check'
import stable from 'fast-json-stable-stringify'
import { describe, expect, it } from 'vitest'
import { writeCanonical } from '../../src/util/canonical-json.js'
import { canonicalText, digestBytes, digestOf, InvalidJsonValue } from '../../src/util/digest.js'

const anyJson = fc.jsonValue({ noUnicodeString: false, maxDepth: 5 })
const awkwardKey = fc.oneof(
  fc.string({ unit: 'binary' }),
  fc.constantFrom('__proto__', '10', '9', 'a', 'constructor', 'toJSON', '\ud800', '"'),
)

function found(value: unknown): { path: string; found: string } {
  try {
    digestOf(value)
  } catch (error) {
    if (error instanceof InvalidJsonValue) return { path: error.path, found: error.found }
    throw error
  }
  throw new Error('nothing was refused')
}

describe('digestOf', () => {
  it('is the SHA-256 of the text of fast-json-stable-stringify', () => {
    fc.assert(
      fc.property(anyJson, (value) => {
        expect(canonicalText(value)).toBe(stable(value))
        expect(digestOf(value)).toBe(createHash('sha256').update(stable(value)).digest('hex'))
      }),
    )
  })

  it('does so for awkward keys and texts too', () => {
    fc.assert(
      fc.property(
        fc.array(fc.tuple(awkwardKey, fc.oneof(awkwardKey, fc.double({ noNaN: true, noDefaultInfinity: true })))),
        (entries) => {
          const value = Object.fromEntries(entries)
          expect(canonicalText([value, value])).toBe(stable([value, value]))
        },
      ),
    )
  })

  it('writes 10 MB in small pieces that make up the text, however it is nested', () => {
    const zones = Object.fromEntries(
      Array.from({ length: 20 }, (_, zone) => [
        `zone${zone}`,
        {
          records: Array.from({ length: 5000 }, (_, n) => ({
            name: `host-${n}`,
            value: `10.0.0.${n}`,
            aliases: [`a${n}`, { n }],
          })),
        },
      ]),
    )
    const pieces: string[] = []
    writeCanonical(zones, (piece) => pieces.push(piece))
    expect(pieces.join('') === stable(zones)).toBe(true)
    expect(pieces.length).toBeGreaterThan(50)
    expect(Math.max(...pieces.map((piece) => piece.length))).toBeLessThan(70_000)
    // Of all the pieces, the first one too.
    expect(digestOf(zones)).toBe(createHash('sha256').update(stable(zones)).digest('hex'))
  })

  it('does not depend on the order of keys', () => {
    fc.assert(
      fc.property(fc.dictionary(fc.string(), anyJson), (object) => {
        expect(digestOf(Object.fromEntries(Object.entries(object).reverse()))).toBe(digestOf(object))
      }),
    )
  })

  it('depends on the order and on the multiplicity of list elements', () => {
    fc.assert(
      fc.property(fc.uniqueArray(anyJson, { minLength: 2, selector: stable }), (list) => {
        expect(digestOf([...list].reverse())).not.toBe(digestOf(list))
        expect(digestOf([...list, list[0]])).not.toBe(digestOf(list))
      }),
    )
  })

  it.each([
    [{ a: 1 }, { b: 1 }],
    [{ __a: 1 }, { __a: 2 }],
    [{ a: null }, {}],
    [1, '1'],
    [true, 'true'],
    [null, 'null'],
    [[], {}],
    [
      [[1], 2],
      [1, [2]],
    ],
    ['\ud800', '\\ud800'],
    ['', null],
  ])('tells %j from %j', (one, other) => {
    expect(digestOf(one)).not.toBe(digestOf(other))
  })

  it('takes -0 as 0, and objects without prototype or of another realm as plain', () => {
    expect(digestOf(-0)).toBe(digestOf(0))
    expect(digestOf(Object.assign(Object.create(null) as object, { a: 1 }))).toBe(digestOf({ a: 1 }))
    expect(digestOf(runInNewContext('({ a: [1] })'))).toBe(digestOf({ a: [1] }))
  })

  class Point {
    x = 1
  }
  class List extends Array<number> {}
  const hidden = Object.defineProperty({}, 'secret', { value: 1 })
  const computed = Object.defineProperty({}, 'now', { get: () => 1, enumerable: true })
  it.each([
    [{ a: [0, NaN] }, 'a[1]', 'NaN'],
    [[-Infinity], '[0]', '-Infinity'],
    [{ a: undefined }, 'a', 'undefined'],
    [undefined, '', 'undefined'],
    [{ 'a b': [() => 1] }, '["a b"][0]', 'a function'],
    [{ toJSON: () => 1 }, 'toJSON', 'a function'],
    [[Symbol('x')], '[0]', 'a symbol'],
    [{ a: 1n }, 'a', 'a bigint'],
    [{ a: new Date(0) }, 'a', 'an instance of Date'],
    [new Map(), '', 'an instance of Map'],
    [[new Set()], '[0]', 'an instance of Set'],
    [{ p: new Point() }, 'p', 'an instance of Point'],
    [{ n: new Number(1) }, 'n', 'an instance of Number'],
    [List.from([1]), '', 'an instance of List'],
    // eslint-disable-next-line no-sparse-arrays -- what is tested
    [{ a: [1, , 2] }, 'a', 'an array with holes'],
    [{ a: Object.assign([1], { extra: 1 }) }, 'a', 'an array with further properties'],
    [{ a: Object.assign([1], { [Symbol('s')]: 1 }) }, 'a', 'an array with further properties'],
    // eslint-disable-next-line no-sparse-arrays -- what is tested
    [Object.assign([1, , 2], { extra: 1 }), '[1]', 'undefined'],
    [{ a: { [Symbol('s')]: 1 } }, 'a', 'an object with a symbol as key'],
    [{ a: hidden }, 'a.secret', 'a hidden (non-enumerable) property'],
    [{ a: [computed] }, 'a[0].now', 'a getter or setter'],
  ])('refuses %o at %s', (value, path, what) => {
    expect(found(value)).toEqual({ path, found: what })
  })

  it('refuses a cycle, but not one object in two places', () => {
    const shared = { a: 1 }
    expect(digestOf([shared, shared])).toBe(digestOf([{ a: 1 }, { a: 1 }]))
    const cycle: Record<string, unknown> = { list: [] }
    ;(cycle['list'] as unknown[]).push({ back: cycle['list'] })
    expect(found(cycle)).toEqual({ path: 'list[0].back', found: 'a cycle back to list' })
  })

  it('refuses what is nested beyond 1,000 levels, and takes 900', () => {
    const nested = (depth: number): unknown => JSON.parse('['.repeat(depth) + ']'.repeat(depth))
    expect(canonicalText(nested(900))).toBe('['.repeat(900) + ']'.repeat(900))
    expect(found(nested(5000)).found).toBe('nested more than 1000 deep')
  })

  it('calls no getter', () => {
    let calls = 0
    const value = Object.defineProperty({}, 'a', { enumerable: true, get: () => (calls += 1) })
    expect(found(value).path).toBe('a')
    expect(calls).toBe(0)
  })
})

describe('digestBytes', () => {
  it('takes a text as its UTF-8', () => {
    expect(digestBytes('é')).toBe(digestBytes(new Uint8Array([0xc3, 0xa9])))
    expect(digestBytes('')).toBe('e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855')
  })
})
