// A daemon as its pages see it, made up: targets in every state, records, holds and doubts; or one in which every text is hostile.
import type { RunRecord } from '../../src/event.js'
import type { DoubtFacts, HoldFacts, PageView, TargetRow } from '../../src/schedule/http/page/page-view.js'
import { createLive, type Live } from '../../src/schedule/http/page/live.js'
import { proxiesOf } from '../../src/schedule/http/page/proxies.js'
import { createPages, type Pages } from '../../src/schedule/http/page/routes.js'
import { createSessions } from '../../src/schedule/http/page/sessions.js'
import { systemClock, type Clock } from '../../src/util/clock.js'
import { change, decision, dnsPlan, limit, outcome, plan, record } from '../report/samples.js'

export const NOW = Date.UTC(2026, 10, 20, 10, 0, 0)

/** What a browser, a terminal or a reader could be made to act on. */
export const HOSTILE = `" autofocus onfocus="document.title='owned'"<script>document.title='owned'</script><img src=x onerror="document.title='owned'">"'&\u001b[31mred\u202egnp.exe</textarea>`

const by = { actor: 'jane', host: 'ci-7', url: 'https://ci.example.com/jobs/81' }

export function row(given: Partial<TargetRow> = {}): TargetRow {
  return {
    name: 'dns-records',
    labels: {},
    applies: true,
    timing: 'each 1h',
    nextAt: NOW + 1_200_000,
    isRunning: false,
    last: lastRun(),
    successAt: NOW - 720_000,
    isOverdue: false,
    waitsFor: [],
    notConverging: [],
    holds: [],
    doubts: 0,
    ...given,
  }
}

export function lastRun(given: Partial<NonNullable<TargetRow['last']>> = {}): NonNullable<TargetRow['last']> {
  return {
    id: idOf(1),
    mode: 'apply',
    at: NOW - 720_000,
    decision: 'run',
    reason: 'desired-changed',
    outcome: 'applied',
    summary: 'applied: 2 create',
    ...given,
  }
}

/** A ULID by number: the higher, the newer. */
export function idOf(number: number): string {
  return `01JDXK5Q2M${String(number).padStart(16, '0')}`
}

export function hold(given: Partial<HoldFacts> = {}): HoldFacts {
  return {
    target: 'dns-records',
    reason: 'the release is cut',
    since: NOW - 60_000,
    until: NOW + 7_200_000,
    by,
    ...given,
  }
}

export function doubt(given: Partial<DoubtFacts> = {}): DoubtFacts {
  return {
    id: 'd0'.repeat(32),
    kind: 'durable',
    name: 'create-account "ann"',
    target: 'dns-records',
    run: idOf(3),
    at: NOW - 3_600_000,
    by,
    ...given,
  }
}

/** A plan that a limit stops, a failed apply, one in part, a skip: the newest first. */
export function sampleRuns(target = 'dns-records'): readonly RunRecord[] {
  const at = (number: number, given: Partial<RunRecord>, run: Partial<RunRecord['run']> = {}): RunRecord => {
    const base = record({ ...given })
    return {
      ...base,
      run: {
        ...base.run,
        id: idOf(number),
        target,
        integration: 'dns-records',
        startedAt: NOW - (10 - number) * 3_600_000,
        ...run,
      },
    }
  }
  const long = 'example.com/a-key-that-somebody-thought-should-say-everything-there-is-to-say/and-then-some-more/AAAA'
  const lines = [
    { level: 'info', time: NOW - 7_200_000, message: '41 records listed' },
    {
      level: 'warn',
      time: NOW - 7_199_000,
      message: 'mail.example.com has no reverse entry',
      fields: { zone: 'example.com' },
    },
    { level: 'error', time: NOW - 7_198_000, message: 'two lines\nof one record', shard: 'example.com' },
    { level: 'debug', time: NOW - 7_197_000, message: 'x'.repeat(400) },
  ] as const
  return [
    at(5, {
      plan: plan([
        ...dnsPlan.changes,
        change({
          action: 'delete',
          key: long,
          fields: [{ path: '', before: { value: '10.0.0.77', note: 'y'.repeat(200) } }],
        }),
      ]),
      limits: [limit()],
      exitCode: 3,
      error: {
        code: 'plan-blocked',
        message: 'this plan deletes 12 of 41 objects (29 %); dns-records allows 10 %.',
        details: {},
      },
      log: { records: lines, dropped: 0, replayedFrom: null },
      decision: decision({
        components: {
          code: { head: 'c'.repeat(64), base: 'c'.repeat(64), same: true },
          params: {
            head: 'server=https://dns.example.com',
            base: 'server=https://old.example.com',
            same: false,
            detail: 'server',
          },
          desired: { head: 'a'.repeat(64), base: null, same: null },
        },
        firstDifference: {
          path: '[3].value',
          before: '10.0.0.4',
          after: '10.0.0.5',
          file: 'data/dns/example.com.yaml',
          line: 9,
        },
      }),
    }),
    at(
      4,
      {
        plan: dnsPlan,
        outcomes: dnsPlan.changes.map(({ key, action }, index) =>
          outcome({ key, action, ...(index === 1 ? { result: 'failed', error: 'the DNS service answered 409' } : {}) }),
        ),
        exitCode: 5,
        error: { code: 'apply-failed', message: '1 of 4 changes failed.', details: {} },
      },
      { mode: 'apply' },
    ),
    at(2, {
      decision: decision({ action: 'skip', reason: 'inputs-unchanged', explanation: 'nothing that it reads differs.' }),
      plan: null,
    }),
  ]
}

