// The key of the run cache: every field flips it, order does not, and what cannot be told gives none.
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { cacheKey, type CacheKeyInput } from '../../src/early-exit/run-cache-key.js'
import { envDigest } from '../../src/early-exit/head-facts.js'
import type { Json } from '../../src/event.js'

const BASE: CacheKeyInput = {
  declaration: { integration: 'things', version: '1', params: { place: 'here', size: 2, deep: { a: [1, 2] } } },
  facts: { code: 'c'.repeat(64), config: 'f'.repeat(64), env: envDigest(['A'], {}), semantics: 1 },
  mode: 'dry-run',
  shards: [
    { key: 'a', digest: '1'.repeat(64) },
    { key: 'b', digest: '2'.repeat(64) },
  ],
  nodeMajor: 22,
  secrets: 's'.repeat(64),
}

function digestOfKey(change: Partial<CacheKeyInput> = {}): string {
  const key = cacheKey({ ...BASE, ...change })
  if (key.kind === 'none') throw new Error(key.why)
  return key.digest
}

const params = fc.dictionary(fc.string({ minLength: 1 }), fc.jsonValue() as fc.Arbitrary<Json>, { minKeys: 1 })
const shards = fc.uniqueArray(
  fc.record({ key: fc.string({ minLength: 1 }), digest: fc.stringMatching(/^[0-9a-f]{64}$/) }),
  { selector: ({ key }) => key, minLength: 1, maxLength: 8 },
)

describe('the key of the run cache', () => {
  it.each<[string, Partial<CacheKeyInput>]>([
    ['integration', { declaration: { ...BASE.declaration, integration: 'other' } }],
    ['version', { declaration: { ...BASE.declaration, version: '2' } }],
    ['a parameter', { declaration: { ...BASE.declaration, params: { place: 'there', size: 2, deep: { a: [1, 2] } } } }],
    ['a nested one', { declaration: { ...BASE.declaration, params: { place: 'here', size: 2, deep: { a: [2, 1] } } } }],
    [
      'type of one',
      { declaration: { ...BASE.declaration, params: { place: 'here', size: '2', deep: { a: [1, 2] } } } },
    ],
    ['code', { facts: { ...BASE.facts, code: 'd'.repeat(64) } }],
    ['configuration', { facts: { ...BASE.facts, config: 'e'.repeat(64) } }],
    ['a variable set to nothing', { facts: { ...BASE.facts, env: envDigest(['A'], { A: '' }) } }],
    ['semantics', { facts: { ...BASE.facts, semantics: 2 } }],
    ['mode', { mode: 'apply' }],
    ['major of Node', { nodeMajor: 24 }],
    ['secrets', { secrets: 't'.repeat(64) }],
    ['fewer shards', { shards: BASE.shards.slice(0, 1) }],
    ['a further shard', { shards: [...BASE.shards, { key: 'c', digest: '3'.repeat(64) }] }],
    ['a shard that desires otherwise', { shards: [...BASE.shards.slice(1), { key: 'a', digest: '3'.repeat(64) }] }],
    ['a shard with another name', { shards: [...BASE.shards.slice(1), { key: 'A', digest: '1'.repeat(64) }] }],
  ])('is another with another %s', (_, change) => {
    expect(digestOfKey(change)).not.toBe(digestOfKey())
  })

  it('is another for every parameter that is another, that comes or that goes', () => {
    fc.assert(
      fc.property(params, fc.nat(), fc.jsonValue() as fc.Arbitrary<Json>, (given, pick, value) => {
        const names = Object.keys(given)
        const name = names[pick % names.length] ?? ''
        const keyOf = (all: Readonly<Record<string, Json>>): string =>
          digestOfKey({ declaration: { ...BASE.declaration, params: all } })
        const { [name]: was, ...without } = given
        expect(keyOf(without)).not.toBe(keyOf(given))
        const changed = keyOf({ ...given, [name]: value })
        if (JSON.stringify(fcSorted(value)) === JSON.stringify(fcSorted(was ?? null)))
          expect(changed).toBe(keyOf(given))
        else expect(changed).not.toBe(keyOf(given))
      }),
    )
  })

  it('is the same whatever order shards and parameters come in', () => {
    fc.assert(
      fc.property(shards, params, (some, given) => {
        const turned = Object.fromEntries(Object.entries(given).reverse())
        expect(digestOfKey({ shards: [...some].reverse(), declaration: { ...BASE.declaration, params: turned } })).toBe(
          digestOfKey({ shards: some, declaration: { ...BASE.declaration, params: given } }),
        )
      }),
    )
  })

  it('no two lists of shards are one text', () => {
    const digest = '1'.repeat(64)
    const keyOf = (...keys: string[]): string => digestOfKey({ shards: keys.map((key) => ({ key, digest })) })
    const lists = [['a', 'b'], ['a_b'], ['a,b'], ['a","b'], ['ab'], ['a', 'b', ''], []]
    expect(new Set(lists.map((keys) => keyOf(...keys))).size).toBe(lists.length)
  })

  it('there is none where code or secrets cannot be told, and it says why', () => {
    expect(cacheKey({ ...BASE, facts: { ...BASE.facts, code: null } })).toMatchObject({
      kind: 'none',
      why: /imports/,
    })
    expect(cacheKey({ ...BASE, secrets: null })).toMatchObject({ kind: 'none', why: /secret/ })
  })

  it('tells every field by name, and parameters and shards by theirs', () => {
    const key = cacheKey(BASE)
    if (key.kind === 'none') throw new Error(key.why)
    expect(Object.keys(key.components)).toEqual([
      'schema',
      'semantics',
      'integration',
      'code',
      'mode',
      'config',
      'params',
      'env',
      'shards',
      'node',
      'secrets',
    ])
    expect(Object.keys(key.parts['params'] ?? {})).toEqual(['place', 'size', 'deep'])
    expect(Object.keys(key.parts['shards'] ?? {})).toEqual(['a', 'b'])
  })
})

/** JSON that canonical text holds equal is equal: keys in one order, and one zero. */
function fcSorted(value: Json): Json {
  if (Array.isArray(value)) return value.map((item: Json) => fcSorted(item))
  if (value === 0) return 0
  if (typeof value !== 'object' || value === null) return value
  const entries = Object.entries(value as Readonly<Record<string, Json>>)
  return Object.fromEntries(entries.sort(([a], [b]) => (a < b ? -1 : 1)).map(([name, item]) => [name, fcSorted(item)]))
}
