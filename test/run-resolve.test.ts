// What a person says of a change whose outcome nobody saw, in the ledger: one claim is settled, those of other changes stay.
import { expect, it } from 'vitest'
import { resolveChange } from '../src/run-resolve.js'
import type { LedgerObject } from '../src/store/ledger.js'
import { readLedger, writeLedger } from '../src/store/ledger.js'
import { createMemoryStore } from '../src/store/memory-store.js'
import { createFakeClock } from '../src/util/fake-clock.js'
import { unguarded } from './support/unguarded.js'

const by = { actor: null, url: null, host: 'h', tool: 't' }
const meant = (digest: string, ...also: string[]): LedgerObject => ({
  state: 'intended',
  digest,
  run: 'OLD',
  ...(also.length === 0 ? {} : { also }),
})

async function resolved(before: LedgerObject, as: 'done' | 'absent'): Promise<LedgerObject | undefined> {
  const clock = createFakeClock()
  const store = createMemoryStore({ clock })
  await writeLedger(store, 'p', { target: 't', shard: '', shape: 'list', objects: { x: before } }, undefined)
  const deps = {
    store,
    clock,
    newId: () => 'SAID',
    by,
    warn: () => undefined,
    lease: () => Promise.resolve({ ...unguarded, abandoned: new Set<string>(), release: () => Promise.resolve() }),
  }
  const run = { id: 'OLD', target: 't', integration: 't', version: '1', mode: 'apply', destination: 'p' } as const
  const outcome = { key: 'x', action: 'create', shard: null, result: 'unknown', error: null } as const
  const unknown = { id: 'd', run: { ...run, shards: [], startedAt: 0, durationMs: 0, by }, outcome } as const
  await resolveChange(deps, unknown, as)
  return (await readLedger(store, 'p'))[0]?.value.objects['x']
}

it.each([
  [
    'done: it is owned, and no claim is left',
    meant('c', 'b', 'a'),
    'done',
    { state: 'owned', digest: 'c', run: 'OLD' },
  ],
  ['absent: nothing else was meant, so it is forgotten', meant('c'), 'absent', undefined],
  ['absent: what was meant before it may be there', meant('c', 'b', 'a'), 'absent', meant('b', 'a')],
  ['absent: and so to the last', meant('b', 'a'), 'absent', meant('a')],
] as const)('%s', async (_name, before, as, after) => {
  expect(await resolved(before, as)).toEqual(after)
})
