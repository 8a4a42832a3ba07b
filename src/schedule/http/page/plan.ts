// The plan of a record with its limits and outcomes comes in, it goes out as a table: what takes something away first; of a blocked one, which rule and
// the command that lifts it. Order and wording are those of the terminal.
import type { ChangeOutcome, FieldChange, PlannedChange, RunRecord } from '../../../event.js'
import { shortPair, shortValue } from '../../../report/data-text.js'
import { count, shortDigest } from '../../../report/format.js'
import {
  baseText,
  causesText,
  changeGroups,
  changeRemarks,
  countsText,
  exactCommand,
  heldKeys,
  foreignText,
  limitText,
  noChangesText,
  noteTitle,
  objectFields,
  ruleText,
  splitLimits,
} from '../../../report/plan-parts.js'
import { shellWord } from '../../../util/shell-word.js'
import { html, type Content, type Markup } from './html.js'
import { badge, command } from './layout.js'
import { table } from './table.js'

/** Changes on one page; `trueup runs show` has all. */
const MOST_CHANGES = 500
const MOST_FIELDS = 40
const MOST_SHOWN = 90

export function planPart(record: RunRecord, place: string): Markup {
  const { plan, run, limits } = record
  if (plan === null)
    return html`<section aria-labelledby="plan">
      <h2 id="plan">Plan</h2>
      <p>${noPlanText(record)}</p>
    </section>`
  const { blocked, overridden, notes } = splitLimits(limits)
  const counts = countsText(plan.summary)
  const isDry = run.mode === 'dry-run' && blocked.length === 0 && plan.changes.length > 0
  return html`<section aria-labelledby="plan">
    <h2 id="plan">Plan</h2>
    <p>
      ${counts === '' ? noChangesText(plan.summary) : html`<strong>${counts}</strong> (${baseText(plan.summary)}), digest <code>${shortDigest(plan.digest)}</code>`}
    </p>
    ${[causesText(plan.changes), foreignText(plan.summary)].map((text) => text !== undefined && html`<p class="muted">${text}</p>`)}
    ${notes.map((note) => html`<p class="notice">${noteTitle(note)}: ${note.message}</p>`)}
    ${overridden.map((check) => html`<p class="notice">Allowed by ${check.override} (${ruleText(check)}): ${limitText(check)}</p>`)}
    ${blocked.length > 0 && blockedPart(record, place)} ${plan.changes.length > 0 && changesPart(record, place)}
    ${
      isDry &&
      html`<p>Nothing was changed. To apply exactly this plan:</p>
        ${command(exactOf(record, place) ?? '')}`
    }
  </section>`
}

function noPlanText({ decision, state }: RunRecord): string {
  if (state === 'running') return 'There is none yet.'
  return decision.action === 'skip' ? 'A run that is skipped plans nothing.' : 'It ended before there was one.'
}

function blockedPart(record: RunRecord, place: string): Content {
  const { blocked } = splitLimits(record.limits)
  const exact = exactOf(record, place)
  return html`<div class="card bad">
    <h3>${badge({ text: 'Blocked', shape: '■', tone: 'bad' })}</h3>
    <ul class="plain">
      ${blocked.map((check) => html`<li><code>${ruleText(check)}</code> ${limitText(check)}</li>`)}
    </ul>
    ${
      exact === null
        ? html`<p>No flag allows this: change what is desired, or the limits of the target.</p>`
        : html`<p>If that is meant, allow exactly this plan:</p>
            ${command(exact)}`
    }
  </div>`
}

/** The command that applies exactly this plan; null where no flag allows it. */
function exactOf({ plan, run, limits }: RunRecord, place: string): string | null {
  const applyCommand = `trueup apply ${shellWord(run.target)}${place}`
  return plan && exactCommand({ applyCommand, plan, blocked: splitLimits(limits).blocked, fullDigest: true })
}

function changesPart({ plan, run, limits, outcomes }: RunRecord, place: string): Content {
  const changes = changeGroups(plan?.changes ?? []).flatMap((group) =>
    group.changes.map((change) => ({ group, change })),
  )
  const became = new Map(outcomes.map((outcome) => [idOf(outcome), outcome]))
  const held = heldKeys(limits)
  const isApply = run.mode === 'apply'
  const more = changes.length - MOST_CHANGES
  const tones = { delete: 'bad', adopt: 'quiet', create: 'busy', update: 'warn' } as const
  return html`${table({
    caption: 'Changes',
    columns: ['Object', 'Change', 'What', ...(isApply ? ['Outcome'] : [])],
    rows: changes
      .slice(0, MOST_CHANGES)
      .map(({ group, change }) => [
        html`<code>${change.key}</code>${change.shard !== null && html`<div class="sub">shard ${change.shard}</div>`}`,
        html`${badge({ text: group.action, shape: group.sign, tone: tones[group.action] })}${remarks(change, held)}`,
        change.action === 'update' ? updateText(change) : objectText(change),
        ...(isApply ? [outcomeText(became.get(idOf(change)))] : []),
      ]),
  })}${
    more > 0 &&
    html`<p>${count(more, 'change')} more:</p>
      ${command(`trueup runs show ${run.id}${place}`)}`
  }`
}

function idOf({ key, shard, action }: Pick<PlannedChange, 'key' | 'shard' | 'action'>): string {
  return JSON.stringify([key, shard, action])
}

function remarks(change: PlannedChange, held: ReadonlySet<string>): Content {
  const texts = changeRemarks(change, held)
  return texts.length > 0 && html`<div class="sub">${texts.join(', ')}</div>`
}

function updateText({ fields }: PlannedChange): Content {
  return limited(fields, ({ path, before, after }: FieldChange) => {
    const [left, right] = shortPair(before, after, { max: MOST_SHOWN })
    return html`<div>
      ${path !== '' && html`<span class="muted">${path}:</span> `}<code>${left}</code> → <code>${right}</code>
    </div>`
  })
}

function objectText(change: PlannedChange): Content {
  return limited(objectFields(change), ({ path, value }) => {
    const text = shortValue(value, { max: MOST_SHOWN })
    return html`<div>${path !== '' && html`<span class="muted">${path}:</span> `}<code>${text}</code></div>`
  })
}

function limited<T>(fields: readonly T[], shown: (field: T) => Content): Content {
  const more = fields.length - MOST_FIELDS
  return [
    ...fields.slice(0, MOST_FIELDS).map(shown),
    more > 0 && html`<div class="muted">and ${count(more, 'field')} more</div>`,
  ]
}

function outcomeText(outcome: ChangeOutcome | undefined): Content {
  if (outcome === undefined) return html`<span class="muted">not known yet</span>`
  const { result, error } = outcome
  const tone = result === 'applied' ? 'good' : result === 'failed' || result === 'unknown' ? 'bad' : 'quiet'
  const shape = { applied: '●', failed: '✕', unknown: '?', skipped: '○', 'not-attempted': '○' }[result]
  return html`${badge({ text: result, shape, tone })}${error !== null && html`<div class="sub">${error}</div>`}`
}
