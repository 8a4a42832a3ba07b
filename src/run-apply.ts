// Stage 5 of a run, in apply mode only: marks, changes, ownership. In: the ground it has a lease of, and the plan. Out: outcomes.
// The order is the safety: the others are told → mark started → record → (intent, effect, outcome)… → ownership → record → mark completed. All that is written
// carries the token of the lease, and the lease is asked before.
import type { ChangeOutcome, HeldPart, Json, RepeatedChange } from './event.js'
import { applyChanges } from './reconcile/apply.js'
import type { Steering } from './reconcile/steer.js'
import { heldReasons } from './run-hold.js'
import type { Ground } from './run-lease.js'
import type { PlannedRun, SelectedShard } from './run-plan.js'
import type { RunDraft } from './run-record.js'
import type { RunSession } from './run-session.js'
import { createJournal } from './store/journal.js'
import { writeLedger } from './store/ledger.js'
import { ledgerAfter } from './store/ledger-after.js'
import type { ApplyMark, StoredMark } from './store/marks.js'
import { createRecordStore } from './store/records.js'
import { withBoundSignal } from './util/bound-signal.js'
import { unreachable } from './util/unreachable.js'

const NOT_CONVERGING = 'it does not converge: the applies before made the same change'

/** What of a plan is not carried out. */
export interface LeftChanges {
  readonly repeats: readonly RepeatedChange[]
  readonly held: readonly HeldPart[]
}

/** Why each of these changes is left out, by key. */
export function leftReasons({ repeats, held }: LeftChanges): ReadonlyMap<string, string> {
  const stopped = repeats.flatMap((one) => (one.stopped ? [[one.key, NOT_CONVERGING] as const] : []))
  return new Map([...stopped, ...heldReasons(held)])
}

/** Carries the plan out. Every failure of a change is an outcome; thrown is only what kept the first change from starting. */
export async function applyPlan(
  { session, destination, lease }: Ground,
  planned: PlannedRun,
  draft: RunDraft,
  left: LeftChanges,
): Promise<void> {
  const { deps, request, target } = session
  const marks = await session.neededMarks()
  const { marks: previous } = await session.kept()
  const shardKeys = new Set(planned.shards.map(({ key }) => key))
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
    fence: lease.token(shard.key),
    status,
    run: session.runId,
    at: now,
  })
  if (planned.built.changes.length > 0) await deps.sharedAnswers?.changing()
  await lease.verify()
  // Of those that change also where there are marks: a store from before the index gets it so.
  await marks.index.enter(planned.shards.flatMap(({ key }) => (changing.has(key) || !previous.has(key) ? [key] : [])))
  for (const shard of planned.shards) {
    if (!changing.has(shard.key)) continue
    const before = previous.get(shard.key)
    started.set(shard.key, await marks.write(markOf(shard, 'started', (before?.mark.counter ?? 0) + 1), before))
  }

  const journal = createJournal(target.store, session.runId, lease)
  let outcomes: readonly ChangeOutcome[] = []
  if (planned.built.changes.length > 0) {
    draft.keeping(beforeValues(planned))
    await records.write(draft.record('running'), { durable: true })
    outcomes = await applyChanges({
      target: request.target,
      changes: planned.built.changes.map((executable) => ({
        ...executable,
        carryOut: (signal) =>
          session.authored(executable.change.shard ?? '', () =>
            withBoundSignal(signal, (own) => executable.carryOut(own)),
          ),
      })),
      left: leftReasons(left),
      journal,
      lease,
      budget: deps.budget,
      stop: deps.stop,
      giveUp: deps.giveUp,
      clock: deps.clock,
      reporter: deps.reporter,
      redact: (text) => deps.redactor.text(text),
    })
    draft.applied(outcomes)
  }

  for (const { value, before } of ledgerAfter({ target: request.target, run: session.runId, planned, outcomes })) {
    await lease.check()
    // A shard outside this run is written only because an object left it for one of these: its own token stays.
    const fence = shardKeys.has(value.shard) ? lease.token(value.shard) : (before?.value.fence ?? 0)
    await writeLedger(target.store, destination, { ...value, fence }, before, marks.index)
  }

  // Before the marks: from then on nobody settles this run any more, and before the journal goes, which alone tells of its outcomes.
  if (planned.built.changes.length > 0) await records.write(draft.record('finished'), { durable: true })

  // What was brought about is not what is desired: the next apply must not be skipped, whatever else is as it was.
  const reason = request.instead === undefined ? undefined : markReason(request.instead)
  const heldKeys = new Set(left.held.flatMap(({ keys }) => keys))
  const incomplete = new Set(
    planned.built.facts.shards.filter((facts) => facts.incomplete !== null).map((facts) => facts.shard ?? ''),
  )
  for (const shard of planned.shards) {
    await lease.check()
    const begun = started.get(shard.key)
    const open = outcomes.filter(({ shard: name, result }) => (name ?? '') === shard.key && result !== 'applied')
    if (begun !== undefined) {
      // Deletes held back by an incomplete listing leave the destination other than desired; so does what is held by a person.
      const isDone = reason === undefined && open.length === 0 && !incomplete.has(shard.key)
      const onlyHeld = open.some(({ key }) => heldKeys.has(key)) && open.every(({ result }) => result === 'skipped')
      const why = reason ?? (onlyHeld ? 'left out what is held' : undefined)
      const status = isDone ? 'completed' : 'failed'
      await marks.write({ ...begun.mark, status, ...(why === undefined ? {} : { reason: why }) }, begun)
    } else if (reason === undefined && !incomplete.has(shard.key)) {
      const before = previous.get(shard.key)
      const mark = markOf(shard, 'completed', before?.mark.counter ?? 0)
      if (before === undefined || !sameMark(before.mark, mark)) await marks.write(mark, before)
    }
  }
  await lease.verify()
  const { inputs: trees, code, config, env } = inputs
  const evaluated = { inputs: trees, code, config, env, shards: planned.allShards }
  if (reason === undefined && JSON.stringify(evaluated) !== JSON.stringify(await marks.readEvaluated()))
    await marks.writeEvaluated(evaluated)
  if (planned.built.changes.length > 0) await journal.clear()
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
    secrets: await facts.secrets(await session.desired(), { create: true }),
  }
}

function sameMark(a: ApplyMark, b: ApplyMark): boolean {
  const facts = ({ run, at, fence, ...rest }: ApplyMark): string =>
    JSON.stringify(Object.entries(rest).sort(([x], [y]) => (x < y ? -1 : 1)))
  return facts(a) === facts(b)
}
