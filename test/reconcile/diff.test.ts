import { describe, expect, it } from 'vitest'
import type { Json } from '../../src/event.js'
import type { Listing } from '../../src/integration.js'
import { diff } from '../../src/reconcile/diff.js'
import { fieldDifferences, maxFields } from '../../src/reconcile/field-differences.js'
import { listing } from '../../src/reconcile/listing.js'

interface Item {
  readonly name: string
  readonly value?: Json | undefined
}
const key = (item: Item): string => item.name
const made = (desired: readonly Item[], current: readonly Item[]) =>
  diff({ desired, current: listing.whole(current), key })

describe('diff', () => {
  it('pairs by key, sorted by code units, with what differs', () => {
    const { pairs } = made(
      [
        { name: 'b', value: 1 },
        { name: 'a', value: 1 },
        { name: 'ä', value: 1 },
      ],
      [
        { name: 'b', value: 2 },
        { name: 'Z', value: 3 },
        { name: 'a', value: 1 },
      ],
    )
    expect(
      pairs.map((pair) => [pair.key, pair.desired !== undefined, pair.current !== undefined, pair.fields]),
    ).toEqual([
      ['Z', false, true, [{ path: '', before: { name: 'Z', value: 3 } }]],
      ['a', true, true, []],
      ['b', true, true, [{ path: 'value', before: 2, after: 1 }]],
      ['ä', true, false, [{ path: '', after: { name: 'ä', value: 1 } }]],
    ])
  })

  it.each<[string, Json | undefined, Json | undefined, boolean]>([
    ['object keys in another order', { a: 1, b: 2 }, { b: 2, a: 1 }, true],
    ['arrays in another order', [1, 2], [2, 1], false],
    ['an element more', [1], [1, 1], false],
    ['an undefined property and none', undefined, undefined, true],
    ['null and none', null, undefined, false],
    ['0 and -0', 0, -0, true],
    ['a number and its text', 1, '1', false],
    [
      'a secret and the same secret',
      { $secret: { path: 'p', version: '1' } },
      { $secret: { version: '1', path: 'p' } },
      true,
    ],
    [
      'a secret and its next version',
      { $secret: { path: 'p', version: '1' } },
      { $secret: { path: 'p', version: '2' } },
      false,
    ],
  ])('compares whole values: %s', (_, before, after, equal) => {
    const { pairs } = made([{ name: 'a', value: after }], [{ name: 'a', value: before }])
    expect(pairs[0]?.fields.length === 0).toBe(equal)
  })

  it('takes a property that is undefined for absent, at any depth and on either side', () => {
    const loose = { name: 'a', value: { deep: [{ x: 1, y: undefined }] } } as unknown as Item
    const tight: Item = { name: 'a', value: { deep: [{ x: 1 }] } }
    expect(made([loose], [tight]).pairs[0]?.fields).toEqual([])
    expect(made([tight], [loose]).pairs[0]?.fields).toEqual([])
    expect(made([{ name: 'a', value: undefined }], [{ name: 'a' }]).pairs[0]?.fields).toEqual([])
  })

  it('normalizes current items before key and comparison, and keeps them as they were', () => {
    const { pairs } = diff({
      desired: [{ name: 'a', size: 1 }],
      current: listing.whole([{ id: 7, title: 'a', size: 1 }]),
      key: ({ name }) => name,
      normalize: ({ title, size }) => ({ name: title, size }),
    })
    expect(pairs).toMatchObject([
      { key: 'a', fields: [], current: { value: { id: 7, title: 'a', size: 1 }, normalized: { name: 'a', size: 1 } } },
    ])
  })

  it('asks for proof, protection, dependencies and destruction', () => {
    const { pairs } = diff({
      desired: [
        { name: 'a', value: 1 },
        { name: 'n', value: 1 },
      ],
      current: listing.whole([
        { name: 'a', value: 2 },
        { name: 'b', value: 2 },
      ]),
      key,
      owned: ({ name }) => (name === 'a' ? true : undefined),
      protect: ({ name }) => name === 'b',
      dependsOn: (name, sides) => [
        `${name}:${String(sides.desired !== undefined)}:${String(sides.current !== undefined)}`,
      ],
      destructive: ({ before, after }) => after.value < before.value,
    })
    expect(pairs.map((pair) => [pair.key, pair.owned, pair.protected, pair.dependsOn, pair.destructive])).toEqual([
      ['a', true, false, ['a:true:true'], true],
      ['b', undefined, true, ['b:false:true'], true],
      ['n', undefined, false, ['n:true:false'], false],
    ])
  })

  it('passes on why a listing is incomplete', () => {
    expect(
      diff<Item, Item>({ desired: [], current: listing.incomplete([{ name: 'a' }], 'page 2'), key }),
    ).toMatchObject({
      complete: false,
      incompleteReason: 'page 2',
    })
  })

  it.each([
    ['desired', [{ name: 'a' }, { name: 'x' }, { name: 'a' }], []],
    ['current', [], [{ name: 'a' }, { name: 'x' }, { name: 'a' }]],
  ] as const)('refuses a key twice in %s, naming both places', (side, desired, current) => {
    expect(() => made(desired, current)).toThrow(
      expect.objectContaining({
        code: 'plan-invalid',
        message: expect.stringContaining(`${side}[0] and ${side}[2] have the same key "a"`) as string,
      }),
    )
  })

  it.each([[undefined], [''], [3]])('refuses %j as a key', (name) => {
    expect(() => made([{ name: name as string }], [])).toThrow(
      expect.objectContaining({ code: 'plan-invalid', message: expect.stringContaining('desired[0]') as string }),
    )
  })

  it.each<[string, unknown, string]>([
    ['a date', { name: 'a', at: { last: new Date(0) } }, 'current[0].at.last'],
    ['not a number', { name: 'a', at: Number.NaN }, 'current[0].at'],
    ['a function', { name: 'a', at: () => 1 }, 'current[0].at'],
    ['undefined in an array', { name: 'a', at: [1, undefined] }, 'current[0].at[1]'],
    ['nothing at all', undefined, 'current[0]'],
  ])('refuses %s, saying where', (_, item, place) => {
    expect(() => made([], [item as Item])).toThrow(
      expect.objectContaining({ code: 'plan-invalid', message: expect.stringContaining(`${place} is`) as string }),
    )
  })

  it('refuses a listing made by hand', () => {
    const current = { kind: 'listing', items: [], complete: true } satisfies Listing<Item>
    expect(() => diff({ desired: [{ name: 'a' }], current, key })).toThrow(
      expect.objectContaining({ code: 'plan-invalid' }),
    )
  })

  it('refuses a desired state that is no list', () => {
    const desired = { name: 'a' } as unknown as Item[]
    expect(() => diff({ desired, current: listing.whole([]), key })).toThrow(/`desired` as an array/)
  })
})

