import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import type { AffectedTarget } from '../../src/cli/affected.js'
import { matrixOf } from '../../src/cli/affected-matrix.js'

const target = (name: string, shards: number | null, more: Partial<AffectedTarget> = {}): AffectedTarget => ({
  target: name,
  affected: true,
  reason: 'desired-changed',
  explanation: '',
  sharded: shards !== null,
  shards:
    shards === null
      ? null
      : Array.from({ length: shards }, (_, index) => ({ shard: String(index), change: 'changed' })),
  ...more,
})

describe('a matrix', () => {
  it('puts the largest targets together until all fit', () => {
    const matrix = matrixOf([target('a', 200), target('b', 30), target('c', 150), target('d', null)])
    expect([matrix.include.length, matrix.truncated, matrix.grouped]).toEqual([1 + 30 + 150 + 1, true, ['a']])
    expect(matrix.include[0]).toEqual({ target: 'a' })
    expect(matrixOf([target('a', 255), target('b', null)])).toMatchObject({ truncated: false, grouped: [] })
    expect(matrixOf([target('a', 256), target('b', null)])).toMatchObject({ truncated: true, grouped: ['a'] })
  })

  it('refuses what it could not hold', () => {
    const many = Array.from({ length: 257 }, (_, index) => target(`t${String(index)}`, null))
    expect(() => matrixOf(many)).toThrow('257 targets are affected, but a matrix holds 256 entries')
    expect(matrixOf(many.slice(1)).include).toHaveLength(256)
  })

  it('covers every affected shard, and has at most 256 entries', () => {
    const sizes = fc.array(fc.option(fc.integer({ min: 1, max: 400 })), { maxLength: 12 })
    fc.assert(
      fc.property(sizes, (all) => {
        const targets = all.map((shards, index) => target(`t${String(index)}`, shards))
        const { include } = matrixOf([...targets, target('not', null, { affected: false })])
        expect(include.length).toBeLessThanOrEqual(256)
        expect(include.some((entry) => entry.target === 'not')).toBe(false)
        for (const one of targets) {
          const entries = include.filter((entry) => entry.target === one.target)
          const whole = entries.length === 1 && entries[0]?.shard === undefined
          expect(
            whole || entries.map(({ shard }) => shard).join() === one.shards?.map(({ shard }) => shard).join(),
          ).toBe(true)
        }
      }),
    )
  })
})
