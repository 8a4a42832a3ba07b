// runs: the kept records. `list` filters them, `show` prints one whole.
import type { RunRecord } from '../../event.js'
import { dateTime, eventText, formatAge, formatDuration } from '../../report/format.js'
import { decisionLine } from '../../report/decision-line.js'
import { createLogLines } from '../../report/log-lines.js'
import { summaryText } from '../../report/summary.js'
import { planText } from '../../report/text-plan.js'
import type { Style } from '../../report/style.js'
import { runJson } from '../../report/run-json.js'
import { createRecordStore } from '../../store/records.js'
import { systemClock } from '../../util/clock.js'
import { styleOf } from '../appearance.js'
import type { CommandInput } from '../command.js'
import { openStoreOf } from '../open-target.js'
import type { Settings } from '../options.js'
import { facts, printed, table } from '../print.js'
import { openProject } from '../project.js'
import { oneRecord } from '../records.js'

export async function runsListCommand(input: CommandInput): Promise<number> {
  const { context } = input
  const project = await openProject(context, input.settings)
  try {
    const { settings } = project
    const records = createRecordStore(await openStoreOf(project, settings.store.value))
    const now = systemClock.now()
    const found: RunRecord[] = []
    for await (const record of records.list(settings.target.value)) {
      if (isWanted(record, settings, now)) found.push(record)
    }
    const style = styleOf(context, settings, 'stdout')
    context.output.out(
      await printed(settings, {
        json: () => runJson(found, 0),
        text: () => {
          if (found.length === 0) return 'No runs on record match.\n'
          const rows = found.map((record) => [
            record.run.id,
            formatAge(now - record.run.startedAt),
            record.run.target,
            record.run.mode,
            resultText(record, style),
          ])
          return table(['RUN', 'STARTED', 'TARGET', 'MODE', 'RESULT'], rows, style)
        },
      }),
    )
    return 0
  } finally {
    await project.repository.close()
  }
}

function isWanted(record: RunRecord, settings: Settings, now: number): boolean {
  const { run, plan, exitCode } = record
  if (settings.mode.value !== undefined && run.mode !== settings.mode.value) return false
  if (settings.since.value !== undefined && run.startedAt < now - settings.since.value) return false
  if (settings.shards.value.length > 0 && !settings.shards.value.some((shard) => run.shards.includes(shard)))
    return false
  if (settings.changed.value !== undefined && plan?.changes.some(({ key }) => key === settings.changed.value) !== true)
    return false
  return !settings.failed.value || (exitCode !== 0 && exitCode !== 2)
}

function resultText(record: RunRecord, style: Style): string {
  const { plan, outcomes, exitCode, state } = record
  if (state === 'running') return style.yellow('running, or killed')
  const applied = outcomes.filter(({ result }) => result === 'applied').length
  if (outcomes.length > 0) {
    const text = `${String(applied)} of ${String(outcomes.length)} applied`
    return exitCode === 0 ? text : style.red(`${text}, exit ${String(exitCode)}`)
  }
  if (exitCode !== 0 && exitCode !== 2) return style.red(record.error?.code ?? 'blocked')
  if (record.decision.action === 'skip') return 'skipped'
  if (plan === null) return ''
  return plan.changes.length === 0 ? 'no changes' : `${String(plan.changes.length)} planned`
}

export async function runsShowCommand(input: CommandInput): Promise<number> {
  const { context } = input
  const project = await openProject(context, input.settings)
  try {
    const { settings } = project
    const records = createRecordStore(await openStoreOf(project, settings.store.value))
    const record = await oneRecord(records, input.positionals[0] ?? '')
    const style = styleOf(context, settings, 'stdout')
    context.output.out(
      await printed(settings, {
        json: () => runJson([record], record.exitCode),
        text: () => recordText(record, style),
      }),
    )
    return 0
  } finally {
    await project.repository.close()
  }
}

function recordText(record: RunRecord, style: Style): string {
  const { run, decision, plan, log, outcomes } = record
  const parts = [
    `${style.bold(`Run ${run.id}`)}: ${run.mode} of ${style.data(run.target)} (${style.data(run.integration)} ${style.data(run.version)})`,
    facts(
      [
        ['started', `${dateTime(run.startedAt, style.utc)}, took ${formatDuration(run.durationMs)}`],
        [
          'by',
          `${style.data(run.by.actor ?? 'unknown')} on ${style.data(run.by.host)}${run.by.url === null ? '' : ` (${style.data(run.by.url)})`}, ${run.by.tool}`,
        ],
        ...(run.by.event === undefined ? [] : [['event', style.data(eventText(run.by.event))] as const]),
        ...(run.destination === null ? [] : [['destination', style.data(run.destination)] as const]),
        ...(run.shards.length === 0 ? [] : [['shards', style.data(run.shards.join(', '))] as const]),
        [
          'ended with',
          record.state === 'running'
            ? style.yellow('nothing yet: it is running, or was killed')
            : String(record.exitCode),
        ],
      ],
      style,
    ),
    style.data(decisionLine(run.target, decision)),
  ]
  if (plan !== null) {
    parts.push(
      planText({
        target: run.target,
        integration: run.integration,
        plan,
        limits: record.limits,
        mode: 'apply',
        applyCommand: `trueup apply ${run.target}`,
        style,
      }),
    )
  }
  for (const { key, action, shard, result, error } of outcomes) {
    const where = shard === null ? '' : ` [${style.data(shard)}]`
    parts.push(
      `  ${result.padEnd(13)} ${action.padEnd(6)} ${style.data(key)}${where}${error === null ? '' : `  ${style.data(error)}`}`,
    )
  }
  const summary = summaryText(record, { style, retryCommand: `trueup apply ${run.target}` })
  if (summary !== '') parts.push(summary)
  const lines = createLogLines({ style })
  if (log.records.length > 0) parts.push(log.records.map(lines).join('\n'))
  if (log.replayedFrom !== null) parts.push(`  To see it: trueup runs show ${log.replayedFrom}`)
  return `${parts.join('\n')}\n`
}
