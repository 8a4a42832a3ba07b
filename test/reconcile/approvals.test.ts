// Deletion approvals: which deletes they take out of the limits, until when, and what is said of each.
import { describe, expect, it } from 'vitest'
import { applyApprovals, endOf, type Approval } from '../../src/reconcile/approvals.js'
import { checkLimits } from '../../src/reconcile/limits.js'
import { entries, part, shard } from './plan-builder.js'
import { buildPlan } from '../../src/reconcile/plan.js'
import { createOwnershipView } from '../../src/reconcile/ownership-view.js'

const built = (desired: string, current: string) =>
  buildPlan({
    target: 'us',
    destination: 'here',
    integration: 'it',
    deletePolicy: 'owned',
    shards: [shard('', part(desired, current))],
    ledger: createOwnershipView(entries(current.replace(/\d/g, ''))),
  })

const NOON = Date.UTC(2026, 5, 15, 12)
const approval = (more: Partial<Approval>): Approval => ({
  target: 'us',
  until: '2026-06-15',
  reason: 'why',
  by: 'who',
  ...more,
})

/** Rules that block with at most one delete, and what is said of the approvals. */
function outcome(approvals: readonly Approval[], { desired = 'd1', now = NOON } = {}): readonly string[] {
  const { facts, data } = built(desired, 'a1 b1 c1 d1')
  const approved = applyApprovals({ facts, plan: data, approvals, now })
  const blocked = checkLimits(approved.facts, { maxDeletes: 1 }, {}).filter((check) => check.blocked)
  return [...blocked.map(({ rule }) => rule), ...approved.checks.map(({ actual, keys }) => [actual, ...keys].join(' '))]
}

describe('deletion approvals', () => {
  it('take the deletes that they name out of the limit', () => {
    expect(outcome([])).toEqual(['max-deletes'])
    expect(outcome([approval({ keys: ['a', 'b'] })])).toEqual(['used a b'])
    expect(outcome([approval({ keys: ['a'] })])).toEqual(['max-deletes', 'used a'])
    expect(outcome([approval({ keys: ['a'] }), approval({ keys: ['b', 'c'] })])).toEqual(['used a', 'used b c'])
  })

  it('count one delete once, though two approvals name it', () => {
    expect(outcome([approval({ keys: ['a'] }), approval({ keys: ['a'] })])).toEqual(['max-deletes', 'used a', 'used a'])
  })

  it('end with their day, or at their instant', () => {
    const twoDays = [approval({ keys: ['a', 'b'] })]
    expect(outcome(twoDays, { now: Date.UTC(2026, 5, 16) - 1 })).toEqual(['used a b'])
    expect(outcome(twoDays, { now: Date.UTC(2026, 5, 16) })).toEqual(['max-deletes', 'expired a b'])
    expect(outcome([approval({ keys: ['a', 'b'], until: '2026-06-15T11:59Z' })])).toEqual([
      'max-deletes',
      'expired a b',
    ])
    expect(endOf('2026-06-15T11:59:30Z')).toBe(Date.UTC(2026, 5, 15, 11, 59, 30))
    expect(outcome([approval({ keys: ['a', 'b'], until: 'some day' })])).toEqual(['max-deletes', 'expired a b'])
  })

  it('of a plan hold for that plan alone', () => {
    const plan = built('d1', 'a1 b1 c1 d1').data.digest
    expect(outcome([approval({ plan })])).toEqual(['used a b c'])
    expect(outcome([approval({ plan })], { desired: 'c1' })).toEqual(['max-deletes', 'unused'])
  })

  it('of all that is owned allow that nothing is desired', () => {
    expect(outcome([approval({ keys: ['a', 'b', 'c'] })], { desired: '' })).toEqual(['empty-desired', 'used a b c'])
    expect(outcome([approval({ keys: ['a', 'b', 'c', 'd'] })], { desired: '' })).toEqual(['used a b c d'])
  })

  it('of another target are nothing to this one', () => {
    expect(outcome([approval({ target: 'them', keys: ['a', 'b', 'c'] })])).toEqual(['max-deletes'])
  })
})
