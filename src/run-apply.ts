// Stage 3 of a run, in apply mode only: claims, what dead runs left, marks, changes, ownership. In: session and plan. Out: outcomes.
// The order is the safety: mark started → record → (intent, effect, outcome)… → ownership → mark completed.
import { TrueupError } from './errors.js'
import type { ChangeOutcome, Json, RunRecord } from './event.js'
import { applyChanges } from './reconcile/apply.js'
import type { Steering } from './reconcile/steer.js'
import type { PlannedRun, SelectedShard } from './run-plan.js'
import { takeClaims, type Claims } from './store/claims.js'
import { createJournal, outcomeOf, readJournal } from './store/journal.js'
import { foldJournal, readLedger, writeLedger } from './store/ledger.js'
import { ledgerAfter } from './store/ledger-after.js'
import type { ApplyMark, MarkStore, StoredMark } from './store/marks.js'
import { createRecordStore } from './store/records.js'
import type { RunDraft } from './run-record.js'
import type { RunSession } from './run-session.js'
import { unreachable } from './util/unreachable.js'

export async function claimShards(
  session: RunSession,
  destination: string,
  shards: readonly SelectedShard[],
): Promise<Claims> {
  const { deps, request } = session
  return takeClaims({
    store: session.target.store,
    destination,
    shards: shards.map(({ key }) => key),
    holder: { run: session.runId, target: request.target, host: deps.by.host, url: deps.by.url, ...deps.process },
    isDead: deps.isDead,
  })
}

/**
 * Settles what runs that died left behind in the shards claimed here: what was started and not answered is unknown.
 * Their journal goes into the ownership ledger, their marks become `failed`, their records are ended.
 */
export async function recoverDeadRuns(
  session: RunSession,
  destination: string,
  shards: readonly SelectedShard[],
): Promise<void> {
  const { target, request, deps } = session
  const marks = await openMarks(session)
  const all = await marks.all()
  const left = shards.flatMap(({ key }) => all.get(key) ?? []).filter(({ mark }) => mark.status === 'started')
  for (const run of new Set(left.map(({ mark }) => mark.run))) {
    const mine = left.filter(({ mark }) => mark.run === run)
    const entries = await readJournal(target.store, run)
    const ledger = await readLedger(target.store, destination)
    for (const stored of mine) {
      const { shard } = stored.mark
      const before = ledger.find(({ value }) => value.target === request.target && value.shard === shard)
      const objects = foldJournal(
        before?.value.objects ?? {},
        entries.filter((entry) => entry.shard === shard),
        run,
      )
      await writeLedger(
        target.store,
        destination,
        { target: request.target, shard, shape: before?.value.shape ?? 'list', objects },
        before,
      )
      await marks.write({ ...stored.mark, status: 'failed' }, stored)
    }
    const outcomes = entries.map(outcomeOf)
    const records = createRecordStore(target.store)
    for (const record of await records.find(run)) {
      if (record.state === 'running') await records.write(ended(record, outcomes), { durable: true })
    }
    if (entries.every((entry) => mine.some(({ mark }) => mark.shard === entry.shard)))
      await createJournal(target.store, run).clear()
    const unknown = outcomes.filter(({ result }) => result === 'unknown')
    deps.reporter.report({ kind: 'recovered', target: request.target, run, unknown })
  }
}

/** The record of a run that can no longer end it itself. */
function ended(record: RunRecord, outcomes: readonly ChangeOutcome[]): RunRecord {
  const error = { code: 'interrupted', message: 'its process ended before the run did', details: {} } as const
  return { ...record, state: 'finished', outcomes, error, exitCode: outcomes.length === 0 ? 1 : 5 }
}

