// The ownership ledger as a plan sees it: what runs that died left in their journals counts, too. In: the session. Out: ledgers, and their entries.
import type { OwnershipEntry, ReleasedEntry } from './reconcile/ownership-view.js'
import type { RunSession } from './run-session.js'
import { readJournal } from './store/journal.js'
import { foldJournal, stillReleased, type StoredLedger } from './store/ledger.js'
import type { StoredMark } from './store/marks.js'

/** The ledger with the journals of runs folded in that never came to write it. Folding is repeated harmlessly until an apply writes it. */
export async function foldedLedger(session: RunSession): Promise<readonly StoredLedger[]> {
  const { ledger, marks } = await session.kept()
  const started = [...marks.values()].filter(({ mark }) => mark.status === 'started')
  return started.length === 0 ? ledger : foldStarted(session, ledger, started)
}

async function foldStarted(
  session: RunSession,
  ledger: readonly StoredLedger[],
  started: readonly StoredMark[],
): Promise<readonly StoredLedger[]> {
  const { target: name } = session.request
  const folded = new Map(ledger.map((stored) => [JSON.stringify([stored.value.target, stored.value.shard]), stored]))
  for (const { mark } of started) {
    const entries = (await readJournal(session.target.store, mark.run)).filter((entry) => entry.shard === mark.shard)
    const id = JSON.stringify([name, mark.shard])
    const before = folded.get(id)
    const objects = foldJournal(before?.value.objects ?? {}, entries, mark.run)
    folded.set(id, {
      value: {
        target: name,
        shard: mark.shard,
        shape: before?.value.shape ?? 'list',
        objects,
        ...stillReleased(before?.value.released, (key) => Object.hasOwn(objects, key)),
      },
      etag: before?.etag ?? null,
    })
  }
  return [...folded.values()]
}

export function ledgerEntries(ledger: readonly StoredLedger[]): OwnershipEntry[] {
  return ledger.flatMap(({ value }) =>
    Object.entries(value.objects).map(([key, object]) => ({
      key,
      target: value.target,
      shard: value.shard,
      state: object.state,
      digest: object.digest,
      ...(object.also === undefined ? {} : { also: object.also }),
    })),
  )
}

/** What a person has released, of each target. */
export function releasedEntries(ledger: readonly StoredLedger[]): ReleasedEntry[] {
  return ledger.flatMap(({ value: { target, released = [] } }) => released.map((key) => ({ target, key })))
}
