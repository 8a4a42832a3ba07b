// All targets come in, the first page goes out: what needs a person on top, then the targets that the filter leaves. Decides nothing about them.
import { count } from '../../../report/format.js'
import { filterOf, matches, overviewPath, PAGE_SIZE, type Filter } from './filter.js'
import { html, type Content, type Markup } from './html.js'
import { badge, command, instant, relative, targetLink, who } from './layout.js'
import { openPart } from './open.js'
import type { Overview, TargetRow } from './page-view.js'
import { namesOf, STATES, statesOf } from './states.js'
import { table } from './table.js'

const MOST_LABELS = 200

export interface OverviewAsked {
  readonly query: URLSearchParams
  /** UTC ms. */
  readonly now: number
}

export function overviewMain(overview: Overview, { query, now }: OverviewAsked): Markup {
  const filter = filterOf(query)
  const shown = overview.rows.filter((row) => matches(filter, row))
  const pages = Math.max(1, Math.ceil(shown.length / PAGE_SIZE))
  const at = Math.min(filter.page, pages)
  const part = shown.slice((at - 1) * PAGE_SIZE, at * PAGE_SIZE)
  return html`<h1>${count(overview.rows.length, 'target')}</h1>
    <div data-live="open">${noticesOf(overview)} ${countsPart(overview.rows)} ${openPart(overview, now)}</div>
    <section aria-labelledby="targets">
      <h2 id="targets">Targets</h2>
      ${overview.rows.length === 0 ? emptyPart(overview) : filterForm(overview.rows, filter)}
      <div data-live="rows">
        ${overview.rows.length > 0 && rowsPart({ part, shown: shown.length, filter, now })}
        ${pages > 1 && pagesPart(filter, at, pages)}
      </div>
    </section> `
}

function noticesOf({ problem, unread, rows }: Overview): Content {
  return [
    problem !== null &&
      html`<p class="notice">
        <strong>The store cannot be read:</strong> ${problem}. Holds and doubts are not shown.
      </p>`,
    unread > 0 &&
      html`<p class="notice">
        The records of ${unread} of ${count(rows.length, 'target')} are still being read; what they say is missing until
        then.
      </p>`,
  ]
}

function countsPart(rows: readonly TargetRow[]): Markup {
  const amounts = new Map<string, number>()
  for (const row of rows) for (const name of namesOf(row)) amounts.set(name, (amounts.get(name) ?? 0) + 1)
  const links = STATES.flatMap((state) => {
    const amount = amounts.get(state.name) ?? 0
    if (amount === 0) return []
    return [html`<li><a href="${overviewPath({ state: state.name })}">${amount} ${badge(state)}</a></li>`]
  })
  return html`<ul class="counts">
    ${links}
  </ul>`
}

function emptyPart({ commit }: Overview): Markup {
  if (commit === null) return html`<p>No revision is served yet: the newest commit is being fetched.</p>`
  return html`<p>trueup.yaml of this commit names no target. Add one under <code>targets:</code> and commit it:</p>
    ${command('trueup list')}`
}

function filterForm(rows: readonly TargetRow[], filter: Filter): Markup {
  const labels = new Set(
    rows.flatMap(({ labels: own }) => Object.entries(own).map(([key, value]) => `${key}=${value}`)),
  )
  return html`<form class="filter" method="get" action="/" role="search">
    <label class="wide">Name <input type="search" name="q" value="${filter.text}" autocomplete="off" /></label>
    <label
      >Label <input name="label" value="${filter.label}" placeholder="team=web" list="labels" autocomplete="off"
    /></label>
    <datalist id="labels">
      ${[...labels]
        .sort()
        .slice(0, MOST_LABELS)
        .map((label) => html`<option value="${label}"></option>`)}
    </datalist>
    <label
      >State
      <select name="state">
        <option value="">any</option>
        ${STATES.map(
          ({ name, text }) =>
            html`<option value="${name}" ${name === filter.state && html` selected`}>${text}</option>`,
        )}
      </select></label
    >
    <button>Filter</button>
    ${overviewPath({ ...filter, page: 1 }) !== '/' && html`<a href="/">Show all</a>`}
  </form>`
}

interface RowsShown {
  readonly part: readonly TargetRow[]
  /** Of the filter, on all pages. */
  readonly shown: number
  readonly filter: Filter
  readonly now: number
}

function rowsPart({ part, shown, filter, now }: RowsShown): Markup {
  if (part.length === 0) return html`<p>No target matches. <a href="/">Show all</a></p>`
  const isFiltered = overviewPath({ ...filter, page: 1 }) !== '/'
  return html`${isFiltered && html`<p class="muted">${count(shown, 'target')} ${shown === 1 ? 'matches' : 'match'}.</p>`}${table(
    {
      caption: 'Targets',
      columns: ['Target', 'State', 'Last run', 'Next run'],
      rows: part.map((row) => [nameCell(row), statesOf(row).map(badge), lastCell(row, now), nextCell(row, now)]),
    },
  )}`
}

function nameCell({ name, labels, applies }: TargetRow): Content {
  const own = Object.entries(labels).map(
    ([key, value]) => html`<a class="label" href="${overviewPath({ label: `${key}=${value}` })}">${key}=${value}</a> `,
  )
  return html`${targetLink(name)}
    <div class="sub">${applies ? 'applied' : 'planned only'} ${own}</div>`
}

function lastCell({ last, holds, waitsFor }: TargetRow, now: number): Content {
  // One of the whole says more than one of a part.
  const hold = holds.find(({ part }) => part === undefined) ?? holds[0]
  const held: Content = [
    hold !== undefined &&
      html`<div class="sub">
        ${hold.part !== undefined && html`${hold.part.kind} <code>${hold.part.key}</code> `}held until
        ${instant(hold.until)} ${who(hold.by)}: <span class="data">${hold.reason}</span>
      </div>`,
    waitsFor.map((reason) => html`<div class="sub">not applied yet: ${reason}</div>`),
  ]
  if (last === undefined) return held
  const at = relative(last.at, now)
  return html`<div class="clip">${last.summary}</div>
    <div class="sub">
      ${last.id === null ? at : html`<a href="/runs/${encodeURIComponent(last.id)}">${at}</a>`} · ${last.mode} ·
      ${last.decision} ${last.reason}
    </div>
    ${held}`
}

function nextCell({ nextAt, isRunning, timing }: TargetRow, now: number): Content {
  const when = isRunning
    ? 'runs now'
    : nextAt === undefined
      ? 'no further time'
      : nextAt <= now
        ? 'due, waits for a place'
        : relative(nextAt, now)
  return html`${when}
    <div class="sub">${timing}</div>`
}

function pagesPart(filter: Filter, at: number, pages: number): Markup {
  return html`<nav class="pages" aria-label="Pages">
    ${at > 1 && html`<a rel="prev" href="${overviewPath({ ...filter, page: at - 1 })}">Previous</a>`}
    <span>Page ${at} of ${pages}</span>
    ${at < pages && html`<a rel="next" href="${overviewPath({ ...filter, page: at + 1 })}">Next</a>`}
  </nav>`
}
