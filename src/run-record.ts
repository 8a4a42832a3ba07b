// Assembles what a run leaves behind while it goes on: captures its log, knows its exit code. Ends as a RunRecord.
import { isTrueupError, toError } from './errors.js'
import type {
  ChangeOutcome,
  Decision,
  HeldPart,
  Json,
  LeftOut,
  LimitCheck,
  PlanData,
  RepeatedChange,
  Reporter,
  RunConfiguration,
  RunError,
  RunInstead,
  RunRecord,
} from './event.js'
import { exitCodeOf } from './exit-codes.js'
import { createCallCounter, type CallCounter } from './reconcile/call-counter.js'
import { createRelations, type Relations } from './reconcile/relations.js'
import type { Steering } from './reconcile/steer.js'
import type { CacheHit } from './run-cached.js'
import { runExitCode } from './run-exit-code.js'
import { createLogKeeper } from './report/log-keeper.js'
import { redactEvent, redactRecord } from './report/redact-run.js'
import type { DurableSummary, DurableUse } from './durable-types.js'
import type { OpenTarget, RunDependencies, RunRequest } from './run-types.js'

/** Calls of durable functions that are named in a record. */
const KEPT_CALLS = 500

export type DecisionSide = Pick<Decision, 'base' | 'head' | 'headCommit' | 'dirty'>

export interface RunDraft {
  readonly id: string
  /** Passes events on without secrets, and keeps the log. */
  readonly reporter: Reporter
  /** Counts what `ctx.http` sends. */
  readonly calls: CallCounter
  readonly relations: Relations
  opened(target: OpenTarget): void
  /** What is compared, for a run that ends before it is decided. */
  located(side: DecisionSide): void
  /** What is about to be decided: it stands unless the failure is itself the reason (a held lease, a lost store, an interruption). */
  deciding(decision: Decision): void
  decided(decision: Decision): void
  /** `left`: what was asked to be brought back and is not in the plan. */
  planned(plan: PlanData, limits: readonly LimitCheck[], shards: readonly string[], left?: readonly LeftOut[]): void
  /** Whole objects as they are before an apply updates or deletes them. */
  keeping(before: Readonly<Record<string, Json>>): void
  at(destination: string | null): void
  /** A skip by the run cache: its log becomes the log of this run. */
  replayed(hit: CacheHit): void
  applied(outcomes: readonly ChangeOutcome[]): void
  repeating(changes: readonly RepeatedChange[]): void
  /** What of the plan is held. */
  holding(parts: readonly HeldPart[]): void
  failed(thrown: unknown): void
  /** As it stands now, without secrets. */
  record(state: RunRecord['state']): RunRecord
}

