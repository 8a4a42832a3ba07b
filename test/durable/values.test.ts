// Values through the store: the same afterwards, or refused with the place. Every value of FINDINGS "values that JSON bends" is here.
import fc from 'fast-check'
import { isDeepStrictEqual } from 'node:util'
import { runInThisContext } from 'node:vm'
import { describe, expect, it } from 'vitest'
import { canonicalArguments } from '../../src/durable/arguments.js'
import { freezeValue, LONGEST_VALUE, thawValue } from '../../src/durable/values.js'

function through(value: unknown): unknown {
  const frozen = freezeValue(value)
  if (frozen.kind === 'refused') throw new Error(`refused: ${frozen.fault.path} ${frozen.fault.found}`)
  // As the document keeps it.
  return thawValue(JSON.parse(JSON.stringify(frozen.text)) as string)
}

class Money {
  readonly cents = 5
}
class Late extends Date {}
class Wrong extends Error {}

function sparse(): unknown[] {
  const list: unknown[] = [1]
  list[3] = 4
  return list
}

function withProperty<T extends object>(value: T): T {
  return Object.assign(value, { note: 'more' })
}

describe('a value comes back exactly', () => {
  const kept: readonly (readonly [string, unknown])[] = [
    ['undefined', undefined],
    ['null', null],
    ['-0', -0],
    ['NaN', NaN],
    ['Infinity', Infinity],
    ['-Infinity', -Infinity],
    ['a BigInt', 12345678901234567890n],
    ['an empty text', ''],
    ['lone surrogates', '\ud800 \udfff'],
    ['undefined in an object', { a: undefined, b: [undefined] }],
    ['-0 in a list', [-0, 0]],
    ['a list with holes', sparse()],
    ['an empty list of a length', Array(3)],
    ['a Date', new Date(1_700_000_000_123)],
    [
      'a Map with object keys',
      new Map<unknown, unknown>([
        [{ a: 1 }, new Set([1n])],
        ['x', -0],
      ]),
    ],
    ['a Set', new Set(['a', undefined, NaN])],
    ['a RegExp', /a\/b"/giu],
    ['a URL', new URL('https://example.com/a?b=c#d')],
    ['URLSearchParams', new URLSearchParams('a=1&a=2&b=%20')],
    ['a Uint8Array', new Uint8Array([0, 255, 7])],
    ['a Float64Array', new Float64Array([NaN, -0, 1e300])],
    ['a BigInt64Array', new BigInt64Array([-1n, 2n])],
    ['an ArrayBuffer', new Uint8Array([1, 2, 3]).buffer],
    ['a DataView', new DataView(new Uint8Array([1, 2, 3]).buffer)],
    ['a Buffer', Buffer.from('héllo')],
    ['an object without prototype', Object.assign(Object.create(null) as object, { a: 1 })],
    ['keys that look like indexes', { 10: 'a', 9: 'b', constructor: 1, toString: 2 }],
  ]
  it.each(kept)('%s', (_name, value) => {
    const back = through(value)
    expect(isDeepStrictEqual(back, value)).toBe(true)
    expect(Object.is(Object.getPrototypeOf(back ?? {}), Object.getPrototypeOf(value ?? {}))).toBe(true)
  })

  it('an invalid Date is one still', () => {
    const back = through(new Date(NaN))
    expect(back).toBeInstanceOf(Date)
    expect((back as Date).getTime()).toBeNaN()
  })

  it('a Buffer is a Buffer, with bytes of its own', () => {
    const back = through({ bytes: Buffer.from('abc') }) as { bytes: Buffer }
    expect(Buffer.isBuffer(back.bytes)).toBe(true)
    expect(back.bytes.toString()).toBe('abc')
  })

  it('an error keeps class, message, stack, cause and what was set on it', () => {
    const error = Object.assign(new RangeError('too far', { cause: new TypeError('inner') }), { code: 'E_FAR' })
    const back = through(error) as typeof error
    expect(back).toBeInstanceOf(RangeError)
    expect(Object.prototype.toString.call(back)).toBe('[object Error]')
    expect(back).toMatchObject({ message: 'too far', code: 'E_FAR', stack: error.stack })
    expect(back.cause).toBeInstanceOf(TypeError)
    expect(Object.keys(back)).toEqual(['code'])
  })

  it('what is one object in two places stays one, also in a cycle', () => {
    const shared = { a: 1 }
    const cycle: Record<string, unknown> = { x: shared, y: shared }
    cycle['self'] = cycle
    const back = through(cycle) as Record<string, unknown>
    expect(back['x']).toBe(back['y'])
    expect(back['self']).toBe(back)
  })

  it('whatever fast-check thinks of', () => {
    // Invalid dates, which fast-check also makes, are equal to nothing.
    const anything = fc.anything({
      withBigInt: true,
      withMap: true,
      withSet: true,
      withTypedArray: true,
      withSparseArray: true,
      withNullPrototype: true,
      stringUnit: 'binary',
    })
    fc.assert(
      fc.property(anything, (value) => {
        const frozen = freezeValue(value)
        // A key named __proto__ is the one thing of these that is refused.
        if (frozen.kind === 'refused') return frozen.fault.found.includes('__proto__')
        return isDeepStrictEqual(thawValue(frozen.text), value)
      }),
      { numRuns: 200 },
    )
  })
})

describe('a value that would come back bent is refused, with its place', () => {
  const refused: readonly (readonly [string, unknown, string, RegExp])[] = [
    ['a function', { a: [1, () => 1] }, 'a[1]', /function/],
    ['a symbol', { a: Symbol('x') }, 'a', /symbol/],
    ['a symbol as key', { a: { [Symbol('x')]: 1 } }, 'a', /symbol as key/],
    ['a class instance', { price: new Money() }, 'price', /instance of Money/],
    ['a subclass of Date', [new Late()], '[0]', /Late/],
    ['a subclass of Map', new (class Index extends Map {})(), '', /Index/],
    ['a subclass of Error', { e: new Wrong('x') }, 'e', /Wrong/],
    ['a list with further properties', { list: withProperty([1]) }, 'list', /further properties/],
    ['a Date with further properties', withProperty(new Date()), '', /further properties/],
    ['a Map with further properties', withProperty(new Map()), '', /further properties/],
    ['a Buffer with further properties', withProperty(Buffer.from('a')), '', /further properties/],
    ['a RegExp in the middle', { r: Object.assign(/a/g, { lastIndex: 3 }) }, 'r', /lastIndex/],
    [
      'a getter',
      {
        a: {
          get b() {
            return 1
          },
        },
      },
      'a.b',
      /getter/,
    ],
    ['a hidden property', Object.defineProperty({}, 'a', { value: 1, enumerable: false }), 'a', /hidden/],
    ['a part of a larger buffer', new Uint8Array(new ArrayBuffer(8), 2, 3), '', /larger buffer/],
    ['a boxed number', { n: Object(1) as object }, 'n', /Number/],
    ['a promise', { p: Promise.resolve(1) }, 'p', /Promise/],
    ['a WeakMap', new WeakMap(), '', /WeakMap/],
    [
      'arguments of a function',
      {
        a: runInThisContext('(function () { return arguments })(1)') as unknown,
      },
      'a',
      /arguments/,
    ],
    ['a key named __proto__', JSON.parse('{"a":{"__proto__":1}}') as unknown, 'a.__proto__', /__proto__/],
    ['a value in a Map', new Map([['k', { f: () => 1 }]]), 'k.f', /function/],
    ['a value in a Set', new Set([() => 1]), '[0]', /function/],
    ['too much', 'x'.repeat(LONGEST_VALUE + 1), '', /too large/],
    [
      'a cycle through an error',
      (() => {
        const e: Error & { self?: unknown } = new Error('x')
        e.self = e
        return e
      })(),
      '',
      /not storable/,
    ],
  ]
  it.each(refused)('%s', (_name, value, path, found) => {
    const frozen = freezeValue(value)
    expect(frozen.kind).toBe('refused')
    if (frozen.kind !== 'refused') return
    expect(frozen.fault.path).toBe(path)
    expect(frozen.fault.found).toMatch(found)
  })

  it('a secret, wherever it is', () => {
    const isSecret = (text: string): boolean => text.includes('hunter2')
    for (const value of [
      { a: ['x hunter2'] },
      new Map([['hunter2', 1]]),
      { hunter2: 1 },
      Buffer.from('my hunter2'),
      new Error('hunter2'),
    ])
      expect(freezeValue(value, isSecret)).toMatchObject({ kind: 'refused', fault: { found: 'or holds a secret' } })
    expect(freezeValue({ a: 'fine' }, isSecret).kind).toBe('frozen')
  })
})

describe('arguments', () => {
  const textOf = (...args: unknown[]): string => {
    const canonical = canonicalArguments(args)
    return canonical.kind === 'text' ? canonical.text : `refused: ${canonical.fault.path} ${canonical.fault.found}`
  }

  it('are the same whatever the order of keys, and never the same for different values', () => {
    expect(textOf({ a: 1, b: { c: 2, d: 3 } })).toBe(textOf({ b: { d: 3, c: 2 }, a: 1 }))
    const shared = { x: 1 }
    expect(textOf([shared, shared])).toBe(textOf([{ x: 1 }, { x: 1 }]))
    const all: unknown[] = [
      1,
      '1',
      1n,
      true,
      'true',
      null,
      'null',
      undefined,
      'undefined',
      0,
      -0,
      NaN,
      'NaN',
      Infinity,
      '',
      [],
      [[]],
      {},
      [undefined],
      Array(1),
      Object.create(null),
      new Map(),
      new Set(),
      new Date(0),
      new Date(NaN),
      new Map([[1, 2]]),
      new Set([1, 2]),
      [1, 2],
      { 1: 2 },
      new Uint8Array([1]),
      Buffer.from([1]),
      new Uint8Array([1]).buffer,
      /a/,
      '/a/',
      new URL('https://a.example/'),
      'https://a.example/',
      new Error('a'),
      new Error('b'),
      { a: undefined },
      { a: null },
      { a: [] },
      ['a', 'b'],
      ['a,b'],
      [['a'], 'b'],
      [{ a: 1 }, { b: 2 }],
      [{ a: 1, b: 2 }],
    ]
    expect(new Set(all.map((value) => textOf(value))).size).toBe(all.length)
    expect(textOf(1, 2)).not.toBe(textOf([1, 2]))
    expect(textOf()).not.toBe(textOf(undefined))
  })

  it('equal texts mean equal values', () => {
    const pair = fc.tuple(
      fc.anything({ withMap: true, withSet: true, withBigInt: true, withDate: true }),
      fc.anything(),
    )
    fc.assert(
      fc.property(pair, ([one, other]) => {
        const [a, b] = [canonicalArguments(one), canonicalArguments(other)]
        if (a.kind === 'refused' || b.kind === 'refused') return true
        return a.text !== b.text || isDeepStrictEqual(one, other)
      }),
    )
  })

  it('that cannot be told apart are refused', () => {
    const cycle: Record<string, unknown> = {}
    cycle['again'] = { cycle }
    expect(textOf(cycle)).toBe('refused: [0].again.cycle a cycle')
    expect(textOf(1, { f: () => 1 })).toMatch(/^refused: \[1\]\.f a function/)
  })
})
