import { describe, expect, it } from 'vitest'
import type { LimitCheck } from '../../src/event.js'
import type { LimitSettings } from '../../src/integration.js'
import { checkLimits, parseLimit } from '../../src/reconcile/limits.js'
import type { LimitOverrides } from '../../src/reconcile/limits.js'
import { exceeds } from '../../src/reconcile/parse-limit.js'
import type { PlanFacts, ShardFacts } from '../../src/reconcile/plan-facts.js'

const calm: ShardFacts = {
  shard: null,
  removed: false,
  empty: false,
  owned: 41,
  known: 41,
  deletes: 0,
  changes: 0,
  incomplete: null,
  protectedKeys: [],
  notOwned: [],
}
const facts = (shards: readonly Partial<ShardFacts>[], more: Partial<PlanFacts> = {}): PlanFacts => ({
  target: 'dns-records',
  deletePolicy: 'owned',
  invariants: [],
  ...more,
  shards: shards.map((shard) => ({ ...calm, known: shard.owned ?? calm.known, changes: shard.deletes ?? 0, ...shard })),
})
const check = (
  shards: readonly Partial<ShardFacts>[],
  settings: LimitSettings = {},
  overrides: LimitOverrides = {},
  more: Partial<PlanFacts> = {},
): readonly LimitCheck[] => checkLimits(facts(shards, more), settings, overrides)

/** `a: max-deletes` for each blocked check; the run has no name. */
const blocked = (checks: readonly LimitCheck[]): string =>
  checks
    .filter((one) => one.blocked)
    .map(({ rule, shard }) => (shard === null ? rule : `${shard}: ${rule}`))
    .join(', ')