export function draftRecord(deps: RunDependencies, request: RunRequest): RunDraft {
  const id = deps.newId()
  const startedAt = deps.clock.now()
  const begun = deps.clock.monotonic()
  const log = createLogKeeper()
  const calls = createCallCounter()
  // An apply reads what is there now: what another run has loaded may be from before its lease, or before a change.
  const relations = createRelations(request.mode === 'dry-run' ? deps.relations : undefined)
  const { redactor } = deps
  const reporter: Reporter = {
    report(event) {
      const told = redactEvent(redactor, event)
      // Without secrets already, since a long line is cut; what turns out one later is taken out when the record is made.
      if (told.kind === 'logged') log.keep(told.record)
      if (event.kind === 'durable-called') durable = withUse(durable, event.use)
      deps.reporter.report(told)
    },
  }
  let integration = { name: '', version: '' }
  let decision: Decision | undefined
  let tentative: Decision | undefined
  let side: DecisionSide = {
    base: request.base,
    head: request.committed ? 'HEAD' : 'worktree',
    headCommit: null,
    dirty: false,
  }
  let plan: PlanData | null = null
  let limits: readonly LimitCheck[] = []
  let shards: readonly string[] = []
  let destination: string | null = null
  let outcomes: readonly ChangeOutcome[] = []
  let error: RunError | null = null
  let before: Readonly<Record<string, Json>> | undefined
  let configured: RunConfiguration | undefined
  let left: readonly LeftOut[] = request.instead?.kind === 'undo' ? request.instead.left : []
  let replay: RunRecord['log'] | undefined
  let durable: DurableSummary | undefined
  let repeats: readonly RepeatedChange[] = []
  let held: readonly HeldPart[] = []
  let exitCode = 0

  return {
    id,
    reporter,
    calls,
    relations,
    opened({ declared: { declaration }, ...target }) {
      configured = target.configured
      integration = { name: declaration.integration, version: declaration.version }
    },
    located(found) {
      side = found
    },
    deciding(about) {
      tentative = about
    },
    decided(made) {
      decision = made
      reporter.report({ kind: 'decided', target: request.target, decision: made })
    },
    planned(data, checks, keys, notPlanned) {
      left = notPlanned ?? left
      plan = data
      limits = checks
      shards = keys
      reporter.report({ kind: 'planned', target: request.target, plan: data, limits: checks, mode: request.mode })
    },
    keeping(values) {
      before = values
    },
    at(place) {
      destination = place
    },
    replayed({ destination: place, shards: keys, entry, ...hit }) {
      destination = place
      shards = keys
      const { records, dropped } = entry.log
      replay = { records, dropped, replayedFrom: entry.run }
      const { id: found, ...told } = hit
      reporter.report({
        kind: 'replayed',
        target: request.target,
        entry: found,
        run: entry.run,
        ...told,
        records,
        dropped,
        forget: `trueup cache delete ${found.slice(0, 8)}${request.place ?? ''}`,
      })
    },
    applied(done) {
      outcomes = done
    },
    repeating(changes) {
      repeats = changes
    },
    holding(parts) {
      held = parts
    },
    failed(thrown) {
      const failure = toError(thrown)
      error = isTrueupError(failure)
        ? { code: failure.code, message: failure.message, details: failure.details }
        : { code: 'internal', message: `Internal error: ${failure.message}`, details: { stack: failure.stack ?? '' } }
      exitCode = isTrueupError(failure) ? exitCodeOf(failure) : 1
      if (decision === undefined) {
        decision = undecided({ side, failure, tentative })
        reporter.report({ kind: 'decided', target: request.target, decision })
      }
    },
    record(state) {
      const called = calls.counts()
      const related = relations.counts()
      return redactRecord(redactor, {
        run: {
          id,
          target: request.target,
          integration: integration.name,
          version: integration.version,
          mode: request.mode,
          destination,
          shards: shards.filter((key) => key !== ''),
          startedAt,
          durationMs: Math.round(deps.clock.monotonic() - begun),
          by: deps.by,
        },
        state,
        decision: decision ?? undecided({ side, failure: undefined, tentative }),
        plan,
        limits,
        outcomes,
        log: replay ?? log.kept(),
        error,
        exitCode: runExitCode({ exitCode, error, held, outcomes, limits, plan, request }),
        ...(before === undefined ? {} : { before: keptOf(before, outcomes, state) }),
        ...(request.instead === undefined ? {} : { instead: insteadOf(request.instead, left) }),
        ...(repeats.length === 0 ? {} : { repeats }),
        ...(held.length === 0 ? {} : { holds: held }),
        ...(durable === undefined ? {} : { durable }),
        ...(called === undefined ? {} : { calls: called }),
        ...(related === undefined ? {} : { relations: related }),
        ...(configured === undefined ? {} : { configured }),
      })
    },
  }
}

/** While it runs, all of them: nobody knows how it will end. Afterwards those of changes that were made, or may have been. */
function keptOf(
  before: Readonly<Record<string, Json>>,
  outcomes: readonly ChangeOutcome[],
  state: RunRecord['state'],
): Readonly<Record<string, Json>> {
  if (state === 'running') return before
  const made = new Set(
    outcomes.filter(({ result }) => result === 'applied' || result === 'unknown').map(({ key }) => key),
  )
  return Object.fromEntries(Object.entries(before).filter(([key]) => made.has(key)))
}

function withUse(summary: DurableSummary | undefined, use: DurableUse): DurableSummary {
  const { counts, calls } = summary ?? {
    counts: { executed: 0, 'cache-hit': 0, 'idempotent-hit': 0, waited: 0 },
    calls: [],
  }
  return {
    counts: { ...counts, [use.how]: counts[use.how] + 1 },
    calls: calls.length < KEPT_CALLS ? [...calls, use] : calls,
  }
}

function insteadOf(instead: Steering, left: readonly LeftOut[]): RunInstead {
  if (instead.kind !== 'undo') return instead
  return { kind: 'undo', run: instead.run, only: instead.only, left }
}

const REASON_OF_FAILURE: Partial<Record<string, Decision['reason']>> = {
  held: 'held',
  'lease-held': 'lease-held',
  'store-unavailable': 'store-failed',
  'store-corrupt': 'store-failed',
  'store-refused': 'store-failed',
  'base-unavailable': 'precondition-failed',
  'head-unclean': 'precondition-failed',
  'predecessor-failed': 'precondition-failed',
  interrupted: 'interrupted',
  timeout: 'interrupted',
}

interface Undecided {
  readonly side: DecisionSide
  readonly failure: Error | undefined
  readonly tentative: Decision | undefined
}

/** A run that ended before it could be decided still says why, in the same words. */
function undecided({ side, failure, tentative }: Undecided): Decision {
  const code = failure === undefined ? '' : isTrueupError(failure) ? failure.code : 'internal'
  const reason = REASON_OF_FAILURE[code]
  if (tentative !== undefined && reason === undefined) return tentative
  return {
    action: 'none',
    reason: reason ?? 'head-failed',
    ...side,
    digest: tentative?.digest ?? null,
    explanation: failure?.message ?? 'The run has not been decided yet.',
    components: tentative?.components ?? {},
  }
}
