// The records of targets come in; how the last run of each ended and when it last succeeded goes out, from memory. Read when somebody looks, a few at
// once and the rest behind; a run that ends makes its target read again. Must not keep a page waiting.
import type { RunRecord } from '../../event.js'
import { countsText } from '../../report/plan-parts.js'
import type { LastRunFacts } from '../../schedule/http/page/page-view.js'
import { listLeases, runsAlive } from '../../store/lease-list.js'
import { evaluatedShards } from '../../store/marks.js'
import type { ObjectStore } from '../../store/object-store.js'
import { createRecordStore } from '../../store/records.js'
import { targetStatus } from '../../store/target-status.js'
import type { Clock } from '../../util/clock.js'
import { isDead } from '../process-context.js'

export interface Standing {
  /** Of the newest record that has ended. */
  readonly last: LastRunFacts | undefined
  /** UTC ms, from its start; null: none. */
  readonly successAt: number | null
  /** An apply is on record. */
  readonly wasApplied: boolean
}

export interface Standings {
  of(target: string): Standing | undefined
  /** What is on record may be another by now. */
  touch(target: string): void
  /** Begins to read what is not known. @returns when all is read; it never rejects */
  read(targets: Iterable<string>): Promise<void>
  /** Of these: not read yet. */
  unread(targets: Iterable<string>): number
}

/** Runs of others are seen after this, when somebody looks. */
const ALL_AGAIN_MS = 300_000
/** Records of one target that are looked through for a success. */
const MOST_RECORDS = 200

export interface StandingsOptions {
  /** Gives others a turn. */
  readonly store: ObjectStore
  readonly clock: Clock
  /** Something was read behind. */
  readonly onRead: () => void
}

export function createStandings({ store, clock, onRead }: StandingsOptions): Standings {
  const known = new Map<string, Standing>()
  const stale = new Set<string>()
  const records = createRecordStore(store)
  let allAt = Number.NEGATIVE_INFINITY
  let reading: Promise<void> | undefined

  async function readOne(target: string, alive: ReadonlySet<string>): Promise<void> {
    stale.delete(target)
    let last: RunRecord | undefined
    let wasApplied = false
    async function* looked(): AsyncGenerator<RunRecord> {
      let seen = 0
      for await (const record of records.list(target)) {
        if (record.state === 'finished') last ??= record
        wasApplied ||= record.run.mode === 'apply'
        yield record
        seen += 1
        if (seen === MOST_RECORDS) return
      }
    }
    const { success } = await targetStatus(looked(), {
      shardsAt: (place) => evaluatedShards(store, target, place),
      isAlive: (run) => alive.has(run),
    })
    const successAt = success?.run.startedAt ?? null
    known.set(target, { last: last === undefined ? undefined : lastRunFacts(last), successAt, wasApplied })
  }

  async function readAll(targets: readonly string[]): Promise<void> {
    try {
      const alive = runsAlive(await listLeases({ store, isDead }))
      for (const target of targets) await readOne(target, alive)
    } catch {
      // What is not known stays unread, which the page says; holds and doubts come from the same store, and tell why.
    } finally {
      reading = undefined
      onRead()
    }
  }

  return {
    of: (target) => known.get(target),
    touch(target) {
      stale.add(target)
    },
    async read(targets) {
      if (reading !== undefined) {
        await reading
        return
      }
      const now = clock.monotonic()
      const isAll = now - allAt > ALL_AGAIN_MS
      if (isAll) allAt = now
      const wanted = [...targets].filter((target) => isAll || stale.has(target) || !known.has(target))
      if (wanted.length === 0) return
      reading = readAll(wanted)
      await reading
    },
    unread: (targets) => [...targets].filter((target) => !known.has(target)).length,
  }
}

/** Of a record that has ended. */
export function lastRunFacts({ run, decision, plan, error, exitCode }: RunRecord): LastRunFacts {
  const base = {
    id: run.id,
    mode: run.mode,
    at: run.startedAt + run.durationMs,
    decision: decision.action,
    reason: decision.reason,
  }
  if (exitCode !== 0 && exitCode !== 2) {
    const outcome = exitCode === 3 ? 'blocked' : exitCode === 75 ? 'later' : 'failed'
    return { ...base, outcome, summary: error?.message ?? `it ended with exit code ${String(exitCode)}` }
  }
  if (decision.action === 'skip') return { ...base, outcome: 'skipped', summary: 'skipped' }
  const counts = plan === null ? '' : countsText(plan.summary)
  if (counts === '') return { ...base, outcome: 'converged', summary: 'no changes' }
  return run.mode === 'apply'
    ? { ...base, outcome: 'applied', summary: `applied: ${counts}` }
    : { ...base, outcome: 'pending', summary: `changes pending: ${counts}` }
}
