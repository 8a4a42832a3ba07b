// status: when each target was last brought to its desired state, what holds it, what is in doubt; 1 when one is overdue. Reads only, and loads
// no integration: what watches the applies asks often, and must not depend on their code.
import { utcTime } from '../../report/format.js'
import { holdFacts } from '../../run-hold.js'
import { allHolds, holdsFor } from '../../store/holds.js'
import { listLeases, runsAlive } from '../../store/lease-list.js'
import { evaluatedShards } from '../../store/marks.js'
import type { ObjectStore } from '../../store/object-store.js'
import { createRecordStore } from '../../store/records.js'
import { targetStatus, type TargetStatus } from '../../store/target-status.js'
import { systemClock } from '../../util/clock.js'
import { styleOf } from '../appearance.js'
import type { CommandInput } from '../command.js'
import { placeFlags } from '../command-line.js'
import { knownTarget } from '../known-target.js'
import { lastRun } from '../last-run.js'
import { openStoreOf } from '../open-target.js'
import { printed } from '../print.js'
import { isDead } from '../process-context.js'
import { openProject, type Project } from '../project.js'
import { statusText, type StatusRow } from '../status-text.js'
import { watchedTargets } from '../watched-targets.js'

export async function statusCommand(input: CommandInput): Promise<number> {
  const { context } = input
  const project = await openProject(context, input.settings)
  try {
    const { settings } = project
    const store = await openStoreOf(project, settings.store.value)
    const maxAgeMs = settings.maxAge.value ?? null
    const now = systemClock.now()
    const rows = await rowsOf({ project, store, names: input.positionals, maxAgeMs, now })
    const overdue = rows.filter((row) => row.isOverdue).map(({ target }) => target)
    const exitCode = overdue.length === 0 ? 0 : 1
    const style = styleOf(context, settings, 'stdout')
    context.output.out(
      await printed(settings, {
        json: () => ({ schema: 'trueup/1', exitCode, maxAgeMs, overdue, targets: rows.map(rowJson) }),
        text: () => statusText({ rows, maxAgeMs, now, place: placeFlags(input), style }),
      }),
    )
    return exitCode
  } finally {
    await project.repository.close()
  }
}

interface Asked {
  readonly project: Project
  readonly store: ObjectStore
  readonly names: readonly string[]
  readonly maxAgeMs: number | null
  /** UTC ms. */
  readonly now: number
}

async function rowsOf({ project, store, names, maxAgeMs, now }: Asked): Promise<readonly StatusRow[]> {
  const expected = new Set<string>()
  for (const name of names) expected.add(await knownTarget(project, store, name))
  const watched = names.length === 0 ? await watchedTargets(project, store) : { expected: [...expected], former: [] }
  const holds = await allHolds(store)
  // A hold may be all that the store has of a target.
  const held = names.length === 0 ? holds.flatMap(({ target }) => target ?? []) : []
  const former = new Set([...watched.former, ...held].filter((name) => !watched.expected.includes(name)))
  const alive = runsAlive(await listLeases({ store, isDead }))
  const { listCalls } = await import('../../durable/list-calls.js')
  const calls = (await listCalls({ store, isDead })).filter(({ state }) => state === 'in-doubt')
  const records = createRecordStore(store)
  const rowOf = async (target: string, isExpected: boolean): Promise<StatusRow> => {
    const status = await targetStatus(records.list(target), {
      shardsAt: (place) => evaluatedShards(store, target, place),
      isAlive: (run) => alive.has(run),
    })
    const ageMs = ageOf(status, now)
    const isOverdue = isExpected && (ageMs === null || (maxAgeMs !== null && ageMs > maxAgeMs))
    const inDoubt = calls.filter(({ call }) => call.claim.target === target)
    return { target, status, ageMs, isOverdue, holds: holdsFor(target, holds), inDoubt }
  }
  const rows: StatusRow[] = []
  for (const target of watched.expected) rows.push(await rowOf(target, true))
  for (const target of former) {
    const row = await rowOf(target, false)
    const isOpen = row.status.doubts.length + row.inDoubt.length > 0 || row.holds.some((hold) => hold.target === target)
    if (isOpen) rows.push(row)
  }
  return rows
}

/** From its start: what was read then is what was brought about. */
function ageOf({ success }: TargetStatus, now: number): number | null {
  return success === undefined ? null : Math.max(0, now - success.run.startedAt)
}

function rowJson({ target, status, ageMs, isOverdue, holds, inDoubt }: StatusRow): object {
  const { success, last, underWay, doubts } = status
  return {
    target,
    overdue: isOverdue,
    ageMs,
    lastSuccess:
      success === undefined
        ? null
        : { id: success.run.id, at: utcTime(success.run.startedAt), decision: success.decision.action },
    lastRun: last === undefined ? null : lastRun(last),
    underWay: underWay ?? null,
    holds: holds.map(holdFacts),
    doubts: [
      ...doubts.map((doubt) => ({ kind: 'change', ...doubt })),
      ...inDoubt.map(({ id, call }) => ({
        kind: 'durable',
        id,
        run: call.claim.run,
        function: call.name,
        version: call.version,
        key: call.label,
      })),
    ],
  }
}
