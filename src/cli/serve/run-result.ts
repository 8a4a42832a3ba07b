// What became of the child process of one run comes in; what the scheduler does about it, and one line for people, go out. Pure.
import { TrueupError, type ErrorCode } from '../../errors.js'
import type { RunOutcome } from '../../report/serve-metrics.js'
import type { ScheduledResult } from '../../schedule/scheduler-types.js'
import { isRecord } from '../../util/is-record.js'
import type { ChildResult } from './child-run.js'

export interface NotConverging {
  readonly action: string
  readonly key: string
  readonly shard: string | null
}

export interface RunEnd {
  readonly result: ScheduledResult
  readonly exitCode: number
  /** Of its record; null where it left none. */
  readonly id: string | null
  readonly outcome: RunOutcome
  /** null where that has no identity yet, or nothing needed to know it. */
  readonly destination: string | null
  /** Of its plan; null where it has none. */
  readonly digest: string | null
  /** What the run cache answered; null: it was not asked. */
  readonly cache: string | null
  /** `run` or `skip`, with its reason; `none` where there was no decision. */
  readonly decision: string
  readonly reason: string
  /** `2 changes: 1 create, 1 update`, `no changes` …: the same text for the same end. */
  readonly summary: string
  /** Of all relations: how often it asked, and how often it loaded for that. */
  readonly relations: { readonly asked: number; readonly loaded: number }
  /** Changes that it stopped, since applies made them again and again. */
  readonly notConverging: readonly NotConverging[]
  /** Warnings and errors of its log, each once. */
  readonly warnings: readonly string[]
  /** Of the document: for `serve --once -o json`. */
  readonly run: unknown
}

/** Trying again may help without anything being changed. */
const RETRYABLE: ReadonlySet<string> = new Set<ErrorCode>([
  'source-unavailable',
  'store-unavailable',
  'current-unreadable',
  'apply-failed',
  'state-conflict',
  'lease-lost',
  'durable-busy',
  'git-failed',
  'timeout',
])
/** Somebody else is at it: when it is looked at again. */
const LEASE_AGAIN_MS = 30_000
const HOLD_AGAIN_MS = 300_000

export function runEnd(child: ChildResult): RunEnd {
  const document = isRecord(child.document) ? child.document : {}
  const runs: readonly unknown[] = Array.isArray(document['runs']) ? document['runs'] : []
  const run = isRecord(runs[0]) ? runs[0] : undefined
  const exitCode = child.exitCode ?? 1
  const decision = run !== undefined && isRecord(run['decision']) ? run['decision'] : {}
  const reason = text(decision['reason']) ?? 'none'
  const outcomes: unknown = run?.['outcomes']
  const error = errorOf(run?.['error'] ?? document['error'], child, shortfallOf(run))
  return {
    result: resultOf({ exitCode, reason, error, hasOutcomes: Array.isArray(outcomes) && outcomes.length > 0 }),
    exitCode,
    id: text(isRecord(run?.['run']) ? run['run']['id'] : undefined) ?? null,
    outcome: outcomeOf(exitCode, run),
    destination: text(isRecord(run?.['run']) ? run['run']['destination'] : undefined) ?? null,
    digest: text(isRecord(run?.['plan']) ? run['plan']['digest'] : undefined) ?? null,
    cache: text(isRecord(decision['cache']) ? decision['cache']['status'] : undefined) ?? null,
    decision: text(decision['action']) ?? 'none',
    reason,
    summary: exitCode === 0 || exitCode === 2 ? summaryOf(run) : error.message,
    relations: relationsOf(run),
    notConverging: notConvergingOf(run),
    warnings: warningsOf(run),
    run,
  }
}

interface ResultInput {
  readonly exitCode: number
  readonly reason: string
  readonly error: { readonly code: string } & Error
  readonly hasOutcomes: boolean
}

function resultOf({ exitCode, reason, error, hasOutcomes }: ResultInput): ScheduledResult {
  if (exitCode === 0 || exitCode === 2) return { kind: 'done' }
  // Only a shard or an object is held: the others were applied, and are looked at again at their usual time.
  if (exitCode === 75 && error.code === 'held' && hasOutcomes) return { kind: 'done' }
  if (exitCode === 75)
    return { kind: 'after', afterMs: reason === 'held' ? HOLD_AGAIN_MS : LEASE_AGAIN_MS, reason: error.code }
  // To do the same once more is what is stopped.
  if (error.code === 'not-converging') return { kind: 'failed', error }
  // What was applied in part, or ended before its end, is taken up again.
  const isRetryable = [5, 130, 143].includes(exitCode) || RETRYABLE.has(error.code)
  return { kind: isRetryable ? 'retry' : 'failed', error }
}

