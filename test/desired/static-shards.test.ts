import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { staticShards, staticShardsOf } from '../../src/desired/static-shards.js'

const names = (count: number): string[] =>
  Array.from({ length: count }, (_, index) => `user-${String(index)}@example.com`)
const same = (name: string): string => name
/** Shard of each name. */
function places(count: number, all: readonly string[]): Map<string, string> {
  const found = new Map<string, string>()
  for (const [shard, items] of staticShards(count, same)(all)) for (const item of items) found.set(item, shard)
  return found
}

describe('staticShards', () => {
  it('has every shard, in the order of the desired state, with names that do not depend on the count', () => {
    const parts = staticShards(101, same)(['b', 'a'])
    expect(parts.size).toBe(101)
    expect([...parts.keys()].slice(0, 2)).toEqual(['00', '01'])
    expect([...parts.keys()].slice(-2)).toEqual(['99', '100'])
    expect([...staticShards(1, same)(['b', 'a'])]).toEqual([['00', ['b', 'a']]])
  })

  it('puts the same item into the same shard for ever', () => {
    // Written down: another place would mean that every shard of every user is cut anew by an update.
    expect([...places(16, ['alice', 'bob', 'dns/example.com', 'zürich', ''])]).toMatchInlineSnapshot(`
      [
        [
          "",
          "03",
        ],
        [
          "bob",
          "04",
        ],
        [
          "zürich",
          "04",
        ],
        [
          "dns/example.com",
          "09",
        ],
        [
          "alice",
          "10",
        ],
      ]
    `)
  })

  it('spreads items evenly', () => {
    const sizes = [...staticShards(16, same)(names(16_000)).values()].map((items) => items.length)
    // The deviation of 1,000 falling at random is 31.
    expect(Math.min(...sizes)).toBeGreaterThan(850)
    expect(Math.max(...sizes)).toBeLessThan(1150)
  })

  it('from n to n + 1 moves items into the new shard alone', () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 60 }), fc.uniqueArray(fc.string(), { maxLength: 60 }), (count, all) => {
        const [before, after] = [places(count, all), places(count + 1, all)]
        const added = String(count).padStart(2, '0')
        for (const name of all) if (after.get(name) !== before.get(name)) expect(after.get(name)).toBe(added)
        expect([...after.keys()].sort()).toEqual([...all].sort())
      }),
    )
  })

  it.each([1, 4, 8, 15, 40])('from %i shards to one more moves about its share', (count) => {
    const all = names(10_000)
    const [before, after] = [places(count, all), places(count + 1, all)]
    const moved = all.filter((name) => before.get(name) !== after.get(name)).length
    const share = 10_000 / (count + 1)
    expect(moved).toBeGreaterThan(share * 0.85)
    expect(moved).toBeLessThan(share * 1.15)
  })

  it('tells how it was made, and where an item would be', () => {
    const shards = staticShards(8, same)
    const made = staticShardsOf(shards)
    expect(made?.count).toBe(8)
    expect(names(50).map((name) => made?.shardAt(9, name))).toEqual(
      names(50).map((name) => places(9, [name]).get(name)),
    )
    expect(staticShardsOf(() => new Map())).toBeUndefined()
    expect(staticShardsOf(undefined)).toBeUndefined()
  })

  it.each([0, -1, 1.5, 10_001, Number.NaN])('refuses %d shards', (count) => {
    expect(() => staticShards(count, same)).toThrow(/1 to 10000/)
  })

  it('refuses a key that is no text', () => {
    expect(() => staticShards(2, (item: { id?: string }) => item.id as string)([{}])).toThrow('key() must give a text')
  })
})
