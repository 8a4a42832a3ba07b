// Plans of something else than the desired state: exactly the keys asked for, with every rule of ownership as ever.
import { describe, expect, it } from 'vitest'
import type { Json } from '../../src/event.js'
import { createOwnershipView } from '../../src/reconcile/ownership-view.js'
import { buildPlan, type BuiltPlan } from '../../src/reconcile/plan.js'
import { notPlanned, steer, type Steering } from '../../src/reconcile/steer.js'
import type { DeletePolicy } from '../../src/integration.js'
import { entries, part, shard } from './plan-builder.js'

interface Input {
  readonly desired: string
  readonly current: string
  readonly owned?: string
  readonly policy?: DeletePolicy
}

function steered(
  { desired, current, owned = current.replace(/\d/g, ''), policy = 'owned' }: Input,
  steering: Steering,
): { readonly built: BuiltPlan; readonly changes: readonly string[]; readonly left: readonly string[] } {
  const result = steer({ target: 'us', deletePolicy: policy, shards: [shard('', part(desired, current))], steering })
  const built = buildPlan({
    target: 'us',
    destination: 'here',
    integration: 'it',
    deletePolicy: policy,
    shards: result.shards,
    only: result.only,
    ledger: createOwnershipView(entries(owned)),
  })
  const changes = built.data.changes.map(({ action, key }) => `${action} ${key}`)
  const left = notPlanned(result, new Set(built.data.changes.map(({ key }) => key)))
  return { built, changes, left: left.map(({ key }) => key) }
}

const undo = (...wanted: readonly (readonly [string, number | undefined])[]): Steering => ({
  kind: 'undo',
  run: 'R',
  only: null,
  destination: 'here',
  left: [],
  wanted: wanted.map(([key, value]) => ({
    key,
    shard: '',
    value: value === undefined ? undefined : ({ name: key, value } satisfies Json),
  })),
})

describe('a way back', () => {
  it('creates, updates and deletes exactly what it is about, and lets the rest be', () => {
    const { changes, built } = steered(
      { desired: 'a9 x1', current: 'a2 b2 c2 y1', owned: 'a b c y' },
      undo(['a', 1], ['b', undefined], ['d', 4]),
    )
    expect(changes.toSorted()).toEqual(['create d', 'delete b', 'update a'])
    expect(built.facts.shards[0]).toMatchObject({ owned: 4, empty: false, deletes: 1 })
    expect(built.changes.find(({ change }) => change.key === 'a')?.after).toEqual({ name: 'a', value: 1 })
  })

  it('forgets nothing in the ledger that it is not about', () => {
    const { built } = steered({ desired: '', current: 'a1', owned: 'a b c' }, undo(['a', 2], ['b', undefined]))
    expect(built.forget.map(({ key }) => key)).toEqual(['b'])
  })

  it('counts as empty when it removes all that there is', () => {
    expect(steered({ desired: 'a1', current: 'a1' }, undo(['a', undefined])).built.facts.shards[0]?.empty).toBe(true)
  })

  it('leaves what is not owned, and says so', () => {
    const { changes, left } = steered(
      { desired: '', current: 'a1 b1', owned: 'b' },
      undo(['a', undefined], ['b', undefined]),
    )
    expect([changes, left]).toEqual([['delete b'], ['a']])
  })

  it('never deletes under the policy never, and says so', () => {
    const { changes, left } = steered({ desired: '', current: 'a1', policy: 'never' }, undo(['a', undefined]))
    expect([changes, left]).toEqual([[], ['a']])
  })

  it('is nothing where all is as it was', () => {
    expect(steered({ desired: 'a9', current: 'a1' }, undo(['a', 1], ['b', undefined]))).toMatchObject({
      changes: [],
      left: [],
    })
  })

  it('puts an object that is gone into the part that knows its key, and into none where that cannot be told', () => {
    const twice = [shard('', part('', ''), part('', ''))]
    const input = { target: 'us', deletePolicy: 'owned', shards: twice, steering: undo(['a', 1]) } as const
    expect(steer(input).left).toEqual([{ key: 'a', why: 'which part of the plan it belongs to cannot be told' }])
  })
})

describe('adopting', () => {
  it('takes what is nobody’s as it is, and nothing else', () => {
    const { changes, built } = steered(
      { desired: 'a9 b1', current: 'a1 b1 c1', owned: '' },
      { kind: 'adopt', keys: ['a', 'c'] },
    )
    expect(changes).toEqual(['adopt a', 'adopt c'])
    expect(built.changes[0]?.after).toEqual({ name: 'a', value: 1 })
  })

  it('does not take what is another target’s', () => {
    const { built } = steered({ desired: '', current: 'a1', owned: 'a@other' }, { kind: 'adopt', keys: ['a'] })
    expect(built.facts.shards[0]?.notOwned).toEqual([{ key: 'a', owner: 'other' }])
  })

  it('refuses what is not there, with a suggestion', () => {
    expect(() => steered({ desired: 'long1', current: 'longer1' }, { kind: 'adopt', keys: ['longed'] })).toThrow(
      /no object "longed" among the 1 that were listed; .* Did you mean "longer"\?/,
    )
  })
})

describe('destroying', () => {
  it('deletes all that is owned, whatever run() desires, and nothing of others', () => {
    const { changes } = steered({ desired: 'a1 b2', current: 'a1 b1 c1 d1', owned: 'a b d@other' }, { kind: 'destroy' })
    expect(changes).toEqual(['delete a', 'delete b'])
  })
})
