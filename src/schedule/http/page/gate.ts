// Forms that people send come in; out goes what is in them, once it is sure who sends them and from which page, or why nothing is done. Whatever a request
// lacks of that, it is refused.
import { toError } from '../../../errors.js'
import { isSame } from '../authority.js'
import type { Answer } from '../answer.js'
import type { Asked, Route } from '../server.js'
import type { Acts } from './acts.js'
import { html, type Content } from './html.js'
import type { PageParts } from './layout.js'
import type { Sessions } from './sessions.js'

const MOST_BYTES = 16_384

export type Shown = (asked: Asked, parts: Pick<PageParts, 'title' | 'main' | 'status'>) => Answer

export interface GateOptions {
  readonly sessions: Sessions
  readonly acts: Acts
  readonly shown: Shown
}

export interface Sent {
  readonly form: URLSearchParams
  readonly by: string
  readonly csrf: string
}

export interface Gate {
  readonly refuse: (asked: Asked, status: number, why: Content) => Answer
  /** What a form of these pages holds, whoever sends it. */
  readonly formOf: (asked: Asked) => Promise<URLSearchParams | Answer>
  /** A route for those who may act, with who it is. */
  readonly act: (path: string, work: (asked: Asked, sent: Sent) => Answer | Promise<Answer>) => Route
}

export function createGate({ sessions, acts, shown }: GateOptions): Gate {
  const refuse = (asked: Asked, status: number, why: Content): Answer =>
    shown(asked, {
      title: 'Not done',
      status,
      main: html`<h1>Nothing was done</h1>
        <p class="sentence">${why}</p>
        <p><a href="/">All targets</a></p>`,
    })

  /** What a form of these pages holds. */
  async function formOf(asked: Asked): Promise<URLSearchParams | Answer> {
    const type = asked.headers['content-type'] ?? ''
    if (!/^application\/x-www-form-urlencoded\b/i.test(type))
      return refuse(asked, 415, 'Only a form of these pages is taken.')
    const fault = sessions.originFault(asked)
    if (fault !== undefined) {
      acts.refused(fault)
      return refuse(asked, 403, `The form is refused: ${fault}.`)
    }
    return new URLSearchParams((await asked.body(MOST_BYTES)).toString('utf8'))
  }

  async function sentBy(asked: Asked): Promise<Sent | Answer> {
    const form = await formOf(asked)
    if (!(form instanceof URLSearchParams)) return form
    const viewer = sessions.viewerOf(asked)
    if (viewer.kind === 'closed') return refuse(asked, 403, `${viewer.why}.`)
    if (viewer.kind === 'reader')
      return refuse(
        asked,
        403,
        html`<a href="/login">Log in</a> first: sessions end after 12 hours, and when the daemon starts anew.`,
      )
    if (!isSame(form.get('csrf') ?? '', viewer.csrf)) {
      acts.refused('a form without the mark of its session')
      return refuse(asked, 403, 'The form is of another session: go back, reload the page and send it again.')
    }
    return { form, by: viewer.name, csrf: viewer.csrf }
  }

  const act: Gate['act'] = (path, work) => ({
    method: 'POST',
    path,
    answer: async (asked) => {
      const sent = await sentBy(asked)
      if (!('form' in sent)) return sent
      try {
        return await work(asked, sent)
      } catch (thrown) {
        return refuse(asked, 500, toError(thrown).message)
      }
    },
  })
  return { refuse, formOf, act }
}

export function seeOther(location: string): Answer {
  return { status: 303, contentType: 'text/plain; charset=utf-8', body: '', headers: { location } }
}
