// In: a plan with its limits, and a style. Out: the plan for a person at a terminal, whole, the answer in its first line and
// what to type in its last. Load it lazily: it brings the line comparison with it.
import type { FieldChange, LimitCheck, PlanData, PlannedChange, ProviderCalls, RunMode } from '../event.js'
import type { DeletePolicy } from '../integration.js'
import { callsLines } from './calls-text.js'
import { changedLines, lineCountsText } from './changed-lines.js'
import { cut, displayWidth, isMultiLine, lineCount, padEnd, shortPair, shortValue, wrap } from './data-text.js'
import { count } from './format.js'
import {
  baseText,
  causesText,
  changeGroups,
  changeRemarks,
  countsText,
  exactCommand,
  foreignText,
  hasSeveralShards,
  heldKeys,
  limitText,
  noChangesText,
  noteTitle,
  objectFields,
  rememberTitle,
  ruleText,
  splitLimits,
} from './plan-parts.js'
import type { ChangeGroup } from './plan-parts.js'
import type { Style } from './style.js'

export interface PlanTextInput {
  readonly target: string
  readonly integration: string
  readonly plan: PlanData
  readonly limits: readonly LimitCheck[]
  readonly mode: RunMode
  /** Pasteable base of the command that applies, with the flags this run had: `trueup apply dns-records`. */
  readonly applyCommand: string
  readonly style: Style
  /** Names the base of percentages. @defaultValue `owned` */
  readonly deletePolicy?: DeletePolicy
  /** Print the whole digest, which `--expect-plan` wants where there is no terminal. @defaultValue false */
  readonly fullDigest?: boolean
  /** What a dry run called. */
  readonly calls?: readonly ProviderCalls[]
}

/** The plan as text, without a final line break. */
export function planText(input: PlanTextInput): string {
  const { plan, limits, style } = input
  const { blocked, overridden, notes } = splitLimits(limits)
  const isEmpty = plan.changes.length === 0
  const lines: string[] = [isEmpty && blocked.length === 0 ? noChangesText(plan.summary) : headline(input)]
  const causes = causesText(plan.changes)
  if (causes !== undefined) lines.push(causes)
  for (const note of notes)
    lines.push(style.yellow(wrap(`${noteTitle(note)}: ${style.data(note.message)}`, style.width)))
  for (const check of overridden) {
    const lifted = `Allowed by ${style.data(check.override ?? '')} (${style.data(ruleText(check))}): ${style.data(limitText(check))}`
    lines.push(style.yellow(wrap(lifted, style.width)))
  }
  const foreign = foreignText(plan.summary)
  if (foreign !== undefined) lines.push(style.dim(foreign))
  for (const line of callsLines(input.calls ?? [])) lines.push(style.dim(style.data(line)))
  // Joined first: a plan may have more lines than a call can take arguments.
  if (!isEmpty)
    lines.push(
      '',
      changeGroups(plan.changes)
        .map((group) => groupText(group, input))
        .join('\n'),
    )
  const remember = rememberLines(input)
  if (remember.length > 0) lines.push('', ...remember)
  if (blocked.length > 0) lines.push(...(isEmpty ? [] : ['']), ...blockedLines(blocked, input))
  else if (!isEmpty && input.mode === 'dry-run') lines.push('', ...nextLines(input))
  return lines.join('\n')
}

function rememberLines({ plan: { remember = [] }, mode, style }: PlanTextInput): string[] {
  if (remember.length === 0) return []
  const column = Math.min(
    Math.floor(style.width / 2),
    Math.max(...remember.map(({ key }) => displayWidth(style.data(key)))),
  )
  const lines = remember.map(({ key, value }) => {
    const shown =
      value === undefined ? style.dim('(forgotten)') : style.data(shortValue(value, { max: style.width - column - 8 }))
    return `    ${padEnd(style.data(key), column)}  ${shown}`
  })
  return [`  ${style.bold(rememberTitle(mode))}`, ...lines]
}

function headline({ target, integration, plan, style, deletePolicy }: PlanTextInput): string {
  const name = target === integration ? target : `${target} (${integration})`
  const counts = countsText(plan.summary)
  return (
    style.bold(`Plan for ${style.data(name)}: ${counts === '' ? 'no changes' : counts}`) +
    ` (${baseText(plan.summary, deletePolicy)})`
  )
}

function groupText(group: ChangeGroup, input: PlanTextInput): string {
  const { style, plan, limits } = input
  const paint = { delete: style.red, adopt: style.dim, create: style.green, update: style.yellow }[group.action]
  const withShard = hasSeveralShards(plan.changes)
  // One column for all groups, so that the eye runs down it; keys beyond half the screen do not push the others away.
  const widths = plan.changes.map((change) => displayWidth(labelOf(change, withShard, style)))
  const half = Math.floor(style.width / 2)
  const column = widths.reduce((widest, width) => (width <= half ? Math.max(widest, width) : widest), 0)
  const held = heldKeys(limits)
  const lines = group.changes.flatMap((change) => changeLines(change, { group, paint, column, withShard, held, style }))
  return `  ${style.bold(group.title)}\n${lines.join('\n')}`
}

interface LineContext {
  readonly group: ChangeGroup
  readonly paint: (text: string) => string
  readonly column: number
  readonly withShard: boolean
  readonly held: ReadonlySet<string>
  readonly style: Style
}

