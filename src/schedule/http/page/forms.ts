// Who looks and what is there come in; the forms of what may be done go out. What changes more than a wait is asked again on a page of its own.
import type { HeldPartName } from './acts.js'
import { html, type Content, type Markup } from './html.js'
import { targetPath } from './layout.js'
import type { HoldFacts } from './page-view.js'
import { LONGEST_NAME } from './sessions.js'
import type { Viewer } from './viewer.js'

/** How long a hold lasts, as in a flag. */
const LENGTHS = ['30m', '1h', '2h', '8h', '1d', '3d', '7d']
export const LONGEST_REASON = 300

export interface FormParts {
  readonly action: string
  readonly csrf: string
  /** Of the button. */
  readonly text: string | Markup
  readonly fields?: Content
}

export function form({ action, csrf, text, fields }: FormParts): Markup {
  return html`<form class="act" method="post" action="${action}">
    <input type="hidden" name="csrf" value="${csrf}" />${fields}<button>${text}</button>
  </form>`
}

export function targetActs(name: string, holds: readonly HoldFacts[], viewer: Viewer): Content {
  if (viewer.kind !== 'actor') return closedText(viewer, targetPath(name))
  const { csrf } = viewer
  const path = targetPath(name)
  const isHeld = holds.some(({ target, part }) => target !== null && part === undefined)
  const isAllHeld = holds.some(({ target }) => target === null)
  return html`<section aria-labelledby="acts">
    <h2 id="acts">Do something</h2>
    ${form({ action: `${path}/run`, csrf, text: 'Run now …' })}
    ${isHeld && form({ action: `${path}/release`, csrf, text: 'End the hold …' })}
    ${holds.map(
      ({ part }) =>
        part !== undefined &&
        form({
          action: `${path}/release`,
          csrf,
          text: html`End the hold of ${part.kind} <span class="data">${part.key}</span> …`,
          fields: partFields(part),
        }),
    )}
    ${isAllHeld && form({ action: '/release', csrf, text: 'End the hold of all targets …' })}
    ${form({ action: `${path}/hold`, csrf, text: isHeld ? 'Replace the hold' : 'Hold', fields: holdFields() })}
  </section>`
}

/** Which part is meant, as a form says it. */
export function partFields({ kind, key }: HeldPartName): Markup {
  return html`<input type="hidden" name="kind" value="${kind}" /><input type="hidden" name="key" value="${key}" />`
}

function holdFields(): Markup {
  return html`<label
      >Hold for
      <select name="for">
        ${LENGTHS.map((length) => html`<option${length === '2h' && html` selected`}>${length}</option>`)}
      </select></label
    >
    <label class="wide"
      >Reason, for those whom it stops <input name="reason" required maxlength="${LONGEST_REASON}" autocomplete="off"
    /></label>`
}

export function doubtActs(id: string, viewer: Viewer): Content {
  if (viewer.kind !== 'actor') return closedText(viewer, `/doubts/${id}`)
  const said = (as: 'done' | 'absent', text: string): Markup =>
    form({
      action: `/doubts/${id}/resolve`,
      csrf: viewer.csrf,
      text,
      fields: html`<input type="hidden" name="as" value="${as}" />`,
    })
  return html`<section aria-labelledby="acts">
    <h2 id="acts">What became of it</h2>
    ${said('done', 'It has happened …')}${said('absent', 'It has not happened …')}
  </section>`
}

function closedText(viewer: Viewer, path: string): Content {
  if (viewer.kind === 'closed') return undefined
  return html`<p class="muted">To do something here, <a href="/login?next=${encodeURIComponent(path)}">log in</a>.</p>`
}

export interface ConfirmParts extends FormParts {
  readonly title: string
  /** What will come of it. */
  readonly what: Content
  /** Where to if not. */
  readonly back: string
}

export function confirmMain({ title, what, back, fields, ...parts }: ConfirmParts): Markup {
  const all = html`${fields}<input type="hidden" name="confirmed" value="yes" />`
  return html`<h1>${title}</h1>
    <p class="sentence">${what}</p>
    ${form({ ...parts, fields: all })}
    <p><a href="${back}">No, back</a></p>`
}

export interface LoginParts {
  readonly next: string
  readonly name: string
  /** Why it did not work before. */
  readonly fault: string | undefined
}

export function loginMain({ next, name, fault }: LoginParts): Markup {
  return html`<h1>Log in</h1>
    <p class="sentence">
      The name is recorded with what you do; the token is the value of TRUEUP_TOKEN of this daemon.
    </p>
    ${fault !== undefined && html`<p class="notice" role="alert">${fault}</p>`}
    <form class="act" method="post" action="/login">
      <input type="hidden" name="next" value="${next}" />
      <label
        >Your name <input name="name" required maxlength="${LONGEST_NAME}" autocomplete="username" value="${name}"
      /></label>
      <label>Token <input name="token" type="password" required autocomplete="current-password" /></label>
      <button>Log in</button>
    </form>`
}
