// In: the record of a run. Out: Markdown for a pull-request comment or a job summary, never longer than its budget.
// What is cut is cut as whole items and counted; deletes are cut last. Load it lazily: it brings the line comparison with it.
import type { ChangeOutcome, FieldChange, PlannedChange, RunRecord } from '../event.js'
import { changedLines, lineCountsText } from './changed-lines.js'
import { cut, isMultiLine, shortPair, shortValue } from './data-text.js'
import { count } from './format.js'
import { codeSpan, fence, marker, prose } from './markdown-text.js'
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
  noteTitle,
  objectFields,
  rememberTitle,
  ruleText,
  splitLimits,
} from './plan-parts.js'

export interface PlanMarkdownOptions {
  /** Characters (UTF-16 units). GitHub takes 65,535 in a comment. @defaultValue 60000 */
  readonly budget?: number
  /** Pasteable base of the command that applies; without it no command is shown. */
  readonly applyCommand?: string
  /** Part of a longer text: it has no marker of its own. @defaultValue false */
  readonly isSection?: boolean
}

/** One item in its full form and as one short line; both end with a line break. `full` is made only while there is room. */
interface Item {
  readonly full: () => string
  readonly short: string
}

interface Section {
  readonly name: string
  readonly header: string
  readonly items: readonly Item[]
}

/** The Markdown of one run. Empty only where the budget does not even hold the marker. */
export function planMarkdown(record: RunRecord, options: PlanMarkdownOptions = {}): string {
  const budget = options.budget ?? 60_000
  const mark = options.isSection === true ? '' : `${marker(record.run.target)}\n`
  const head = `${mark}${headline(record)}\n`
  const essentials = essentialsOf(record)
  const foot = footOf(record, options.applyCommand)
  const sections = [failureSection(record), ...changeSections(record), rememberSection(record)].filter(
    (section) => section.items.length > 0,
  )

  const whole = wholeText([head, essentials, foot], sections, budget)
  return whole ?? cutDown({ budget, head, essentials, foot, sections, mark })
}

interface CutInput {
  readonly budget: number
  readonly head: string
  readonly essentials: string
  readonly foot: string
  readonly sections: readonly Section[]
  readonly mark: string
}

/** Everything in full; null as soon as it is longer than the budget. */
function wholeText(
  [head, above, below]: readonly [string, string, string],
  sections: readonly Section[],
  budget: number,
): string | null {
  let room = budget - head.length - above.length - below.length
  const texts: string[] = []
  for (const { header, items } of sections) {
    texts.push(header)
    room -= header.length
    for (const item of items) {
      if (room < 0) return null
      const text = item.full()
      texts.push(text)
      room -= text.length
    }
  }
  return room < 0 ? null : [head, above, ...texts, below].join('')
}

/** Fills the budget by worth: head, deletes, what blocks or failed, the details of deletes, the other changes. */
function cutDown({ budget, head, essentials, foot, sections, mark }: CutInput): string {
  const worstNote = leftOutNote(sections.map(({ name, items }) => [name, items.length]))
  if (head.length + worstNote.length > budget) return [head, mark].find((text) => text.length <= budget) ?? ''
  const deletes = sections.find(({ name }) => name === 'delete')
  const deletesLength =
    deletes === undefined ? 0 : deletes.header.length + lengthOf(deletes.items.map(({ short }) => short))

  let room = budget - head.length - worstNote.length
  const frames: readonly (readonly [string, string])[] = [
    [essentials, foot],
    [essentials, ''],
    ['', ''],
  ]
  const lengthOfFrame = ([above, below]: readonly [string, string]): number => above.length + below.length
  const [above, below] = frames.find((frame) => lengthOfFrame(frame) + deletesLength <= room) ??
    // Not all deletes fit in any case: then half of the room may say why the plan is blocked.
    frames.find((frame) => lengthOfFrame(frame) <= room / 2) ?? ['', '']
  room -= above.length + below.length

  const kept = new Map<string, string[]>()
  const byWorth = [...sections].sort((left, right) => Number(right.name === 'delete') - Number(left.name === 'delete'))
  for (const section of byWorth) {
    const isDeletes = section.name === 'delete'
    const texts = fill(section, isDeletes ? 'short' : 'full', room)
    if (texts.length === 0) continue
    room -= section.header.length + lengthOf(texts)
    if (isDeletes) room -= expand(texts, section.items, room)
    kept.set(section.name, texts)
  }
  const shown = sections.map((section) => {
    const texts = kept.get(section.name)
    return texts === undefined ? '' : section.header + texts.join('')
  })
  const left = sections.map(({ name, items }): [string, number] => [name, items.length - (kept.get(name)?.length ?? 0)])
  return [head, above, ...shown, leftOutNote(left), below].join('')
}

