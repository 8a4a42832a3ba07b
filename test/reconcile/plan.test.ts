import { describe, expect, it } from 'vitest'
import type { Handlers } from '../../src/integration.js'
import { diff } from '../../src/reconcile/diff.js'
import { listing } from '../../src/reconcile/listing.js'
import { planPart, readPlanPart } from '../../src/reconcile/plan.js'
import type { BuildPlanInput, PlanShard } from '../../src/reconcile/plan.js'
import { all, build, digest, items, part, refused, shard, told } from './plan-builder.js'
import type { Item } from './plan-builder.js'

describe('a plan', () => {
  it('is ordered: deletes, adopts, creates, updates, each by key; and counted', () => {
    const built = build('gone old same', [
      shard('', part('same1 up1 new1 found1 Also1', 'gone1 old1 same2 found1 up1')),
    ])
    expect(told(built)).toBe('delete gone, delete old, adopt found, adopt up, create Also, create new, update same')
    expect(built.data.summary).toEqual({ create: 2, update: 1, delete: 2, adopt: 2, of: 3, unchanged: 0, foreign: 0 })
  })

  it('tells of each change what it touches and what it was planned against', () => {
    const built = build('gone up', [shard('', part('up1 new1', 'gone1 up2'))])
    expect(built.data.changes).toEqual([
      {
        action: 'delete', key: 'gone', shard: null, cause: 'unknown', destructive: true, dependsOn: [],
        fields: [{ path: '', before: { name: 'gone', value: 1 } }], live: digest('gone1'),
      },
      {
        action: 'create', key: 'new', shard: null, cause: 'unknown', destructive: false, dependsOn: [],
        fields: [{ path: '', after: { name: 'new', value: 1 } }], live: null,
      },
      {
        action: 'update', key: 'up', shard: null, cause: 'unknown', destructive: false, dependsOn: [],
        fields: [{ path: 'value', before: 2, after: 1 }], live: digest('up2'),
      },
    ]) // prettier-ignore
    expect(built.changes.map(({ change }) => change)).toEqual(built.data.changes)
    expect(built.changes.map(({ afterDigest }) => afterDigest)).toEqual([null, digest('new1'), digest('up1')])
    expect(built.changes.map(({ before, after }) => [before, after])).toEqual([
      [items('gone1')[0], undefined],
      [undefined, items('new1')[0]],
      [items('up2')[0], items('up1')[0]],
    ])
  })

  it('calls the handler of each change with what it needs, and no other', async () => {
    const calls: unknown[] = []
    const handlers: Handlers<Item, Item, 'owned'> = {
      create: (change) => void calls.push(['create', change]),
      update: (change) => void calls.push(['update', change]),
      delete: (change) => void calls.push(['delete', change]),
      adopt: (change) => void calls.push(['adopt', change]),
    }
    const built = build('gone up', [shard('', part('up1 new1 same1', 'gone1 up2 same1', { handlers }))])
    expect(calls).toEqual([])
    const { signal } = new AbortController()
    for (const change of built.changes) await change.carryOut(signal)
    expect(calls).toEqual([
      ['delete', { key: 'gone', signal, before: items('gone1')[0], after: undefined }],
      ['adopt', { key: 'same', signal, before: items('same1')[0], after: items('same1')[0] }],
      ['create', { key: 'new', signal, before: undefined, after: items('new1')[0] }],
      ['update', { key: 'up', signal, before: items('up2')[0], after: items('up1')[0] }],
    ])
  })

  it('rejects with what a handler throws, also at once', async () => {
    const handlers = { ...all, create: () => { throw new Error('name is taken') } } // prettier-ignore
    const [change] = build('', [shard('', part('a1', '', { handlers }))]).changes
    await expect(change?.carryOut(new AbortController().signal)).rejects.toThrow('name is taken')
  })

  it('adopts without a handler, and never carries out what is not owned', async () => {
    const calls: string[] = []
    const handlers = { ...all, update: () => void calls.push('update') }
    const built = build('', [shard('', part('a1 b1', 'a1 b2', { handlers }))])
    const { signal } = new AbortController()
    await expect(built.changes[0]?.carryOut(signal)).resolves.toBeUndefined()
    await expect(built.changes[1]?.carryOut(signal)).rejects.toThrow(/^Internal error: b is not owned/)
    expect(calls).toEqual([])
  })

  it('refuses a change that no handler can carry out, naming keys', () => {
    const handlers = { delete: () => undefined }
    expect(() => build('a', [shard('', part('a1 b1 c1', 'a2', { handlers }))])).toThrow(
      refused('tool has no create handler, but its plan needs one for b, c'),
    )
  })

  it('keeps marks of destructive updates', () => {
    const built = build('a b', [
      shard('', part('a1 b2', 'a2 b1', { destructive: ({ before, after }) => after.value < before.value })),
    ])
    expect(built.data.changes.map(({ key, destructive }) => [key, destructive])).toEqual([['a', true], ['b', false]]) // prettier-ignore
  })

  it('keeps dependencies on other changes only', () => {
    const dependsOn = (key: string): readonly string[] => (key === 'b' ? ['a', 'same', 'nowhere', 'a'] : [])
    const built = build('same', [shard('', part('a1 b1 same1', 'same1', { dependsOn }))])
    expect(told(built)).toBe('create a, create b (after a)')
  })

  it.each([
    ['itself', { a: ['a'] }, 'a → a'],
    ['another', { a: ['b'], b: ['a'] }, 'a → b → a'],
    ['a circle beside the way', { a: ['b'], b: ['c'], c: ['d'], d: ['c'] }, 'c → d → c'],
  ])('refuses a change that waits for %s, naming the keys', (_, needs, circle) => {
    const dependsOn = (key: string): readonly string[] => (needs as Record<string, string[]>)[key] ?? []
    expect(() => build('', [shard('', part('a1 b1 c1 d1', '', { dependsOn }))])).toThrow(
      refused(`in a circle: ${circle};`),
    )
  })

  it('takes a chain of 20,000 changes', () => {
    const desired = Array.from({ length: 20_000 }, (_, index) => ({ name: `n${String(index)}`, value: 1 }))
    const made = diff({
      desired,
      current: listing.whole<Item>([]),
      key: ({ name }) => name,
      dependsOn: (key) => [`n${String(Number(key.slice(1)) + 1)}`],
    })
    expect(build('', [shard('', planPart(made, all))]).data.summary.create).toBe(20_000)
  })
})

