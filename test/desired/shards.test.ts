import { describe, expect, it } from 'vitest'
import { emptyLike, groupBy, splitShards, UNSHARDED } from '../../src/desired/shards.js'
import type { AnyIntegration } from '../../src/integration.js'

function definition(shards?: (desired: never, params: never) => unknown): AnyIntegration {
  return {
    name: 'demo',
    version: '1',
    deletePolicy: 'never',
    desiredState: () => [],
    run: () => [],
    ...(shards && { shards }),
  } as unknown as AnyIntegration
}

describe('groupBy', () => {
  it('keeps the order of elements and of first appearances', () => {
    const groups = groupBy(['b1', 'a1', 'b2'], (item) => item.charAt(0))
    expect([...groups]).toEqual([
      ['b', ['b1', 'b2']],
      ['a', ['a1']],
    ])
  })
})

describe('splitShards', () => {
  it('gives the whole of an unsharded target', () => {
    const desired = [1]
    expect([...splitShards(definition(), desired, {})]).toEqual([[UNSHARDED, desired]])
  })

  it('hands desired state and parameters to the author, and gives the parts', () => {
    const parts = splitShards(
      definition((desired: never, params: never) => new Map([[params, desired]])),
      [1],
      'p',
    )
    expect([...parts]).toEqual([['p', [1]]])
  })

  it.each([
    [{ a: [] }, 'must return a Map'],
    [undefined, 'must return a Map'],
    [new Map([['', []]]), 'is empty'],
    [new Map([['x'.repeat(301), []]]), '301 characters'],
    [new Map([['\ud800x', []]]), 'half a character'],
    [new Map([[7, []]]), 'is a number'],
  ])('refuses %o', (parts, message) => {
    expect(() =>
      splitShards(
        definition(() => parts),
        [],
        {},
      ),
    ).toThrow(message)
  })

  it('takes 300 characters and paired surrogates', () => {
    const parts = new Map([[`😀${'x'.repeat(298)}`, []]])
    expect(
      splitShards(
        definition(() => parts),
        [],
        {},
      ),
    ).toBe(parts)
  })
})

describe('emptyLike', () => {
  it('keeps the form', () => {
    expect([emptyLike([1]), emptyLike({ a: 1 }), emptyLike('x'), emptyLike(null)]).toEqual([[], {}, null, null])
  })
})
