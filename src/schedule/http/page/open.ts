// All targets, holds and doubts come in; the cards of what needs a person go out, the worst first, each with what to do. A few of each kind, and the way
// to the rest.
import { formatDuration } from '../../../report/format.js'
import { overviewPath } from './filter.js'
import { html, type Content, type Markup } from './html.js'
import { badge, instant, relative, targetLink, who } from './layout.js'
import type { DoubtFacts, HoldFacts, Overview, TargetRow } from './page-view.js'
import { namesOf, STATES, type State } from './states.js'

/** Of each kind. */
const MOST = 5

export function openPart(overview: Overview, now: number): Markup {
  const cards = STATES.filter(({ isOpen }) => isOpen).flatMap((state) => {
    const items = itemsOf(state, overview, now)
    return items.length === 0 ? [] : [card(state, items)]
  })
  return html`<section aria-labelledby="open">
    <h2 id="open">Needs a person</h2>
    ${cards.length === 0 ? html`<p>Nothing.</p>` : html`<div class="open">${cards}</div>`}
  </section>`
}

function card(state: State, items: readonly Content[]): Markup {
  const more = items.length - MOST
  return html`<div class="card ${state.tone}">
    <h3>${badge({ ...state, text: state.title })} ${items.length}</h3>
    <ul class="plain">
      ${items.slice(0, MOST).map((item) => html`<li>${item}</li>`)}
    </ul>
    ${more > 0 && html`<p><a href="${overviewPath({ state: state.name })}">and ${more} more</a></p>`}
  </div> `
}

function itemsOf(state: State, overview: Overview, now: number): readonly Content[] {
  if (state.name === 'held') return overview.holds.map((hold) => holdItem(hold))
  if (state.name === 'doubt') return overview.doubts.map((doubt) => doubtItem(doubt, now))
  return overview.rows
    .filter((row) => namesOf(row).has(state.name))
    .map((row) => rowItem(state, row, { overview, now }))
}

function rowItem(state: State, row: TargetRow, { overview, now }: { overview: Overview; now: number }): Content {
  return html`${targetLink(row.name)} <span class="clip">${rowText(state, row, { overview, now })}</span>`
}

function rowText({ name }: State, row: TargetRow, { overview, now }: { overview: Overview; now: number }): Content {
  if (name === 'overdue') {
    if (row.successAt === null || row.successAt === undefined) return 'no success yet'
    const within = overview.maxAgeMs === null ? '' : `; it may be ${formatDuration(overview.maxAgeMs)} old`
    return html`last success ${relative(row.successAt, now)}${within}`
  }
  if (name === 'not-converging') {
    const shown = row.notConverging.slice(0, 3).map(({ action, key }) => `${action} ${key}`)
    const more = row.notConverging.length - shown.length
    return `left out of applies, since three in a row made the same changes: ${shown.join(', ')}${more > 0 ? ` and ${String(more)} more` : ''}`
  }
  return row.last?.summary
}

export function holdItem({ target, part, until, reason, by }: HoldFacts): Content {
  const only = part !== undefined && html`, ${part.kind} <code>${part.key}</code>`
  return html`${target === null ? 'All targets' : targetLink(target)}${only} until ${instant(until)} ${who(by)}:
    <span class="data">${reason}</span>`
}

export function doubtItem({ id, name, target, at, by }: DoubtFacts, now: number): Content {
  const where = target === null ? undefined : targetLink(target)
  return html`${where} <a class="data" href="/doubts/${id}">${name}</a>, begun ${relative(at, now)} ${who(by)}`
}
