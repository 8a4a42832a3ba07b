// The parts of a daemon come in: where revisions are had, the store, how a child is run. It follows the revisions, gives the scheduler the targets,
// and runs each in a child process in the tree of its revision. Out: what it tells, and what it knows. Must not print, or look at the process.
import type { RevisionSource } from '../../desired/export-revision.js'
import { toError } from '../../errors.js'
import type { RunEventCause } from '../../event.js'
import { createMemoryQueue } from '../../schedule/memory-queue.js'
import type { PostgresQueue } from '../../schedule/postgres-queue.js'
import { createScheduler } from '../../schedule/scheduler.js'
import type { ScheduledResult, ScheduledTarget, Scheduler, SchedulerEvent } from '../../schedule/scheduler-types.js'
import type { ObjectStore } from '../../store/object-store.js'
import type { RecordStore } from '../../store/records.js'
import type { Clock } from '../../util/clock.js'
import { coalesced } from '../../util/coalesce.js'
import { affectedTargets, affectedText } from './affected-targets.js'
import type { TargetConfig } from '../config-targets.js'
import { applyOrPlan, dueAfter, type Held } from './gated-run.js'
import { createGate } from './gate.js'
import type { ScheduleKeeper } from './kept-schedule.js'
import type { RunChildIn } from './run-in-tree.js'
import { runEnd, type NotConverging, type RunEnd } from './run-result.js'
import { retire, within, type ServedTree } from './served-tree.js'
import type { Told } from './told.js'
import { turnsOf, withSoaking, type Turn } from './turns.js'

export interface DaemonOptions {
  readonly clock: Clock
  readonly random: () => number
  readonly revisions: RevisionSource
  readonly open: (tree: ServedTree['tree']) => Promise<ServedTree>
  readonly keeper: ScheduleKeeper
  readonly store: ObjectStore
  /** Shared with other processes, which agree on what is served. @defaultValue the targets of this process alone */
  readonly queue?: PostgresQueue
  readonly records: RecordStore
  /** Starts trueup in a tree. */
  readonly child: RunChildIn
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
  /** As the scheduler tells it, after the daemon has taken note of it. */
  readonly onEvent?: (event: SchedulerEvent) => void
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
  /** Targets whose runs are under way in this process. */
  readonly running: ReadonlySet<string>
  /** Changes that their last apply stopped, by target. */
  readonly stuck: ReadonlyMap<string, readonly NotConverging[]>
  /** Targets that a policy or a freeze keeps from being applied. */
  readonly held: ReadonlyMap<string, Held>
  /** Takes the newest commit, where there is a new one; one look at a time, and one more for all who ask meanwhile. @throws what getting or reading it throws; what was served stays */
  refresh(): Promise<void>
  close(): Promise<void>
}

