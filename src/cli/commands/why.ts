// why: the last (or a given) run's decision, component by component, from its record. Compares nothing anew.
import { TrueupError } from '../../errors.js'
import type { DecisionComponent, DecisionReason, RunRecord } from '../../event.js'
import { clockTime, shortDigest, shortId } from '../../report/format.js'
import { shortPair } from '../../report/data-text.js'
import { createRecordStore } from '../../store/records.js'
import { styleOf } from '../appearance.js'
import type { CommandInput } from '../command.js'
import type { NearestEntry } from '../nearest-entry.js'
import { openStoreOf } from '../open-target.js'
import { openProject } from '../project.js'
import { printed } from '../print.js'
import type { Style } from '../../report/style.js'
import { oneRecord } from '../records.js'

export async function whyCommand(input: CommandInput): Promise<number> {
  const { context } = input
  const project = await openProject(context, input.settings)
  try {
    const { settings } = project
    const store = await openStoreOf(project, settings.store.value)
    const records = createRecordStore(store)
    const [target, shard] = input.positionals
    const record =
      settings.runId.value === undefined
        ? await lastOf(records.list(target), { target, shard })
        : await oneRecord(records, settings.runId.value)
    const nearest =
      record.decision.cache === undefined
        ? undefined
        : await (await import('../nearest-entry.js')).nearestEntry(store, record)
    const style = styleOf(context, settings, 'stdout')
    context.output.out(
      await printed(settings, {
        json: () => ({
          schema: 'trueup/1',
          run: record.run.id,
          target: record.run.target,
          mode: record.run.mode,
          at: new Date(record.run.startedAt).toISOString(),
          decision: { ...record.decision },
          exitCode: record.exitCode,
          ...(record.decision.cache === undefined ? {} : { nearestEntry: nearest ?? null }),
        }),
        text: () => `${whyText(record, style)}${cacheText(record, nearest, style)}`,
      }),
    )
    return 0
  } finally {
    await project.repository.close()
  }
}

async function lastOf(
  records: AsyncIterable<RunRecord>,
  wanted: { readonly target: string | undefined; readonly shard: string | undefined },
): Promise<RunRecord> {
  for await (const record of records) {
    if (wanted.shard === undefined || record.run.shards.includes(wanted.shard)) return record
  }
  const of =
    wanted.target === undefined
      ? ''
      : ` of ${wanted.target}${wanted.shard === undefined ? '' : `, shard ${wanted.shard}`}`
  throw new TrueupError(
    'run-unknown',
    `no run${of} is on record. Make one with: trueup plan ${wanted.target ?? '<target>'}`,
  )
}

function whyText(record: RunRecord, style: Style): string {
  const { run, decision } = record
  const did = decision.action === 'skip' ? 'was skipped' : decision.action === 'run' ? 'ran' : endedHow(decision.reason)
  const lines = [
    `${style.bold(style.data(run.target))} ${did} at ${clockTime(run.startedAt, style.utc)} (${run.mode}, run ${run.id}): ${style.data(decision.explanation)}`,
  ]
  // What was not compared stands in the key of the run cache, below.
  const components = Object.entries(decision.components).filter(
    ([, { same }]) => decision.cache === undefined || same !== null,
  )
  const width = Math.max(0, ...components.map(([name]) => name.length))
  for (const [name, component] of components) lines.push(`  ${name.padEnd(width)}  ${componentText(component, style)}`)
  const difference = decision.firstDifference
  if (difference !== undefined) {
    const where =
      difference.file === undefined
        ? ''
        : `   (${style.data(difference.file)}${difference.line === undefined ? '' : `:${String(difference.line)}`})`
    lines.push(
      `First difference: ${style.data(difference.path === '' ? 'the whole' : difference.path)} ${shortPair(
        difference.before,
        difference.after,
      )
        .map((side) => style.data(side))
        .join(` ${style.symbols.arrow} `)}${where}`,
    )
  }
  return `${lines.join('\n')}\n`
}

/** The key of the run cache beside that of the entry which it came closest to. */
function cacheText({ decision: { cache } }: RunRecord, nearest: NearestEntry | undefined, style: Style): string {
  if (cache === undefined) return ''
  const found = `Run cache: ${cache.status} in zone ${style.data(cache.zone)}`
  if (cache.status === 'HIT') return `${found}, entry ${shortId(cache.id)}: trueup cache show ${shortId(cache.id)}\n`
  if (nearest === undefined) return `${found}; it holds no earlier entry of this target.\n`
  const { id, madeBy, components, mode, zone } = nearest
  const width = Math.max(0, ...components.map(({ name }) => name.length))
  const lines = components.map(({ name, entry, run, same, differing }) => {
    const named = differing.slice(0, 3).map((part) => style.data(part))
    const more = differing.length > 3 ? ` and ${String(differing.length - 3)} more` : ''
    const detail = same || named.length === 0 ? null : `${named.join(', ')}${more}`
    const compared = { head: run, base: entry, same, ...(detail === null ? {} : { detail }) }
    return `  ${style.data(name).padEnd(width)}  ${componentText(compared, style)}`
  })
  return `${found}. Against the nearest entry, ${shortId(id)} (${style.data(mode)}, zone ${style.data(zone)}, run ${style.data(madeBy)}):\n${lines.join('\n')}\n`
}

function endedHow(reason: DecisionReason): string {
  if (reason === 'interrupted') return 'was interrupted before it could be decided'
  return reason === 'lease-held' || reason === 'held' ? 'was held back' : 'failed before it could be decided'
}

function componentText({ head, base, same, detail }: DecisionComponent, style: Style): string {
  const text = style.data(detail ?? '')
  const digest = (value: string | null): string =>
    value === null ? '-' : /^[0-9a-f]{64}$/.test(value) ? shortDigest(value) : style.data(value)
  if (same === null) return `${style.dim('not compared')}  ${digest(head)}${text === '' ? '' : `  ${text}`}`
  if (same) return `${style.dim('same')}          ${digest(head)}`
  return `${style.yellow('differs')}       ${digest(base)} ${style.symbols.arrow} ${digest(head)}${text === '' ? '' : `  ${text}`}`
}
