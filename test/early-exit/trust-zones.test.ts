// Names of trust zones, and whose entries each may read.
import { describe, expect, it } from 'vitest'
import { zoneFault, zonesOf } from '../../src/early-exit/trust-zones.js'

describe('trust zones', () => {
  it.each(['local', 'main', 'untrusted-pr', 'untrusted-pr-12', 'a.b_c-1'])('%s is a name', (name) => {
    expect(zoneFault(name)).toBeUndefined()
  })

  it.each([
    '',
    'Main',
    'UNTRUSTED-pr',
    'untrusted',
    'untrusted-',
    'untrusted_pr',
    'untrustedpr',
    'a/b',
    '../main',
    '-a',
    'é',
    'a'.repeat(65),
  ])('%j is none: nothing that looks untrusted is trusted', (name) => {
    expect(zoneFault(name)).toMatch(/must be/)
  })

  it('a trusted zone reads itself alone, an untrusted one itself and then another', () => {
    expect(zonesOf('main')).toEqual({ own: 'main', trusted: true, reads: ['main'] })
    expect(zonesOf('main', 'untrusted-pr').reads).toEqual(['main'])
    expect(zonesOf('untrusted-pr', 'main')).toEqual({
      own: 'untrusted-pr',
      trusted: false,
      reads: ['untrusted-pr', 'main'],
    })
    expect(zonesOf('untrusted-pr', 'untrusted-pr').reads).toEqual(['untrusted-pr'])
  })
})
