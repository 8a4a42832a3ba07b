// The kept log of a record comes in, its lines go out: whatever stands in them shows as text.
import type { LogRecord, RunRecord } from '../../../event.js'
import { logfmt } from '../../../report/decision-line.js'
import { clockTime, count } from '../../../report/format.js'
import { html, type Content, type Markup } from './html.js'
import { command, runLink } from './layout.js'

/** Lines on one page, the newest. */
const MOST_RECORDS = 1000

export function logPart({ log, run }: RunRecord, place: string): Markup {
  const shown = log.records.slice(-MOST_RECORDS)
  const earlier = log.records.length - shown.length
  return html`<section aria-labelledby="log">
    <h2 id="log">Log</h2>
    ${log.replayedFrom !== null && html`<p>Replayed: it is that of run ${runLink(log.replayedFrom)}.</p>`}
    ${log.dropped > 0 && html`<p class="notice">${count(log.dropped, 'line')} were not kept.</p>`}
    ${
      earlier > 0 &&
      html`<p>${count(earlier, 'earlier record')}:</p>
        ${command(`trueup runs show ${run.id}${place}`)}`
    }
    ${
      shown.length === 0
        ? html`<p>It logged nothing.</p>`
        : html`<ol class="log">
            ${shown.map(line)}
          </ol>`
    }
  </section>`
}

function line({ level, time, message, fields, shard, source }: LogRecord): Content {
  const isNamed = source !== undefined && source !== 'log'
  const facts = fields === undefined && !isNamed ? '' : logfmt({ ...fields, ...(isNamed ? { source } : {}) })
  const [first = '', ...rest] = message.replace(/\n+$/, '').split('\n')
  return html`<li class="${level}">
    <time datetime="${new Date(time).toISOString()}">${clockTime(time, true)}</time> ${level}
    ${shard !== undefined && `[${shard}] `}${first}${rest.map((text) => html`<br />${text}`)}${facts !== '' && html` <span class="muted">${facts}</span>`}
  </li> `
}
