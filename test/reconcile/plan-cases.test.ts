import { describe, expect, it } from 'vitest'
import type { DeletePolicy } from '../../src/integration.js'
import { build, incomplete, part, shard, told } from './plan-builder.js'

describe('what becomes of an object', () => {
  interface Row {
    readonly desired: string
    readonly current: string
    readonly ledger?: string
    readonly policy?: DeletePolicy
    readonly proof?: boolean
    readonly partial?: boolean
    readonly plan: string
    readonly notOwned?: string
    /** owned, unchanged, foreign */
    readonly counts: readonly [number, number, number]
    readonly incomplete?: { readonly heldBack: readonly string[]; readonly notCreated: readonly string[] }
  }
  const rows: readonly Row[] = [
    // desired only
    { desired: 'a1', current: '', plan: 'create a', counts: [0, 0, 0] },
    { desired: 'a1', current: '', ledger: 'a', plan: 'create a', counts: [0, 0, 0] },
    { desired: 'a1', current: '', ledger: 'a?1', plan: 'create a', counts: [0, 0, 0] },
    { desired: 'a1', current: '', ledger: 'a@other', plan: 'create a', notOwned: 'a of other', counts: [0, 0, 0] },
    { desired: 'a1', current: '', ledger: 'a@other?1', plan: 'create a', counts: [0, 0, 0] },
    // equal
    { desired: 'a1', current: 'a1', ledger: 'a', plan: '', counts: [1, 1, 0] },
    { desired: 'a1', current: 'a1', proof: true, plan: '', counts: [1, 1, 0] },
    { desired: 'a1', current: 'a1', plan: 'adopt a', counts: [0, 0, 0] },
    { desired: 'a1', current: 'a1', ledger: 'a?1', plan: '', counts: [1, 1, 0] },
    { desired: 'a1', current: 'a1', ledger: 'a?2', plan: 'adopt a', counts: [0, 0, 0] },
    { desired: 'a1', current: 'a1', ledger: 'a', proof: false, plan: 'adopt a', counts: [0, 0, 0] },
    { desired: 'a1', current: 'a1', ledger: 'a@other', plan: 'adopt a', notOwned: 'a of other', counts: [0, 0, 0] },
    {
      desired: 'a1',
      current: 'a1',
      ledger: 'a@other',
      proof: true,
      plan: 'adopt a',
      notOwned: 'a of other',
      counts: [0, 0, 0],
    },
    { desired: 'a1', current: 'a1', policy: 'all', plan: '', counts: [1, 1, 0] },
    {
      desired: 'a1',
      current: 'a1',
      policy: 'all',
      ledger: 'a@other',
      plan: 'adopt a',
      notOwned: 'a of other',
      counts: [0, 0, 0],
    },
    // different
    { desired: 'a1', current: 'a2', ledger: 'a', plan: 'update a', counts: [1, 0, 0] },
    { desired: 'a1', current: 'a2', proof: true, plan: 'update a', counts: [1, 0, 0] },
    { desired: 'a1', current: 'a2', ledger: 'a?2', plan: 'update a', counts: [1, 0, 0] },
    { desired: 'a1', current: 'a2', plan: 'update a', notOwned: 'a', counts: [0, 0, 0] },
    { desired: 'a1', current: 'a2', ledger: 'a?1', plan: 'update a', notOwned: 'a', counts: [0, 0, 0] },
    { desired: 'a1', current: 'a2', ledger: 'a', proof: false, plan: 'update a', notOwned: 'a', counts: [0, 0, 0] },
    { desired: 'a1', current: 'a2', ledger: 'a@other', plan: 'update a', notOwned: 'a of other', counts: [0, 0, 0] },
    { desired: 'a1', current: 'a2', policy: 'all', plan: 'update a', counts: [1, 0, 0] },
    { desired: 'a1', current: 'a2', policy: 'never', ledger: 'a', plan: 'update a', counts: [1, 0, 0] },
    // current only
    { desired: '', current: 'a1', ledger: 'a', plan: 'delete a', counts: [1, 0, 0] },
    { desired: '', current: 'a1', proof: true, plan: 'delete a', counts: [1, 0, 0] },
    { desired: '', current: 'a1', ledger: 'a?1', plan: 'delete a', counts: [1, 0, 0] },
    { desired: '', current: 'a1', plan: '', counts: [0, 0, 1] },
    { desired: '', current: 'a1', ledger: 'a?2', plan: '', counts: [0, 0, 1] },
    { desired: '', current: 'a1', ledger: 'a', proof: false, plan: '', counts: [0, 0, 1] },
    { desired: '', current: 'a1', ledger: 'a@other', plan: '', counts: [0, 0, 0] },
    { desired: '', current: 'a1', ledger: 'a@other', proof: true, plan: '', counts: [0, 0, 0] },
    { desired: '', current: 'a1', ledger: 'a/elsewhere', plan: '', counts: [0, 0, 0] },
    { desired: '', current: 'a1', ledger: 'a/elsewhere', proof: true, plan: '', counts: [0, 0, 0] },
    { desired: '', current: 'a1', policy: 'all', plan: 'delete a', counts: [1, 0, 0] },
    { desired: '', current: 'a1', policy: 'all', ledger: 'a@other', plan: '', counts: [0, 0, 0] },
    { desired: '', current: 'a1', policy: 'never', ledger: 'a', plan: '', counts: [1, 0, 0] },
    { desired: '', current: 'a1', policy: 'never', plan: '', counts: [0, 0, 1] },
    // an incomplete listing
    {
      desired: '',
      current: 'a1',
      ledger: 'a',
      partial: true,
      plan: '',
      counts: [1, 0, 0],
      incomplete: { heldBack: ['a'], notCreated: [] },
    },
    {
      desired: '',
      current: 'a1',
      policy: 'all',
      partial: true,
      plan: '',
      counts: [1, 0, 0],
      incomplete: { heldBack: ['a'], notCreated: [] },
    },
    {
      desired: 'a1',
      current: '',
      ledger: 'a',
      partial: true,
      plan: '',
      counts: [0, 0, 0],
      incomplete: { heldBack: [], notCreated: ['a'] },
    },
    {
      desired: 'a1',
      current: '',
      ledger: 'a?1',
      partial: true,
      plan: '',
      counts: [0, 0, 0],
      incomplete: { heldBack: [], notCreated: ['a'] },
    },
    {
      desired: 'a1',
      current: '',
      partial: true,
      plan: 'create a',
      counts: [0, 0, 0],
      incomplete: { heldBack: [], notCreated: [] },
    },
    {
      desired: 'a1',
      current: 'a2',
      ledger: 'a',
      partial: true,
      plan: 'update a',
      counts: [1, 0, 0],
      incomplete: { heldBack: [], notCreated: [] },
    },
  ]

  it.each(rows)(
    '$policy desired=$desired current=$current ledger=$ledger proof=$proof partial=$partial → $plan $notOwned',
    (row) => {
      const built = build(
        row.ledger ?? '',
        [
          shard(
            '',
            part(row.desired, row.current, {
              owned: () => row.proof,
              ...(row.partial === true ? incomplete(row.current) : {}),
            }),
          ),
        ],
        { deletePolicy: row.policy ?? 'owned' },
      )
      expect(told(built)).toBe(row.plan)
      const facts = built.facts.shards[0]
      expect(facts?.notOwned.map(({ key, owner }) => (owner === null ? key : `${key} of ${owner}`)).join(' ')).toBe(
        row.notOwned ?? '',
      )
      const { of, unchanged, foreign } = built.data.summary
      expect([of, unchanged, foreign]).toEqual(row.counts)
      expect(facts?.incomplete ?? undefined).toEqual(
        row.incomplete === undefined ? undefined : { reason: 'page 2 could not be read', ...row.incomplete },
      )
    },
  )
})
