import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { plainText } from '../../src/util/plain-text.js'

describe('plainText', () => {
  it.each([
    ['', ''],
    ['a\tb\n ü 😀', 'a\tb\n ü 😀'],
    ['\u001b[31;1mred\u001b[0m \u001b[38;2;1;2;3mrgb\u001b[m', 'red rgb'],
    ['\u001b]0;a title, with spaces\u0007x', 'x'],
    ['\u001b]8;;https://example.com\u001b\\link\u001b]8;;\u001b\\', 'link'],
    ['\u009b2Jx\u009d0;t\u009cy', 'xy'],
    ['\u001bPq#0\u001b\\a\u001b_b\u001b\\c', 'ac'],
    ['\u001b(Bx\u001bMy', 'xy'],
    ['\u001b]never ends', 'never ends'],
    ['\u001b\u001b[0m[31m', '[31m'],
    ['one\r\ntwo\rthree\b\u0000\u007f\u0085', 'one\ntwo\nthree'],
  ])('%j becomes %j', (text, plain) => {
    expect(plainText(text)).toBe(plain)
  })

  it('leaves no control, takes nothing else away from text without any, and is done once', () => {
    const piece = fc.oneof(
      fc.string({ unit: 'binary' }),
      fc.constantFrom(
        '\u001b',
        '\u001b[',
        '\u001b]',
        '\u009b',
        '\u009d',
        '\u0007',
        '\u001b\\',
        '\r',
        '\n',
        '::',
        '[0m',
      ),
    )
    fc.assert(
      fc.property(
        fc.array(piece).map((pieces) => pieces.join('')),
        (text) => {
          const plain = plainText(text)
          expect(plain).not.toMatch(/(?![\n\t])\p{Cc}/u)
          expect(plainText(plain)).toBe(plain)
          if (!/(?![\n\t])\p{Cc}/u.test(text)) expect(plain).toBe(text)
        },
      ),
      { numRuns: 500 },
    )
  })

  it('takes time in proportion to the text, whatever it is made of', () => {
    // Four times the text: a quadratic pattern would not come to an end here.
    for (const start of ['\u001b]', '\u009d', '\u001b[', '\u001b[1', '\u001bP', '\u001b ', '\u009b0'])
      expect(plainText(start.repeat(2_000_000 / start.length)).length).toBeLessThanOrEqual(2_000_000)
  })
})
