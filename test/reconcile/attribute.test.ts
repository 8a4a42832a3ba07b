import { describe, expect, it } from 'vitest'
import type { PlannedChange } from '../../src/event.js'
import { attribute } from '../../src/reconcile/attribute.js'

const change = (more: Partial<PlannedChange> = {}): PlannedChange => ({
  action: 'update',
  key: 'a',
  shard: null,
  cause: 'unknown',
  destructive: false,
  fields: [{ path: 'size', before: 1, after: 2 }],
  dependsOn: [],
  live: 'l',
  ...more,
})
const other = change({ fields: [{ path: 'size', before: 1, after: 3 }] })

describe('the cause of a change', () => {
  it.each<[string, PlannedChange | undefined, boolean, Partial<PlannedChange>]>([
    ['nothing was due', undefined, true, { cause: 'change' }],
    ['nothing was due, other code', undefined, false, { cause: 'change' }],
    ['the same was due', change(), true, { cause: 'drift' }],
    ['the same was due, in another shard', change({ shard: 'b' }), true, { cause: 'drift' }],
    ['the same was due, other code', change(), false, { cause: 'unknown' }],
    ['another change was due', other, true, { cause: 'change', overwritesDrift: true }],
    ['another action was due', change({ action: 'delete' }), true, { cause: 'change', overwritesDrift: true }],
    ['another change was due, other code', other, false, { cause: 'change' }],
  ])('where %s', (_, before, isSameGround, expected) => {
    const base = new Map(before === undefined ? [] : [['a', before]])
    const [found] = attribute({ changes: [change()], base, isSameGround, seen: () => undefined })
    expect(found).toEqual(change(expected))
  })

  it('is unknown where the object was another one at the second reading', () => {
    const ask = (seen: string | null): string | undefined =>
      attribute({ changes: [change()], base: new Map(), isSameGround: true, seen: () => seen })[0]?.cause
    expect([ask('l'), ask('m'), ask(null)]).toEqual(['change', 'unknown', 'unknown'])
  })
})
