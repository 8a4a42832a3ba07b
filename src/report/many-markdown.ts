// In: the records of several runs. Out: one Markdown comment of them all, never longer than its budget: a line for each target that has something
// to say, one line for all others, then a section a target. What is cut is cut within the sections, and counted there.
import type { RunRecord } from '../event.js'
import { cut } from './data-text.js'
import { leftOutMarkdown } from './left-out.js'
import { fateOf, fatesText, fateText } from './many-summary.js'
import { planMarkdown } from './markdown-plan.js'
import { codeSpan, manyMarker, prose } from './markdown-text.js'

export interface MarkdownRun {
  readonly record: RunRecord
  /** Target and flags that repeat the run, pasteable; without it no command is shown. */
  readonly command?: string
}

/** Of the budget, what the lines above the sections may take at most. */
const OVERVIEW_SHARE = 0.25

export interface ManyMarkdownOptions {
  /** Characters (UTF-16 units). GitHub takes 65,535 in a comment. @defaultValue 60000 */
  readonly budget?: number
  /** Commands that ended before there was a run. @defaultValue none */
  readonly faults?: readonly { readonly name: string; readonly message: string }[]
}

export function manyMarkdown(
  runs: readonly MarkdownRun[],
  { budget = 60_000, faults = [] }: ManyMarkdownOptions = {},
): string {
  const records = runs.map(({ record }) => record)
  const loud = runs.filter(({ record }) => !isQuiet(record))
  const head = `${manyMarker()}\n### ${prose(fatesText(records))}\n${faultLines(faults)}${overview(loud, budget * OVERVIEW_SHARE)}${quietLine(records, budget * OVERVIEW_SHARE)}`
  const sections = loud.filter(({ record }) => fateOf(record) !== 'not run')
  const room = budget - head.length - sections.length
  return `${head}${sectionsIn(sections, room).join('')}`
}

function isQuiet(record: RunRecord): boolean {
  const fate = fateOf(record)
  return fate === 'skipped' || fate === 'without changes'
}

function faultLines(faults: NonNullable<ManyMarkdownOptions['faults']>): string {
  const lines = faults
    .slice(0, 10)
    .map(({ name, message }) => `\n**Failed** ${codeSpan(cut(name, 100))}: ${prose(cut(message, 300))}\n`)
  return `${lines.join('')}${faults.length > 10 ? `\n**Failed** ${faults.length - 10} more.\n` : ''}`
}

function overview(runs: readonly MarkdownRun[], room: number): string {
  if (runs.length === 0) return ''
  const lines: string[] = []
  let rest = room
  for (const { record } of runs) {
    const line = `- ${codeSpan(record.run.target)}: ${prose(cut(fateText(record), 200))}\n`
    if (line.length > rest) break
    lines.push(line)
    rest -= line.length
  }
  const left = runs.length - lines.length
  return `\n${lines.join('')}${left === 0 ? '' : `- and ${left} more targets\n`}`
}

/** `Nothing to do in 3: a, b, c.` */
function quietLine(records: readonly RunRecord[], room: number): string {
  const names = records.filter(isQuiet).map(({ run }) => codeSpan(run.target))
  if (names.length === 0) return ''
  const shown: string[] = []
  let rest = room
  for (const name of names) {
    rest -= name.length + 2
    if (rest < 0) break
    shown.push(name)
  }
  const left = names.length - shown.length
  return `\nNothing to do in ${names.length}: ${shown.join(', ')}${left === 0 ? '' : ` and ${left} more`}.\n`
}

/** Everything in full where there is room; else each gets what its deletes and errors need first, and then an equal share of the rest. */
function sectionsIn(runs: readonly MarkdownRun[], room: number): readonly string[] {
  const whole = runs.map((run) => section(run))
  if (lengthOf(whole) <= room) return whole
  const needs = runs.map((run, at) =>
    Math.min(whole[at]?.length ?? 0, section({ ...run, record: deletesOf(run.record) }).length + NOTE_LENGTH),
  )
  const first = shares(needs, room)
  const wants = whole.map((text, at) => text.length - (first[at] ?? 0))
  const more = shares(wants, room - first.reduce((sum, share) => sum + share, 0))
  return runs.map((run, at) => section(run, (first[at] ?? 0) + (more[at] ?? 0)))
}

/** What the note takes that counts what was left out. */
const NOTE_LENGTH = 200

function section({ record, command }: MarkdownRun, budget = Number.MAX_SAFE_INTEGER): string {
  const left = leftOutMarkdown(record)
  const text = planMarkdown(record, {
    budget: Math.max(0, budget - left.length - 1),
    isSection: true,
    ...(command === undefined ? {} : { applyCommand: `trueup apply ${command}` }),
  })
  return left.length + text.length + 1 > budget ? '' : `\n${text}${left}`
}

function deletesOf(record: RunRecord): RunRecord {
  const { plan } = record
  if (plan === null) return record
  return { ...record, plan: { ...plan, changes: plan.changes.filter(({ action }) => action === 'delete') } }
}

/** Divides `room`: nobody gets more than he wants, and what small ones leave goes to the others. */
function shares(wants: readonly number[], room: number): readonly number[] {
  const given = wants.map(() => 0)
  let rest = Math.max(0, room)
  const byWant = [...wants.entries()].sort(([, one], [, other]) => one - other)
  for (const [rank, [at, want]] of byWant.entries()) {
    const share = Math.min(want, Math.floor(rest / (byWant.length - rank)))
    given[at] = share
    rest -= share
  }
  return given
}

function lengthOf(texts: readonly string[]): number {
  return texts.reduce((sum, text) => sum + text.length, 0)
}