/** Pages of such a daemon: what is done there is kept in `done`. */
export function worldPages({
  world,
  token,
  userHeader,
  proxies = [],
  view = worldView(world),
}: PagesOptions): WorldPages {
  const done: unknown[] = []
  const clock: Clock = { ...systemClock, now: () => NOW }
  const live = createLive({ clock, epoch: 'e' })
  const isKnown = (name: string): boolean => world().rows.some((one) => one.name === name)
  const did = (act: string, ...what: readonly unknown[]): true => {
    done.push([act, ...what])
    return true
  }
  const pages = createPages({
    view,
    live,
    sessions: createSessions({ clock, token, userHeader, proxies: proxiesOf(proxies) }),
    acts: {
      run: async (target, by) => isKnown(target) && did('run', target, by),
      hold: async (asked) => isKnown(asked.target) && did('hold', asked),
      release: async (asked) => did('release', asked),
      resolve: async (asked) => did('resolve', asked),
      refused: (why) => did('refused', why),
    },
  })
  return { ...pages, live, done }
}

export interface PagesOptions {
  readonly world: () => World
  readonly view?: PageView
  readonly token?: string
  readonly userHeader?: string
  readonly proxies?: readonly string[]
}

export interface WorldPages extends Pages {
  readonly live: Live
  readonly done: readonly unknown[]
}

export interface World {
  readonly rows: readonly TargetRow[]
  readonly runs?: readonly RunRecord[]
  readonly holds?: readonly HoldFacts[]
  readonly doubts?: readonly DoubtFacts[]
  readonly problem?: string
  readonly unread?: number
}

export function worldView(world: () => World): PageView {
  const facts = {
    version: '0.1.0',
    commit: '1a2b3c4d'.repeat(5),
    applies: true,
    store: 's3://bucket/team',
    place: ' --store s3://bucket/team',
  }
  return {
    now: () => NOW,
    async overview() {
      const { rows, holds = [], doubts = [], problem = null, unread = 0 } = world()
      return { ...facts, rows, holds, doubts, problem, unread, maxAgeMs: 93_600_000 }
    },
    async target(name, { before, limit: most }) {
      const { rows, runs = [], holds = [], doubts = [] } = world()
      const found = rows.find((one) => one.name === name)
      const own = runs.filter(({ run }) => run.target === name && (before === undefined || run.id < before))
      if (found === undefined && own.length === 0) return undefined
      const shards = [{ key: 'example.com', status: 'completed', at: NOW - 720_000, run: idOf(4) }] as const
      const open = { holds, doubts: doubts.filter(({ target }) => target === name), shards }
      return { ...facts, ...open, row: found, name, runs: own.slice(0, most), hasMore: own.length > most }
    },
    runs: async (id) => (world().runs ?? []).filter(({ run }) => run.id.endsWith(id)),
    plain: () => 'as text\n',
  }
}

/** Some in each state, the rest well. */
export function manyRows(amount: number): readonly TargetRow[] {
  const failed = lastRun({
    outcome: 'failed',
    summary: `the DNS service answered 503 three times (GET /zones/${'very-long-'.repeat(20)})`,
  })
  const special: readonly Partial<TargetRow>[] = [
    {
      name: 'dns-records',
      last: lastRun({
        outcome: 'blocked',
        summary: 'this plan deletes 12 of 41 objects (29 %); dns-records allows 10 %.',
      }),
      doubts: 1,
      holds: [hold()],
      labels: { team: 'net', tier: '1' },
    },
    { name: 'billing-db', last: failed, isOverdue: true, successAt: NOW - 200_000_000 },
    {
      name: 'never-applied',
      last: lastRun({ outcome: 'pending', mode: 'dry-run', summary: 'changes pending: 3 create' }),
      isOverdue: true,
      successAt: null,
    },
    {
      name: 'flapping',
      waitsFor: ['frozen until 2026-11-23 08:00 UTC: the weekend'],
      notConverging: [
        { action: 'update', key: 'www/A' },
        { action: 'update', key: 'api/A' },
      ],
    },
    { name: 'busy', isRunning: true, nextAt: NOW - 4000 },
  ]
  const rows = special.slice(0, amount).map((given) => row(given))
  for (let at = rows.length; at < amount; at += 1)
    rows.push(
      row({
        name: `target-${String(at).padStart(4, '0')}`,
        labels: { team: at % 2 === 0 ? 'web' : 'data' },
        last: lastRun({ outcome: 'skipped', decision: 'skip', reason: 'desired-unchanged', summary: 'skipped' }),
      }),
    )
  return rows
}
