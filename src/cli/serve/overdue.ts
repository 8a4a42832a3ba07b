// When the targets that a daemon applies last succeeded comes in, from its own runs and from the store; which are overdue goes out. The store is
// asked only of a target that by its own runs would be: somebody else may have applied it.
import { evaluatedShards } from '../../store/marks.js'
import type { ObjectStore } from '../../store/object-store.js'
import { createRecordStore } from '../../store/records.js'
import { targetStatus } from '../../store/target-status.js'
import type { Clock } from '../../util/clock.js'
import type { EndedRun } from './target-runs.js'

export interface OverdueWatch {
  ended(end: EndedRun): void
  start(): void
}

export interface OverdueOptions {
  readonly clock: Clock
  readonly stop: AbortSignal
  readonly store: ObjectStore
  /** undefined: none is ever overdue. */
  readonly afterMs: () => number | undefined
  readonly targets: () => readonly string[]
  readonly tell: (target: string, standing: OverdueStanding) => Promise<void>
  readonly onTrouble: (thrown: unknown) => void
}

export interface OverdueStanding {
  readonly isOverdue: boolean
  /** Since the last success began; null: there was none. */
  readonly ageMs: number | null
  readonly afterMs: number
}

const SOONEST_MS = 1000
const LATEST_MS = 60_000

export function overdueWatch({ clock, stop, store, afterMs, targets, tell, onTrouble }: OverdueOptions): OverdueWatch {
  /** When the last success began, UTC ms. */
  const successes = new Map<string, number>()
  /** When the store is asked again, UTC ms. */
  const askAt = new Map<string, number>()
  /** A target that never succeeded is overdue so long after this. */
  const began = clock.now()

  async function lookAt(target: string, limitMs: number): Promise<void> {
    const now = clock.now()
    if (now - (successes.get(target) ?? began) <= limitMs || now < (askAt.get(target) ?? 0)) return
    const { success } = await targetStatus(createRecordStore(store).list(target), {
      shardsAt: (place) => evaluatedShards(store, target, place),
      isAlive: () => false,
    })
    if (success !== undefined) successes.set(target, Math.max(success.run.startedAt, successes.get(target) ?? 0))
    const last = successes.get(target)
    const isOverdue = now - (last ?? began) > limitMs
    await tell(target, { isOverdue, ageMs: last === undefined ? null : now - last, afterMs: limitMs })
    askAt.set(target, now + Math.max(SOONEST_MS, limitMs / 10))
  }

  async function watch(): Promise<void> {
    for (;;) {
      const limitMs = afterMs()
      await clock.sleep(Math.min(LATEST_MS, Math.max(SOONEST_MS, (limitMs ?? LATEST_MS) / 10)), stop, {
        background: true,
      })
      if (limitMs === undefined) continue
      for (const target of targets()) await lookAt(target, limitMs).catch(onTrouble)
    }
  }

  return {
    ended({ target, mode, exitCode, endedAt, durationMs }) {
      if (mode === 'apply' && exitCode === 0) successes.set(target, endedAt - durationMs)
    },
    start() {
      // Ends with the daemon.
      watch().catch(() => undefined)
    },
  }
}
