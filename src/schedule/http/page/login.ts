// A name and a token come in, a session goes out, or the form again with what was wrong. The token is never shown again.
import type { Answer } from '../answer.js'
import type { Route } from '../server.js'
import { loginMain } from './forms.js'
import { seeOther, type Gate, type GateOptions } from './gate.js'
import { isName } from './sessions.js'

export function loginRoutes({ sessions, acts, shown }: GateOptions, { refuse, formOf, act }: Gate): readonly Route[] {
  return [
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

/** A path of this daemon, never another place. */
function nextOf(given: URLSearchParams): string {
  const next = given.get('next') ?? '/'
  const { origin, pathname, search } = URL.canParse(next, 'http://here')
    ? new URL(next, 'http://here')
    : new URL('http://here/')
  return origin === 'http://here' && !pathname.startsWith('//') ? `${pathname}${search}` : '/'
}
