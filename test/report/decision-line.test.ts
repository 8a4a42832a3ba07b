import { describe, expect, it } from 'vitest'
import { decisionLine, logfmt } from '../../src/report/decision-line.js'
import { decision } from './samples.js'

describe('decisionLine', () => {
  it('is the line of the CLI reference, ids short', () => {
    const skip = decision({ action: 'skip', reason: 'desired-unchanged', base: '1a2b3c4d'.padEnd(40, 'e') })
    expect(decisionLine('managed-files', skip)).toBe(
      'decision=skip reason=desired-unchanged target=managed-files base=1a2b3c4d head=worktree digest=9c0d41aa',
    )
  })

  it('leaves out what is not there and says dirty only when it is', () => {
    expect(decisionLine('a', decision({ digest: null }))).toBe(
      'decision=run reason=no-comparison-asked target=a head=worktree',
    )
    expect(decisionLine('a', decision({ base: 'last-applied', head: 'f'.repeat(40), dirty: true, digest: null }))).toBe(
      'decision=run reason=no-comparison-asked target=a base=last-applied head=ffffffff dirty=true',
    )
  })

  it('stays one line of pairs whatever the target is called', () => {
    const line = decisionLine('a b="c"\n::x\u001b[31m', decision())
    expect(line).toContain('target="a b=\\"c\\"\\n::x\\x1b[31m" head=worktree')
    expect(line.split('\n')).toHaveLength(1)
  })
})

describe('logfmt', () => {
  it('writes text bare, quotes what needs it, and takes any JSON', () => {
    expect(logfmt({ a: 'x', b: '', c: 3, d: [1, 'two'], 'e f': null })).toBe('a=x b="" c=3 d="[1,\\"two\\"]" e_f=null')
  })
})
