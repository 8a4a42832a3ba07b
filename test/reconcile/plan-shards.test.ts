import { describe, expect, it } from 'vitest'
import { listing } from '../../src/reconcile/listing.js'
import { build, digest, incomplete, items, part, refused, shard, told } from './plan-builder.js'
import type { Item } from './plan-builder.js'

describe('shards', () => {
  it('are one plan, with the shard on each change', () => {
    const built = build('x/a y/b', [shard('b', part('y1', 'y2')), shard('a', part('', 'x1'))])
    expect(built.data.changes.map(({ action, key, shard }) => [action, key, shard])).toEqual([
      ['delete', 'x', 'a'],
      ['update', 'y', 'b'],
    ])
    expect(built.facts.shards.map(({ shard, owned, deletes, changes }) => [shard, owned, deletes, changes])).toEqual([
      ['a', 1, 1, 1],
      ['b', 1, 0, 1],
    ])
  })

  it('do not delete what another shard desires, though it was theirs', () => {
    const built = build('x/a', [shard('a', part('', 'x1')), shard('b', part('x1', 'x1'))])
    expect(told(built)).toBe('')
    expect(built.data.summary).toMatchObject({ of: 1, unchanged: 1 })
    // It is b's now, and must not be taken for gone in a.
    expect(built.confirm).toEqual([{ key: 'x', target: 'us', shard: 'b', state: 'owned', digest: digest('x1') }])
    expect(built.forget).toEqual([])
    expect(build('x/a', [shard('a', part('', '')), shard('b', part('x1', 'x1'))]).forget).toEqual([])
  })

  it('delete once what several of them list: in the shard that owns it', () => {
    const built = build('x/b', [shard('a', part('', 'x1 y1')), shard('b', part('', 'x1 y1'))])
    expect(built.data.changes.map(({ action, key, shard }) => [action, key, shard])).toEqual([['delete', 'x', 'b']])
    expect(built.data.summary).toMatchObject({ of: 1, foreign: 1 })
    const under = build('', [shard('b', part('', 'x1')), shard('a', part('', 'x1'))], { deletePolicy: 'all' })
    expect(under.data.changes.map(({ action, key, shard }) => [action, key, shard])).toEqual([['delete', 'x', 'a']])
  })

  it('leave alone what a shard outside this run owns', () => {
    expect(told(build('x/b', [shard('a', part('', 'x1'))], { deletePolicy: 'all' }))).toBe('')
  })

  it('lose only their own deletes to an incomplete listing', () => {
    const built = build('x/a y/b z/b', [
      shard('a', part('', 'x1', incomplete('x1'))),
      shard('b', part('', 'y1', {}), part('', 'z1')),
    ])
    expect(told(built)).toBe('delete y, delete z')
    expect(built.facts.shards.map(({ incomplete }) => incomplete?.heldBack)).toEqual([['x'], undefined])
  })

  it('that could not be read at all are left as they are, also where nothing is known of them', () => {
    const unread = { current: listing.unreadable<Item>('no answer') }
    const built = build('x/a', [shard('a', part('x1 y1', '', unread)), shard('b', part('z1', ''))])
    expect(told(built)).toBe('create z')
    expect(built.forget).toEqual([])
    expect(built.facts.shards[0]?.incomplete).toEqual({
      reason: 'no answer',
      heldBack: [],
      notCreated: ['x', 'y'],
      unreadable: true,
    })
  })

  it('lose all their deletes when one of several listings is incomplete', () => {
    expect(told(build('y/b z/b', [shard('b', part('', 'y1'), part('', 'z1', incomplete('z1')))]))).toBe('')
  })

  it.each([
    [
      'two shards',
      [shard('b', part('x1', '')), shard('a', part('x1', ''))],
      'shards a and b both desire an object with the key "x"',
    ],
    ['two plans of a shard', [shard('a', part('x1', ''), part('x1', ''))], 'two plans of shard a both desire'],
  ])('refuse a key desired in %s', (_, shards, message) => {
    expect(() => build('', shards)).toThrow(refused(message))
  })
})

