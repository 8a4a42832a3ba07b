// Changes of applies whose outcome nobody saw and that nothing has settled since, out of the records. Reads only.
import type { ChangeOutcome, RunRecord } from '../event.js'
import { digestOf } from '../util/digest.js'
import { standingOf, type LeaseHolder } from './lease-documents.js'
import type { ObjectStore } from './object-store.js'
import { createRecordStore } from './records.js'

export interface UnknownChange {
  /** 64 hex digits. */
  readonly id: string
  readonly run: RunRecord['run']
  readonly outcome: ChangeOutcome
}

/**
 * Newest first. An unknown outcome is settled by a later apply of the same target and destination that has planned that shard (it has read the object), by
 * a later outcome of the same key, or by `doubts resolve`. Those of a run that is still alive are no doubts yet.
 */
export async function unknownChanges(
  store: ObjectStore,
  isDead: (holder: LeaseHolder) => boolean,
): Promise<readonly UnknownChange[]> {
  const found: UnknownChange[] = []
  const settled = new Set<string>()
  for await (const record of createRecordStore(store).list()) {
    const { run, outcomes, instead, plan, error } = record
    if (run.mode !== 'apply') continue
    const nameOf = (kind: 'shard' | 'key', name: string): string =>
      JSON.stringify([run.target, run.destination, kind, name])
    const open = outcomes.filter(
      ({ key, shard }) => !settled.has(nameOf('key', key)) && !settled.has(nameOf('shard', shard ?? '')),
    )
    const unknown = open.filter(({ result }) => result === 'unknown')
    if (unknown.length > 0 && !(await isAlive(record))) {
      for (const outcome of unknown) found.push({ id: digestOf([run.id, outcome.shard, outcome.key]), run, outcome })
    }
    for (const { key, result } of outcomes)
      if (result === 'applied' || result === 'failed' || result === 'unknown') settled.add(nameOf('key', key))
    if (instead?.kind === 'resolve') for (const key of instead.keys) settled.add(nameOf('key', key))
    // An undo or a move reads what it is about, not the rest.
    if (instead === undefined && record.state === 'finished' && plan !== null && error === null)
      for (const shard of run.shards.length === 0 ? [''] : run.shards) settled.add(nameOf('shard', shard))
  }
  return found

  async function isAlive({ state, run }: RunRecord): Promise<boolean> {
    if (state === 'finished') return false
    return (await standingOf({ store, run: run.id, now: await store.now(), isDead })).kind === 'alive'
  }
}