describe('fieldDifferences', () => {
  it.each<[string, Json | undefined, Json | undefined, unknown]>([
    ['equal', { a: [1, { b: null }] }, { a: [1, { b: null }] }, []],
    [
      'deep',
      { a: { b: [0, 1, { c: 1 }] } },
      { a: { b: [0, 1, { c: 2 }] } },
      [{ path: 'a.b[2].c', before: 1, after: 2 }],
    ],
    ['the whole', 1, 2, [{ path: '', before: 1, after: 2 }]],
    ['a kind', [1], { a: 1 }, [{ path: '', before: [1], after: { a: 1 } }]],
    ['null and an object', { a: null }, { a: {} }, [{ path: 'a', before: null, after: {} }]],
    ['created', undefined, { a: 1 }, [{ path: '', after: { a: 1 } }]],
    ['removed', { a: 1 }, undefined, [{ path: '', before: { a: 1 } }]],
    ['a property more', {}, { a: 1 }, [{ path: 'a', after: 1 }]],
    ['a property less', { a: 1 }, {}, [{ path: 'a', before: 1 }]],
    ['inherited names', {}, { constructor: 1 }, [{ path: 'constructor', after: 1 }]],
    [
      'names that need quotes',
      { 'a.b': 1, '': 1 },
      { 'a.b': 2, '': 2 },
      [
        { path: '[""]', before: 1, after: 2 },
        { path: '["a.b"]', before: 1, after: 2 },
      ],
    ],
    ['scalars of one length', { a: [1, 2] }, { a: [1, 3] }, [{ path: 'a[1]', before: 2, after: 3 }]],
    ['scalars of two lengths', { a: [1, 2] }, { a: [2] }, [{ path: 'a', before: [1, 2], after: [2] }]],
    [
      'objects of two lengths',
      { a: [{ x: 1 }] },
      { a: [{ x: 2 }, { x: 3 }] },
      [
        { path: 'a[0].x', before: 1, after: 2 },
        { path: 'a[1]', after: { x: 3 } },
      ],
    ],
  ])('%s', (_, before, after, expected) => {
    expect(fieldDifferences(before, after)).toEqual(expected)
  })

  it('gives a place whole where too much of it differs, and loses nothing beside it', () => {
    const many = (offset: number): Json =>
      Object.fromEntries(Array.from({ length: maxFields + 1 }, (_, n) => [`k${String(n)}`, n + offset]))
    expect(fieldDifferences({ a: 1, big: many(0) }, { a: 2, big: many(1) })).toEqual([
      { path: 'a', before: 1, after: 2 },
      { path: 'big', before: many(0), after: many(1) },
    ])
  })
})