describe('the delete limit', () => {
  it('says what is blocked, by which limit, and which flag allows exactly this', () => {
    expect(check([{ owned: 41, deletes: 12 }], { maxDeletes: '10%' })).toEqual([
      {
        rule: 'max-deletes',
        limit: '10%',
        actual: '12 of 41 (29 %)',
        shard: null,
        blocked: true,
        override: null,
        message: 'this plan deletes 12 of 41 objects (29 %); dns-records allows 10 %',
        allow: '--max-deletes 12',
        keys: [],
      },
    ])
  })

  it.each<[string, number, number, LimitSettings, boolean]>([
    ['the default, 30 % of 10', 3, 10, {}, false],
    ['over the default', 4, 10, {}, true],
    ['the default below 10 owned objects', 9, 9, {}, false],
    ['exactly the percentage', 4, 40, { maxDeletes: '10%' }, false],
    ['a hair over the percentage', 5, 41, { maxDeletes: '10%' }, true],
    ['under it', 4, 41, { maxDeletes: '10%' }, false],
    ['fractions', 1, 80, { maxDeletes: '1.25%' }, false],
    ['fractions, over', 1, 79, { maxDeletes: '1.25%' }, true],
    ['0 %', 1, 1000, { maxDeletes: '0%' }, true],
    ['100 %', 1000, 1000, { maxDeletes: '100%' }, false],
    ['a count', 3, 3, { maxDeletes: 3 }, false],
    ['over a count, however few', 4, 4, { maxDeletes: '3' }, true],
    ['no deletes at all', 1, 1, { maxDeletes: 0 }, true],
    ['percentages from another base on', 2, 4, { maxDeletes: '10%', percentFrom: 4 }, true],
    ['percentages of a smaller base', 2, 4, { maxDeletes: '10%', percentFrom: 5 }, false],
  ])('%s: %i of %i', (_, deletes, owned, settings, expected) => {
    expect(blocked(check([{ owned, deletes }], settings))).toBe(expected ? 'max-deletes' : '')
  })

  it('is reported where it was used, and not where nothing is deleted', () => {
    expect(check([{ owned: 41, deletes: 1 }])).toMatchObject([
      { rule: 'max-deletes', blocked: false, actual: '1 of 41 (2 %)', allow: null },
    ])
    expect(check([{ owned: 41 }])).toEqual([])
  })

  it('shows as many decimals as make it understandable', () => {
    expect(check([{ owned: 10_000, deletes: 1001 }], { maxDeletes: '10%' })[0]?.actual).toBe('1001 of 10000 (10.01 %)')
  })

  it('is checked for each shard and for the run', () => {
    const shards = [
      { shard: 'a', owned: 10, deletes: 3 },
      { shard: 'b', owned: 100, deletes: 31 },
      { shard: 'c', owned: 5, deletes: 5 },
      { shard: 'd', owned: 10, deletes: 0 },
    ]
    const checks = check(shards)
    expect(checks.map(({ shard, actual, blocked }) => [shard, actual, blocked])).toEqual([
      [null, '39 of 125 (31 %)', true],
      ['a', '3 of 10 (30 %)', false],
      ['b', '31 of 100 (31 %)', true],
      ['c', '5 of 5 (100 %)', false],
    ])
    expect(checks[2]?.message).toBe('this plan deletes 31 of 100 objects (31 %) in shard b; dns-records allows 30 %')
  })

  it('is allowed by one flag for shards and run together', () => {
    const shards = [
      { shard: 'a', owned: 10, deletes: 5 },
      { shard: 'b', owned: 100, deletes: 3 },
    ]
    const checks = check(shards)
    expect(blocked(checks)).toBe('a: max-deletes')
    // 5 would do for the shard, but then the run's 8 would be over it.
    expect(checks.filter((one) => one.blocked).map(({ allow }) => allow)).toEqual(['--max-deletes 8'])
    expect(blocked(check(shards, {}, { maxDeletes: 5 }))).toBe('max-deletes')
    expect(blocked(check(shards, {}, { maxDeletes: 8 }))).toBe('')
  })

  it('is checked once where there is one shard', () => {
    expect(check([{ shard: 'a', owned: 10, deletes: 5 }]).map(({ shard }) => shard)).toEqual(['a'])
  })

  it('is replaced by the flag, up or down, which is recorded', () => {
    expect(check([{ owned: 41, deletes: 12 }], { maxDeletes: '10%' }, { maxDeletes: '12' })).toMatchObject([
      { limit: '10%', override: '--max-deletes 12', blocked: false, allow: null },
    ])
    expect(check([{ owned: 41, deletes: 12 }], { maxDeletes: '50%' }, { maxDeletes: '5 %' })).toMatchObject([
      {
        limit: '50%',
        override: '--max-deletes 5%',
        blocked: true,
        allow: '--max-deletes 12',
        message: 'this plan deletes 12 of 41 objects (29 %); this run allows 5 % (--max-deletes 5%)',
      },
    ])
    expect(check([{ owned: 41 }], {}, { maxDeletes: 5 })).toMatchObject([
      { override: '--max-deletes 5', blocked: false },
    ])
  })
})

describe('the change limit', () => {
  it('is none by default', () => {
    expect(check([{ owned: 41, changes: 1000 }])).toEqual([])
  })

  it('counts every change', () => {
    expect(check([{ owned: 41, changes: 14 }], { maxChanges: 10 })).toMatchObject([
      {
        rule: 'max-changes',
        limit: '10',
        blocked: true,
        message: 'this plan makes 14 changes where 41 objects are owned (34 %); dns-records allows 10',
        allow: '--max-changes 14',
      },
    ])
    expect(blocked(check([{ owned: 41, changes: 14 }], { maxChanges: '34%' }))).toBe('max-changes')
    expect(blocked(check([{ owned: 41, changes: 14 }], { maxChanges: '35%' }))).toBe('')
  })

  it('says nothing of percent where nothing is owned yet', () => {
    expect(check([{ owned: 0, changes: 1 }], { maxChanges: 0 })[0]?.message).toBe(
      'this plan makes 1 change where 0 objects are owned; dns-records allows 0',
    )
    expect(blocked(check([{ owned: 0, changes: 100 }], { maxChanges: '10%' }))).toBe('')
  })

  it('can be set by the flag alone', () => {
    expect(check([{ owned: 41, changes: 14 }], {}, { maxChanges: 13 })).toMatchObject([
      { limit: 'none', override: '--max-changes 13', blocked: true },
    ])
  })
})

