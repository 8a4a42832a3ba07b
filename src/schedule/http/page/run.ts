// A record comes in, the page of its run goes out.
import type { RunRecord } from '../../../event.js'
import { eventText, formatDuration } from '../../../report/format.js'
import { decisionPart } from './decision.js'
import { html, type Content, type Markup } from './html.js'
import { badge, command, instant, runLink, targetLink, who } from './layout.js'
import { logPart } from './log.js'
import { planPart } from './plan.js'
import type { State } from './states.js'

export function runMain(record: RunRecord, place: string): Markup {
  const { run } = record
  return html`<h1>Run <span class="data">${run.id}</span></h1>
    <div data-live="run">${runFacts(record)} ${recordParts(record, place)}</div> `
}

function runFacts(record: RunRecord): Markup {
  const { run, state, decision, exitCode } = record
  const commit = decision.headCommit ?? decision.head
  const facts: readonly (readonly [string, Content])[] = [
    [
      'Target',
      html`${targetLink(run.target)}${run.integration !== run.target && ` (${run.integration} ${run.version})`}`,
    ],
    ['Mode', run.mode],
    ['Ended', state === 'running' ? 'not yet' : html`${badge(endState(record))} exit code ${exitCode}`],
    ['Began', html`${instant(run.startedAt)}${state === 'finished' && `, took ${formatDuration(run.durationMs)}`}`],
    ['Started', html`${who(run.by)}, ${run.by.tool}`],
    ...(run.by.event === undefined ? [] : [['Told to by', eventText(run.by.event)] as const]),
    ['Commit', html`<code>${commit}</code>${decision.dirty && ', with uncommitted changes'}`],
    ['Destination', run.destination ?? 'not known yet'],
    ...(run.shards.length === 0 ? [] : [['Shards', run.shards.join(', ')] as const]),
    ...(record.instead === undefined ? [] : [['In place of its desired state', record.instead.kind] as const]),
  ]
  return html`<dl class="facts">
    ${facts.map(
      ([name, value]) =>
        html`<dt>${name}</dt>
          <dd class="data">${value}</dd>`,
    )}
  </dl>`
}

/** What became of it, then why, the plan and the log. */
export function recordParts(record: RunRecord, place: string): Markup {
  const { error, run } = record
  return html`${
      error !== null &&
      html`<div class="card bad">
        <h2>${badge({ text: error.code, shape: '✕', tone: 'bad' })}</h2>
        ${error.message.split('\n').map((line) => html`<p>${line}</p>`)}
      </div>`
    }
    ${decisionPart(record, place)} ${planPart(record, place)} ${logPart(record, place)}
    <section aria-labelledby="again">
      <h2 id="again">On a terminal</h2>
      ${command(`trueup runs show ${run.id}${place}`)}${command(`trueup why --run ${run.id}${place}`)}
    </section>`
}

/** How it ended, as a state. */
export function endState({ state, exitCode, decision, plan, run }: RunRecord): Pick<State, 'text' | 'shape' | 'tone'> {
  if (state === 'running') return { text: 'not ended', shape: '▸', tone: 'busy' }
  if (exitCode === 3) return { text: 'blocked', shape: '■', tone: 'bad' }
  if (exitCode === 75) return { text: 'held back', shape: '‖', tone: 'warn' }
  if (exitCode !== 0 && exitCode !== 2) return { text: 'failed', shape: '✕', tone: 'bad' }
  if (decision.action === 'skip') return { text: 'skipped', shape: '○', tone: 'quiet' }
  if (plan === null || plan.changes.length === 0) return { text: 'no changes', shape: '●', tone: 'good' }
  return run.mode === 'apply'
    ? { text: 'applied', shape: '●', tone: 'good' }
    : { text: 'changes pending', shape: '△', tone: 'busy' }
}

/** Several have an id that begins or ends so. */
export function manyRunsMain(id: string, records: readonly RunRecord[]): Markup {
  return html`<h1>Which run is ${id}?</h1>
    <ul class="plain">
      ${records.map(
        ({ run }) => html`<li>${runLink(run.id)} ${targetLink(run.target)}, ${instant(run.startedAt)}</li>`,
      )}
    </ul>`
}