function outcomeOf(exitCode: number, run: Readonly<Record<string, unknown>> | undefined): RunOutcome {
  if (exitCode === 3) return 'blocked'
  if (exitCode === 75) return 'later'
  if (exitCode !== 0 && exitCode !== 2) return 'failed'
  const summary = summaryOf(run)
  if (summary === 'skipped') return 'skipped'
  if (summary === 'no changes') return 'converged'
  return summary.startsWith('applied') ? 'applied' : 'pending'
}

/** @param shortfall - what a run says that has no error of its own */
function errorOf(
  value: unknown,
  { exitCode, stderr }: ChildResult,
  shortfall: string,
): Error & { readonly code: string } {
  const told = isRecord(value) ? value : {}
  const code = text(told['code'])
  const last = stderr.trimEnd().split('\n').at(-1) ?? ''
  const message =
    text(told['message']) ??
    (shortfall === '' ? undefined : shortfall) ??
    `the run ended with ${exitCode === null ? 'no exit code' : String(exitCode)}: ${last}`
  // Whatever code it is, it is only told.
  return Object.assign(new TrueupError('apply-failed', message), { code: (code ?? 'internal') as ErrorCode })
}

/** What blocked it, or what became of its changes: `changes: 1 failed, 3 applied`. */
function shortfallOf(run: Readonly<Record<string, unknown>> | undefined): string {
  const [limits, outcomes] = ['limits', 'outcomes'].map((name): readonly unknown[] => {
    const list = run?.[name]
    return Array.isArray(list) ? list : []
  })
  const blocked = (limits ?? []).flatMap((one) =>
    isRecord(one) && one['blocked'] === true ? [String(one['message'])] : [],
  )
  if (blocked.length > 0) return blocked.join(' ')
  const counts = ['failed', 'unknown', 'applied'].flatMap((result) => {
    const found = (outcomes ?? []).filter((one) => isRecord(one) && one['result'] === result).length
    return found === 0 ? [] : [`${String(found)} ${result}`]
  })
  return counts.length === 0 || counts.every((one) => one.endsWith(' applied')) ? '' : `changes: ${counts.join(', ')}`
}

function summaryOf(run: Readonly<Record<string, unknown>> | undefined): string {
  const decision = run === undefined ? undefined : run['decision']
  if (isRecord(decision) && decision['action'] === 'skip') return 'skipped'
  const plan = run === undefined ? undefined : run['plan']
  const counts = isRecord(plan) && isRecord(plan['summary']) ? plan['summary'] : {}
  const parts = ['delete', 'create', 'update', 'adopt'].flatMap((action) => {
    const count = counts[action]
    return typeof count === 'number' && count > 0 ? [`${String(count)} ${action}`] : []
  })
  if (parts.length === 0) return 'no changes'
  const outcomes: readonly unknown[] = run !== undefined && Array.isArray(run['outcomes']) ? run['outcomes'] : []
  return outcomes.length === 0 ? `changes pending: ${parts.join(', ')}` : `applied: ${parts.join(', ')}`
}

/** What the record says of repeated changes, where they were not made. */
function notConvergingOf(run: Readonly<Record<string, unknown>> | undefined): readonly NotConverging[] {
  const repeats: readonly unknown[] = run !== undefined && Array.isArray(run['repeats']) ? run['repeats'] : []
  return repeats.flatMap((one) => {
    if (!isRecord(one) || one['stopped'] !== true) return []
    return [{ action: String(one['action']), key: String(one['key']), shard: text(one['shard']) ?? null }]
  })
}

function relationsOf(run: Readonly<Record<string, unknown>> | undefined): RunEnd['relations'] {
  const uses: readonly unknown[] = run !== undefined && Array.isArray(run['relations']) ? run['relations'] : []
  const sum = (name: 'asked' | 'loaded'): number =>
    uses.reduce<number>((total, one) => total + (isRecord(one) && typeof one[name] === 'number' ? one[name] : 0), 0)
  return { asked: sum('asked'), loaded: sum('loaded') }
}

function warningsOf(run: Readonly<Record<string, unknown>> | undefined): readonly string[] {
  const log = run === undefined ? undefined : run['log']
  const records: readonly unknown[] = isRecord(log) && Array.isArray(log['records']) ? log['records'] : []
  const messages = records.flatMap((record) => {
    if (!isRecord(record) || (record['level'] !== 'warn' && record['level'] !== 'error')) return []
    return [String(record['message'])]
  })
  return [...new Set(messages)]
}

function text(value: unknown): string | undefined {
  return typeof value === 'string' ? value : undefined
}
