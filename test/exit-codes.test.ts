// Exit codes as fixed in the contract: of errors, and of several runs.
import { describe, expect, it } from 'vitest'
import { EXIT_CODES, exitCodeOf, worstExitCode } from '../src/exit-codes.js'
import type { ErrorCode } from '../src/errors.js'
import { TrueupError } from '../src/errors.js'

describe('exitCodeOf', () => {
  it.each<[ErrorCode, number]>([
    ['usage', 64],
    ['config-invalid', 64],
    ['integration-unknown', 64],
    ['params-invalid', 64],
    ['integration-invalid', 1],
    ['desired-unreadable', 1],
    ['secret-missing', 1],
    ['timeout', 1],
    ['plan-blocked', 3],
    ['base-unavailable', 4],
    ['head-unclean', 4],
    ['plan-mismatch', 4],
    ['store-refused', 4],
    ['journal-unavailable', 4],
    ['held', 75],
    ['lease-held', 75],
    ['interrupted', 130],
  ])('%s ends with %d', (code, exit) => {
    expect(exitCodeOf(new TrueupError(code, 'text'))).toBe(exit)
  })

  it('tells a termination from an interruption', () => {
    expect(exitCodeOf(new TrueupError('interrupted', 'text', { details: { signal: 'SIGTERM' } }))).toBe(143)
    expect(exitCodeOf(new TrueupError('interrupted', 'text', { details: { signal: 'SIGINT' } }))).toBe(130)
  })

  it('gives 1 for a code that it does not know', () => {
    expect(exitCodeOf(new TrueupError('toString' as ErrorCode, 'text'))).toBe(1)
  })
})

describe('worstExitCode', () => {
  it.each([
    [[], 0],
    [[0, 0], 0],
    [[0, 2], 2],
    [[2, 75], 75],
    [[75, 3], 3],
    [[3, 4], 4],
    [[4, 1], 1],
    [[4, 64], 64],
    [[64, 1], 1],
    [[1, 5], 5],
    [[5, 130], 130],
    [[5, 143, 0], 143],
    [[0, 17], 1],
    [[4, -1, 3], 1],
  ])('of %j is %d', (codes, worst) => {
    expect(worstExitCode(codes)).toBe(worst)
    expect(worstExitCode(codes.toReversed())).toBe(worst)
  })

  it('only gives codes of the table', () => {
    expect(EXIT_CODES.map(({ code }) => code)).toEqual([0, 1, 2, 3, 4, 5, 64, 75, 130, 143])
  })
})