describe('the ledger after a plan', () => {
  it('forgets what is gone and not desired', () => {
    const built = build('gone kept other@them maybe?1', [shard('', part('kept1', 'kept1'))])
    expect(built.forget.map(({ key }) => key)).toEqual(['gone', 'maybe'])
    expect(told(built)).toBe('')
  })

  it.each([
    ['an incomplete listing', [shard('', part('', '', incomplete('')))]],
    ['no listing', [shard('')]],
  ])('forgets nothing on %s', (_, shards) => {
    const built = build('gone', shards)
    expect(built.forget).toEqual([])
    expect(built.facts.shards[0]?.incomplete).not.toBeNull()
  })

  it('does not call a shard without listings incomplete where nothing is known of it', () => {
    expect(build('', [shard('')]).facts.shards[0]?.incomplete).toBeNull()
  })

  it('confirms an intent that turned out done', () => {
    const built = build('a?1 b', [shard('', part('a1 b1', 'a1 b1'))])
    expect(built.confirm).toEqual([{ key: 'a', target: 'us', shard: '', state: 'owned', digest: digest('a1') }])
  })
})

describe('what limits are checked on', () => {
  it('knows an empty shard, a removed one, and what only the ledger knows of', () => {
    const built = build('x/a gone/a y/b?1', [
      shard('a', part('', 'x1')),
      { ...shard('b', part('', '')), removed: true },
      shard('c', part('z1', '')),
    ])
    expect(
      built.facts.shards.map(({ shard, removed, empty, owned, known }) => [shard, removed, empty, owned, known]),
    ).toEqual([
      ['a', false, true, 1, 2],
      ['b', true, true, 0, 0],
      ['c', false, false, 0, 0],
    ])
  })

  it('believes the desired state when it says that it is empty', () => {
    const built = build('', [{ ...shard('', part('z1', '')), desiredEmpty: true }])
    expect(built.facts.shards[0]?.empty).toBe(true)
  })

  it('asks the integration and the diff what is protected, of deletes only', () => {
    const built = build('a b c', [shard('', part('c1', 'a1 b1 c2', { protect: ({ name }) => name === 'a' }))], {
      protect: (current) => (current as Item).name !== 'a',
    })
    expect(built.facts.shards[0]?.protectedKeys).toEqual(['a', 'b'])
  })

  it('asks invariants about the state as it would be', () => {
    const seen: unknown[] = []
    const built = build('gone up', [shard('', part('up1 new1', 'gone1 up2 foreign3'))], {
      invariants: [
        (resulting) => {
          seen.push(...resulting)
          return undefined
        },
        (resulting) => (resulting.length < 4 ? `only ${String(resulting.length)} are left` : undefined),
      ],
    })
    expect(seen).toEqual(items('foreign3 new1 up1'))
    expect(built.facts.invariants).toEqual(['only 3 are left'])
  })

  it('stops when a guard cannot be asked', () => {
    const bad = (): never => {
      throw new Error('no such field')
    }
    const shards = [shard('', part('', 'a1'))]
    expect(() => build('a', shards, { protect: bad })).toThrow(refused('limits.protect failed on a: no such field'))
    expect(() => build('a', shards, { invariants: [bad] })).toThrow(
      refused('limits.invariants[0] failed: no such field'),
    )
  })

  it('leaves, and does not forget, what a shard outside the run desires', () => {
    const moved = build('x/a y/a', [shard('a', part('', 'x1'))], { elsewhere: [{ name: 'x' }, { name: 'y' }, null] })
    expect(moved.changes).toEqual([])
    expect(moved.forget).toEqual([])
    const gone = build('x/a y/a', [shard('a', part('', 'x1'))], { elsewhere: [] })
    expect(gone.data.changes.map(({ action, key }) => `${action} ${key}`)).toEqual(['delete x'])
    expect(gone.forget.map(({ key }) => key)).toEqual(['y'])
  })
})
