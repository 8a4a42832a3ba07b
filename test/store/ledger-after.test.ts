// The ledger after an apply: what is confirmed, what is only intended, what is forgotten, and that nothing else is written.
import { describe, expect, it } from 'vitest'
import type { ChangeOutcome, OutcomeResult } from '../../src/event.js'
import { ledgerAfter, type LedgerInput, type LedgerPlan } from '../../src/store/ledger-after.js'
import type { LedgerObject, StoredLedger } from '../../src/store/ledger.js'

const owned = (digest: string, run = 'OLD'): LedgerObject => ({ state: 'owned', digest, run })
const stored = (shard: string, objects: Record<string, LedgerObject>, target = 'dns'): StoredLedger => ({
  value: { target, shard, shape: 'list', objects },
  etag: `etag-${shard}`,
})
const outcome = (
  action: ChangeOutcome['action'],
  result: OutcomeResult,
  key = 'x',
  shard: string | null = null,
): ChangeOutcome => ({
  key,
  action,
  shard,
  result,
  error: null,
})

interface Given extends Partial<LedgerPlan['built']> {
  readonly ledger?: readonly StoredLedger[]
  readonly shards?: readonly string[]
  readonly outcomes?: LedgerInput['outcomes']
}

function after({
  ledger = [],
  shards = [''],
  outcomes = [],
  forget = [],
  confirm = [],
}: Given): Record<string, unknown> {
  const changes = outcomes.map(({ key, action }) => ({
    change: { key, live: action === 'create' ? null : `live-${key}` },
    afterDigest: action === 'delete' ? null : `new-${key}`,
  }))
  const planned = { built: { changes, forget, confirm }, shards: shards.map((key) => ({ key, value: [] })), ledger }
  const written = ledgerAfter({ target: 'dns', run: 'RUN', planned, outcomes })
  return Object.fromEntries(written.map(({ value }) => [value.shard, value.objects]))
}

describe('the ledger after an apply', () => {
  it.each(['create', 'update', 'adopt'] as const)('owns what was applied: %s', (action) => {
    expect(after({ outcomes: [outcome(action, 'applied')] })).toEqual({ '': { x: owned('new-x', 'RUN') } })
  })

  it.each(['failed', 'unknown'] as const)('only intends what was not owned and is %s', (result) => {
    for (const action of ['create', 'adopt'] as const) {
      expect(after({ outcomes: [outcome(action, result)] })).toEqual({
        '': { x: { state: 'intended', digest: 'new-x', run: 'RUN' } },
      })
    }
  })

  it.each(['failed', 'unknown'] as const)(
    'keeps the claims before one that is %s, unless it was planned on one',
    (result) => {
      const meant = (digest: string): StoredLedger[] => [stored('', { x: { state: 'intended', digest, run: 'OLD' } })]
      expect(after({ ledger: meant('m'), outcomes: [outcome('create', result)] })).toEqual({
        '': { x: { state: 'intended', digest: 'new-x', also: ['m'], run: 'RUN' } },
      })
      for (const action of ['update', 'delete'] as const) {
        expect(after({ ledger: meant('live-x'), outcomes: [outcome(action, result)] })).toEqual({
          '': { x: owned('live-x') },
        })
      }
    },
  )

  it.each(['skipped', 'not-attempted'] as const)('knows nothing of what was %s', (result) => {
    expect(after({ outcomes: [outcome('create', result)] })).toEqual({})
  })

  it.each(['failed', 'unknown', 'skipped', 'not-attempted'] as const)(
    'still owns what a delete did not remove: %s',
    (result) => {
      const ledger = [stored('', { x: owned('1') })]
      expect(after({ ledger, outcomes: [outcome('delete', result)] })).toEqual({})
    },
  )

  it('forgets what was deleted', () => {
    expect(
      after({ ledger: [stored('', { x: owned('1'), y: owned('2') })], outcomes: [outcome('delete', 'applied')] }),
    ).toEqual({
      '': { y: owned('2') },
    })
  })

  it('still owns what an update did not reach', () => {
    expect(after({ ledger: [stored('', { x: owned('1') })], outcomes: [outcome('update', 'unknown')] })).toEqual({})
  })

  it('writes nothing when nothing differs, and forgets and confirms what the plan found', () => {
    const ledger = [stored('', { gone: owned('1'), meant: { state: 'intended', digest: 'm', run: 'OLD' } })]
    expect(after({ ledger })).toEqual({})
    expect(
      after({ ledger, forget: [{ key: 'gone', shard: '' }], confirm: [{ key: 'meant', shard: '', digest: 'm' }] }),
    ).toEqual({ '': { meant: owned('m', 'RUN') } })
  })

  it('keeps an object in one shard only, the one that it moved to', () => {
    const ledger = [stored('east', { x: owned('1') }), stored('west', { y: owned('2') })]
    expect(after({ ledger, shards: ['east', 'west'], confirm: [{ key: 'x', shard: 'west', digest: '1' }] })).toEqual({
      east: {},
      west: { x: owned('1', 'RUN'), y: owned('2') },
    })
  })

  it('never touches what other targets own', () => {
    const ledger = [stored('', { x: owned('1') }, 'other')]
    expect(after({ ledger, outcomes: [outcome('create', 'applied', 'y')] })).toEqual({
      '': { y: owned('new-y', 'RUN') },
    })
  })

  it('leaves to its own run what that has only in its journal so far, in a shard that is not part of this one', () => {
    const ledger = [{ ...stored('east', { x: owned('1') }), etag: null }]
    expect(after({ ledger, shards: ['west'], outcomes: [outcome('create', 'applied', 'y', 'west')] })).toEqual({
      west: { y: owned('new-y', 'RUN') },
    })
  })

  it('writes what a dead run left in memory, although this run changed nothing', () => {
    const ledger = [{ ...stored('', { x: owned('1') }), etag: null }]
    expect(after({ ledger })).toEqual({ '': { x: owned('1') } })
  })
})
