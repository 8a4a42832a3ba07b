// list: every target and integration, how its last run ended; a broken integration is listed with what is wrong.
import type { RunRecord } from '../../event.js'
import { listIntegrations } from '../../load-integration.js'
import { formatAge } from '../../report/format.js'
import { createRecordStore } from '../../store/records.js'
import { systemClock } from '../../util/clock.js'
import { styleOf } from '../appearance.js'
import type { CommandInput } from '../command.js'
import { resolveTargets } from '../config-targets.js'
import { loadOptions } from '../load-target.js'
import { openStoreOf } from '../open-target.js'
import { openProject } from '../project.js'
import { printed, table } from '../print.js'

interface Row {
  readonly target: string
  readonly integration: string
  readonly version: string | null
  readonly description: string | null
  readonly deletePolicy: string | null
  readonly builtin: boolean
  readonly file: string | null
  readonly problem: string | null
  readonly lastRun: {
    readonly id: string
    readonly at: string
    readonly mode: string
    readonly decision: string
    readonly reason: string
    readonly exitCode: number
  } | null
}

export async function listCommand(input: CommandInput): Promise<number> {
  const { context } = input
  const project = await openProject(context, input.settings)
  try {
    const { settings, config } = project
    const integrations = await listIntegrations(await loadOptions(project))
    const targets = resolveTargets(config)
    const store = await openStoreOf(project, settings.store.value)
    const records = createRecordStore(store)
    const lastOf = async (target: string): Promise<Row['lastRun']> => {
      for await (const record of records.list(target)) return lastRun(record)
      return null
    }
    const rows: Row[] = []
    for (const target of targets.values()) {
      const found = integrations.find((it) => it.name === target.integration)
      rows.push({ ...describe(found, target.integration), target: target.name, lastRun: await lastOf(target.name) })
    }
    const used = new Set([...targets.values()].map((target) => target.integration))
    for (const found of integrations) {
      if (!used.has(found.name) && !targets.has(found.name))
        rows.push({ ...describe(found, found.name), target: found.name, lastRun: await lastOf(found.name) })
    }
    const style = styleOf(context, settings, 'stdout')
    const now = systemClock.now()
    context.output.out(
      await printed(settings, {
        json: () => ({ schema: 'trueup/1', targets: rows.map((row) => ({ ...row })) }),
        text: () => {
          if (rows.length === 0) return 'No targets yet. `trueup init` makes a first one.\n'
          const cells = rows.map((row) => [
            row.target,
            `${row.integration}${row.version === null ? '' : ` ${row.version}`}${row.builtin ? ' (built in)' : ''}`,
            row.deletePolicy ?? '',
            row.problem === null ? lastText(row.lastRun, now) : style.red('broken, see below'),
          ])
          const problems = rows.flatMap((row) =>
            row.problem === null ? [] : [`\n${style.red(`${row.target}:`)} ${style.data(row.problem)}`],
          )
          return `${table(['TARGET', 'INTEGRATION', 'DELETES', 'LAST RUN'], cells, style)}${[...new Set(problems)].map((text) => `${text}\n`).join('')}`
        },
      }),
    )
    return 0
  } finally {
    await project.repository.close()
  }
}

type Listed = Awaited<ReturnType<typeof listIntegrations>>[number]

function describe(found: Listed | undefined, name: string): Omit<Row, 'target' | 'lastRun'> {
  const none = { integration: name, version: null, description: null, deletePolicy: null, builtin: false, file: null }
  if (found === undefined) return { ...none, problem: `there is no integration called "${name}"` }
  if (found.kind === 'broken') return { ...none, file: found.file, problem: found.problem }
  const { definition } = found
  return {
    integration: found.name,
    version: definition.version,
    description: definition.description ?? null,
    deletePolicy: definition.deletePolicy,
    builtin: found.builtin,
    file: found.file,
    problem: null,
  }
}

function lastRun({ run, decision, exitCode }: RunRecord): NonNullable<Row['lastRun']> {
  return {
    id: run.id,
    at: new Date(run.startedAt).toISOString(),
    mode: run.mode,
    decision: decision.action,
    reason: decision.reason,
    exitCode,
  }
}

function lastText(last: Row['lastRun'], now: number): string {
  if (last === null) return 'never'
  const what = last.decision === 'skip' ? 'skipped' : last.mode === 'apply' ? 'applied' : 'planned'
  const how =
    last.exitCode === 0 || last.exitCode === 2
      ? what
      : `${last.mode === 'apply' ? 'apply' : 'plan'} ended with ${String(last.exitCode)}`
  return `${how} ${formatAge(now - Date.parse(last.at))}`
}
