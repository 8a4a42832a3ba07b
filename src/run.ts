// THE MAP: one pass of one target, top to bottom in the order in which it happens. Each stage is a file of its own:
//   session (what is known) → decide → desired state → ask the cache → [apply: lease, dead runs] → plan and limits → [apply] → record.
// In: dependencies and a request. Out: a record, always; a failure is told in it, never thrown.
import { openBase, type Base } from './early-exit/compare-revisions.js'
import type { DesiredState } from './desired/evaluate.js'
import { toError, TrueupError } from './errors.js'
import type { Decision, HeldPart, RunRecord } from './event.js'
import { noCapture } from './report/capture.js'
import { applyPlan, leftReasons } from './run-apply.js'
import { approve } from './run-approve.js'
import { askCache, askCacheFirst } from './run-cached.js'
import { withCauses } from './run-cause.js'
import { askedOf, decideRun } from './run-decide.js'
import { heldChecks, heldParts, leftHeld, refuseHeld, tellHeld, type PartHold } from './run-hold.js'
import { releaseGround, takeGround, type Ground } from './run-lease.js'
import { narrowed } from './run-narrow.js'
import { planRun, selectShards, type PlannedRun } from './run-plan.js'
import { draftRecord, type RunDraft } from './run-record.js'
import { notConverging, repeatChecks, repeatsOf } from './run-repeats.js'
import { recoverDeadRuns } from './run-recover.js'
import { headSide, openSession, type RunSession } from './run-session.js'
import type { RunDependencies, RunRequest } from './run-types.js'
import { createEndingStore } from './store/ending-store.js'
import { isHoldOf } from './store/holds.js'
import { createRecordStore } from './store/records.js'
import { unlessAborted } from './util/unless-aborted.js'

export async function runOnce(given: RunDependencies, request: RunRequest): Promise<RunRecord> {
  const draft = draftRecord(given, request)
  const deps: RunDependencies = { ...given, reporter: draft.reporter }
  const authored = (deps.capture ?? noCapture).forRun({
    target: request.target,
    reporter: deps.reporter,
    clock: deps.clock,
  })
  for (const record of deps.printed ?? []) deps.reporter.report({ kind: 'logged', target: request.target, record })
  let session: RunSession | undefined
  try {
    // Load: the head, the base that was asked for, the target as configured.
    await using head = await deps.repository.head({ committed: request.committed })
    const base = await askedBase(deps, request)
    await using baseSnapshot = base?.kind === 'found' ? base.snapshot : undefined
    const compared = base?.kind === 'found' ? base.id : request.base
    draft.located({ base: compared, ...headSide(head) })
    const opening = deps.openTarget({ head, base: baseSnapshot, mode: request.mode, authored })
    const opened = await unlessAborted(opening, deps.stop)
    const target = { ...opened, store: createEndingStore(opened.store, deps) }
    draft.opened(target)
    for (const message of target.notes) deps.reporter.report({ kind: 'warned', target: request.target, message })
    session = await openSession({
      deps,
      request,
      runId: draft.id,
      head,
      target,
      authored,
      base,
      calls: draft.calls,
      relations: draft.relations,
    })
    draft.located({ base: compared, ...headSide(head) })
    await runStages(session, draft, base)
  } catch (thrown) {
    draft.failed(reasonOf(thrown, given))
  }
  await session?.end()
  return finish(deps, draft, session)
}

