// The parts of a daemon come in: where revisions are had, the store, how a child is run. It follows the revisions, gives the scheduler the targets,
// and runs each in a child process in the tree of its revision. Out: what it tells, and what it knows. Must not print, or look at the process.
import type { RevisionSource } from '../../desired/export-revision.js'
import type { RunRecord } from '../../event.js'
import { notConverging, NOT_CONVERGING_AFTER, type NotConverging } from '../../schedule/convergence.js'
import { ALLOW } from '../../schedule/policies.js'
import { createMemoryQueue } from '../../schedule/memory-queue.js'
import type { PostgresQueue } from '../../schedule/postgres-queue.js'
import { createScheduler } from '../../schedule/scheduler.js'
import type { ScheduledResult, ScheduledTarget, Scheduler, StartCause } from '../../schedule/scheduler-types.js'
import type { RecordStore } from '../../store/records.js'
import type { Clock } from '../../util/clock.js'
import { coalesced } from '../../util/coalesce.js'
import { isRecord } from '../../util/is-record.js'
import type { TargetConfig } from '../config-targets.js'
import type { ChildResult } from './child-run.js'
import type { ScheduleKeeper } from './kept-schedule.js'
import { runEnd, type RunEnd } from './run-result.js'
import { retire, within, type ServedTree } from './served-tree.js'
import type { Told } from './told.js'

export interface DaemonOptions {
  readonly clock: Clock
  readonly random: () => number
  readonly revisions: RevisionSource
  readonly open: (tree: ServedTree['tree']) => Promise<ServedTree>
  readonly keeper: ScheduleKeeper
  /** Shared with other processes, which agree on what is served. @defaultValue the targets of this process alone */
  readonly queue?: PostgresQueue
  readonly records: RecordStore
  /** Starts trueup in a tree. */
  readonly child: (served: ServedTree, args: readonly string[], signal: AbortSignal) => Promise<ChildResult>
  readonly told: Told
  /** Targets that say `apply: true` are applied. */
  readonly apply: boolean
  /** Of targets without a schedule, ms. */
  readonly everyMs: number
  readonly timeoutMs: number
  readonly concurrency: number
  /** What never ran is spread over its interval. */
  readonly spread: boolean
  /** Aborted: nothing more starts, what runs is told to end. */
  readonly stop: AbortSignal
  readonly onEnd?: (end: EndedRun) => void
  /** A run began, so long after it was due. */
  readonly onStart?: (delayMs: number) => void
  /** trueup.yaml has it no more. */
  readonly onGone?: (target: string) => void
}

export interface EndedRun extends RunEnd {
  readonly target: string
  readonly mode: 'apply' | 'dry-run'
  readonly durationMs: number
  /** UTC ms. */
  readonly endedAt: number
}

export interface Daemon {
  readonly scheduler: Scheduler
  /** The served revision; undefined before the first. */
  current(): ServedTree | undefined
  /** A revision is served, and what is due can be had. */
  isReady(): boolean
  /** The last end of each target that ran. */
  readonly ends: ReadonlyMap<string, EndedRun>
  /** Targets of which changes were stopped, with these. */
  readonly stuck: ReadonlyMap<string, readonly NotConverging[]>
  /** Takes the newest commit, where there is a new one; one look at a time, and one more for all who ask meanwhile. @throws what getting or reading it throws; what was served stays */
  refresh(): Promise<void>
  close(): Promise<void>
}

/** Records that are looked at for applies: dry runs lie between them. */
const MOST_RECORDS = 200