describe('an empty desired state', () => {
  const empty = { empty: true, owned: 3 }

  it('is blocked while something is owned', () => {
    expect(check([empty])).toMatchObject([
      {
        rule: 'empty-desired',
        limit: 'false',
        actual: '0 desired, 3 owned',
        shard: null,
        blocked: true,
        message: 'nothing is desired, but dns-records owns 3 objects',
        allow: '--allow-empty',
      },
    ])
  })

  it('names the shard', () => {
    expect(check([{ ...empty, shard: 'a' }, { shard: 'b' }])[0]?.message).toBe(
      'nothing is desired in shard a, but dns-records owns 3 objects there',
    )
  })

  it.each<[string, readonly Partial<ShardFacts>[], string]>([
    ['nothing is owned', [{ empty: true, owned: 0 }], ''],
    ['only the ledger knows of something', [{ empty: true, owned: 0, known: 1 }], 'empty-desired'],
    ['one shard of several', [{ ...empty, shard: 'a' }, { shard: 'b' }], 'a: empty-desired'],
    ['a removed shard', [{ ...empty, shard: 'a', removed: true }, { shard: 'b' }], ''],
    ['a removed shard that is all there is', [{ ...empty, shard: 'a', removed: true }], 'a: empty-desired'],
    [
      'all shards, removed or not',
      [
        { ...empty, shard: 'a', removed: true },
        { ...empty, shard: 'b' },
      ],
      'empty-desired',
    ],
    [
      'all shards removed',
      [
        { ...empty, shard: 'a', removed: true },
        { ...empty, shard: 'b', removed: true },
      ],
      'empty-desired',
    ],
    ['an empty shard that owns nothing', [{ shard: 'a', empty: true, owned: 0 }, { shard: 'b' }], ''],
  ])('%s', (_, shards, expected) => {
    expect(blocked(check(shards))).toBe(expected)
  })

  it('may be allowed by the target or by the run', () => {
    expect(check([empty], { allowEmpty: true })).toMatchObject([
      { limit: 'true', override: null, blocked: false, allow: null },
    ])
    expect(check([empty], {}, { allowEmpty: true })).toMatchObject([
      { limit: 'false', override: '--allow-empty', blocked: false },
    ])
  })

  it('is allowed on top of, not in place of, the delete limit', () => {
    expect(blocked(check([{ ...empty, owned: 20, deletes: 20 }], {}, { allowEmpty: true }))).toBe('max-deletes')
    expect(check([{ ...empty, owned: 20, deletes: 20 }]).map(({ allow }) => allow)).toEqual([
      '--allow-empty',
      '--max-deletes 20',
    ])
  })

  it('is nothing to worry about where nothing is ever deleted', () => {
    expect(check([empty], {}, {}, { deletePolicy: 'never' })).toEqual([])
  })
})

describe('what no flag allows', () => {
  const everything: LimitOverrides = { maxDeletes: 1000, maxChanges: 1000, allowEmpty: true }
  const only = (shards: readonly Partial<ShardFacts>[], more: Partial<PlanFacts> = {}): readonly LimitCheck[] =>
    check(shards, {}, everything, more).filter(({ override }) => override === null)

  it('is a delete of something protected', () => {
    expect(only([{ shard: 'a', deletes: 2, protectedKeys: ['ns1', 'ns2'] }])).toEqual([
      expect.objectContaining({
        rule: 'protected',
        shard: 'a',
        blocked: true,
        allow: null,
        keys: ['ns1', 'ns2'],
        message: expect.stringContaining('this plan deletes ns1 and ns2, which dns-records protects') as string,
      }),
    ])
  })

  it('is a broken invariant', () => {
    expect(only([{}], { invariants: ['only 1 admin is left'] })).toEqual([
      expect.objectContaining({
        rule: 'invariant',
        blocked: true,
        allow: null,
        message: 'after this plan a rule of dns-records would be broken: only 1 admin is left',
      }),
    ])
  })

  it('is a change of what is not owned; the message says what to do', () => {
    const notOwned = [
      { key: 'a b', owner: null },
      { key: 'c', owner: 'dns-old' },
      { key: 'd', owner: null },
    ]
    expect(only([{ notOwned }])).toEqual([
      expect.objectContaining({
        rule: 'not-owned',
        blocked: true,
        allow: null,
        keys: ['a b', 'd'],
        message:
          'a b and d exist, differ from what is desired, and are not owned by dns-records. ' +
          "Make them equal (then they are adopted), remove them, or take over: trueup owned adopt dns-records 'a b'",
      }),
      expect.objectContaining({
        rule: 'not-owned',
        keys: ['c'],
        message: expect.stringMatching(
          /^c is owned by the target dns-old.*trueup owned move c --from dns-old --to dns-records$/,
        ) as string,
      }),
    ])
  })

  it('names three keys and counts the rest, but lists all of them', () => {
    const protectedKeys = ['a', 'b', 'c', 'd', 'e']
    const [one] = only([{ deletes: 5, protectedKeys }])
    expect(one?.message).toContain('a, b, c and 2 more,')
    expect(one?.keys).toEqual(protectedKeys)
  })
})

