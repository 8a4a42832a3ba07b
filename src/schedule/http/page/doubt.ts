// A doubt comes in, its page goes out: what it is, how to look, and how to say what became of it.
import { html, type Content, type Markup } from './html.js'
import { badge, command, instant, relative, runLink, targetLink, who } from './layout.js'
import type { DoubtFacts } from './page-view.js'

export interface DoubtAsked {
  /** UTC ms. */
  readonly now: number
  /** Flags of commands. */
  readonly place: string
  /** What may be done, as forms. */
  readonly acts: Content
}

export function doubtMain(
  { id, kind, name, target, run, at, by }: DoubtFacts,
  { now, place, acts }: DoubtAsked,
): Markup {
  const facts: readonly (readonly [string, Content])[] = [
    [
      'What',
      kind === 'change' ? 'a change of which nobody saw the answer' : 'a durable call of which nobody saw the answer',
    ],
    ['Target', target === null ? 'none' : targetLink(target)],
    ['Run', run === null ? 'none' : runLink(run)],
    ['Begun', html`${instant(at)}, ${relative(at, now)} ${who(by)}`],
  ]
  return html`<h1>${name}</h1>
    <p>${badge({ text: 'outcome unknown', shape: '?', tone: 'bad' })}</p>
    <dl class="facts">
      ${facts.map(
        ([title, value]) =>
          html`<dt>${title}</dt>
            <dd>${value}</dd>`,
      )}
    </dl>
    <p>
      Look in the outside system whether it has happened, then say
      so${kind === 'change' ? ', or let the next apply look' : ''}.
    </p>
    ${acts}
    <section aria-labelledby="again">
      <h2 id="again">On a terminal</h2>
      ${command(`trueup doubts resolve ${id}${place} --done`)}${command(`trueup doubts resolve ${id}${place} --absent`)}
    </section> `
}
