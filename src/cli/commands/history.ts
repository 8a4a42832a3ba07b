// history: what was done to the objects of a target, newest first, from the records of its applies. Reads only.
import type { PlannedChange } from '../../event.js'
import { cut, shortPair, shortValue } from '../../report/data-text.js'
import { byText, count, dateTime, shortId, utcTime } from '../../report/format.js'
import { objectFields } from '../../report/plan-parts.js'
import type { Style } from '../../report/style.js'
import { historyOf, type DeleteProof, type HistoryEntry } from '../../store/history.js'
import { createRecordStore } from '../../store/records.js'
import { styleOf } from '../appearance.js'
import type { CommandInput } from '../command.js'
import { actionText } from '../history-entries.js'
import { targetOf } from '../load-target.js'
import { openStoreOf } from '../open-target.js'
import { printed } from '../print.js'
import { openProject } from '../project.js'
import { shellWord } from '../../util/shell-word.js'

export async function historyCommand(input: CommandInput): Promise<number> {
  const { context } = input
  const project = await openProject(context, input.settings)
  try {
    const { settings } = project
    const [target = '', key] = input.positionals
    const store = await openStoreOf(project, settings.store.value)
    const entries: HistoryEntry[] = []
    let isKnown = false
    for await (const record of createRecordStore(store).list(target)) {
      isKnown = true
      entries.push(...historyOf(record).filter((entry) => key === undefined || entry.key === key))
    }
    // Only records know of a target that is gone; a name that nothing knows is a mistake.
    if (!isKnown) await targetOf(project, target)
    const style = styleOf(context, settings, 'stdout')
    context.output.out(
      await printed(settings, {
        json: () => ({ schema: 'trueup/1', target, key: key ?? null, history: entries.map(entryJson) }),
        text: () => historyText({ target, key, entries, style }),
      }),
    )
    return 0
  } finally {
    await project.repository.close()
  }
}

interface Shown {
  readonly target: string
  readonly key: string | undefined
  readonly entries: readonly HistoryEntry[]
  readonly style: Style
}

function historyText({ target, key, entries, style }: Shown): string {
  const [last] = entries
  const what = key === undefined ? target : `${target} ${key}`
  if (last === undefined) {
    return `Nothing is on record that was done to ${style.data(what)}. Records are kept for 30 days at least: trueup runs list --target ${style.data(target)}\n`
  }
  const actions = Math.max(...entries.map((entry) => actionText(entry).length))
  const lines = entries.flatMap((entry) => {
    const head = `${dateTime(entry.at, style.utc)}  ${actionText(entry).padEnd(actions)}`
    const indent = ' '.repeat(head.length + 2)
    const commit =
      entry.commit === null ? '' : `, commit ${shortId(entry.commit)}${entry.dirty ? ' with uncommitted changes' : ''}`
    const undoes = entry.undoes === null ? '' : `, undoing run ${entry.undoes}`
    const value = valueText(entry, style)
    return [
      [head, ...(key === undefined ? [style.bold(style.data(entry.key))] : []), ...(value === '' ? [] : [value])]
        .join('  ')
        .trimEnd(),
      `${indent}run ${entry.run} ${style.data(byText(entry.by))}${commit}${undoes}`,
      ...(entry.proof === null ? [] : [`${indent}${proofText(entry.proof)}`]),
      ...(entry.error === null ? [] : [`${indent}${style.data(entry.error)}`]),
    ]
  })
  if (key !== undefined && last.result === 'applied' && ['create', 'update', 'delete'].includes(last.action)) {
    const lead = last.action === 'delete' ? 'To bring it back' : 'To undo the last change'
    lines.push(`${lead}: trueup undo ${last.run} --only ${shellWord(style.data(key))}`)
  }
  return `${lines.join('\n')}\n`
}

function valueText(entry: HistoryEntry, style: Style): string {
  if (entry.moved !== null) return style.data(`${entry.moved.from} ${style.symbols.arrow} ${entry.moved.to}`)
  if (entry.action === 'update') {
    const [first, ...others] = entry.fields
    if (first === undefined) return ''
    const pair = shortPair(first.before, first.after, { max: 40, ellipsis: style.symbols.ellipsis })
    const [before, after] = pair.map((side) => style.data(side))
    const path = first.path === '' ? '' : `${style.data(first.path)}: `
    const more = others.length === 0 ? '' : `, and ${count(others.length, 'more field')}`
    return `${path}${before ?? ''} ${style.symbols.arrow} ${after ?? ''}${more}`
  }
  const change = { action: entry.action, key: entry.key, fields: entry.fields } as PlannedChange
  const parts = objectFields(change).map(({ path, value }) => {
    const text = style.data(shortValue(value, { ellipsis: style.symbols.ellipsis }))
    return path === '' ? text : `${style.data(path)}: ${text}`
  })
  return cut(parts.join(', '), 80, style.symbols.ellipsis)
}

function proofText({ owned, limit, used, override }: DeleteProof): string {
  const spaced = (text: string): string => text.replace(/^([\d.]+)%$/, '$1 %')
  const limits = limit === null ? '' : `; limit ${spaced(limit)}, used ${used ?? 'none'}`
  return `proof: complete listing of ${String(owned)} owned${limits}${override === null ? '' : ` (allowed by ${override})`}`
}

function entryJson(entry: HistoryEntry): object {
  const { before, fields, ...rest } = entry
  return {
    ...rest,
    at: utcTime(entry.at),
    ...(before === undefined ? {} : { before }),
    fields: fields.map(({ path, before: left, after }) => ({
      path,
      ...(left === undefined ? {} : { before: left }),
      ...(after === undefined ? {} : { after }),
    })),
  }
}
