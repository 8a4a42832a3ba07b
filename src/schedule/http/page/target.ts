// A target with its records comes in, its page goes out: what is open, its last run in full, its shards and its history.
import type { RunRecord } from '../../../event.js'
import { countsText } from '../../../report/plan-parts.js'
import { formatDuration } from '../../../report/format.js'
import { html, type Content, type Markup } from './html.js'
import { badge, instant, relative, runLink, targetPath } from './layout.js'
import { doubtItem, holdItem } from './open.js'
import type { TargetFacts, TargetRow } from './page-view.js'
import { endState, recordParts } from './run.js'
import { statesOf } from './states.js'
import { table } from './table.js'

export interface TargetAsked {
  /** UTC ms. */
  readonly now: number
  /** What may be done, as forms. */
  readonly acts: Content
  /** An older part of the history. */
  readonly isOlder: boolean
}

export function targetMain(facts: TargetFacts, { now, acts, isOlder }: TargetAsked): Markup {
  const { name, row, runs, place } = facts
  const [last] = runs
  return html`<h1>${name}</h1>
    <div data-live="target">
      ${row === undefined ? html`<p class="notice">trueup.yaml of the served commit does not name it; what is on record stays.</p>` : rowFacts(row, now)}
      ${openPart(facts, now)}
    </div>
    ${acts}
    <div data-live="runs">
      ${historyPart(facts, now)} ${shardsPart(facts, now)}
      ${
        last === undefined
          ? html`<p>No run is on record yet.</p>`
          : !isOlder &&
            html`<h2>Last run: ${runLink(last.run.id)}</h2>
              ${recordParts(last, place)}`
      }
    </div> `
}

function rowFacts(row: TargetRow, now: number): Markup {
  const { last, successAt, labels, nextAt, isRunning, applies, timing } = row
  const facts: readonly (readonly [string, Content])[] = [
    ['State', statesOf(row).map(badge)],
    ['Last run', last === undefined ? 'none' : html`${last.summary} (${last.mode}, ${relative(last.at, now)})`],
    [
      'Last success',
      successAt === undefined
        ? 'not read yet'
        : successAt === null
          ? 'none'
          : html`${instant(successAt)}, ${relative(successAt, now)}`,
    ],
    [
      'Next run',
      isRunning
        ? 'runs now'
        : nextAt === undefined
          ? 'no further time'
          : nextAt <= now
            ? 'due, waits for a place'
            : html`${relative(nextAt, now)}, at ${instant(nextAt)}`,
    ],
    ...row.waitsFor.map((reason) => ['Not applied yet', reason] as const),
    ['Runs', html`${timing}, ${applies ? 'applied' : 'planned only'}`],
    ...Object.entries(labels).map(([key, value]) => [key, value] as const),
  ]
  return html`<dl class="facts">
    ${facts.map(
      ([name, value]) =>
        html`<dt>${name}</dt>
          <dd>${value}</dd>`,
    )}
  </dl>`
}

function openPart({ row, holds, doubts }: TargetFacts, now: number): Content {
  const stuck = row?.notConverging ?? []
  return [
    stuck.length > 0 &&
      html`<div class="card warn">
        <h2>${badge({ text: 'Not converging', shape: '↻', tone: 'warn' })}</h2>
        <p>Three applies in a row made these changes, which do not hold. The next ones leave them out.</p>
        <ul class="plain">
          ${stuck.map(({ action, key }) => html`<li>${action} <code>${key}</code></li>`)}
        </ul>
      </div>`,
    holds.length > 0 &&
      html`<div class="card warn">
        <h2>${badge({ text: 'Held', shape: '‖', tone: 'warn' })}</h2>
        <ul class="plain">
          ${holds.map((hold) => html`<li>${holdItem(hold)}</li>`)}
        </ul>
      </div>`,
    doubts.length > 0 &&
      html`<div class="card bad" id="doubts">
        <h2>${badge({ text: 'Outcome unknown', shape: '?', tone: 'bad' })}</h2>
        <ul class="plain">
          ${doubts.map((doubt) => html`<li>${doubtItem(doubt, now)}</li>`)}
        </ul>
      </div>`,
  ]
}

function historyPart({ name, runs, hasMore }: TargetFacts, now: number): Content {
  if (runs.length === 0) return undefined
  const oldest = runs.at(-1)?.run.id ?? ''
  return html`<section aria-labelledby="history">
    <h2 id="history">History</h2>
    ${table({ caption: 'Runs, newest first', columns: ['Began', 'Ended', 'Mode', 'Why', 'Changes', 'By'], rows: runs.map((record) => historyRow(record, now)) })}
    ${hasMore && html`<nav class="pages" aria-label="History"><a rel="next" href="${targetPath(name)}?before=${oldest}">Older runs</a></nav>`}
  </section>`
}

function historyRow(record: RunRecord, now: number): readonly Content[] {
  const { run, decision, plan, state } = record
  return [
    html`<a href="/runs/${run.id}">${instant(run.startedAt)}</a>
      <div class="sub">
        ${relative(run.startedAt, now)}${state === 'finished' && `, took ${formatDuration(run.durationMs)}`}
      </div>`,
    badge(endState(record)),
    run.mode,
    html`${decision.action} ${decision.reason}`,
    plan === null ? '' : countsText(plan.summary),
    html`<span class="data">${run.by.actor ?? run.by.host}</span>`,
  ]
}

function shardsPart({ shards }: TargetFacts, now: number): Content {
  if (shards.length === 0) return undefined
  const open = shards.filter(({ status }) => status !== 'completed').length
  return html`<section aria-labelledby="shards">
    <h2 id="shards">Shards</h2>
    <details id="shard-list" ${(open > 0 || shards.length <= 10) && html` open`}>
      <summary>${shards.length} applied so far${open > 0 && `, ${String(open)} not completed`}</summary>
      ${table({
        caption: 'Last apply of each shard',
        columns: ['Shard', 'Last apply', 'When', 'Run'],
        rows: shards.map(({ key, status, at, run }) => [
          key,
          badge(
            status === 'completed'
              ? { text: status, shape: '●', tone: 'good' }
              : { text: status, shape: '✕', tone: 'bad' },
          ),
          relative(at, now),
          runLink(run),
        ]),
      })}
    </details>
  </section>`
}
