// The journal: what was intended, what was answered, and what that tells after a crash.
import { describe, expect, it } from 'vitest'
import { createJournal, outcomeOf, readJournal } from '../../src/store/journal.js'
import { createMemoryStore } from '../../src/store/memory-store.js'
import { createFakeClock } from '../../src/util/fake-clock.js'
import { keysOf } from '../support/failing-store.js'
import { unguarded } from '../support/unguarded.js'

const clock = createFakeClock()
const entry = (
  sequence: number,
  key = `k${String(sequence)}`,
  shard = '',
): Parameters<ReturnType<typeof createJournal>['intend']>[0] => ({
  sequence,
  action: 'create',
  key,
  shard,
  after: 'x',
})

describe('a journal', () => {
  it('gives entries in the order of the plan, also past ten', async () => {
    const store = createMemoryStore({ clock })
    const journal = createJournal(store, 'RUN', unguarded)
    for (const sequence of [11, 2, 100, 0]) await journal.intend(entry(sequence))
    expect((await readJournal(store, 'RUN')).map(({ sequence }) => sequence)).toEqual([0, 2, 11, 100])
  })

  it('is that of one run, also where ids begin alike', async () => {
    const store = createMemoryStore({ clock })
    await createJournal(store, 'RUN', unguarded).intend(entry(0))
    await createJournal(store, 'RUN2', unguarded).intend(entry(0, 'other'))
    await createJournal(store, 'RUN', unguarded).clear()
    expect(await readJournal(store, 'RUN')).toEqual([])
    expect(await readJournal(store, 'RUN2')).toHaveLength(1)
  })

  it('tells applied, failed and unknown apart', async () => {
    const store = createMemoryStore({ clock })
    const journal = createJournal(store, 'RUN', unguarded)
    await (await journal.intend(entry(0))).settle('applied')
    await (await journal.intend(entry(1))).settle('failed', '409')
    await journal.intend(entry(2, 'k2', 'zone'))
    expect((await readJournal(store, 'RUN')).map(outcomeOf)).toEqual([
      { key: 'k0', action: 'create', shard: null, result: 'applied', error: null },
      { key: 'k1', action: 'create', shard: null, result: 'failed', error: '409' },
      {
        key: 'k2',
        action: 'create',
        shard: 'zone',
        result: 'unknown',
        error: expect.stringContaining('ended') as string,
      },
    ])
  })

  it('leaves nothing behind when it is cleared', async () => {
    const store = createMemoryStore({ clock })
    const journal = createJournal(store, 'RUN', unguarded)
    for (const sequence of [0, 1, 2]) await journal.intend(entry(sequence))
    await journal.clear()
    expect(await keysOf(store)).toEqual([])
  })

  it('does not intend one place of the plan twice', async () => {
    const store = createMemoryStore({ clock })
    await createJournal(store, 'RUN', unguarded).intend(entry(0))
    await expect(createJournal(store, 'RUN', unguarded).intend(entry(0, 'other'))).rejects.toMatchObject({
      code: 'journal-unavailable',
    })
    expect(await readJournal(store, 'RUN')).toMatchObject([{ key: 'k0' }])
  })
})
