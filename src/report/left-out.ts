// In: the record of a run that was asked for something else than the desired state. Out: what of it could not be done, for people.
// Knows nothing of limits and changes: those are in the plan.
import type { LeftOut, RunRecord } from '../event.js'
import { cut } from './data-text.js'
import { count } from './format.js'
import { codeSpan, prose } from './markdown-text.js'
import type { Style } from './style.js'

/** What an undo leaves as it is, with why; empty for none. */
export function leftOutText(record: RunRecord, style: Style): string {
  const left = leftOf(record)
  if (left.length === 0) return ''
  const lines = left.map(({ key, why }) => `  - ${style.data(key)}: ${style.data(why)}`)
  return [style.yellow(`Not brought back, ${count(left.length, 'object')}:`), ...lines].join('\n')
}

/** The same as a section of Markdown, bounded; empty for none. */
export function leftOutMarkdown(record: RunRecord): string {
  const left = leftOf(record)
  if (left.length === 0) return ''
  const lines = left.slice(0, 20).map(({ key, why }) => `- ${codeSpan(key)}: ${prose(cut(why, 300))}\n`)
  const more = left.length > 20 ? `- and ${String(left.length - 20)} more\n` : ''
  return `\n#### Not brought back (${String(left.length)})\n\n${lines.join('')}${more}`
}

/** What is said in place of "no changes", where the desired state was not asked; undefined where the plan says it. */
export function nothingInsteadText({ instead, plan, limits, error }: RunRecord): string | undefined {
  // Where something could not be read, an empty plan says nothing of it.
  if (instead === undefined || plan === null || plan.changes.length > 0 || error !== null) return undefined
  if (limits.some(({ blocked }) => blocked)) return undefined
  switch (instead.kind) {
    case 'undo':
      return instead.left.length === 0
        ? `Nothing to undo: all is as it was before run ${instead.run}.`
        : `Nothing to undo of run ${instead.run}.`
    case 'adopt':
      return `Nothing to adopt: ${instead.keys.length === 1 ? 'it is' : 'all are'} owned already.`
    case 'destroy':
    case 'release':
    case 'move':
    case 'resolve':
    case 'state':
    case 'clear':
      return undefined
  }
}

function leftOf({ instead }: RunRecord): readonly LeftOut[] {
  return instead?.kind === 'undo' ? instead.left : []
}
