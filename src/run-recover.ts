// Stage 4 of a run, in apply mode only: what runs that died or lost their lease left behind in the shards leased here. In: the ground. Out: ledger,
// marks and records that tell of them, under this run's token, so that nothing a frozen one still writes can count.
import type { ChangeOutcome, RunRecord } from './event.js'
import type { Ground } from './run-lease.js'
import { clearJournal, outcomeOf, sealJournal } from './store/journal.js'
import type { Lease } from './store/leases.js'
import { foldJournal, readLedger, stillReleased, writeLedger } from './store/ledger.js'
import type { MarkStore, StoredMark } from './store/marks.js'
import type { ObjectStore } from './store/object-store.js'
import { createRecordStore } from './store/records.js'

/** Settles the shards of this run, and tells of each run that had left something. */
export async function recoverDeadRuns({ session, destination, selection, lease }: Ground): Promise<void> {
  const { target, request, deps } = session
  const hasSettled = await settleDeadRuns({
    store: target.store,
    target: request.target,
    destination,
    run: session.runId,
    shards: selection.selected.map(({ key }) => key),
    marks: await session.neededMarks(),
    known: (await session.kept()).marks,
    lease,
    onSettled: (run, outcomes) => {
      const unknown = outcomes.filter(({ result }) => result === 'unknown')
      deps.reporter.report({ kind: 'recovered', target: request.target, run, unknown })
    },
  })
  if (hasSettled) session.readAgain()
}

export interface Settlement {
  readonly store: ObjectStore
  readonly target: string
  readonly destination: string
  /** The run that settles. */
  readonly run: string
  /** Leased by it. */
  readonly shards: readonly string[]
  readonly marks: MarkStore
  /** All of them, as read under the lease. */
  readonly known: ReadonlyMap<string, StoredMark>
  readonly lease: Lease
  /** Called for each run that had left something, once it is settled. */
  readonly onSettled: (run: string, outcomes: readonly ChangeOutcome[]) => void
}

/**
 * Settles what was started and not answered as unknown: the journal goes into the ownership ledger, marks become `failed`, records are ended.
 * Repeating it after a crash in the middle changes nothing more.
 *
 * @returns whether anything was written, so that what was read before is old
 */
export async function settleDeadRuns(settlement: Settlement): Promise<boolean> {
  const { shards, marks, known, lease } = settlement
  const left = shards.flatMap((key) => known.get(key) ?? [])
  const started = left.filter(({ mark }) => mark.status === 'started')
  for (const run of new Set(started.map(({ mark }) => mark.run))) {
    const mine = started.filter(({ mark }) => mark.run === run)
    await settleRun(settlement, { run, mine })
  }
  // Who was late before its first change must find another etag too.
  const late = left.filter(({ mark }) => mark.status !== 'started' && lease.abandoned.has(mark.shard))
  for (const stored of late) {
    await marks.write({ ...stored.mark, fence: lease.token(stored.mark.shard) }, stored)
    // It died when all was told but the journal not yet removed.
    const { run } = stored.mark
    if ([...known.values()].every(({ mark }) => mark.run !== run || mark.status !== 'started'))
      await clearJournal(settlement.store, run)
  }
  return started.length > 0 || late.length > 0
}

interface DeadRun {
  readonly run: string
  /** Its marks in the shards leased here. */
  readonly mine: readonly StoredMark[]
}

async function settleRun(settlement: Settlement, { run, mine }: DeadRun): Promise<void> {
  const { store, target, destination, marks, lease } = settlement
  const shards = new Set(mine.map(({ mark }) => mark.shard))
  await lease.verify()
  const entries = await sealJournal(store, run, { run: settlement.run, shards })
  const ledger = await readLedger(store, destination)
  for (const stored of mine) {
    const { shard } = stored.mark
    const fence = lease.token(shard)
    const before = ledger.find(({ value }) => value.target === target && value.shard === shard)
    const inShard = entries.filter((entry) => entry.shard === shard)
    const objects = foldJournal(before?.value.objects ?? {}, inShard, run)
    const shape = before?.value.shape ?? 'list'
    const released = stillReleased(before?.value.released, (key) => Object.hasOwn(objects, key))
    await writeLedger(store, destination, { target, shard, shape, objects, fence, ...released }, before)
    await marks.write({ ...stored.mark, fence, status: 'failed' }, stored)
  }
  const outcomes = entries.map(outcomeOf)
  const records = createRecordStore(store)
  for (const record of await records.find(run)) {
    if (record.state === 'running') await records.write(ended(record, outcomes), { durable: true })
  }
  if (entries.every((entry) => shards.has(entry.shard))) await clearJournal(store, run)
  settlement.onSettled(run, outcomes)
}

/** The record of a run that can no longer end it itself. */
function ended(record: RunRecord, outcomes: readonly ChangeOutcome[]): RunRecord {
  const error = { code: 'interrupted', message: 'its process ended before the run did', details: {} } as const
  return { ...record, state: 'finished', outcomes, error, exitCode: outcomes.length === 0 ? 1 : 5 }
}