/** The first items that fit, in order; one that is too long in full is shortened before it is given up. */
function fill(section: Section, form: keyof Item, room: number): string[] {
  const texts: string[] = []
  let rest = room - section.header.length
  for (const item of section.items) {
    const text = [form === 'full' ? item.full() : item.short, item.short].find((candidate) => candidate.length <= rest)
    if (text === undefined) break
    texts.push(text)
    rest -= text.length
  }
  return texts
}

/** Gives short items their full form as far as the room goes, in place. Returns what that took. */
function expand(texts: string[], items: readonly Item[], room: number): number {
  let taken = 0
  for (const [index, { full, short }] of items.slice(0, texts.length).entries()) {
    const text = full()
    const more = text.length - short.length
    if (taken + more > room) break
    texts[index] = text
    taken += more
  }
  return taken
}

/** Counts of what is not shown; empty when everything is. */
function leftOutNote(left: readonly (readonly [string, number])[]): string {
  const parts = left.filter(([, amount]) => amount > 0).map(([name, amount]) => `${amount} ${name}`)
  return parts.length === 0
    ? ''
    : `\n**Left out for length: ${parts.join(', ')}.** The plan on a terminal and \`-o json\` show all.\n`
}

function headline(record: RunRecord): string {
  const { run, plan, outcomes, error, decision } = record
  const name = codeSpan(run.integration === run.target ? run.target : `${run.target} (${run.integration})`)
  const counts = plan === null ? '' : `${countsText(plan.summary)} (${baseText(plan.summary)})`
  if (outcomes.length > 0) {
    const applied = outcomes.filter(({ result }) => result === 'applied').length
    return `### ${name}: applied ${applied} of ${count(outcomes.length, 'change')}: ${counts}`
  }
  if (splitLimits(record.limits).blocked.length > 0)
    return `### ${name}: **blocked**${counts === '' ? '' : `: ${counts}`}`
  if (error !== null) return `### ${name}: failed`
  if (decision.action === 'skip')
    return `${name}: skipped (${codeSpan(decision.reason)}): ${prose(decision.explanation)}`
  if (plan === null) return `${name}: no plan was made.`
  if (plan.changes.length > 0) return `### ${name}: ${counts}`
  return `${name}: no changes, ${count(plan.summary.unchanged, 'object')} as desired.`
}

/** What a reader must not miss, in bounded length: why it is blocked, what failed, what is incomplete, which limit was lifted. */
function essentialsOf({ limits, error, plan }: RunRecord): string {
  const { blocked, overridden, notes } = splitLimits(limits)
  const short = (text: string): string => prose(cut(text, 300))
  const lines = [
    ...blocked
      .slice(0, 5)
      .map((check) => `**Blocked** (${codeSpan(cut(ruleText(check), 100))}): ${short(limitText(check))}`),
    ...(blocked.length > 5 ? [`**Blocked** by ${blocked.length - 5} more limits.`] : []),
    ...(error === null || error.code === 'plan-blocked'
      ? []
      : [`**Failed** (${codeSpan(error.code)}): ${prose(cut(error.message, 600))}`]),
    ...notes.slice(0, 3).map((check) => `${noteTitle(check)}: ${short(check.message)}`),
    ...overridden
      .slice(0, 5)
      .map(
        (check) =>
          `Allowed by ${codeSpan(cut(check.override ?? '', 100))} (${codeSpan(cut(ruleText(check), 100))}): ${short(limitText(check))}`,
      ),
  ]
  const foreign = plan === null ? undefined : foreignText(plan.summary)
  const causes = plan === null ? undefined : causesText(plan.changes)
  if (causes !== undefined) lines.unshift(causes)
  if (foreign !== undefined) lines.push(foreign)
  return lines.map((line) => `\n${line}\n`).join('')
}