describe('an incomplete listing', () => {
  it.each([
    [['x', 'y'], [], 'so 2 deletes are held back'],
    [['x'], ['z'], 'so 1 delete is held back, and 1 object known to the ledger was not seen and is not created again'],
    [[], [], 'so nothing could be deleted'],
  ])('blocks nothing, and says what was left out: %j %j', (heldBack, notCreated, message) => {
    expect(check([{ shard: 'a', incomplete: { reason: 'page 2: 403', heldBack, notCreated } }])).toEqual([
      expect.objectContaining({
        rule: 'incomplete-listing',
        shard: 'a',
        blocked: false,
        actual: 'page 2: 403',
        message: `the listing of shard a is incomplete (page 2: 403), ${message}`,
        keys: [...heldBack, ...notCreated],
      }),
    ])
  })
})

describe('parseLimit', () => {
  it.each<[number | string, unknown]>([
    [3, { kind: 'count', count: 3, text: '3' }],
    [0, { kind: 'count', count: 0, text: '0' }],
    ['3', { kind: 'count', count: 3, text: '3' }],
    ['10%', { kind: 'percent', thousandths: 10_000, text: '10%' }],
    [' 10 % ', { kind: 'percent', thousandths: 10_000, text: '10%' }],
    ['12.5%', { kind: 'percent', thousandths: 12_500, text: '12.5%' }],
    ['0.001%', { kind: 'percent', thousandths: 1, text: '0.001%' }],
  ])('reads %j', (value, expected) => {
    expect(parseLimit(value, '--max-deletes')).toEqual(expected)
  })

  it.each([
    [-1],
    [1.5],
    [Number.NaN],
    [Infinity],
    [''],
    ['-1'],
    ['1.5'],
    ['%'],
    ['ten'],
    ['10%%'],
    ['1e3'],
    ['0x1'],
    ['10 5%'],
    ['1.%'],
  ])('refuses %j, naming what it takes', (value) => {
    expect(() => parseLimit(value, '--max-deletes')).toThrow(
      expect.objectContaining({
        code: 'usage',
        message: expect.stringContaining('--max-deletes is a count such as 3 or a percentage such as 10%') as string,
      }),
    )
  })

  it('is asked for every limit, with its name', () => {
    expect(() => check([{}], { maxDeletes: 'x' })).toThrow(/^limits\.maxDeletes is/)
    expect(() => check([{}], { maxChanges: 'x' })).toThrow(/^limits\.maxChanges is/)
    expect(() => check([{ deletes: 1 }], { percentFrom: -1 })).toThrow(/^limits\.percentFrom is/)
    expect(() => check([{}], {}, { maxDeletes: 'x' })).toThrow(/^--max-deletes is/)
    expect(() => check([{}], {}, { maxChanges: 'x' })).toThrow(/^--max-changes is/)
  })
})

it('compares without rounding where fractions would', () => {
  // 0.1 % of 3000 is 3, but 0.1 / 100 * 3000 is 3.0000000000000004 or less in floating point.
  const limit = parseLimit('0.1%', 'x')
  expect(exceeds({ limit, count: 3, base: 3000, percentFrom: 10 })).toBe(false)
  expect(exceeds({ limit, count: 3, base: 2999, percentFrom: 10 })).toBe(true)
})
