import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { isStoreKey, storeKey, storePrefix } from '../../src/store/store-key.js'

// Any text at all: lone surrogates, reserved-looking and very long ones with it.
const part = fc.oneof(
  fc.string({ unit: 'binary', maxLength: 12 }),
  fc.string({ unit: fc.integer({ min: 0, max: 0xffff }).map((code) => String.fromCharCode(code)), maxLength: 6 }),
  fc.constantFrom(
    '',
    '.',
    '..',
    '...',
    '%empty',
    '%2E',
    '/',
    'a',
    'ab',
    'a/b',
    'a%2Fb',
    '\ud800',
    '\udc00',
    '\ufffd',
    '~',
    '-',
  ),
  fc
    .tuple(fc.constantFrom('x', '漢', '%', 'é'), fc.integer({ min: 60, max: 320 }))
    .map(([letter, times]) => letter.repeat(times)),
)
const parts = fc.array(part, { minLength: 1, maxLength: 4 })

describe('storeKey', () => {
  it.each([
    [['a', 'b'], 'a/b'],
    [['a/b'], 'a%2Fb'],
    [['ü %'], '%C3%BC%20%25'],
    [['A-Z_0.~'], 'A-Z_0.~'],
    [[''], '%empty'],
    [['%empty'], '%25empty'],
    [['.', '..', '.a'], '%2E/%2E%2E/.a'],
    [['\ud800'], '%ED%A0%80'],
    [['🙂'], '%F0%9F%99%82'],
  ])('writes %j as %s', (texts, key) => {
    expect(storeKey(...texts)).toBe(key)
  })

  it('gives different keys for different texts', () => {
    fc.assert(
      fc.property(parts, parts, (one, other) => {
        expect(storeKey(...one) === storeKey(...other)).toBe(JSON.stringify(one) === JSON.stringify(other))
      }),
      { numRuns: 3000 },
    )
  })

  it('does not take a short text for the short form of a long one', () => {
    const long = storeKey('é'.repeat(200))
    expect(long).toMatch(/^(?:%C3%A9){21}%sha256-[0-9a-f]{64}$/)
    expect(storeKey(long)).not.toBe(long)
    expect(storeKey('x'.repeat(200))).toBe('x'.repeat(200))
    expect(storeKey('x'.repeat(201))).toMatch(/^x{128}%sha256-[0-9a-f]{64}$/)
  })

  it('gives components that are non-empty, bounded, never dots only, and known again', () => {
    fc.assert(
      fc.property(parts, (texts) => {
        const key = storeKey(...texts)
        expect(isStoreKey(key)).toBe(true)
        expect(key.split('/')).toHaveLength(texts.length)
      }),
    )
    for (const text of ['', '/', 'a/', '/a', 'a//b', '.', '..', 'a/../b', 'a b', 'a@', 'ü', 'x'.repeat(201)])
      expect(isStoreKey(text)).toBe(false)
  })

  it('needs a part', () => {
    expect(() => storeKey()).toThrow('Internal error')
  })
})

describe('storePrefix', () => {
  it('starts exactly the keys below it', () => {
    fc.assert(
      fc.property(parts, fc.array(part, { maxLength: 4 }), (key, prefix) => {
        const isBelow = prefix.length < key.length && prefix.every((text, index) => text === key[index])
        expect(storeKey(...key).startsWith(storePrefix(...prefix))).toBe(isBelow)
      }),
      { numRuns: 3000 },
    )
    fc.assert(
      fc.property(parts, parts, (above, below) => {
        expect(storeKey(...above, ...below).startsWith(storePrefix(...above))).toBe(true)
      }),
    )
  })

  it('keeps a from ab, and from a itself', () => {
    expect(storePrefix('a')).toBe('a/')
    expect(storeKey('ab').startsWith(storePrefix('a'))).toBe(false)
    expect(storeKey('a').startsWith(storePrefix('a'))).toBe(false)
    expect(storePrefix()).toBe('')
  })
})
