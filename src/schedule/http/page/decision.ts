// The decision of a record comes in; why it ran or was skipped goes out, component by component, in the words of `trueup why`.
import type { Decision, DecisionComponent, FirstDifference, RunRecord } from '../../../event.js'
import { shortPair } from '../../../report/data-text.js'
import { decisionLine } from '../../../report/decision-line.js'
import { shortDigest, shortId } from '../../../report/format.js'
import { html, type Content, type Markup } from './html.js'
import { badge, command } from './layout.js'
import { table } from './table.js'

const MOST_SHOWN = 90

export function decisionPart({ run, decision }: RunRecord, place: string): Markup {
  const components = Object.entries(decision.components)
  return html`<section aria-labelledby="decision">
    <h2 id="decision">Decision</h2>
    <p class="sentence">${didText(decision)}: ${decision.explanation}</p>
    <p class="mono data">${decisionLine(run.target, decision)}</p>
    ${
      components.length > 0 &&
      table({
        caption: 'What was compared',
        columns: ['Component', 'Compared', 'Value'],
        rows: components.map(([name, component]) => [name, verdict(component), valueText(component)]),
      })
    }
    ${decision.firstDifference !== undefined && differencePart(decision.firstDifference)} ${cachePart(decision, place)}
  </section>`
}

function didText({ action, reason }: Decision): string {
  if (action === 'run') return 'It ran'
  if (action === 'skip') return 'It was skipped'
  if (reason === 'interrupted') return 'It was interrupted before it could be decided'
  return reason === 'lease-held' || reason === 'held' ? 'It was held back' : 'It failed before it could be decided'
}

function verdict({ same }: DecisionComponent): Content {
  if (same === null) return html`<span class="muted">not compared</span>`
  return same ? 'same' : badge({ text: 'differs', shape: '≠', tone: 'warn' })
}

function valueText({ head, base, same, detail }: DecisionComponent): Content {
  const digest = (value: string | null): string =>
    value === null ? '-' : /^[0-9a-f]{64}$/.test(value) ? shortDigest(value) : value
  const values = same === false ? `${digest(base)} → ${digest(head)}` : digest(head)
  return html`<code>${values}</code>${same !== true && detail !== undefined && html` ${detail}`}`
}

function differencePart({ path, before, after, file, line }: FirstDifference): Markup {
  const [left, right] = shortPair(before, after, { max: MOST_SHOWN })
  const where = file === undefined ? '' : ` (${file}${line === undefined ? '' : `:${String(line)}`})`
  return html`<p class="sentence">
    First difference: <code>${path === '' ? 'the whole' : path}</code> ${left} → ${right}${where}
  </p>`
}

function cachePart({ cache }: Decision, place: string): Content {
  if (cache === undefined) return undefined
  const text = `Run cache: ${cache.status} in zone ${cache.zone}${cache.why === null ? '' : `: ${cache.why}`}`
  return html`<p class="sentence">${text}</p>
    ${cache.status === 'HIT' && command(`trueup cache show ${shortId(cache.id)}${place}`)}`
}
