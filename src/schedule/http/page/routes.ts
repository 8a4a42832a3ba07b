// What a daemon knows comes in, the routes of its pages go out. What goes wrong while a page is made is a page too.
import { toError } from '../../../errors.js'
import { didYouMean } from '../../../util/suggest.js'
import { plain, type Answer } from '../answer.js'
import type { Asked, Route } from '../server.js'
import { actingRoutes, SAID } from './acting.js'
import type { Acts } from './acts.js'
import { assetRoutes } from './assets.js'
import { doubtMain } from './doubt.js'
import { doubtActs, targetActs } from './forms.js'
import { html, type Content } from './html.js'
import { command, page, type PageParts } from './layout.js'
import type { Live } from './live.js'
import { overviewMain } from './overview.js'
import type { PageView } from './page-view.js'
import { manyRunsMain, runMain } from './run.js'
import type { Sessions } from './sessions.js'
import { targetMain } from './target.js'

/** Runs on one page of a history. */
const HISTORY = 25

export interface PageOptions {
  readonly view: PageView
  readonly sessions: Sessions
  readonly acts: Acts
  readonly live: Live
}

export interface Pages {
  readonly routes: readonly Route[]
  /** For whoever asks for something that is not there; undefined for programs. */
  readonly missing: (asked: Pick<Asked, 'url' | 'headers' | 'address'>) => Answer | undefined
}

export function wantsHtml({ headers }: Pick<Asked, 'headers'>): boolean {
  return (headers.accept ?? '').includes('text/html')
}

export function createPages({ view, sessions, acts, live }: PageOptions): Pages {
  type Parts = Omit<PageParts, 'viewer' | 'path' | 'now'> & { readonly path?: undefined }

  const shown = (asked: Pick<Asked, 'url' | 'headers' | 'address'>, parts: Parts): Answer =>
    page({
      path: `${asked.url.pathname}${asked.url.search}`,
      ...parts,
      viewer: sessions.viewerOf(asked),
      now: view.now(),
    })

  const get = (path: string, parts: (asked: Asked) => Promise<Parts>): Route => ({
    method: 'GET',
    path,
    answer: async (asked) => {
      try {
        return shown(asked, await parts(asked))
      } catch (thrown) {
        return shown(asked, {
          title: 'It did not work',
          status: 500,
          main: html`<h1>This page cannot be shown</h1>
            <p class="sentence">${toError(thrown).message}</p>
            <p><a href="/">All targets</a></p>`,
        })
      }
    },
  })

  const overview = get('/', async ({ url }) => {
    const since = live.id()
    const facts = await view.overview()
    const main = html`${saidPart(url)}${overviewMain(facts, { query: url.searchParams, now: view.now() })}`
    return { title: 'Targets', main, daemon: facts, since }
  })

  return {
    missing: (asked) =>
      wantsHtml(asked) ? shown(asked, missingParts(`There is no page ${asked.url.pathname}`, undefined)) : undefined,
    routes: [
      ...assetRoutes(),
      { ...overview, answer: (asked) => (wantsHtml(asked) ? overview.answer(asked) : plain(200, view.plain())) },
      live.route,
      ...actingRoutes({ sessions, acts, shown: (asked, parts) => shown(asked, { ...parts, path: undefined }) }),
      get('/targets/{name}', async (asked) => {
        const { url, segments } = asked
        const { name = '' } = segments
        const since = live.id()
        const before = url.searchParams.get('before') ?? undefined
        const facts = await view.target(name, { before, limit: HISTORY })
        if (facts === undefined) {
          const { rows } = await view.overview()
          const meant = didYouMean(
            name,
            rows.map((row) => row.name),
          )
          return missingParts(`There is no target ${name}`, html`<p>Nothing is on record of it either.${meant}</p>`)
        }
        const forms = targetActs(name, facts.holds, sessions.viewerOf(asked))
        const parts = targetMain(facts, { now: view.now(), acts: forms, isOlder: before !== undefined })
        const main = html`${saidPart(url)}${parts}`
        return { title: name, main, daemon: facts, since }
      }),
      get('/runs/{id}', async ({ segments: { id = '' } }) => {
        const since = live.id()
        const records = await view.runs(id)
        const [record] = records
        const facts = await view.overview()
        if (record === undefined)
          return missingParts(
            `No run ${id} is on record`,
            html`<p>It may have been removed since. Those that are kept:</p>
              ${command(`trueup runs list${facts.place}`)}`,
          )
        if (records.length > 1) return { title: 'Runs', main: manyRunsMain(id, records), daemon: facts }
        const main = runMain(record, facts.place)
        return { title: `Run ${record.run.id}`, main, daemon: facts, ...(record.state === 'running' ? { since } : {}) }
      }),
      get('/doubts/{id}', async (asked) => {
        const { id = '' } = asked.segments
        const facts = await view.overview()
        const doubt = facts.doubts.find((one) => one.id === id)
        if (doubt === undefined)
          return missingParts('There is no such doubt', html`<p>It may have been settled since.</p>`)
        const main = doubtMain(doubt, {
          now: view.now(),
          place: facts.place,
          acts: doubtActs(id, sessions.viewerOf(asked)),
        })
        return { title: doubt.name, main, daemon: facts }
      }),
    ],
  }
}

/** What was done before one came here. */
function saidPart(url: URL): Content {
  const said = url.searchParams.get('said') ?? ''
  return Object.hasOwn(SAID, said) && html`<p class="notice" role="status">${SAID[said]}</p>`
}

function missingParts(title: string, more: Content): Omit<PageParts, 'viewer' | 'path' | 'now'> {
  return {
    title,
    status: 404,
    main: html`<h1>${title}</h1>
      ${more}
      <p><a href="/">All targets</a>, where a part of a name finds them.</p>`,
  }
}
