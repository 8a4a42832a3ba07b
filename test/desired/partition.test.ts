import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { evaluateDesired } from '../../src/desired/evaluate.js'
import { createMemoryRepository } from '../../src/desired/memory-repository.js'
import { checkPartition } from '../../src/desired/partition.js'
import { groupBy } from '../../src/desired/shards.js'
import type { AnyIntegration } from '../../src/integration.js'
import { silentLog } from '../../src/report/run-log.js'

type Parts = ReadonlyMap<string, readonly unknown[]>
const check = (whole: readonly unknown[], parts: Parts): void => {
  checkPartition({ target: 'demo', whole, parts })
}

describe('a partition', () => {
  it('holds by the very elements, by their content, and with equal elements', () => {
    const item = { name: 'a' }
    check(
      [item, 'x', 'x'],
      new Map([
        ['s', [item, 'x']],
        ['t', ['x']],
      ]),
    )
    check([{ name: 'a', size: 1 }], new Map([['s', [{ size: 1, name: 'a' }]]]))
    check([], new Map())
  })

  it.each<[string, readonly unknown[], Parts, string]>([
    [
      'an item in no shard',
      [{ n: 'a' }, { n: 'b' }],
      new Map([['s', [{ n: 'a' }]]]),
      '{"n":"b"} is in none of the 1 shards',
    ],
    ['no shards at all', ['a'], new Map(), '"a" is in none of the 0 shards'],
    [
      'an item in two',
      ['a', 'b'],
      new Map([
        ['s', ['a', 'b']],
        ['t', ['b']],
      ]),
      '"b" is in two shards, s and t',
    ],
    ['an item twice in one', ['a'], new Map([['s', ['a', 'a']]]), 'shard s holds "a" twice'],
    [
      'an item of its own',
      ['a'],
      new Map([['s', ['a', 'new']]]),
      'shard s holds "new", which is not in the desired state',
    ],
    [
      'a changed item',
      [{ n: 1 }],
      new Map([['s', [{ n: 2 }]]]),
      'shard s holds {"n":2}, which is not in the desired state',
    ],
    ['one of two equal ones', ['a', 'a'], new Map([['s', ['a']]]), '"a" is in none of the 1 shards'],
  ])('is broken by %s', (_, whole, parts, message) => {
    expect(() => {
      check(whole, parts)
    }).toThrow(`demo: shards() does not cut the desired state into parts: ${message}`)
  })

  it('is found broken whatever is taken away, added or repeated', () => {
    const item = fc.oneof(fc.string(), fc.record({ name: fc.string() }))
    fc.assert(
      fc.property(fc.array(item, { minLength: 1, maxLength: 12 }), fc.nat(), fc.nat(3), (whole, at, shards) => {
        const parts = groupBy(whole, (one) => String(whole.indexOf(one) % (shards + 1)))
        check(whole, parts)
        check(structuredClone(whole), parts)
        const taken = whole[at % whole.length]
        const less = [...whole]
        less.splice(at % whole.length, 1)
        expect(() => {
          check(less, parts)
        }).toThrow()
        expect(() => {
          check([...whole, taken], parts)
        }).toThrow()
      }),
    )
  })
})

describe('every evaluation', () => {
  async function evaluate(desired: unknown, more: object): Promise<readonly unknown[][]> {
    const definition = {
      name: 'demo',
      version: '1',
      deletePolicy: 'owned',
      desiredState: () => desired,
      run: () => [],
      ...more,
    }
    const repository = createMemoryRepository({})
    const state = await evaluateDesired({
      definition: definition as unknown as AnyIntegration,
      target: 'demo',
      params: 'p',
      inputs: [],
      snapshot: await repository.head({ committed: true }),
      env: () => undefined,
      log: silentLog,
      map: (items, fn) => Promise.all([...items].map(fn)),
      signal: new AbortController().signal,
      http: undefined as never,
    })
    return [...state.shards.values()].map(({ key, items }) => [key, items])
  }
  const byUser = (desired: { users: Record<string, string[]> }): Map<string, unknown> =>
    new Map(Object.entries(desired.users).map(([user, keys]) => [user, { users: { [user]: keys } }]))
  const users = { users: { ann: ['k1', 'k2'], bob: ['k3'] } }
  const items = (desired: typeof users): string[] => Object.values(desired.users).flat()

  it('checks lists', async () => {
    expect(await evaluate(['a1', 'b1'], { shards: (all: string[]) => groupBy(all, (name) => name.charAt(0)) })).toEqual(
      [
        ['a', ['a1']],
        ['b', ['b1']],
      ],
    )
    await expect(evaluate(['a1', 'b1'], { shards: () => new Map([['a', ['a1']]]) })).rejects.toMatchObject({
      code: 'desired-invalid',
      message: expect.stringContaining('"b1" is in none of the 1 shards') as string,
    })
  })

  it('checks other forms by items()', async () => {
    expect(await evaluate(users, { shards: byUser, items })).toEqual([
      ['ann', ['k1', 'k2']],
      ['bob', ['k3']],
    ])
    const forgetful = (desired: typeof users): Map<string, unknown> => new Map([...byUser(desired)].slice(1))
    await expect(evaluate(users, { shards: forgetful, items })).rejects.toThrow('"k1" is in none of the 1 shards')
    await expect(evaluate(users, { shards: byUser, items: () => 7 })).rejects.toThrow('items() must return a list')
  })

  it('cannot tell for other forms without it', async () => {
    expect(await evaluate(users, { shards: byUser })).toEqual([
      ['ann', undefined],
      ['bob', undefined],
    ])
  })
})
