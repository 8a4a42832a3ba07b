// list: every target and integration, how its last run ended; a broken integration is listed with what is wrong.
import { listIntegrations } from '../../load-integration.js'
import { holdFacts } from '../../run-hold.js'
import { allHolds, holdsFor, type Hold } from '../../store/holds.js'
import { createRecordStore } from '../../store/records.js'
import { systemClock } from '../../util/clock.js'
import { styleOf } from '../appearance.js'
import type { CommandInput } from '../command.js'
import { heldShort } from '../hold-forms.js'
import { resolveTargets } from '../config-targets.js'
import { lastRun, lastRunText, type LastRun } from '../last-run.js'
import { loadOptions } from '../load-target.js'
import { openStoreOf } from '../open-target.js'
import { openProject } from '../project.js'
import { withLabels } from '../select-targets.js'
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
  readonly labels: Readonly<Record<string, string>>
  readonly lastRun: LastRun | null
  readonly holds: readonly Hold[]
}

export async function listCommand(input: CommandInput): Promise<number> {
  const { context } = input
  const project = await openProject(context, input.settings)
  try {
    const { settings, config } = project
    const integrations = await listIntegrations(await loadOptions(project))
    const all = resolveTargets(config)
    const labels = settings.labels.value
    const targets = new Map(withLabels(all.values(), labels).map((target) => [target.name, target]))
    const store = await openStoreOf(project, settings.store.value)
    const records = createRecordStore(store)
    const holds = await allHolds(store)
    const kept = async (target: string): Promise<Pick<Row, 'lastRun' | 'holds'>> => {
      const about = { holds: holdsFor(target, holds) }
      for await (const record of records.list(target)) return { ...about, lastRun: lastRun(record) }
      return { ...about, lastRun: null }
    }
    const rows: Row[] = []
    for (const target of targets.values()) {
      const found = integrations.find((it) => it.name === target.integration)
      const { name, labels: own } = target
      rows.push({ ...describe(found, target.integration), target: name, labels: own, ...(await kept(name)) })
    }
    const used = new Set([...all.values()].map((target) => target.integration))
    for (const found of integrations) {
      if (labels.length === 0 && !used.has(found.name) && !all.has(found.name))
        rows.push({ ...describe(found, found.name), target: found.name, labels: {}, ...(await kept(found.name)) })
    }
    const style = styleOf(context, settings, 'stdout')
    const now = systemClock.now()
    context.output.out(
      await printed(settings, {
        json: () => ({ schema: 'trueup/1', targets: rows.map((row) => ({ ...row, holds: row.holds.map(holdFacts) })) }),
        text: () => {
          if (rows.length === 0) return 'No targets yet. `trueup init` makes a first one.\n'
          const isLabelled = rows.some((row) => Object.keys(row.labels).length > 0)
          const cells = rows.map((row) => [
            row.target,
            `${row.integration}${row.version === null ? '' : ` ${row.version}`}${row.builtin ? ' (built in)' : ''}`,
            row.deletePolicy ?? '',
            ...(isLabelled ? [style.data(labelsText(row.labels))] : []),
            row.problem === null
              ? `${lastRunText(row.lastRun, now)}${heldText(row.holds, style.utc)}`
              : style.red('broken, see below'),
          ])
          const problems = rows.flatMap((row) =>
            row.problem === null ? [] : [`\n${style.red(`${row.target}:`)} ${style.data(row.problem)}`],
          )
          return `${table(['TARGET', 'INTEGRATION', 'DELETES', ...(isLabelled ? ['LABELS'] : []), 'LAST RUN'], cells, style)}${[...new Set(problems)].map((text) => `${text}\n`).join('')}`
        },
      }),
    )
    return 0
  } finally {
    await project.repository.close()
  }
}

type Listed = Awaited<ReturnType<typeof listIntegrations>>[number]

function describe(found: Listed | undefined, name: string): Omit<Row, 'target' | 'labels' | 'lastRun' | 'holds'> {
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

function labelsText(labels: Row['labels']): string {
  return Object.entries(labels)
    .map(([name, value]) => `${name}=${value}`)
    .join(', ')
}

function heldText(holds: readonly Hold[], utc: boolean): string {
  const held = heldShort(holds, utc)
  return held === undefined ? '' : `, ${held}`
}