/** Carries the plan out. Every failure of a change is an outcome; thrown is only what kept the first change from starting. */
export async function applyPlan(
  session: RunSession,
  planned: PlannedRun,
  draft: RunDraft,
  destination: string,
): Promise<void> {
  const { deps, request, target } = session
  const marks = await openMarks(session)
  const previous = await marks.all()
  const changing = new Set(planned.built.changes.map(({ change }) => change.shard ?? ''))
  const now = await target.store.now()
  const inputs = await markInputs(session)
  const started = new Map<string, StoredMark>()
  const records = createRecordStore(target.store)

  const markOf = (shard: SelectedShard, status: ApplyMark['status'], counter: number): ApplyMark => ({
    ...inputs,
    shard: shard.key,
    desired: shard.digest,
    counter,
    status,
    run: session.runId,
    at: now,
  })
  for (const shard of planned.shards) {
    if (!changing.has(shard.key)) continue
    const before = previous.get(shard.key)
    started.set(shard.key, await marks.write(markOf(shard, 'started', (before?.mark.counter ?? 0) + 1), before))
  }

  const journal = createJournal(target.store, session.runId)
  let outcomes: readonly ChangeOutcome[] = []
  if (planned.built.changes.length > 0) {
    draft.keeping(beforeValues(planned))
    await records.write(draft.record('running'), { durable: true })
    outcomes = await applyChanges({
      target: request.target,
      changes: planned.built.changes,
      journal,
      concurrency: deps.concurrency,
      stop: deps.stop,
      giveUp: deps.giveUp,
      clock: deps.clock,
      reporter: deps.reporter,
    })
    draft.applied(outcomes)
  }

  for (const { value, before } of ledgerAfter({ target: request.target, run: session.runId, planned, outcomes })) {
    await writeLedger(target.store, destination, value, before)
  }

  // What was brought about is not what is desired: the next apply must not be skipped, whatever else is as it was.
  const reason = request.instead === undefined ? undefined : markReason(request.instead)
  const incomplete = new Set(
    planned.built.facts.shards.filter((facts) => facts.incomplete !== null).map((facts) => facts.shard ?? ''),
  )
  for (const shard of planned.shards) {
    const begun = started.get(shard.key)
    const done = outcomes
      .filter((outcome) => (outcome.shard ?? '') === shard.key)
      .every(({ result }) => result === 'applied')
    if (begun !== undefined) {
      // Deletes held back by an incomplete listing leave the destination other than desired.
      const status = reason === undefined && done && !incomplete.has(shard.key) ? 'completed' : 'failed'
      await marks.write({ ...begun.mark, status, ...(reason === undefined ? {} : { reason }) }, begun)
    } else if (reason === undefined && !incomplete.has(shard.key)) {
      const before = previous.get(shard.key)
      const mark = markOf(shard, 'completed', before?.mark.counter ?? 0)
      if (before === undefined || !sameMark(before.mark, mark)) await marks.write(mark, before)
    }
  }
  const { inputs: trees, code, config, env } = inputs
  const evaluated = { inputs: trees, code, config, env, shards: planned.allShards }
  if (reason === undefined && JSON.stringify(evaluated) !== JSON.stringify(await marks.readEvaluated()))
    await marks.writeEvaluated(evaluated)
  await journal.clear()
}

/** Why a mark that is none of a failure says `failed`; follows "the last apply". */
function markReason(instead: Steering): string {
  switch (instead.kind) {
    case 'undo':
      return `undid run ${instead.run}`
    case 'adopt':
      return 'only adopted objects'
    case 'destroy':
      return 'removed all that was owned'
    default:
      return unreachable(instead)
  }
}

/** An object that is adopted stays as it is: there is nothing to bring back. */
function beforeValues({ built }: PlannedRun): Readonly<Record<string, Json>> {
  return Object.fromEntries(
    built.changes.flatMap(({ change, normalized }) =>
      normalized === undefined || change.action === 'adopt' ? [] : [[change.key, normalized]],
    ),
  )
}

async function markInputs(
  session: RunSession,
): Promise<Omit<ApplyMark, 'shard' | 'desired' | 'counter' | 'status' | 'run' | 'at'>> {
  const { facts } = session
  return {
    // Unknown code never equals anything (askMarks refuses it first).
    code: facts.code ?? '',
    config: facts.config,
    inputs: facts.inputs,
    env: facts.env,
    semantics: facts.semantics,
    secrets: await facts.secrets(await session.desired()),
  }
}

function sameMark(a: ApplyMark, b: ApplyMark): boolean {
  const facts = ({ run, at, ...rest }: ApplyMark): string =>
    JSON.stringify(Object.entries(rest).sort(([x], [y]) => (x < y ? -1 : 1)))
  return facts(a) === facts(b)
}

async function openMarks(session: RunSession): Promise<MarkStore> {
  const marks = await session.marks()
  if (marks !== undefined) return marks
  throw new TrueupError(
    'integration-invalid',
    `${session.request.target}: its destination has no identity although an apply asked for one`,
  )
}