async function runStages(whole: RunSession, draft: RunDraft, base: Base | undefined): Promise<void> {
  const { deps, request } = whole
  const guarded = <T>(work: Promise<T>): Promise<T> => unlessAborted(work, deps.stop)

  // Decide: run or skip.
  const decision = await guarded(decideRun(whole, base))
  if (decision.action === 'skip') {
    draft.decided(decision)
    return
  }

  // Nobody asked to run in full for this reason, and it can be mended.
  if (decision.reason === 'code-unknown') {
    deps.reporter.report({ kind: 'warned', target: request.target, message: `not skipped: ${decision.explanation}` })
  }

  // Ask the cache by what desired state is made from: where an earlier run remembers what that came to, a hit needs no evaluation.
  const first = await guarded(askCacheFirst(whole, decision))
  if (first !== undefined) {
    draft.decided(first.decision)
    draft.replayed(first.hit)
    return
  }

  // Desired state of the head: if it cannot be read the run fails, whatever the base said.
  const desired = await guarded(whole.desired())
  const evaluated = { ...decision, digest: desired.digest, components: withAsked(whole, decision.components) }
  // What differs from the base narrows the run before the cache is asked.
  const session = await guarded(narrowed({ session: whole, base, decision: evaluated, desired }))

  // Ask the cache: the same run may have converged a while ago.
  const cached = await guarded(askCache(session, desired, evaluated))
  const made = cached.decision
  if (cached.hit !== undefined) {
    draft.decided(made)
    draft.replayed(cached.hit)
    return
  }

  if (request.mode === 'dry-run') {
    draft.decided(made)
    const holds = await guarded(tellHeld(session))
    draft.at((await guarded(session.destination())) ?? null)
    const plain = await guarded(planRun(session, desired, await selectShards(session, desired)))
    const planned = await guarded(withCauses({ session, base, desired, planned: plain }))
    const held = heldParts(planned, { target: request.target, holds })
    draft.holding(held)
    draft.planned(
      planned.built.data,
      [...planned.limits, ...heldChecks(held)],
      planned.shards.map(({ key }) => key),
      planned.left,
    )
    refuseSuccessUnread(request, planned)
    await cached.keep(planned, () => draft.record('finished'))
    return
  }

  // Apply: the lease comes before the read, so that what is planned is what is there. Another run that holds it decides otherwise.
  // A hold decides otherwise too: before anything is made or waited for, and again after the wait.
  draft.deciding(made)
  await guarded(refuseHeld(session))
  const ground = await takeGround(session, desired, draft)
  try {
    const holds = await guarded(refuseHeld(ground.session))
    draft.decided(made)
    const planned = await applyOn(ground, { desired, draft, holds })
    await cached.keep(planned, () => draft.record('finished'))
  } catch (thrown) {
    // Of all that fails when a lease is lost, this is the reason.
    throw ground.lease.signal.aborted && !deps.stop.aborted ? ground.lease.signal.reason : thrown
  } finally {
    await releaseGround(ground)
  }
}

/** What could not even be read was not brought to its desired state, whatever became of the rest. */
function refuseSuccessUnread({ target }: RunRequest, { built }: PlannedRun): void {
  const unread = built.facts.shards.flatMap(({ shard, incomplete }) =>
    incomplete?.unreadable === true ? [`${shard === null ? '' : `shard ${shard}: `}${incomplete.reason}`] : [],
  )
  if (unread.length === 0) return
  throw new TrueupError(
    'current-unreadable',
    `${target}: could not be read, so nothing was done there: ${unread.join('; ')}. Run again when it can be reached.`,
    { retryable: true },
  )
}

interface Applied {
  readonly desired: DesiredState
  readonly draft: RunDraft
  /** Of parts, in force when the lease was taken. */
  readonly holds: readonly PartHold[]
}