describe('the digest of a plan', () => {
  const base = () => [shard('a', part('x1', 'x2 y1')), shard('b', part('z1', ''))]
  const of = (ledger: string, shards: readonly PlanShard[], more: Partial<BuildPlanInput> = {}) =>
    build(ledger, shards, more).data.digest

  it('does not depend on the order of shards, parts and items', () => {
    const other = [shard('b', part('z1', '')), shard('a', part('x1', 'y1 x2'))]
    expect(of('x/a y/a', other)).toBe(of('y/a x/a', base()))
    expect(of('x/a y/a', base())).toMatch(/^[0-9a-f]{64}$/)
  })

  it.each<[string, () => string]>([
    ['target', () => of('x/a@me y/a@me', base(), { target: 'me' })],
    ['destination', () => of('x/a y/a', base(), { destination: 'elsewhere' })],
    ['absence of a destination', () => of('x/a y/a', base(), { destination: null })],
    ['set of changes', () => of('x/a', base())],
    ['desired value', () => of('x/a y/a', [shard('a', part('x3', 'x2 y1')), shard('b', part('z1', ''))])],
    ['live value', () => of('x/a y/a', [shard('a', part('x1', 'x3 y1')), shard('b', part('z1', ''))])],
    ['live value of a delete', () => of('x/a y/a', [shard('a', part('x1', 'x2 y2')), shard('b', part('z1', ''))])],
    ['shard', () => of('x/a y/a', [shard('a', part('x1', 'x2 y1')), shard('c', part('z1', ''))])],
    [
      'dependencies',
      () =>
        of('x/a y/a', [
          shard('a', part('x1', 'x2 y1', { dependsOn: (key) => (key === 'x' ? ['y'] : []) })),
          shard('b', part('z1', '')),
        ]),
    ],
  ])('depends on the %s', (_, other) => {
    expect(other()).not.toBe(of('x/a y/a', base()))
  })

  it('depends on the fields that do not change, too', () => {
    expect(of('', [shard('', part('x1', 'x1'))])).not.toBe(of('', [shard('', part('x2', 'x2'))]))
  })

  it('does not depend on what is left alone', () => {
    expect(of('x/a y/a', [shard('a', part('x1', 'x2 y1 foreign5')), shard('b', part('z1', ''))])).toBe(
      of('x/a y/a', base()),
    )
  })
})

describe('a plan part', () => {
  it.each([[undefined], [null], [[]], [{ kind: 'plan' }], [{ ...part('', '') }], ['plan']])('is not %j', (value) => {
    expect(() => readPlanPart(value)).toThrow(refused('run() must return what ctx.plan(...) gives'))
  })

  it('refuses a diff made or altered by hand', () => {
    const real = diff({ desired: items('a1'), current: listing.incomplete(items(''), 'half'), key: ({ name }) => name })
    expect(() => planPart({ ...real, complete: true }, all)).toThrow(refused('what diff('))
  })

  it.each([
    [{ ...all, remove: () => undefined }, 'a handler called "remove"'],
    [{ ...all, create: 'yes' as unknown as () => undefined }, 'a "create" that is not a function'],
  ])('refuses handlers that could never be called', (handlers, message) => {
    const real = diff({ desired: items('a1'), current: listing.whole(items('')), key: ({ name }) => name })
    expect(() => planPart(real, handlers)).toThrow(refused(message))
  })
})