export function createDaemon(options: DaemonOptions): Daemon {
  const { clock, revisions, keeper, records, told, stop } = options
  const ends = new Map<string, EndedRun>()
  const stuck = new Map<string, readonly NotConverging[]>()
  const held = new Map<string, Held>()
  const running = new Set<string>()
  let turns: ReadonlyMap<string, Turn> = new Map()
  let current: ServedTree | undefined
  /** One whose trueup.yaml could not be read: it is not tried again. */
  let refused: string | undefined

  const affected = affectedTargets((served, args) => options.child(served, args, stop))
  const gate = createGate({ records, store: options.store, unaffectedSince: affected.unaffectedSince })

  const scheduler = createScheduler({
    clock,
    random: options.random,
    queue:
      options.queue ??
      createMemoryQueue({
        clock,
        concurrency: options.concurrency,
        save: (due) =>
          current === undefined ? Promise.resolve() : keeper.write({ commit: current.tree.commit, due, turns }),
        onSaveFailed: unkept,
      }),
    run,
    onEvent: (event) => {
      if (event.kind === 'started') {
        running.add(event.key)
        options.onStart?.(event.delayMs)
      }
      if (event.kind === 'ended') running.delete(event.key)
      if (event.kind === 'overran')
        told.line('warn', `${event.key} took longer than ${String(event.timeoutMs / 1000)} s and is told to end`, {
          target: event.key,
        })
      if (event.kind === 'ended' && event.result.kind === 'failed' && !ends.has(event.key))
        told.change(event.key, 'error', `${event.key}: ${event.result.error.message}`, { target: event.key })
      options.onEvent?.(event)
    },
  })

  function unkept(thrown: unknown): void {
    told.change('save', 'warn', `next-due times could not be kept: ${toError(thrown).message}`)
  }

  function willApply(key: string): boolean {
    return options.apply && current?.targets.get(key)?.apply === true
  }

  async function run(key: string, signal: AbortSignal, event: RunEventCause | null): Promise<ScheduledResult> {
    const served = current
    const target = served?.targets.get(key)
    if (served === undefined || target === undefined) return { kind: 'done' }
    const one = async (mode: EndedRun['mode'], flags: readonly string[]): Promise<EndedRun> => {
      const started = clock.monotonic()
      const words = ['run', key, ...(mode === 'apply' ? ['--apply', '--yes'] : ['--dry-run']), ...flags]
      const end = runEnd(await options.child(served, words, AbortSignal.any([signal, stop]), event))
      const durationMs = clock.monotonic() - started
      return { ...end, target: key, mode, durationMs, endedAt: clock.now() }
    }
    return within(served, async () => {
      if (!willApply(key)) return tell(await one('dry-run', []))
      const asked = clock.now()
      const gated = await applyOrPlan({
        gate,
        question: { served, target, turn: turns.get(key), now: asked },
        plan: (flags) => one('dry-run', flags),
        apply: (flags) => one('apply', flags),
      }).catch((thrown: unknown) => toError(thrown))
      if (gated instanceof Error) {
        // A child never rejects: it is the gate that cannot tell.
        told.change(key, 'error', `${key} is not applied, since its policies cannot be asked: ${gated.message}`)
        return { kind: 'retry', error: gated }
      }
      const result = tell(gated.end)
      if (gated.held === null) {
        held.delete(key)
        await hurrySoaking(served, gated.end)
        return result
      }
      tellHeld(key, gated.held)
      if (hasSucceededSince(target, asked) && gated.held.verdict.kind === 'deny')
        return { kind: 'after', afterMs: 0, reason: 'what it soaks in has succeeded meanwhile' }
      return dueAfter({ held: gated.held, target, everyMs: options.everyMs, now: clock.now(), result })
    })
  }

  /** The success that it waits for came while it was planned. */
  function hasSucceededSince({ policies }: TargetConfig, asked: number): boolean {
    const last = policies.soak === undefined ? undefined : ends.get(policies.soak.after)
    return last?.mode === 'apply' && last.exitCode === 0 && last.endedAt >= asked
  }

  /** Who waits for a first success is asked again when there is one. */
  async function hurrySoaking(served: ServedTree, { target, mode, exitCode }: EndedRun): Promise<void> {
    if (mode !== 'apply' || exitCode !== 0) return
    for (const [name, { verdict }] of held)
      if (verdict.kind === 'deny' && served.targets.get(name)?.policies.soak?.after === target)
        await scheduler.trigger(name)
  }

  function tellHeld(key: string, why: Held): void {
    held.set(key, why)
    const { verdict, reasons } = why
    const until = verdict.kind === 'wait' ? `until ${new Date(verdict.until).toISOString()}` : 'for now'
    told.change(`${key} held`, 'info', `${key} is not applied ${until}: ${reasons.join('; ')}`, { target: key })
  }

  function tell(end: EndedRun): ScheduledResult {
    const { target, mode, decision, reason, summary, warnings, result } = end
    ends.set(target, end)
    // A plan says nothing of what applies have come to.
    if (mode === 'apply' && end.notConverging.length > 0) stuck.set(target, end.notConverging)
    else if (mode === 'apply') stuck.delete(target)
    const level = result.kind === 'failed' || result.kind === 'retry' ? 'error' : 'info'
    const telling = end.outcome === 'applied' ? 'each' : 'change'
    told[telling](target, level, `${target} ${mode}: ${summary}`, { target, mode, decision, reason })
    told.line('debug', `${target} decision=${decision} reason=${reason}`, { target, durationMs: end.durationMs })
    if (warnings.length > 0)
      told.change(`${target} warnings`, 'warn', `${target} warns: ${warnings.join('; ')}`, { target })
    options.onEnd?.(end)
    return result
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
      const changed = before === null || before === tree.commit ? [] : await affected.changed(served, before)
      // Before anything can start: what starts from now on runs in the new tree.
      const former = current
      const targets = [...served.targets.values()].map(scheduled)
      const formerTurns = turns
      current = served
      turns = turnsOf({
        targets: served.targets,
        changed,
        before: kept?.turns ?? turns,
        commit: tree.commit,
        now: clock.now(),
      })
      try {
        await scheduler.setTargets(targets, {
          // What was held may be allowed by what this commit says.
          changed: [...withSoaking(served.targets, changed), ...held.keys()],
          spread: options.spread,
          revision: tree.commit,
          ...(kept === undefined ? {} : { saved: kept.due }),
        })
      } catch (error) {
        current = former
        turns = formerTurns
        throw error
      }
      // A shared queue keeps the times; a replica that starts later must know since when each target waits for its turn.
      if (options.queue !== undefined) await keeper.write({ commit: tree.commit, due: new Map(), turns }).catch(unkept)
      // Another one has taken the step: what is held here, it cannot know of.
      if (agreed === tree.commit) for (const key of held.keys()) await scheduler.trigger(key).catch(unkept)
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
    held.delete(name)
    options.onGone?.(name)
  }

  function scheduled({ name, schedule }: TargetConfig): ScheduledTarget {
    return {
      key: name,
      timing: schedule === null ? { kind: 'interval', intervalMs: options.everyMs } : { kind: 'cron', cron: schedule },
      timeoutMs: options.timeoutMs,
    }
  }

  return {
    scheduler,
    ends,
    running,
    stuck,
    held,
    current: () => current,
    isReady: () => current !== undefined && options.queue?.isReachable() !== false,
    refresh: coalesced(refresh),
    async close() {
      await scheduler.stop()
      if (current !== undefined) await retire(current)
    },
  }
}
