import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { changedLines, lineCountsText } from '../../src/report/changed-lines.js'
import { cut, displayWidth, neutralise, shortPair, shortValue, visible, wrap } from '../../src/report/data-text.js'
import {
  clockTime,
  compactDuration,
  count,
  dateTime,
  formatAge,
  formatDuration,
  percent,
  shortDigest,
  shortId,
  utcTime,
} from '../../src/report/format.js'

describe('numbers and times', () => {
  it.each([
    [-5, '0 ms'],
    [12.4, '12 ms'],
    [999.7, '1.0 s'],
    [2100, '2.1 s'],
    [9_949, '9.9 s'],
    [9_950, '10 s'],
    [59_700, '1m'],
    [12 * 60_000, '12m'],
    [200_000, '3m 20s'],
    [3_900_000, '1h 5m'],
    [3_605_000, '1h'],
    [51 * 3_600_000, '2d 3h'],
  ])('formatDuration(%d) = %s', (ms, text) => {
    expect(formatDuration(ms)).toBe(text)
  })

  it.each([
    [1_500, '1s'],
    [90_000, '90s'],
    [720_000, '12m'],
    [3 * 3_600_000, '3h'],
    [49 * 3_600_000, '2d'],
  ])('compactDuration(%d) = %s', (ms, text) => {
    expect(compactDuration(ms)).toBe(text)
  })

  it.each([
    [-9000, 'just now'],
    [1000, '1 second ago'],
    [720_000, '12 minutes ago'],
    [25 * 3_600_000, '25 hours ago'],
    [72 * 3_600_000, '3 days ago'],
  ])('formatAge(%d) = %s', (ms, text) => {
    expect(formatAge(ms)).toBe(text)
  })

  it('counts, shares and ids', () => {
    expect([count(0, 'object'), count(1, 'object'), count(2, 'entry', 'entries')]).toEqual([
      '0 objects',
      '1 object',
      '2 entries',
    ])
    expect([percent(12, 41), percent(0, 0), percent(1, 1000), percent(999, 1000), percent(3, 0)]).toEqual([
      '29 %',
      '0 %',
      '<1 %',
      '>99 %',
      '100 %',
    ])
    expect([shortDigest('a'.repeat(64)), shortId('b'.repeat(40)), shortId('worktree')]).toEqual([
      'a'.repeat(12),
      'b'.repeat(8),
      'worktree',
    ])
  })

  it('times: UTC when asked, else as the local clock has it', () => {
    const time = Date.UTC(2026, 10, 20, 9, 41, 7)
    expect([clockTime(time, true), dateTime(time, true), utcTime(time)]).toEqual([
      '09:41:07',
      '2026-11-20 09:41',
      '2026-11-20T09:41:07.000Z',
    ])
    const local = new Date(time)
    expect(clockTime(time).split(':').map(Number)).toEqual([local.getHours(), local.getMinutes(), local.getSeconds()])
  })
})

describe('values on one line', () => {
  it.each([
    [undefined, '(none)'],
    [null, 'null'],
    ['10.0.0.4', '10.0.0.4'],
    ['0644', '0644'],
    ['3', '"3"'],
    [3, '3'],
    ['true', '"true"'],
    ['', '""'],
    [' a', '" a"'],
    ['(none)', '"(none)"'],
    ['a, b: c', '"a, b: c"'],
    ['say "hi"', 'say "hi"'],
    ['one\n', '"one\\n"'],
    ['one\ntwo\n', '(2 lines)'],
    [[1, { a: 'x' }], '[1,{"a":"x"}]'],
    [{ $secret: { path: 'dns/api', field: 'token', version: '3' } }, 'secret dns/api token v3'],
  ])('shortValue(%j) = %s', (value, text) => {
    expect(shortValue(value)).toBe(text)
  })

  it('cuts at columns, not inside characters', () => {
    expect(cut('日本語テキスト', 7)).toBe('日本語…')
    expect(cut('😀😀😀', 4, '...')).toBe('...')
    expect(displayWidth('e\u0301日')).toBe(3)
  })

  it('two long values that differ never look the same', () => {
    const word = fc.string({ unit: 'grapheme-ascii', maxLength: 150, size: 'max' })
    fc.assert(
      fc.property(word, word, word, (start, left, right) => {
        fc.pre(left !== right)
        const [before, after] = shortPair(start + left, start + right, { max: 40 })
        expect(before).not.toBe(after)
        expect(Math.max(before.length, after.length)).toBeLessThanOrEqual(40)
      }),
    )
  })

  it('shows no character that acts, on any input', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), (text) => {
        expect(visible(text)).not.toMatch(/(?!\u200c|\u200d)[\p{Cc}\p{Cf}\p{Zl}\p{Zp}\p{Cs}]/u)
      }),
    )
    expect(visible('\u001b]0;x\u0007\u202e\u0085')).toBe('\\x1b]0;x\\x07\\u202e\\x85')
  })

  it('takes workflow commands out visibly', () => {
    expect(['::error::x', '  ::error::x', 'a ##[group]b', '##vso[x]', 'a::b'].map(neutralise)).toEqual([
      '\\::error::x',
      '  \\::error::x',
      'a ##\\[group]b',
      '##\\vso[x]',
      'a::b',
    ])
  })

  it('wraps at spaces and keeps long words', () => {
    expect(wrap('aaa bbb ccc dddddddddddd e', 8)).toBe('aaa bbb\n  ccc\n  dddddddddddd\n  e')
  })
})

describe('changed lines', () => {
  it('counts all and shows at most what was asked', () => {
    const changed = changedLines('a\nb\nc\n', 'a\nB\nc\nd\n', { maxLines: 2 })
    expect(changed).toEqual({ added: 2, removed: 1, left: 3, hunks: [{ line: 1, lines: [' a', '-b'] }] })
    expect(lineCountsText({ removed: 1, added: 2 })).toBe('1 line removed, 2 added')
    expect(lineCountsText({ removed: 0, added: 1 })).toBe('1 line added')
    expect(lineCountsText({ removed: 2, added: 0 })).toBe('2 lines removed')
  })

  it('shows spaces at the end of a line, which may be all that changed', () => {
    expect(changedLines('a\n \n', 'a  \n \n')?.hunks[0]?.lines).toEqual(['-a', '+a\\x20\\x20', '  '])
  })

  it('tells of a missing line break at the end and of carriage returns', () => {
    expect(changedLines('a\nb', 'a\r\nb\n')?.hunks[0]?.lines).toEqual([
      '-a',
      '-b',
      '\\ no line break at the end',
      '+a\\r',
      '+b',
    ])
  })
})
