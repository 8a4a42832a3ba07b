// A daemon and its store come in; what its pages show goes out. Reads alone, and keeps no page waiting for a large store.
import { dateTime, formatDuration } from '../../report/format.js'
import type { DaemonFacts, Overview, PageView, ShardFacts, TargetRow } from '../../schedule/http/page/page-view.js'
import { holdsFor } from '../../store/holds.js'
import { createMarkStore } from '../../store/marks.js'
import type { ObjectStore } from '../../store/object-store.js'
import { createRecordStore } from '../../store/records.js'
import type { RunRecord } from '../../event.js'
import type { Clock } from '../../util/clock.js'
import type { TargetConfig } from '../config-targets.js'
import type { Daemon } from './daemon.js'
import type { QuestionKeeper } from './open-questions.js'
import type { Standing, Standings } from './standings.js'

export interface PageFactsOptions {
  readonly daemon: Daemon
  /** Gives others a turn. */
  readonly store: ObjectStore
  readonly clock: Clock
  readonly standings: Standings
  readonly questions: QuestionKeeper
  readonly apply: boolean
  readonly everyMs: number
  readonly maxAgeMs: number | null
  /** Of trueup. */
  readonly version: string
  /** Flags of commands that say where. */
  readonly place: string
}

/** Longest that a page waits for the store; what is not read by then, the page says. */
const PATIENCE_MS = 150

export function pageFacts(options: PageFactsOptions): PageView {
  const { daemon, store, clock, standings, questions, apply, everyMs, maxAgeMs } = options
  const records = createRecordStore(store)
  const served = (): ReadonlyMap<string, TargetConfig> => daemon.current()?.targets ?? new Map<string, TargetConfig>()

  function daemonFacts(): DaemonFacts {
    const { version, place } = options
    const commit = daemon.current()?.tree.commit ?? null
    return { version, place, store: store.description, applies: apply, commit }
  }

  /** What it began to read goes on behind. */
  async function readSoon(): Promise<void> {
    const patience = new AbortController()
    const read = Promise.all([questions.read(), standings.read(served().keys())])
    await Promise.race([read, clock.sleep(PATIENCE_MS, patience.signal).catch(() => undefined)])
    patience.abort()
  }

  function rowOf(
    target: TargetConfig,
    due: ReadonlyMap<string, number>,
    doubts: ReadonlyMap<string, number>,
  ): TargetRow {
    const { name, labels, schedule } = target
    const { holds } = questions.now()
    const standing = standings.of(name)
    const applies = apply && target.apply
    return {
      name,
      labels,
      applies,
      timing: schedule ?? `each ${formatDuration(everyMs)}`,
      nextAt: due.get(name),
      isRunning: daemon.running.has(name),
      last: lastOf(name, standing),
      successAt: standing?.successAt,
      isOverdue: standing !== undefined && isOverdue(standing, applies),
      waitsFor: daemon.held.get(name)?.reasons ?? [],
      notConverging: daemon.stuck.get(name) ?? [],
      holds: holdsFor(name, holds),
      doubts: doubts.get(name) ?? 0,
    }
  }

  /** As `status` says, of what is applied at all. */
  function isOverdue({ successAt, wasApplied }: Standing, applies: boolean): boolean {
    if (!applies && !wasApplied) return false
    return successAt === null || (maxAgeMs !== null && clock.now() - successAt > maxAgeMs)
  }

  /** The newer one: another process may have run it since. */
  function lastOf(name: string, standing: Standing | undefined): TargetRow['last'] {
    const end = daemon.ends.get(name)
    if (end === undefined) return standing?.last
    const { id, mode, endedAt, decision, reason, outcome, summary } = end
    if (standing?.last !== undefined && standing.last.at > endedAt) return standing.last
    return { id, mode, at: endedAt, decision, reason, outcome, summary }
  }

  async function overview(): Promise<Overview> {
    await readSoon()
    const due = daemon.scheduler.due()
    const targets = served()
    const doubts = new Map<string, number>()
    for (const { target } of questions.now().doubts)
      if (target !== null) doubts.set(target, (doubts.get(target) ?? 0) + 1)
    const rows = [...targets.values()].map((target) => rowOf(target, due, doubts))
    const unread = standings.unread(targets.keys())
    return { ...daemonFacts(), ...questions.now(), rows, maxAgeMs, unread }
  }

  return {
    now: () => clock.now(),
    overview,
    async target(name, { before, limit }) {
      await readSoon()
      const runs: RunRecord[] = []
      let hasMore = false
      for await (const record of records.list(name)) {
        if (before !== undefined && record.run.id >= before) continue
        hasMore = runs.length === limit
        if (hasMore) break
        runs.push(record)
      }
      const config = served().get(name)
      const open = questions.now()
      const holds = holdsFor(name, open.holds)
      const doubts = open.doubts.filter((doubt) => doubt.target === name)
      const isKnown = config !== undefined || runs.length > 0 || doubts.length > 0
      if (!isKnown && !holds.some((hold) => hold.target === name)) return undefined
      const row =
        config === undefined ? undefined : rowOf(config, daemon.scheduler.due(), new Map([[name, doubts.length]]))
      return { ...daemonFacts(), row, name, runs, hasMore, holds, doubts, shards: await shardsOf(store, name, runs) }
    },
    runs: (id) => records.find(id),
    plain() {
      const due = daemon.scheduler.due()
      const rows = [...served().keys()].map((name) => {
        const at = due.get(name)
        return `${name}  next ${at === undefined ? 'never' : dateTime(at, true)}  ${lastOf(name, standings.of(name))?.summary ?? 'no run is known yet'}`
      })
      return `trueup serve, ${daemonFacts().commit ?? 'no commit yet'}\n\n${rows.join('\n')}\n\n/metrics  /healthz  /readyz  /api/v1/openapi.json\n`
    },
  }
}

/** Of the destination of the newest run that knew it. */
async function shardsOf(
  store: ObjectStore,
  target: string,
  runs: readonly RunRecord[],
): Promise<readonly ShardFacts[]> {
  const place = runs.find(({ run }) => run.destination !== null)?.run.destination ?? null
  if (place === null) return []
  const marks = await createMarkStore(store, target, place).all()
  return [...marks.values()]
    .filter(({ mark }) => mark.shard !== '')
    .map(({ mark: { shard, status, at, run } }) => ({ key: shard, status, at, run }))
}