function footOf(record: RunRecord, applyCommand: string | undefined): string {
  const { plan, limits, outcomes, run } = record
  if (
    applyCommand === undefined ||
    plan === null ||
    plan.changes.length === 0 ||
    run.mode === 'apply' ||
    outcomes.length > 0
  )
    return ''
  const { blocked } = splitLimits(limits)
  const command = exactCommand({ applyCommand, plan, blocked, fullDigest: true })
  if (command === null) return ''
  const lead = blocked.length > 0 ? 'If that is meant, this allows exactly this plan:' : 'To apply exactly this plan:'
  return `\n${lead}\n\n${fence([command], { language: 'sh' })}`
}

function failureSection({ outcomes }: RunRecord): Section {
  const failures = outcomes.filter(({ result }) => result !== 'applied')
  return { name: 'failure', header: `\n#### Not in place (${failures.length})\n\n`, items: failures.map(failureItem) }
}

function failureItem({ key, action, shard, result, error }: ChangeOutcome): Item {
  const short = `- ${action} ${codeSpan(key)}${shard === null ? '' : ` in ${codeSpan(shard)}`}: ${result}`
  return {
    full: () => (error === null ? `${short}\n` : `${short}: ${prose(cut(error, 500))}\n`),
    short: `${short}\n`,
  }
}

function changeSections({ plan, limits }: RunRecord): readonly Section[] {
  if (plan === null) return []
  const withShard = hasSeveralShards(plan.changes)
  const held = heldKeys(limits)
  return changeGroups(plan.changes).map(({ action, title, changes }) => ({
    name: action,
    header: `\n#### ${title} (${changes.length})\n\n`,
    items: changes.map((change) => changeItem(change, { withShard, held })),
  }))
}

function rememberSection({ plan, run }: RunRecord): Section {
  const remember = plan?.remember ?? []
  const items = remember.map(({ key, value }): Item => {
    const text = `- ${codeSpan(key)}: ${value === undefined ? 'forgotten' : codeSpan(shortValue(value, { max: 200 }))}\n`
    return { full: () => text, short: text }
  })
  return { name: 'remember', header: `\n#### ${rememberTitle(run.mode)} (${items.length})\n\n`, items }
}

function changeItem(
  change: PlannedChange,
  { withShard, held }: { readonly withShard: boolean; readonly held: ReadonlySet<string> },
): Item {
  const shard = withShard && change.shard !== null ? ` in ${codeSpan(change.shard)}` : ''
  const remarks = changeRemarks(change, held).map((remark) => ` (${remark})`)
  const short = `- ${codeSpan(change.key)}${shard}${remarks.join('')}`
  return {
    full: () => {
      if (change.action === 'update') return `${short}\n${change.fields.map(updatedField).join('')}`
      const parts = objectFields(change).map(({ path, value }) => {
        const text = shortValue(value, { max: 120 })
        return path === '' ? text : `${path}: ${text}`
      })
      return parts.length === 0 ? `${short}\n` : `${short}: ${codeSpan(cut(parts.join(', '), 500))}\n`
    },
    short: `${short}\n`,
  }
}

function updatedField({ path, before, after }: FieldChange): string {
  const name = path === '' ? '' : `${codeSpan(path)}: `
  if (typeof before === 'string' && typeof after === 'string' && (isMultiLine(before) || isMultiLine(after))) {
    const changed = changedLines(before, after, { maxLines: 40 })
    if (changed === null) return `  - ${name}all but rewritten\n`
    const lines = changed.hunks.flatMap((hunk) => [`@@ line ${hunk.line} @@`, ...hunk.lines])
    const left = changed.left === 0 ? '' : `, ${changed.left} more not shown`
    const title = `  - ${name}${lineCountsText(changed)}${left}\n`
    return `${title}\n${fence(lines, { language: 'diff', indent: '    ' })}\n`
  }
  const [left, right] = shortPair(before, after, { max: 200 })
  return `  - ${name}${codeSpan(left)} → ${codeSpan(right)}\n`
}

function lengthOf(texts: readonly string[]): number {
  return texts.reduce((sum, text) => sum + text.length, 0)
}
