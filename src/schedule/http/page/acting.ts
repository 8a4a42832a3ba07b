// Forms that people send come in; what they ask for is done, once it is sure who asks, from which page, and that it is meant. Out: where the browser goes
// next, or why not. Nothing is done for a request that lacks any of that.
import { isSame } from '../authority.js'
import type { Answer } from '../answer.js'
import type { Asked, Route } from '../server.js'
import { parseDuration } from '../../../util/duration.js'
import type { Acts } from './acts.js'
import { confirmMain, LONGEST_REASON, loginMain, type ConfirmParts } from './forms.js'
import { html, type Content } from './html.js'
import { targetPath, type PageParts } from './layout.js'
import { isName, type Sessions } from './sessions.js'

const MOST_BYTES = 16_384
const LONGEST_HOLD_MS = 366 * 86_400_000

/** Said on the page that one comes back to. */
export const SAID: Readonly<Record<string, string>> = {
  run: 'It is due now, and runs as soon as there is a place.',
  hold: 'It is held.',
  release: 'The hold has ended.',
  'not-held': 'It was not held.',
  resolve: 'It is resolved.',
  settled: 'It had been settled meanwhile.',
}

type Shown = (asked: Asked, parts: Pick<PageParts, 'title' | 'main' | 'status'>) => Answer

export interface ActingOptions {
  readonly sessions: Sessions
  readonly acts: Acts
  readonly shown: Shown
}

interface Sent {
  readonly form: URLSearchParams
  readonly by: string
  readonly csrf: string
}

export function actingRoutes({ sessions, acts, shown }: ActingOptions): readonly Route[] {
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

  /** For what is meant only when it is said twice. */
  const confirmed = (
    asked: Asked,
    { form, csrf }: Sent,
    parts: Omit<ConfirmParts, 'csrf' | 'action'>,
  ): Answer | undefined =>
    form.get('confirmed') === 'yes'
      ? undefined
      : shown(asked, { title: parts.title, main: confirmMain({ ...parts, csrf, action: asked.url.pathname }) })

  const act = (path: string, work: (asked: Asked, sent: Sent) => Answer | Promise<Answer>): Route => ({
    method: 'POST',
    path,
    answer: async (asked) => {
      const sent = await sentBy(asked)
      return 'form' in sent ? await work(asked, sent) : sent
    },
  })
  const named = ({ segments: { name = '' } }: Asked): string => name

  return [
    act('/targets/{name}/run', async (asked, sent) => {
      const name = named(asked)
      const back = targetPath(name)
      const what =
        'It becomes due at once. Whether it is applied or only planned is what the daemon and trueup.yaml say; limits, holds and leases count as ever.'
      const ask = confirmed(asked, sent, { title: `Run ${name} now?`, what, back, text: 'Run it now' })
      if (ask !== undefined) return ask
      if (!(await acts.run(name, sent.by))) return refuse(asked, 404, `There is no target ${name}.`)
      return seeOther(`${back}?said=run`)
    }),
    act('/targets/{name}/hold', async (asked, { form, by }) => {
      const target = named(asked)
      const forMs = parseDuration(form.get('for') ?? '')
      // It becomes part of one-line messages.
      const reason = (form.get('reason') ?? '').trim().replace(/\s+/g, ' ')
      if (forMs === undefined || forMs <= 0 || forMs > LONGEST_HOLD_MS)
        return refuse(asked, 400, 'How long is a duration such as 2h or 3d.')
      if (reason === '' || reason.length > LONGEST_REASON)
        return refuse(
          asked,
          400,
          `A hold needs a reason of at most ${String(LONGEST_REASON)} characters, for those whom it stops.`,
        )
      if (!(await acts.hold({ target, reason, forMs, by }))) return refuse(asked, 404, `There is no target ${target}.`)
      return seeOther(`${targetPath(target)}?said=hold`)
    }),
    act('/targets/{name}/release', async (asked, sent) => {
      const name = named(asked)
      const back = targetPath(name)
      const ask = confirmed(asked, sent, {
        title: `End the hold of ${name}?`,
        what: 'Applies may go on at once, everywhere.',
        back,
        text: 'End the hold',
      })
      return ask ?? seeOther(`${back}?said=${(await acts.release(name, sent.by)) ? 'release' : 'not-held'}`)
    }),
    act('/release', async (asked, sent) => {
      const what = 'Applies of all targets may go on at once, everywhere, but for those that have a hold of their own.'
      const ask = confirmed(asked, sent, {
        title: 'End the hold of all targets?',
        what,
        back: '/',
        text: 'End the hold',
      })
      return ask ?? seeOther(`/?said=${(await acts.release(null, sent.by)) ? 'release' : 'not-held'}`)
    }),
    act('/doubts/{id}/resolve', async (asked, sent) => {
      const { id = '' } = asked.segments
      const as = sent.form.get('as')
      if (as !== 'done' && as !== 'absent') return refuse(asked, 400, 'Say what became of it: it has happened, or not.')
      const happened = as === 'done' ? 'has happened' : 'has not happened'
      const ask = confirmed(asked, sent, {
        title: `It ${happened}?`,
        what: `From now on it counts as one that ${happened}. A wrong answer loses a side effect, or repeats it.`,
        back: `/doubts/${encodeURIComponent(id)}`,
        text: `It ${happened}`,
        fields: html`<input type="hidden" name="as" value="${as}" />`,
      })
      return ask ?? seeOther(`/?said=${(await acts.resolve({ id, as, by: sent.by })) ? 'resolve' : 'settled'}`)
    }),
    {
      method: 'GET',
      path: '/login',
      answer: (asked) => {
        const viewer = sessions.viewerOf(asked)
        if (viewer.kind === 'closed') return refuse(asked, 403, `${viewer.why}.`)
        return shown(asked, {
          title: 'Log in',
          main: loginMain({ next: nextOf(asked.url.searchParams), name: '', fault: undefined }),
        })
      },
    },
    {
      method: 'POST',
      path: '/login',
      answer: async (asked) => {
        const form = await formOf(asked)
        if (!(form instanceof URLSearchParams)) return form
        const viewer = sessions.viewerOf(asked)
        if (viewer.kind === 'closed') return refuse(asked, 403, `${viewer.why}.`)
        const name = (form.get('name') ?? '').trim()
        const next = nextOf(form)
        const again = (status: number, fault: string): Answer =>
          shown(asked, { title: 'Log in', status, main: loginMain({ next, name: isName(name) ? name : '', fault }) })
        if (!isName(name)) return again(400, 'A name is one line of at most 100 characters, without commas.')
        const cookie = sessions.logIn(asked, { name, token: form.get('token') ?? '' })
        if (cookie !== undefined) return { ...seeOther(next), headers: { location: next, 'set-cookie': cookie } }
        acts.refused(`a wrong token, by ${name}`)
        return again(401, 'The token is wrong.')
      },
    },
    act('/logout', (asked) => ({ ...seeOther('/'), headers: { location: '/', 'set-cookie': sessions.logOut(asked) } })),
  ]
}

function seeOther(location: string): Answer {
  return { status: 303, contentType: 'text/plain; charset=utf-8', body: '', headers: { location } }
}

/** A path of this daemon, never another place. */
function nextOf(given: URLSearchParams): string {
  const next = given.get('next') ?? '/'
  const { origin, pathname, search } = URL.canParse(next, 'http://here')
    ? new URL(next, 'http://here')
    : new URL('http://here/')
  return origin === 'http://here' && !pathname.startsWith('//') ? `${pathname}${search}` : '/'
}
