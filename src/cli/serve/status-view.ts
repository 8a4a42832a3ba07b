// A daemon, its store and its metrics come in; what its HTTP server answers goes out. Reads; makes a target due where it is asked to.
import type { RunRecord } from '../../event.js'
import { runJson } from '../../report/run-json.js'
import type { ServeMetrics } from '../../report/serve-metrics.js'
import type { StatusView } from '../../schedule/http/api.js'
import { allHolds } from '../../store/holds.js'
import type { ObjectStore } from '../../store/object-store.js'
import { createRecordStore } from '../../store/records.js'
import { doubtJson } from '../doubt-json.js'
import { listDoubts } from '../doubts.js'
import type { Daemon } from './daemon.js'
import type { Held } from './gated-run.js'
import { openApi } from './openapi.js'
import type { EndedRun } from './target-runs.js'

export interface ViewOptions {
  readonly daemon: Daemon
  readonly store: ObjectStore
  readonly metrics: ServeMetrics
  readonly apply: boolean
  readonly everyMs: number
  /** Of trueup. */
  readonly version: string
}

export function statusView({ daemon, store, metrics, apply, everyMs, version }: ViewOptions): StatusView {
  const { scheduler, ends, stuck, held } = daemon

  function targets(): readonly object[] {
    const due = scheduler.due()
    return [...(daemon.current()?.targets.values() ?? [])].map((target) => {
      const at = due.get(target.name)
      return {
        name: target.name,
        apply: apply && target.apply,
        schedule: target.schedule,
        everyMs: target.schedule === null ? everyMs : null,
        nextAt: at === undefined ? null : new Date(at).toISOString(),
        last: lastOf(ends.get(target.name)),
        notConverging: stuck.get(target.name) ?? [],
        held: heldOf(held.get(target.name)),
      }
    })
  }

  /** Undefined where the store cannot be read: a scrape goes on without. */
  async function open(): Promise<{ readonly holds: number; readonly doubts: number } | undefined> {
    try {
      const [holds, doubts] = await Promise.all([allHolds(store), listDoubts(store)])
      return { holds: holds.length, doubts: doubts.length }
    } catch {
      return undefined
    }
  }

  return {
    isReady: () => daemon.isReady(),
    metrics: async () => metrics.scrape({ ...scheduler.stats(), notConverging: stuck.size }, await open()),
    targets: () => ({ commit: daemon.current()?.tree.commit ?? null, targets: targets() }),
    async runs({ target, limit }) {
      const found: RunRecord[] = []
      for await (const record of createRecordStore(store).list(target)) {
        found.push(record)
        if (found.length === limit) break
      }
      return runJson(found, 0) as object
    },
    doubts: async () => ({ doubts: (await listDoubts(store)).map(doubtJson) }),
    openApi: () => openApi(version),
    trigger: (target) => scheduler.trigger(target),
  }
}

function heldOf(held: Held | undefined): object | null {
  if (held === undefined) return null
  const { verdict, reasons } = held
  return { until: verdict.kind === 'wait' ? new Date(verdict.until).toISOString() : null, reasons }
}

function lastOf(end: EndedRun | undefined): object | null {
  if (end === undefined) return null
  const { id, mode, decision, reason, outcome, summary, exitCode, durationMs, endedAt } = end
  return {
    id,
    mode,
    decision,
    reason,
    outcome,
    summary,
    exitCode,
    durationMs,
    endedAt: new Date(endedAt).toISOString(),
  }
}
