// A view of a daemon comes in; the routes of its API go out: health, metrics, what it knows as JSON, and a way to make a target due.
// Must not know how the view knows.
import { fault, json, plain } from './answer.js'
import { refusal } from './authority.js'
import type { Route } from './server.js'

export interface StatusView {
  /** A revision is served. */
  isReady(): boolean
  metrics(): Promise<{ readonly contentType: string; readonly text: string }>
  /** Each a JSON document. */
  targets(): object
  runs(question: { readonly target: string | undefined; readonly limit: number }): Promise<object>
  doubts(): Promise<object>
  openApi(): object
  /** Makes a target due now. @returns false where there is none of that name */
  trigger(target: string): Promise<boolean>
}

/** Runs in one answer. */
const MOST_RUNS = 500

/** @param token - what makes a target due; undefined or empty: nobody may */
export function apiRoutes(view: StatusView, token: string | undefined): readonly Route[] {
  const get = (path: string, answer: Route['answer']): Route => ({ method: 'GET', path, answer })
  return [
    get('/healthz', () => plain(200, 'ok\n')),
    get('/readyz', () => (view.isReady() ? plain(200, 'ready\n') : plain(503, 'no revision is served yet\n'))),
    get('/metrics', async () => {
      const { contentType, text } = await view.metrics()
      return { status: 200, contentType, body: text }
    }),
    get('/api/v1/targets', () => json(200, view.targets())),
    get('/api/v1/runs', async ({ url }) => {
      const limit = Number(url.searchParams.get('limit') ?? 50)
      if (!Number.isInteger(limit) || limit < 1 || limit > MOST_RUNS)
        return fault(400, 'usage', `limit is a whole number from 1 to ${String(MOST_RUNS)}`)
      return json(200, await view.runs({ target: url.searchParams.get('target') ?? undefined, limit }))
    }),
    get('/api/v1/doubts', async () => json(200, await view.doubts())),
    get('/api/v1/openapi.json', () => json(200, view.openApi())),
    {
      method: 'POST',
      path: '/api/v1/targets/{name}/run',
      answer: async ({ headers, segments: { name = '' } }) =>
        refusal(headers, token) ??
        ((await view.trigger(name))
          ? json(202, { target: name, due: 'now' })
          : fault(404, 'usage', `there is no target ${JSON.stringify(name)}; /api/v1/targets has all`)),
    },
  ]
}