async function applyOn(ground: Ground, { desired, draft, holds }: Applied): Promise<PlannedRun> {
  const { session, selection } = ground
  const { deps } = session
  const guarded = <T>(work: Promise<T>): Promise<T> => unlessAborted(work, deps.stop)
  await recoverDeadRuns(ground)
  const planned = await guarded(planRun(session, desired, selection))
  // A machine that slept meanwhile may have read what another run has made: that is no plan, nor a reason to be blocked.
  await ground.lease.check()
  // What applies make again and again is left out, and what is held; the rest is carried out.
  const repeats = await guarded(repeatsOf(session, planned))
  draft.repeating(repeats)
  const heldBy = (found: readonly PartHold[]): readonly HeldPart[] =>
    heldParts(planned, { target: session.request.target, holds: found })
  const told = heldBy(holds)
  draft.holding(told)
  const limits = [...planned.limits, ...repeatChecks(session, repeats), ...heldChecks(told)]
  draft.planned(
    planned.built.data,
    limits,
    planned.shards.map(({ key }) => key),
    planned.left,
  )
  if (planned.blocked) return planned
  const left = leftReasons({ repeats, held: told })
  if (!(await guarded(approve(session, planned, { limits, left })))) throw declined(session.request)
  // Planning and asking may have taken long. What is placed from here on stops the next apply, not this one; what was told to be left out
  // is left out, also when its hold has ended meanwhile.
  const held = heldBy(withThose(holds, await guarded(refuseHeld(session))))
  draft.holding(held)
  await planned.memory.keepRemembered()
  await applyPlan(ground, planned, draft, { repeats, held })
  // A stop in the middle of the changes is told by their outcomes and by this.
  deps.stop.throwIfAborted()
  refuseSuccessUnread(session.request, planned)
  const stuck = notConverging(session, repeats)
  if (stuck !== undefined) throw stuck
  const put = leftHeld(session, held)
  if (put !== undefined) throw put
  return planned
}

/** With those that were placed since; of one part the newer hold. */
function withThose(known: readonly PartHold[], since: readonly PartHold[]): readonly PartHold[] {
  const gone = known.filter(({ part }) => !since.some((one) => isHoldOf(part, one)))
  return [...since, ...gone]
}

async function askedBase(deps: RunDependencies, request: RunRequest): Promise<Base | undefined> {
  if (request.base === null || request.base === 'last-applied') return undefined
  // Forced, nothing is compared; but a dry run still takes limits and store from the base.
  if (request.force && request.mode === 'apply') return undefined
  if (request.isBaseBundle === true)
    return {
      kind: 'found',
      id: request.base,
      isBundle: true,
      snapshot: await deps.repository.head({ committed: request.committed }),
    }
  return openBase({
    repository: deps.repository,
    revision: request.base,
    requireCompare: request.requireCompare,
    target: request.target,
    warn: (message) => {
      deps.reporter.report({ kind: 'warned', target: request.target, message })
    },
  })
}

/** Which data were asked is told of every run that asked. */
function withAsked(session: RunSession, components: Decision['components']): Decision['components'] {
  const asked = Object.entries(askedOf(session, session.head)).filter(([name]) => components[name] === undefined)
  return { ...components, ...Object.fromEntries(asked.map(([name, head]) => [name, { head, base: null, same: null }])) }
}

/** An abort shows itself in many ways; its reason is what happened. */
function reasonOf(thrown: unknown, deps: RunDependencies): unknown {
  if (deps.stop.aborted) return deps.stop.reason
  return thrown
}

function declined({ target }: RunRequest): TrueupError {
  return new TrueupError('declined', `${target}: not applied, as you answered; nothing was changed.`)
}

/** Records the run. An apply that cannot record what it did has failed; a dry run only warns. */
async function finish(deps: RunDependencies, draft: RunDraft, session: RunSession | undefined): Promise<RunRecord> {
  let record = draft.record('finished')
  if (session !== undefined) {
    const durable = record.run.mode === 'apply' && record.decision.action !== 'skip'
    try {
      await createRecordStore(session.target.store).write(withoutReplay(record), { durable })
    } catch (thrown) {
      const message = `${record.run.target}: the record of this run could not be kept: ${toError(thrown).message}`
      deps.reporter.report({ kind: 'warned', target: record.run.target, message })
      if (durable && record.error === null) {
        draft.failed(new TrueupError('store-unavailable', message, { cause: thrown }))
        record = draft.record('finished')
      }
    }
  }
  deps.reporter.report({ kind: 'finished', record })
  return record
}

/** What was replayed is kept with the run that logged it. */
function withoutReplay(record: RunRecord): RunRecord {
  return record.log.replayedFrom === null ? record : { ...record, log: { ...record.log, records: [] } }
}
