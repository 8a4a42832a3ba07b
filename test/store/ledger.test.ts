// The ownership ledger: one document a target and shard, and what the journal of a dead run adds to it.
import { describe, expect, it } from 'vitest'
import type { JournalEntry } from '../../src/store/journal.js'
import {
  foldJournal,
  readAllLedgers,
  readLedger,
  writeLedger,
  type LedgerObject,
  type LedgerShard,
} from '../../src/store/ledger.js'
import { createMemoryStore } from '../../src/store/memory-store.js'
import { createFakeClock } from '../../src/util/fake-clock.js'

const clock = createFakeClock()
const owned = (digest: string, run = 'OLD'): LedgerObject => ({ state: 'owned', digest, run })
const shard = (target: string, name: string, objects: LedgerShard['objects']): LedgerShard => ({
  target,
  shard: name,
  shape: 'list',
  objects,
})

describe('the ledger', () => {
  it('holds what every target owns at one place, and nothing of another place', async () => {
    const store = createMemoryStore({ clock })
    await writeLedger(store, 'a', shard('dns', '', { x: owned('1') }), undefined)
    await writeLedger(store, 'a', shard('web', 'east', { y: owned('2') }), undefined)
    await writeLedger(store, 'b', shard('dns', '', { z: owned('3') }), undefined)
    expect((await readLedger(store, 'a')).map(({ value }) => value)).toEqual([
      { ...shard('dns', '', { x: owned('1') }), destination: 'a' },
      { ...shard('web', 'east', { y: owned('2') }), destination: 'a' },
    ])
    expect((await readAllLedgers(store)).map(({ value, destination }) => [destination, value.target])).toEqual([
      ['a', 'dns'],
      ['a', 'web'],
      ['b', 'dns'],
    ])
  })

  it('is written only over what was read, and one that owns nothing stays, in the way of whoever lost its lease', async () => {
    const store = createMemoryStore({ clock })
    await writeLedger(store, 'a', shard('dns', '', { x: owned('1') }), undefined)
    const [read] = await readLedger(store, 'a')
    await expect(writeLedger(store, 'a', shard('dns', '', { q: owned('9') }), undefined)).rejects.toMatchObject({
      code: 'lease-lost',
      retryable: true,
    })
    await writeLedger(store, 'a', shard('dns', '', { x: owned('2') }), read)
    await expect(writeLedger(store, 'a', shard('dns', '', { q: owned('9') }), read)).rejects.toThrow(/meanwhile/)
    // What was read is old: removing must not forget what somebody else wrote.
    await writeLedger(store, 'a', shard('dns', '', {}), read).catch(() => undefined)
    expect((await readLedger(store, 'a'))[0]?.value.objects).toEqual({ x: owned('2') })
    const [now] = await readLedger(store, 'a')
    await writeLedger(store, 'a', shard('dns', '', {}), now)
    expect((await readLedger(store, 'a')).map(({ value }) => value.objects)).toEqual([{}])
  })

  it('is written under no lower token than the one it has', async () => {
    const store = createMemoryStore({ clock })
    await writeLedger(store, 'a', { ...shard('dns', '', { x: owned('1') }), fence: 3 }, undefined)
    const [read] = await readLedger(store, 'a')
    const late = { ...shard('dns', '', {}), fence: 2 }
    await expect(writeLedger(store, 'a', late, read)).rejects.toMatchObject({ code: 'lease-lost' })
    await writeLedger(store, 'a', { ...late, fence: 3 }, read)
    expect((await readLedger(store, 'a'))[0]?.value).toMatchObject({ objects: {}, fence: 3, destination: 'a' })
  })
})

describe('the journal of a run that ended in the middle', () => {
  const entry = (action: JournalEntry['action'], state: JournalEntry['state']): JournalEntry => ({
    sequence: 0,
    action,
    key: 'x',
    shard: '',
    after: action === 'delete' ? null : 'new',
    state,
  })
  const fold = (before: Record<string, LedgerObject>, one: JournalEntry): LedgerObject | undefined =>
    foldJournal(before, [one], 'RUN')['x']
  const intended = { state: 'intended', digest: 'new', run: 'RUN' } as const

  it.each([
    ['a create that was answered is owned', {}, entry('create', 'applied'), owned('new', 'RUN')],
    ['a create that was not is only intended', {}, entry('create', 'intent'), intended],
    ['a create that failed may have happened all the same', {}, entry('create', 'failed'), intended],
    ['an adopt that was not answered is only intended', {}, entry('adopt', 'intent'), intended],
    [
      'an update that was answered is owned as it is now',
      { x: owned('1') },
      entry('update', 'applied'),
      owned('new', 'RUN'),
    ],
    ['an update that was not leaves it owned', { x: owned('1') }, entry('update', 'intent'), owned('1')],
    ['a delete that was answered forgets it', { x: owned('1') }, entry('delete', 'applied'), undefined],
    ['a delete that was not keeps it', { x: owned('1') }, entry('delete', 'intent'), owned('1')],
    ['a delete that failed keeps it', { x: owned('1') }, entry('delete', 'failed'), owned('1')],
  ] as const)('%s', (_name, before, one, after) => {
    expect(fold(before, one)).toEqual(after)
    // Folding is repeated by every dry run until an apply writes it.
    expect(foldJournal(foldJournal(before, [one], 'RUN'), [one], 'RUN')['x']).toEqual(after)
  })

  it('keeps the claims of older runs beside its own: each may be what is there', () => {
    const before = { x: { state: 'intended', digest: 'old', run: 'OLD' } } as const
    const both = { ...intended, also: ['old'] }
    expect(fold(before, entry('create', 'intent'))).toEqual(both)
    expect(fold({ x: both }, { ...entry('create', 'failed'), after: 'third' })).toEqual({
      state: 'intended',
      digest: 'third',
      also: ['new', 'old'],
      run: 'RUN',
    })
    // Answered, it is known.
    expect(fold({ x: both }, entry('create', 'applied'))).toEqual(owned('new', 'RUN'))
  })

  it('keeps only so many of them', () => {
    let objects: Record<string, LedgerObject> = {}
    for (let index = 0; index < 100; index++)
      objects = foldJournal(objects, [{ ...entry('create', 'failed'), after: `value-${String(index)}` }], 'RUN')
    expect(objects['x']?.also).toHaveLength(32)
    expect(objects['x']).toMatchObject({ digest: 'value-99' })
    expect(objects['x']?.also?.[0]).toBe('value-98')
  })

  it.each(['update', 'delete'] as const)('owns what an unanswered %s was planned on as a claim has it', (action) => {
    const before = { x: { state: 'intended', digest: 'later', also: ['old'], run: 'OLD' } } as const
    expect(fold(before, { ...entry(action, 'intent'), live: 'old' })).toEqual(owned('old', 'OLD'))
    expect(fold(before, { ...entry(action, 'intent'), live: 'strange' })).toMatchObject({ state: 'intended' })
  })

  it('takes its entries in order', () => {
    const folded = foldJournal(
      {},
      [entry('create', 'applied'), entry('delete', 'applied'), entry('create', 'intent')],
      'RUN',
    )
    expect(folded).toEqual({ x: intended })
  })

  it('leaves objects alone that it does not name, also those called like parts of every object', () => {
    const before = { constructor: owned('1'), y: owned('2') }
    expect(foldJournal(before, [{ ...entry('create', 'applied'), key: '__proto__' }], 'RUN')).toEqual(
      Object.fromEntries([
        ['constructor', owned('1')],
        ['y', owned('2')],
        ['__proto__', owned('new', 'RUN')],
      ]),
    )
  })
})
