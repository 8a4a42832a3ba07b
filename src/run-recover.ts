// Stage 4 of a run, in apply mode only: what runs that died or lost their lease left behind in the shards leased here. In: the ground. Out: ledger,
// marks and records that tell of them, under this run's token, so that nothing a frozen one still writes can count.
import type { ChangeOutcome, RunRecord } from './event.js'
import type { Ground } from './run-lease.js'
import { clearJournal, outcomeOf, sealJournal } from './store/journal.js'
import { foldJournal, readLedger, writeLedger } from './store/ledger.js'
import type { MarkStore, StoredMark } from './store/marks.js'
import { createRecordStore } from './store/records.js'

/**
 * Settles what was started and not answered as unknown: the journal goes into the ownership ledger, marks become `failed`, records are ended.
 * Repeating it after a crash in the middle changes nothing more.
 */
export async function recoverDeadRuns(ground: Ground): Promise<void> {
  const { session, selection, lease } = ground
  const marks = await session.neededMarks()
  const all = await marks.all()
  const left = selection.selected.flatMap(({ key }) => all.get(key) ?? [])
  const started = left.filter(({ mark }) => mark.status === 'started')
  for (const run of new Set(started.map(({ mark }) => mark.run))) {
    const mine = started.filter(({ mark }) => mark.run === run)
    await recoverRun(ground, marks, { run, mine })
  }
  // Who was late before its first change must find another etag too.
  for (const stored of left) {
    if (stored.mark.status === 'started' || !lease.abandoned.has(stored.mark.shard)) continue
    await marks.write({ ...stored.mark, fence: lease.token(stored.mark.shard) }, stored)
  }
}

interface DeadRun {
  readonly run: string
  /** Its marks in the shards leased here. */
  readonly mine: readonly StoredMark[]
}

async function recoverRun(ground: Ground, marks: MarkStore, { run, mine }: DeadRun): Promise<void> {
  const { session, destination, lease } = ground
  const { target, request, deps } = session
  const { store } = target
  const shards = new Set(mine.map(({ mark }) => mark.shard))
  await lease.verify()
  const entries = await sealJournal(store, run, { run: session.runId, shards })
  const ledger = await readLedger(store, destination)
  for (const stored of mine) {
    const { shard } = stored.mark
    const fence = lease.token(shard)
    const before = ledger.find(({ value }) => value.target === request.target && value.shard === shard)
    const inShard = entries.filter((entry) => entry.shard === shard)
    const objects = foldJournal(before?.value.objects ?? {}, inShard, run)
    const shape = before?.value.shape ?? 'list'
    await writeLedger(store, destination, { target: request.target, shard, shape, objects, fence }, before)
    await marks.write({ ...stored.mark, fence, status: 'failed' }, stored)
  }
  const outcomes = entries.map(outcomeOf)
  const records = createRecordStore(store)
  for (const record of await records.find(run)) {
    if (record.state === 'running') await records.write(ended(record, outcomes), { durable: true })
  }
  if (entries.every((entry) => shards.has(entry.shard))) await clearJournal(store, run)
  const unknown = outcomes.filter(({ result }) => result === 'unknown')
  deps.reporter.report({ kind: 'recovered', target: request.target, run, unknown })
}

/** The record of a run that can no longer end it itself. */
function ended(record: RunRecord, outcomes: readonly ChangeOutcome[]): RunRecord {
  const error = { code: 'interrupted', message: 'its process ended before the run did', details: {} } as const
  return { ...record, state: 'finished', outcomes, error, exitCode: outcomes.length === 0 ? 1 : 5 }
}
