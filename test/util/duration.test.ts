// Durations as text: accepted forms, refused forms, and the way back.
import { describe, expect, it } from 'vitest'
import { formatDuration, parseDuration } from '../../src/util/duration.js'

describe('parseDuration', () => {
  it.each([
    ['90s', 90_000],
    ['30m', 1_800_000],
    ['1h', 3_600_000],
    ['1d', 86_400_000],
    ['45', 45_000],
    ['007s', 7_000],
  ])('reads %s', (text, ms) => {
    expect(parseDuration(text)).toBe(ms)
  })

  it.each([
    '0',
    '0s',
    '-1s',
    '-5',
    '1y',
    '1w',
    'soon',
    '',
    ' ',
    '1 h',
    '1.5h',
    '1h30m',
    's',
    '1H',
    '1e3',
    '99999999999999999d',
    '٣s',
  ])('refuses %j', (text) => {
    expect(parseDuration(text)).toBeUndefined()
  })
})

describe('formatDuration', () => {
  it.each([
    [850, '850ms'],
    [2_140, '2.1s'],
    [45_000, '45s'],
    [90_000, '90s'],
    [5_400_000, '90m'],
    [3_600_000, '1h'],
    [172_800_000, '2d'],
    [0, '0ms'],
  ])('writes %d ms as %s', (ms, text) => {
    expect(formatDuration(ms)).toBe(text)
  })

  it('is read back, for every whole second', () => {
    for (const seconds of [1, 59, 60, 61, 3599, 3600, 3601, 86_399, 86_400, 90_061]) {
      expect(parseDuration(formatDuration(seconds * 1000))).toBe(seconds * 1000)
    }
  })
})