function changeLines(change: PlannedChange, context: LineContext): string[] {
  const { group, paint, column, withShard, held, style } = context
  const label = labelOf(change, withShard, style)
  const remarks = changeRemarks(change, held).join(', ')
  const remark = remarks === '' ? '' : `(${remarks})`
  const head = (detail: string): string => {
    const rest = [detail, style.dim(remark)].filter((part) => part !== '').join('  ')
    return `    ${paint(group.sign)} ${rest === '' ? label : `${padEnd(label, column)}  ${rest}`}`
  }
  const room = Math.max(
    24,
    style.width - 8 - Math.max(column, displayWidth(label)) - (remark === '' ? 0 : remark.length + 2),
  )
  if (group.action !== 'update') return [head(objectText(change, room, style))]
  const [only, ...others] = change.fields
  if (only !== undefined && others.length === 0 && !isByLines(only)) {
    const text = fieldText(only, Math.floor((room - only.path.length - 5) / 2), style)
    if (displayWidth(text) <= room) return [head(text)]
  }
  return [head(''), ...change.fields.flatMap((field) => fieldLines(field, style))]
}

function labelOf(change: PlannedChange, withShard: boolean, style: Style): string {
  const key = style.data(change.key)
  return withShard && change.shard !== null ? `${key} [${style.data(change.shard)}]` : key
}

/** `type: A, value: 10.0.0.9`, cut to the room there is. */
function objectText(change: PlannedChange, room: number, style: Style): string {
  const { ellipsis } = style.symbols
  let written = ''
  for (const { path, value } of objectFields(change)) {
    const text = style.data(shortValue(value, { max: 60, ellipsis }))
    written += `${written === '' ? '' : ', '}${path === '' ? text : `${style.data(path)}: ${text}`}`
    // What does not fit is not made: a plan may have 100,000 of these.
    if (displayWidth(written) > room) break
  }
  return cut(written, room, ellipsis)
}

/** `value: 10.0.0.4 → 10.0.0.5`. */
function fieldText(field: FieldChange, max: number, style: Style): string {
  const { ellipsis, arrow } = style.symbols
  const [before, after] = shortPair(field.before, field.after, { max: Math.max(16, max), ellipsis })
  const path = field.path === '' ? '' : `${style.data(field.path)}: `
  return `${path}${style.data(before)} ${arrow} ${style.data(after)}`
}

/** Text of several lines on both sides: what differs is shown line by line. */
function isByLines(field: FieldChange): field is FieldChange & { readonly before: string; readonly after: string } {
  return (
    typeof field.before === 'string' &&
    typeof field.after === 'string' &&
    (isMultiLine(field.before) || isMultiLine(field.after))
  )
}

function fieldLines(field: FieldChange, style: Style): string[] {
  const indent = ' '.repeat(8)
  if (!isByLines(field))
    return [indent + fieldText(field, Math.floor((style.width - 8 - field.path.length - 5) / 2), style)]
  const { before, after } = field
  const changed = changedLines(before, after)
  const path = field.path === '' ? '' : `${style.data(field.path)}: `
  if (changed === null)
    return [
      `${indent}${path}all but rewritten, ${lineCount(before)} ${style.symbols.arrow} ${count(lineCount(after), 'line')}`,
    ]
  const lines = [`${indent}${path}${lineCountsText(changed)}`]
  for (const hunk of changed.hunks) {
    lines.push(`${indent}  ${style.dim(`line ${hunk.line}`)}`)
    for (const line of hunk.lines) {
      const shown = `${indent}  ${line.slice(0, 1)} ${style.data(line.slice(1))}`.trimEnd()
      lines.push(line.startsWith('+') ? style.green(shown) : line.startsWith('-') ? style.red(shown) : shown)
    }
  }
  if (changed.left > 0)
    lines.push(`${indent}  ${style.symbols.ellipsis} ${count(changed.left, 'more line')}, whole with -o json`)
  return lines
}

function blockedLines(blocked: readonly LimitCheck[], input: PlanTextInput): string[] {
  const { style, plan, applyCommand, fullDigest = false } = input
  const lines = blocked.flatMap((check) => [
    wrap(`Blocked (${style.data(ruleText(check))}): ${style.data(limitText(check))}`, style.width).replace(
      /^Blocked/,
      (word) => style.red(style.bold(word)),
    ),
    ...keyLines(check, style),
  ])
  const command = exactCommand({ applyCommand, plan, blocked, fullDigest })
  if (command !== null)
    return [...lines, 'Nothing was changed. If that is meant, allow exactly this plan:', `  ${style.data(command)}`]
  const fixed = [...new Set(blocked.filter(({ allow }) => allow === null).map(({ rule }) => rule))].join(', ')
  return [
    ...lines,
    wrap(`Nothing was changed. No flag lifts ${fixed}. When that is mended, plan again:`, style.width),
    `  ${style.data(planCommand(applyCommand))}`,
  ]
}

function keyLines(check: LimitCheck, style: Style): string[] {
  const shown = check.keys.slice(0, 10).map((key) => `    ${style.data(key)}`)
  const left = check.keys.length - shown.length
  return left > 0 ? [...shown, `    ${style.symbols.ellipsis} and ${left} more`] : shown
}

function nextLines({ style, plan, applyCommand, fullDigest = false }: PlanTextInput): string[] {
  const command = exactCommand({ applyCommand, plan, blocked: [], fullDigest }) ?? applyCommand
  return ['Nothing was changed. To apply exactly this plan:', `  ${style.data(command)}`]
}

/** The same command as a plan. */
function planCommand(applyCommand: string): string {
  return applyCommand.replace(/^trueup apply\b/, 'trueup plan').replace(/ --apply\b/, '')
}
