// In: the records of the runs of one command. Out: what became of each, a line each, and a last line with counts. Knows no forms of a plan.
import type { RunRecord } from '../event.js'
import { callsLines, sumOfCalls } from './calls-text.js'
import { cut, displayWidth } from './data-text.js'
import { count } from './format.js'
import { countsText } from './plan-parts.js'
import type { Style } from './style.js'

/** What became of a run, worst first. */
export type Fate = 'failed' | 'blocked' | 'not run' | 'applied' | 'with changes' | 'skipped' | 'without changes'

const FATES: readonly Fate[] = ['applied', 'with changes', 'without changes', 'skipped', 'blocked', 'failed', 'not run']

export function fateOf({ error, limits, decision, outcomes, plan, exitCode }: RunRecord): Fate {
  if (error?.code === 'predecessor-failed') return 'not run'
  if (error === null && limits.some(({ blocked }) => blocked)) return 'blocked'
  if (error !== null) return error.code === 'plan-blocked' ? 'blocked' : 'failed'
  if (outcomes.length > 0) return exitCode === 0 ? 'applied' : 'failed'
  if (decision.action === 'skip') return 'skipped'
  return (plan?.changes.length ?? 0) > 0 ? 'with changes' : 'without changes'
}

/** One line, without the target: `2 create, 1 delete`, `skipped: inputs-unchanged`, `not run: users failed`. */
export function fateText(record: RunRecord): string {
  const { error, decision, outcomes, plan, limits } = record
  const counts = plan === null ? '' : countsText(plan.summary)
  switch (fateOf(record)) {
    case 'not run':
      return (error?.message ?? '').replace(`${record.run.target}: `, '')
    case 'blocked': {
      const rules = limits.filter(({ blocked }) => blocked).map(({ rule }) => rule)
      return `blocked by ${[...new Set(rules)].join(', ')}${counts === '' ? '' : `: ${counts}`}`
    }
    case 'failed': {
      const applied = outcomes.filter(({ result }) => result === 'applied').length
      const done = outcomes.length === 0 ? '' : `applied ${applied} of ${count(outcomes.length, 'change')}; `
      const why =
        error === null
          ? 'some are not in place'
          : (error.message.split('\n')[0] ?? '').replace(`${record.run.target}: `, '')
      return `${done}failed: ${cut(why, 160)}`
    }
    case 'applied':
      return `applied ${count(outcomes.length, 'change')}: ${counts}`
    case 'skipped':
      return `skipped: ${decision.reason}`
    case 'with changes':
      return counts
    case 'without changes':
      return 'no changes'
  }
}

/** `6 targets: 2 applied, 3 skipped, 1 failed.` */
export function fatesText(records: readonly RunRecord[]): string {
  const amount = (fate: Fate): number => records.filter((record) => fateOf(record) === fate).length
  const parts = FATES.filter((fate) => amount(fate) > 0).map((fate) => `${amount(fate)} ${fate}`)
  return `${count(records.length, 'target')}: ${parts.join(', ')}.`
}

/** All targets with what became of them, and what dry runs called in all, without a final line break. */
export function manySummary(records: readonly RunRecord[], style: Style): string {
  const width = Math.max(0, ...records.map(({ run }) => displayWidth(style.data(run.target))))
  const paint: Readonly<Record<Fate, (text: string) => string>> = {
    failed: style.red,
    blocked: style.red,
    'not run': style.yellow,
    applied: style.green,
    'with changes': style.yellow,
    skipped: style.dim,
    'without changes': style.dim,
  }
  const lines = records.map((record) => {
    const name = style.data(record.run.target)
    const gap = ' '.repeat(width - displayWidth(name))
    return `  ${name}${gap}  ${paint[fateOf(record)](style.data(fateText(record)))}`
  })
  const dry = records.filter(({ run }) => run.mode === 'dry-run')
  const calls = callsLines(sumOfCalls(dry.map((record) => record.calls ?? [])))
  return [...lines, ...calls.map((line) => style.dim(style.data(line))), style.bold(fatesText(records))].join('\n')
}
