// In: the record of a run that has ended. Out: the last thing a person reads of it: what became of it, and what to type next.
// The plan itself is not in it, nor are exit codes.
import type { ChangeOutcome, OutcomeResult, RunRecord } from '../event.js'
import { count, formatDuration } from './format.js'
import type { Style } from './style.js'

export interface SummaryOptions {
  readonly style: Style
  /** Pasteable, with the flags that this run had: what tries again. */
  readonly retryCommand: string
}

/** The closing text of any run, without a final line break; empty where the plan has said everything. */
export function summaryText(record: RunRecord, options: SummaryOptions): string {
  if (record.outcomes.length > 0) return appliedText(record, options)
  if (record.error !== null) return record.error.code === 'plan-blocked' ? '' : failedText(record, options)
  return record.decision.action === 'skip' ? skippedText(record, options) : ''
}

/** A skip in one line: why, and whose log follows. */
export function skippedText(record: RunRecord, { style }: Pick<SummaryOptions, 'style'>): string {
  const why = style.data(record.decision.explanation).replace(/^skipped:\s*/i, '')
  const { records, replayedFrom } = record.log
  const replay =
    replayedFrom === null
      ? ''
      : ` Its log is that of run ${style.data(replayedFrom)}${records.length === 0 ? '' : ` (${count(records.length, 'record')})`}.`
  return `Skipped: ${asSentence(why)}${replay}`
}

/** A run that ended with an error: what failed, and whether anything was touched. */
export function failedText(record: RunRecord, { style }: Pick<SummaryOptions, 'style'>): string {
  if (record.error === null) return ''
  const lines = record.error.message.split('\n').map((line) => style.data(line))
  const isSaid = /nothing was changed/i.test(record.error.message)
  const untouched = record.run.mode === 'apply' && record.outcomes.length === 0 && !isSaid
  return [`${style.red('trueup:')} ${lines.join('\n  ')}`, ...(untouched ? ['Nothing was changed.'] : [])].join('\n')
}

/** What an apply did: counts first, then each change that is not in place, then what to type. */
export function appliedText(record: RunRecord, { style, retryCommand }: SummaryOptions): string {
  const { outcomes, run } = record
  const tally = tallyOf(outcomes)
  const open = outcomes.filter(({ result }) => result !== 'applied')
  const where = `to ${style.data(run.target)} in ${formatDuration(run.durationMs)}`
  if (open.length === 0 && record.error === null) {
    return style.green(`Applied ${count(outcomes.length, 'change')} ${where}.`)
  }
  const parts = openResults
    .filter((result) => tally[result] > 0)
    .map((result) => `${tally[result]} ${resultWords[result]}`)
  const lines = [
    `Applied ${tally.applied} of ${count(outcomes.length, 'change')} ${where}${parts.length === 0 ? '' : `: ${parts.join(', ')}`}.`,
  ]
  for (const outcome of openResults.flatMap((result) => open.filter((one) => one.result === result))) {
    lines.push(outcomeLine(outcome, style))
  }
  if (record.error !== null && !isSaidByOutcomes(record)) lines.push(failedText(record, { style }))
  lines.push(nextText(tally, record.error?.code === 'held'), `  ${style.data(retryCommand)}`)
  return lines.join('\n')
}

/** Worst first. */
const openResults = ['unknown', 'failed', 'skipped', 'not-attempted'] as const
const resultWords: Readonly<Record<OutcomeResult, string>> = {
  applied: 'applied',
  failed: 'failed',
  skipped: 'skipped',
  'not-attempted': 'not started',
  unknown: 'with unknown outcome',
}

function tallyOf(outcomes: readonly ChangeOutcome[]): Record<OutcomeResult, number> {
  const tally = { applied: 0, failed: 0, skipped: 0, 'not-attempted': 0, unknown: 0 }
  for (const { result } of outcomes) tally[result] += 1
  return tally
}

function outcomeLine(outcome: ChangeOutcome, style: Style): string {
  const failed = outcome.result === 'failed' || outcome.result === 'unknown'
  const mark = outcome.result === 'unknown' ? '?' : failed ? style.symbols.cross : '-'
  const why = outcome.error ?? resultWords[outcome.result]
  const shard = outcome.shard === null ? '' : ` [${style.data(outcome.shard)}]`
  return `  ${failed ? style.red(mark) : style.yellow(mark)} ${style.data(outcome.key)}${shard}  ${outcome.action}: ${style.data(why)}`
}

function nextText(tally: Readonly<Record<OutcomeResult, number>>, isHeld: boolean): string {
  const rest = tally.applied > 0 ? 'The others are in place. ' : ''
  if (tally.unknown > 0) return `${rest}What is unknown is looked at first by the next run:`
  if (tally.failed > 0) return `${rest}Run again to retry what failed:`
  return `${rest}Run again ${isHeld ? 'when nothing is held, ' : ''}to do the rest:`
}

/** The error only sums up what the lines of the changes say one by one. */
function isSaidByOutcomes(record: RunRecord): boolean {
  return record.error?.code === 'apply-failed' && record.outcomes.some(({ result }) => result === 'failed')
}

function asSentence(text: string): string {
  return /[.!?:)]$/.test(text) ? text : `${text}.`
}