export function createDaemon(options: DaemonOptions): Daemon {
  const { clock, revisions, keeper, records, told, stop } = options
  const ends = new Map<string, EndedRun>()
  const stuck = new Map<string, readonly NotConverging[]>()
  const causes = new Map<string, StartCause>()
  let current: ServedTree | undefined
  /** One whose trueup.yaml could not be read: it is not tried again. */
  let refused: string | undefined

  const scheduler = createScheduler({
    clock,
    random: options.random,
    queue:
      options.queue ??
      createMemoryQueue({
        clock,
        concurrency: options.concurrency,
        save: (due) => (current === undefined ? Promise.resolve() : keeper.write({ commit: current.tree.commit, due })),
        onSaveFailed: (error) => {
          told.change('save', 'warn', `next-due times could not be kept: ${error.message}`)
        },
      }),
    run,
    policy: (key, now) => (willApply(key) && current !== undefined ? current.mayApply(key, now) : ALLOW),
    onEvent: (event) => {
      if (event.kind === 'started') {
        causes.set(event.key, event.cause)
        options.onStart?.(event.delayMs)
      }
      if (event.kind === 'overran')
        told.line('warn', `${event.key} took longer than ${String(event.timeoutMs / 1000)} s and is told to end`, {
          target: event.key,
        })
      if (event.kind === 'not-yet') {
        const until = event.until === null ? 'for now' : `until ${new Date(event.until).toISOString()}`
        told.change(event.key, 'info', `${event.key} is not applied ${until}: ${event.reason}`, { target: event.key })
      }
      if (event.kind === 'ended' && event.result.kind === 'failed' && !ends.has(event.key))
        told.change(event.key, 'error', `${event.key}: ${event.result.error.message}`, { target: event.key })
    },
  })

  function willApply(key: string): boolean {
    return options.apply && current?.targets.get(key)?.apply === true
  }

  async function run(key: string, signal: AbortSignal): Promise<ScheduledResult> {
    const served = current
    if (served?.targets.has(key) !== true) return { kind: 'done' }
    return within(served, async () => {
      const isApply = willApply(key) && (await mayApply(key))
      const started = clock.monotonic()
      const mode = isApply ? ['--apply', '--yes'] : ['--dry-run']
      const child = await options.child(served, ['run', key, ...mode], AbortSignal.any([signal, stop]))
      const end = runEnd(child)
      const durationMs = clock.monotonic() - started
      tell({ ...end, target: key, mode: isApply ? 'apply' : 'dry-run', durationMs, endedAt: clock.now() })
      return end.result
    })
  }

  /** A change of what it reads may have mended it, so that is tried. */
  async function mayApply(key: string): Promise<boolean> {
    const applies: RunRecord[] = []
    let seen = 0
    for await (const record of records.list(key)) {
      if (record.run.mode === 'apply') applies.push(record)
      seen += 1
      if (applies.length === NOT_CONVERGING_AFTER || seen === MOST_RECORDS) break
    }
    const found = notConverging(applies)
    if (found.length === 0) stuck.delete(key)
    else stuck.set(key, found)
    if (found.length === 0 || causes.get(key) === 'change') return true
    const shown = found.slice(0, 5).map((one) => `${one.action} ${one.key}`)
    told.change(
      `${key} stuck`,
      'error',
      `${key} does not converge: the last ${String(NOT_CONVERGING_AFTER)} applies each did ${shown.join(', ')}${found.length > 5 ? ', …' : ''}. It is only planned until what it reads changes, or: trueup apply ${key}`,
      { target: key },
    )
    return false
  }

  function tell(end: EndedRun): void {
    const { target, mode, decision, reason, summary, warnings, result } = end
    ends.set(target, end)
    const level = result.kind === 'failed' || result.kind === 'retry' ? 'error' : 'info'
    told.change(target, level, `${target} ${mode}: ${summary}`, { target, mode, decision, reason })
    told.line('debug', `${target} decision=${decision} reason=${reason}`, { target, durationMs: end.durationMs })
    if (warnings.length > 0)
      told.change(`${target} warnings`, 'warn', `${target} warns: ${warnings.join('; ')}`, { target })
    options.onEnd?.(end)
  }

  async function refresh(): Promise<void> {
    // Before the newest commit is asked for: one that differs from what was agreed until now is newer.
    const agreed = await options.queue?.agreed()
    const commit = await revisions.latest()
    if ((commit === current?.tree.commit && (agreed ?? commit) === commit) || commit === refused) return
    const kept = current === undefined ? await keeper.read() : undefined
    const own = current?.tree.commit ?? kept?.commit ?? null
    // Who takes the step to this commit tells what it has changed since the last that all have served.
    const before = agreed === commit ? own : (agreed ?? own)
    const tree = await revisions.exportTree(
      before === null || before === commit ? undefined : { commit: before, folder: current?.tree.folder ?? null },
    )
    try {
      const served = await options.open(tree).catch((error: unknown) => {
        refused = tree.commit
        throw error
      })
      const changed = before === null || before === tree.commit ? [] : await affected(served, before)
      // Before anything can start: what starts from now on runs in the new tree.
      const former = current
      const targets = [...served.targets.values()].map(scheduled)
      current = served
      try {
        await scheduler.setTargets(targets, {
          changed,
          spread: options.spread,
          revision: tree.commit,
          ...(kept === undefined ? {} : { saved: kept.due }),
        })
      } catch (error) {
        current = former
        throw error
      }
      if (former !== undefined) {
        for (const name of former.targets.keys()) if (!served.targets.has(name)) forget(name)
        told.line('info', `${tree.commit.slice(0, 8)} is served: ${affectedText(changed)}`, { commit: tree.commit })
        await retire(former)
      }
    } catch (error) {
      await tree.remove()
      throw error
    }
  }

  function forget(name: string): void {
    ends.delete(name)
    stuck.delete(name)
    causes.delete(name)
    options.onGone?.(name)
  }

  function scheduled({ name, schedule }: TargetConfig): ScheduledTarget {
    return {
      key: name,
      timing: schedule === null ? { kind: 'interval', intervalMs: options.everyMs } : { kind: 'cron', cron: schedule },
      timeoutMs: options.timeoutMs,
    }
  }

  /** Where it cannot be told, all. */
  async function affected(served: ServedTree, base: string): Promise<readonly string[]> {
    const { document } = await within(served, () => options.child(served, ['affected', '--base', base], stop))
    const targets = isRecord(document) && Array.isArray(document['targets']) ? document['targets'] : undefined
    if (targets === undefined) return [...served.targets.keys()]
    const untouched = new Set(
      (targets as readonly unknown[]).flatMap((one) =>
        isRecord(one) && one['affected'] === false ? [one['target']] : [],
      ),
    )
    return [...served.targets.keys()].filter((name) => !untouched.has(name))
  }

  return {
    scheduler,
    ends,
    stuck,
    current: () => current,
    isReady: () => current !== undefined && options.queue?.isReachable() !== false,
    refresh: coalesced(refresh),
    async close() {
      await scheduler.stop()
      if (current !== undefined) await retire(current)
    },
  }
}

function affectedText(changed: readonly string[]): string {
  if (changed.length === 0) return 'it affects no target'
  const more = changed.length > 5 ? ` and ${String(changed.length - 5)} more` : ''
  return `due now: ${changed.slice(0, 5).join(', ')}${more}`
}
