// The pages of serve over real HTTP, with a view that answers at once: what stands on them, what hostile texts come to, what is missing.
import { afterEach, describe, expect, it } from 'vitest'
import { startHttpServer, type HttpServer } from '../../src/schedule/http/server.js'
import { change, decision, limit, outcome, plan, record } from '../report/samples.js'
import {
  doubt,
  hold,
  HOSTILE,
  idOf,
  lastRun,
  manyRows,
  row,
  sampleRuns,
  worldPages,
  worldView,
  type World,
} from '../support/page-world.js'

const open: HttpServer[] = []
afterEach(async () => {
  for (const server of open.splice(0)) await server.close()
})

type Get = (path: string, accept?: string) => Promise<Response>

async function served(world: World): Promise<Get> {
  const pages = worldPages({ world: () => world })
  const server = await startHttpServer({ routes: pages.routes, missing: pages.missing, host: '127.0.0.1', port: 0 })
  open.push(server)
  return (path, accept = 'text/html') => fetch(`${server.url}${path}`, { headers: { accept } })
}

/** What a reader sees, with one space for many. */
function words(page: string): string {
  const entities: Readonly<Record<string, string>> = {
    '&lt;': '<',
    '&gt;': '>',
    '&quot;': '"',
    '&#39;': "'",
    '&amp;': '&',
  }
  return page
    .replace(/<[^>]*>/g, ' ')
    .replace(/&(?:lt|gt|quot|#39|amp);/g, (entity) => entities[entity] ?? entity)
    .replace(/\s+/g, ' ')
}

const shown = async (get: Get, path: string): Promise<string> => words(await (await get(path)).text())

describe('the overview', () => {
  it('has what needs a person on top, the worst first, and why each target last ran', async () => {
    const get = await served({
      rows: manyRows(7),
      holds: [
        hold(),
        hold({ target: null, reason: 'the holidays' }),
        hold({ part: { kind: 'object', key: 'www/A' }, reason: 'it moves' }),
      ],
      doubts: [doubt()],
    })
    const text = await shown(get, '/')
    expect(text).toMatch(
      /Needs a person .*Blocked by a limit 1 dns-records this plan deletes 12 of 41.*Outcome unknown 1 dns-records create-account "ann" , begun 1 hour ago.*Failed 1 billing-db the DNS service answered 503.*Overdue 2 billing-db last success 2 days ago ; it may be 1d 2h old never-applied no success yet.*Not converging 1 flapping left out of applies, since three in a row made the same changes: update www\/A, update api\/A.*Held 3 dns-records until 2026-11-20 12:00 UTC by jane on ci-7 : the release is cut All targets until.* dns-records , object www\/A until .* : it moves.*Targets Name/,
    )
    expect(text).toMatch(
      /target-0006 applied team=web ● ok skipped 12 minutes ago · apply · skip desired-unchanged in 20m each 1h/,
    )
  })

  it('says what it does not know', async () => {
    const get = await served({ rows: manyRows(2), problem: 'the store is away', unread: 2 })
    const text = await shown(get, '/')
    expect(text).toContain('The store cannot be read: the store is away. Holds and doubts are not shown.')
    expect(text).toContain('The records of 2 of 2 targets are still being read')
    expect(await shown(await served({ rows: [] }), '/')).toContain('trueup.yaml of this commit names no target')
  })

  it.each([
    ['q=DNS', ['dns-records']],
    ['state=overdue', ['billing-db', 'never-applied']],
    ['state=ok&label=team=web', ['target-0006', 'target-0008']],
    ['label=tier', ['dns-records']],
    ['label=toString', []],
    ['q=nothing-is-called-so', []],
  ])('shows of %s its targets alone', async (query, names) => {
    const get = await served({ rows: manyRows(10) })
    const page = await (await get(`/?${query}`)).text()
    expect(
      [...page.matchAll(/<th scope="row"[^>]*><a class="data" href="\/targets\/([^"]+)"/g)].map(([, name]) => name),
    ).toEqual(names)
  })

  it('pages through thousands', async () => {
    const get = await served({ rows: manyRows(5000) })
    const last = await (await get('/?label=team%3Dweb&page=25')).text()
    expect(words(last)).toContain('Page 25 of 25')
    expect(last).toContain('href="/?label=team%3Dweb&amp;page=24"')
    expect(words(await (await get('/?page=9999')).text())).toContain('Page 50 of 50')
    expect(words(await (await get('/?page=-1')).text())).toContain('Page 1 of 50')
  })

  it('is text for programs that take no HTML', async () => {
    const get = await served({ rows: [] })
    const answer = await get('/', '*/*')
    expect([answer.headers.get('content-type'), await answer.text()]).toEqual([
      'text/plain; charset=utf-8',
      'as text\n',
    ])
  })
})

describe('the page of a target and of a run', () => {
  it('tells the last run in full: decision, blocked plan with its command, log, history', async () => {
    const get = await served({ rows: manyRows(1), runs: sampleRuns() })
    const text = await shown(get, '/targets/dns-records')
    expect(text).toMatch(/params ≠ differs server=https:\/\/old.example.com → server=https:\/\/dns.example.com server/)
    expect(text).toContain('First difference: [3].value 10.0.0.4 → 10.0.0.5 (data/dns/example.com.yaml:9)')
    expect(text).toMatch(
      /max-deletes this plan deletes 12 of 41.*allow exactly this plan: trueup apply dns-records --store s3:\/\/bucket\/team --expect-plan 71c2b04e[0-9a-f]{56} --max-deletes 12/,
    )
    expect(text).toMatch(/- delete value: 10.0.0.9 .*~ update value: 10.0.0.4 → 10.0.0.5/)
    expect(text).toMatch(
      /warn mail.example.com has no reverse entry zone=example.com .*error \[example.com\] two lines of one record/,
    )
    expect(text).toMatch(/History .*■ blocked dry-run .*✕ failed apply .*○ skipped dry-run skip inputs-unchanged/)
    expect(text).toMatch(/Shards .*example.com ● completed 12 minutes ago/)
  })

  it('a run has the outcome of each change, also found by the end of its id', async () => {
    const get = await served({ rows: [], runs: sampleRuns() })
    const text = await shown(get, `/runs/${idOf(4).slice(-6)}`)
    expect(text).toMatch(/example.com\/www\/CNAME \+ create .*✕ failed the DNS service answered 409/)
    expect(text).toContain('exit code 5')
    expect(await shown(get, '/runs/0')).toContain('No run 0 is on record')
    const many = await served({ rows: [], runs: [...sampleRuns('a'), ...sampleRuns('b')] })
    expect(await shown(many, `/runs/${idOf(4)}`)).toContain(`Which run is ${idOf(4)}?`)
  })

  it('has a history that goes on', async () => {
    const runs = Array.from({ length: 30 }, (_, at) => {
      const base = record()
      return { ...base, run: { ...base.run, id: idOf(30 - at), target: 'dns-records' } }
    })
    const get = await served({ rows: manyRows(1), runs })
    const page = await (await get('/targets/dns-records')).text()
    const [, older = ''] = /rel="next" href="([^"]+)"/.exec(page) ?? []
    expect(older).toBe(`/targets/dns-records?before=${idOf(6)}`)
    const rest = await (await get(older)).text()
    expect([...rest.matchAll(/<a href="\/runs\/([^"]+)">/g)].map(([, id]) => id)).toEqual([5, 4, 3, 2, 1].map(idOf))
  })

  it('what is not there is said, with the way on', async () => {
    const get = await served({ rows: manyRows(3) })
    const wrong = await get('/targets/dns-recods')
    expect([wrong.status, words(await wrong.text())]).toEqual([
      404,
      expect.stringContaining('Did you mean "dns-records"?'),
    ])
    for (const path of ['/nowhere', '/runs/01JD', '/doubts/00']) expect((await get(path)).status, path).toBe(404)
    expect((await get('/nowhere', 'application/json')).headers.get('content-type')).toContain('application/json')
  })

  it('a view that fails is a page that says so', async () => {
    const view = { ...worldView(() => ({ rows: [] })), overview: () => Promise.reject(new Error(HOSTILE)) }
    const pages = worldPages({ world: () => ({ rows: [] }), view })
    const server = await startHttpServer({ routes: pages.routes, host: '127.0.0.1', port: 0 })
    open.push(server)
    const answer = await fetch(server.url, { headers: { accept: 'text/html' } })
    const page = await answer.text()
    expect([answer.status, page.includes('<img')]).toEqual([500, false])
  })
})

describe('what comes from outside', () => {
  it('is text wherever it stands', async () => {
    const by = { actor: HOSTILE, host: HOSTILE, url: `javascript:alert(1)//${HOSTILE}` }
    const hostileRun = record({
      decision: decision({
        explanation: HOSTILE,
        components: { [HOSTILE]: { head: HOSTILE, base: HOSTILE, same: false, detail: HOSTILE } },
        firstDifference: { path: HOSTILE, before: HOSTILE, after: { [HOSTILE]: HOSTILE }, file: HOSTILE },
      }),
      plan: plan([
        change({
          action: 'create',
          key: HOSTILE,
          shard: HOSTILE,
          fields: [{ path: '', after: { [HOSTILE]: HOSTILE } }],
        }),
        change({ action: 'update', key: `${HOSTILE}2`, fields: [{ path: HOSTILE, before: HOSTILE, after: 1 }] }),
      ]),
      limits: [limit({ message: HOSTILE, allow: HOSTILE, shard: HOSTILE })],
      outcomes: [outcome({ key: HOSTILE, shard: HOSTILE, action: 'create', result: 'failed', error: HOSTILE })],
      error: { code: 'apply-failed', message: HOSTILE, details: {} },
      log: {
        records: [
          {
            level: 'error',
            time: 0,
            message: `${HOSTILE}\n${HOSTILE}`,
            fields: { [HOSTILE]: HOSTILE },
            shard: HOSTILE,
            source: 'stdout',
          },
        ],
        dropped: 0,
        replayedFrom: HOSTILE,
      },
    })
    const run = {
      ...hostileRun.run,
      id: idOf(1),
      mode: 'apply' as const,
      target: HOSTILE,
      integration: HOSTILE,
      destination: HOSTILE,
      shards: [HOSTILE],
      by: { ...by, tool: HOSTILE },
    }
    const holds = [hold({ target: HOSTILE, reason: HOSTILE, by })]
    const rows = [
      row({
        name: HOSTILE,
        labels: { [HOSTILE]: HOSTILE },
        timing: HOSTILE,
        last: lastRun({ id: HOSTILE, outcome: 'failed', summary: HOSTILE, reason: HOSTILE, decision: HOSTILE }),
        notConverging: [{ action: HOSTILE, key: HOSTILE }],
        holds,
      }),
    ]
    const doubts = [doubt({ name: HOSTILE, target: HOSTILE, run: HOSTILE, by })]
    const get = await served({ rows, runs: [{ ...hostileRun, run }], holds, doubts, problem: HOSTILE })
    const name = encodeURIComponent(HOSTILE)
    for (const path of [
      '/',
      `/?q=${name}&label=${name}`,
      `/targets/${name}`,
      `/targets/x${name}`,
      `/runs/${idOf(1)}`,
      `/runs/${name}`,
      `/doubts/${doubt().id}`,
    ]) {
      const answer = await get(path)
      const page = await answer.text()
      // Shown at all, and never as anything but text.
      expect(words(page), path).toContain('\\x1b[31mred\\u202egnp.exe')
      expect(page, path).not.toMatch(
        /<img|<\/?textarea|<script(?! src="\/assets\/page\.js\?v=[0-9a-f]{16}" defer>)|href="javascript/i,
      )
      expect(page.replaceAll('\n', ''), path).not.toMatch(/[\p{Cc}\u202e]/u)
      // No text ends the attribute that it stands in.
      expect(page, path).not.toMatch(/["'] autofocus/)
    }
  })

  it('is kept in by the policy of every page', async () => {
    const get = await served({ rows: manyRows(3), runs: sampleRuns() })
    for (const path of ['/', '/targets/dns-records', '/nowhere']) {
      const { headers } = await get(path)
      expect(headers.get('content-security-policy')).toBe(
        "default-src 'none'; style-src 'self'; script-src 'self'; connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'",
      )
      expect([headers.get('x-content-type-options'), headers.get('cache-control')]).toEqual(['nosniff', 'no-store'])
    }
    const page = await (await get('/')).text()
    expect(page).not.toMatch(/<style| style=/)
  })

  it('style and script are kept by a browser as long as they are the same', async () => {
    const get = await served({ rows: [] })
    const page = await (await get('/')).text()
    for (const [, path = ''] of page.matchAll(/(?:href|src)="(\/assets\/[^"]+)"/g)) {
      const answer = await get(path)
      expect([answer.status, answer.headers.get('cache-control')]).toEqual([200, 'public, max-age=31536000, immutable'])
      const again = await fetch(answer.url, { headers: { 'if-none-match': answer.headers.get('etag') ?? '' } })
      expect(again.status).toBe(304)
      expect((await get(path.replace(/=.*/, '=old'))).headers.get('cache-control')).toBe('no-cache')
    }
  })
})
