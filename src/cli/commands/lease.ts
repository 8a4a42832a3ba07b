// lease: who holds what, until when; and how to end a lease by hand, which needs its id so that no other is meant.
import { TrueupError } from '../../errors.js'
import { dateTime, formatAge } from '../../report/format.js'
import type { HeldLease } from '../../store/lease-list.js'
import { listLeases, releaseLeases } from '../../store/lease-list.js'
import { systemClock } from '../../util/clock.js'
import { styleOf } from '../appearance.js'
import type { CommandInput } from '../command.js'
import { openStoreOf } from '../open-target.js'
import { printed, table } from '../print.js'
import { isDead } from '../process-context.js'
import { openProject } from '../project.js'

export async function leaseListCommand(input: CommandInput): Promise<number> {
  const { context } = input
  const project = await openProject(context, input.settings)
  try {
    const { settings } = project
    const leases = await listLeases({ store: await openStoreOf(project, settings.store.value), isDead })
    const style = styleOf(context, settings, 'stdout')
    const now = systemClock.now()
    context.output.out(
      await printed(settings, {
        json: () => ({ schema: 'trueup/1', exitCode: 0, leases: leases.map(leaseJson) }),
        text: () => {
          if (leases.length === 0) return 'No apply holds a lease.\n'
          const rows = leases.map(({ lease, standing }) => {
            const holder = standing.kind === 'gone' ? undefined : standing.holder
            return [
              lease.run,
              style.data(holder?.target ?? ''),
              style.data(lease.destination),
              style.data(lease.shard),
              holder === undefined ? '' : `${style.data(holder.host)} pid ${String(holder.pid)}`,
              formatAge(now - lease.since),
              standing.kind === 'alive'
                ? dateTime(standing.expiresAt, style.utc)
                : style.yellow(WHY_FREE[standing.kind]),
              style.data(holder?.url ?? ''),
            ]
          })
          return table(['ID', 'TARGET', 'DESTINATION', 'SHARD', 'BY', 'SINCE', 'UNTIL', 'URL'], rows, style)
        },
      }),
    )
    return 0
  } finally {
    await project.repository.close()
  }
}

const WHY_FREE = {
  expired: 'expired: the next apply takes it',
  dead: 'its process is dead: the next apply takes it',
  gone: 'given up: the next apply takes it',
} as const

function leaseJson({ lease, standing }: HeldLease): object {
  const holder = standing.kind === 'gone' ? undefined : standing.holder
  return {
    id: lease.run,
    destination: lease.destination,
    shard: lease.shard === '' ? null : lease.shard,
    run: lease.run,
    target: holder?.target ?? null,
    host: holder?.host ?? null,
    pid: holder?.pid ?? null,
    url: holder?.url ?? null,
    actor: holder?.actor ?? null,
    state: standing.kind,
    since: new Date(lease.since).toISOString(),
    expires: standing.kind === 'gone' ? null : new Date(standing.expiresAt).toISOString(),
  }
}

export async function leaseReleaseCommand(input: CommandInput): Promise<number> {
  const { context } = input
  const [id = ''] = input.positionals
  const project = await openProject(context, input.settings)
  try {
    const { settings } = project
    const store = await openStoreOf(project, settings.store.value)
    const { lease, standing } = oneRun(await listLeases({ store, isDead }), id)
    if (standing.kind === 'alive' && !settings.force.value) {
      const { target, host, pid } = standing.holder
      throw new TrueupError(
        'lease-held',
        `run ${lease.run} (${target}) on ${host}, pid ${String(pid)}, is alive: it holds its lease until ${dateTime(standing.expiresAt, true)} and renews it. Stop that run, or end its lease under it with: trueup lease release ${lease.run} --force`,
        { details: { run: lease.run } },
      )
    }
    const released = await releaseLeases(store, lease.run)
    context.output.out(
      await printed(settings, {
        json: () => ({
          schema: 'trueup/1',
          exitCode: 0,
          released: released.map(({ destination, shard }) => ({ run: lease.run, destination, shard })),
        }),
        text: () =>
          `Released ${String(released.length)} ${released.length === 1 ? 'lease' : 'leases'} of run ${lease.run}.\n`,
      }),
    )
    return 0
  } finally {
    await project.repository.close()
  }
}

/** By the run's id, which may be shortened. */
function oneRun(leases: readonly HeldLease[], id: string): HeldLease {
  const wanted = id.toUpperCase()
  const matching = leases.filter(
    ({ lease: { run } }) => run.startsWith(wanted) || (wanted.length >= 6 && run.endsWith(wanted)),
  )
  const [first] = matching
  if (first === undefined)
    throw new TrueupError('run-unknown', `no run "${id}" holds a lease; \`trueup lease list\` shows those that do`)
  const runs = [...new Set(matching.map(({ lease }) => lease.run))]
  if (runs.length === 1) return first
  throw new TrueupError(
    'run-unknown',
    `"${id}" could be ${String(runs.length)} runs: ${runs.slice(0, 4).join(', ')}; give more of the id`,
  )
}
