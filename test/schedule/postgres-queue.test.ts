// The contract of queues on a real server, and what several of them do together: one is given up, one is behind, the database goes and comes back.
import { Pool } from 'pg'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { openPostgresQueue, type PostgresQueue, type QueueEvent } from '../../src/schedule/postgres-queue.js'
import { jobName } from '../../src/schedule/postgres-schema.js'
import { createScheduler } from '../../src/schedule/scheduler.js'
import type { ScheduledTarget, Scheduler } from '../../src/schedule/scheduler-types.js'
import { systemClock, type Clock } from '../../src/util/clock.js'
import type { When } from '../../src/schedule/target-queue.js'
import { queueContract } from '../support/contracts/target-queue.js'
import { startPostgres, type TestPostgres } from '../support/postgres.js'

let server: TestPostgres
let scopes = 0
beforeAll(async () => {
  server = await startPostgres()
})
afterAll(async () => {
  await server.stop()
})

queueContract('on PostgreSQL', async (concurrency) => {
  const pool = new Pool({ connectionString: server.uri(), max: 6 })
  const queue = await openPostgresQueue({
    pool,
    clock: systemClock,
    scope: `contract-${String((scopes += 1))}`,
    name: 'test',
    concurrency,
    pace: { beatMs: 200, lostMs: 5000, deadMs: 6000 },
  })
  const waiting = new Set<() => void>()
  return {
    queue,
    clock: systemClock,
    until: (isSo) =>
      new Promise((resolve) => {
        const look = (): void => {
          if (!isSo()) return
          waiting.delete(look)
          resolve()
        }
        waiting.add(look)
        look()
      }),
    happened() {
      for (const look of [...waiting]) look()
    },
    async close() {
      await queue.stop()
      await pool.end()
    },
  }
})

/** A clock that stops with its process: what sleeps is not woken until it goes on. */
function stoppable(): Clock & { stop(): void; goOn(): void } {
  let resume: (() => void) | undefined
  let stopped: Promise<void> | undefined
  return {
    now: () => systemClock.now(),
    monotonic: () => systemClock.monotonic(),
    async sleep(ms, signal, options) {
      await systemClock.sleep(ms, signal, options)
      await stopped
    },
    stop() {
      stopped = new Promise((resolve) => {
        resume = resolve
      })
    },
    goOn() {
      stopped = undefined
      resume?.()
    },
  }
}

interface Member {
  readonly queue: PostgresQueue
  readonly scheduler: Scheduler
  readonly events: QueueEvent[]
  readonly starts: {
    readonly key: string
    readonly signal: AbortSignal
    readonly event: string | null
    readonly end: () => void
  }[]
  readonly ends: { readonly key: string; readonly nextAt: number | null }[]
  close(): Promise<void>
}

const HOUR = 3_600_000
const every = (key: string): ScheduledTarget => ({ key, timing: { kind: 'interval', intervalMs: HOUR } })

describe('replicas on one PostgreSQL', () => {
  let scope = ''
  let members: Member[] = []
  const looks = new Set<() => void>()
  const happened = (): void => {
    for (const look of [...looks]) look()
  }
  const until = (isSo: () => boolean): Promise<void> =>
    new Promise((resolve) => {
      const look = (): void => {
        if (!isSo()) return
        looks.delete(look)
        resolve()
      }
      looks.add(look)
      look()
    })

  async function join(clock: Clock = systemClock): Promise<Member> {
    const pool = new Pool({ connectionString: server.uri(), max: 6 })
    const events: QueueEvent[] = []
    const starts: Member['starts'] = []
    const ends: { key: string; nextAt: number | null }[] = []
    const queue = await openPostgresQueue({
      pool,
      clock,
      scope,
      name: 'test',
      concurrency: 4,
      pace: { beatMs: 100, lostMs: 400, deadMs: 600 },
      onEvent: (event) => {
        events.push(event)
        happened()
      },
    })
    const scheduler = createScheduler({
      clock,
      random: () => 0.5,
      queue,
      run: (key, signal, { event }) =>
        new Promise((resolve) => {
          starts.push({
            key,
            signal,
            event: event?.reason ?? null,
            end: () => {
              resolve({ kind: 'done' })
            },
          })
          happened()
        }),
      onEvent: (event) => {
        if (event.kind === 'ended') ends.push({ key: event.key, nextAt: event.nextAt })
        queueMicrotask(happened)
      },
    })
    const member: Member = {
      queue,
      scheduler,
      events,
      starts,
      ends,
      async close() {
        for (const { end } of starts) end()
        await scheduler.stop()
        if (!pool.ended) await pool.end()
      },
    }
    members.push(member)
    return member
  }

  beforeEach(() => {
    scope = `replicas-${String((scopes += 1))}`
    members = []
  })
  afterEach(async () => {
    await Promise.all(members.map((member) => member.close()))
    const [left] = await server.sql<{ targets: number; jobs: number; replicas: number }>(
      `SELECT (SELECT count(*)::int FROM trueup.targets WHERE scope = '${scope}' AND claimed_by IS NOT NULL) AS targets,
              (SELECT count(*)::int FROM trueup_worker.jobs WHERE locked_at IS NOT NULL AND task_identifier = '${jobName(scope)}') AS jobs,
              (SELECT count(*)::int FROM trueup.replicas WHERE scope = '${scope}') AS replicas`,
    )
    expect(left).toEqual({ targets: 0, jobs: 0, replicas: 0 })
  })

  it('one that is given up loses what it held: another runs it, its signal aborts, and its end changes nothing', async () => {
    const clock = stoppable()
    const old = await join()
    await old.scheduler.setTargets([every('forgotten')])
    await old.close()
    const former = scope
    scope = `${scope}-heirs`
    await server.sql(`UPDATE trueup.scopes SET seen_at = now() - interval '31 days' WHERE scope = '${former}'`)
    const a = await join(clock)
    await a.scheduler.setTargets([every('x')])
    await a.scheduler.trigger('x', { reason: 'an export', by: null, key: null })
    a.scheduler.start()
    await until(() => a.starts.length === 1)
    const b = await join()
    await b.scheduler.setTargets([every('x')])
    b.scheduler.start()
    clock.stop()
    await until(() => b.starts.length === 1)
    expect(a.starts[0]?.signal.aborted).toBe(false)
    // It is told what made the target due, as the one was that it is run in place of.
    expect([a.starts[0]?.event, b.starts[0]?.event]).toEqual(['an export', 'an export'])
    clock.goOn()
    await until(() => a.starts[0]?.signal.aborted === true)
    expect(a.events.map(({ kind }) => kind)).toContain('lost')
    a.starts[0]?.end()
    await until(() => a.ends.length === 1)
    expect(a.ends).toEqual([{ key: 'x', nextAt: null }])
    expect(
      (await server.sql(`SELECT claimed_by FROM trueup.targets WHERE scope = '${scope}'`))[0]?.['claimed_by'],
    ).not.toBeNull()
    // What nobody has served for a month is gone, with its wake-ups.
    expect(await server.sql(`SELECT key FROM trueup.targets WHERE scope = '${former}'`)).toEqual([])
    expect(await server.sql(`SELECT key FROM trueup_worker.jobs WHERE task_identifier = '${jobName(former)}'`)).toEqual(
      [],
    )
    b.starts[0]?.end()
    await until(() => b.ends.length === 1)
    expect(b.ends[0]?.nextAt).toBeGreaterThan(systemClock.now() + HOUR / 2)
  })

  it('the step to a commit is taken once: what it changed runs once, and who is behind starts nothing until it serves it', async () => {
    const [a, b] = [await join(), await join()]
    for (const one of [a, b]) {
      await one.queue.agreed()
      await one.scheduler.setTargets([every('x'), every('y')], { revision: 'r1' })
      one.scheduler.start()
    }
    const all = () => [...a.starts, ...b.starts]
    // The first of two targets that are spread is due at once.
    await until(() => all().length === 1)
    for (const { end } of all()) end()
    await until(() => a.ends.length + b.ends.length === 1)
    await b.queue.agreed()
    await b.scheduler.setTargets([every('x'), every('y')], { revision: 'r2', changed: ['y'] })
    await until(() => a.events.some(({ kind }) => kind === 'behind'))
    await until(() => all().length === 2)
    expect([b.starts.at(-1)?.key, a.starts.some(({ key }) => key === 'y')]).toEqual(['y', false])
    b.starts.at(-1)?.end()
    await until(() => a.ends.length + b.ends.length === 2)
    // Whoever asked before the others took their step is told so, and asks again.
    await expect(
      a.scheduler.setTargets([every('x'), every('y')], { revision: 'r0', changed: ['x'] }),
    ).rejects.toMatchObject({
      code: 'state-conflict',
    })
    await a.queue.agreed()
    await a.scheduler.setTargets([every('x'), every('y')], { revision: 'r2', changed: ['y'] })
    await a.scheduler.settled()
    expect(all()).toHaveLength(2)
    expect(a.scheduler.stats().replicas).toBe(2)
  })

  it('who asks until nothing is due is not told by what was seen before', async () => {
    const pool = new Pool({ connectionString: server.uri(), max: 6 })
    const ask = pool.query.bind(pool) as (text: string, values: unknown[]) => Promise<unknown>
    const held: (() => void)[] = []
    let signsOfLife = 0
    let isHeld = false
    Object.assign(pool, {
      query: async (text: string, values: unknown[]) => {
        const found = await ask(text, values)
        if (!text.includes('UPDATE trueup.replicas SET seen_at')) return found
        if (isHeld)
          await new Promise<void>((resolve) => {
            held.push(resolve)
            happened()
          })
        signsOfLife += 1
        happened()
        return found
      },
    })
    const queue = await openPostgresQueue({
      pool,
      clock: systemClock,
      scope,
      name: 'test',
      concurrency: 1,
      pace: { beatMs: 100, lostMs: 60_000, deadMs: 60_000 },
    })
    try {
      isHeld = true
      await until(() => held.length === 1)
      isHeld = false
      const now: When = { kind: 'in', ms: 0 }
      await queue.update({ targets: new Map([['x', 0]]), first: new Map([['x', now]]), moved: new Map(), changed: [] })
      let isSettled = false
      void queue.settled().then(() => (isSettled = true))
      const before = signsOfLife
      held[0]?.()
      await until(() => signsOfLife >= before + 3)
      expect(isSettled).toBe(false)
    } finally {
      for (const goOn of held) goOn()
      await queue.stop()
      await pool.end()
    }
  })

  it('an event that one hears is run by whichever is free, once, also when it stops at once after', async () => {
    const [a, b] = [await join(), await join()]
    for (const one of [a, b]) {
      await one.scheduler.setTargets([every('x')], { spread: false })
      one.scheduler.start()
    }
    await until(() => a.starts.length + b.starts.length === 1)
    for (const { end } of [...a.starts, ...b.starts]) end()
    await until(() => a.ends.length + b.ends.length === 1)
    const before = b.starts.length
    await a.scheduler.trigger('x', { reason: 'an export', by: 'billing', key: 'export-7' })
    const kept = { digest: '7', targets: ['x'] }
    await a.queue.eventKeys.set('export-7', kept)
    const stopping = a.scheduler.stop()
    await until(() => {
      // It may still come to start what it has taken.
      for (const { end } of a.starts) end()
      return b.starts.length === before + 1 || a.ends.length + b.ends.length === 2
    })
    await stopping
    expect(a.starts.length + b.starts.length).toBe(2)
    expect([...a.starts, ...b.starts].filter(({ event }) => event === 'an export')).toHaveLength(1)
    // Sent again to another one it counts once; another scope and an hour later know nothing of it.
    expect(await b.queue.eventKeys.get('export-7')).toEqual(kept)
    await b.queue.eventKeys.set('export-7', { digest: '8', targets: [] })
    expect(await b.queue.eventKeys.get('export-7')).toEqual(kept)
    await server.sql(`UPDATE trueup.event_keys SET kept_at = now() - interval '61 minutes' WHERE scope = '${scope}'`)
    expect(await b.queue.eventKeys.get('export-7')).toBeUndefined()
    await b.queue.eventKeys.set('export-7', { digest: '8', targets: [] })
    expect(await b.queue.eventKeys.get('export-7')).toEqual({ digest: '8', targets: [] })
  })

  it('what a newer version adds is left to it: a column as it is, and a job of another name', async () => {
    const a = await join()
    await server.sql(`ALTER TABLE trueup.targets ADD COLUMN later text NOT NULL DEFAULT 'kept'`)
    try {
      await server.sql(
        `SELECT count(*) FROM trueup_worker.add_jobs(ARRAY[('trueup-2:${scope}', '{"key":"x"}', NULL, now(), 5, NULL, 0, NULL)::trueup_worker.job_spec])`,
      )
      await a.scheduler.setTargets([every('x')], { changed: ['x'] })
      await server.sql(`UPDATE trueup.targets SET later = 'newer' WHERE scope = '${scope}'`)
      a.scheduler.start()
      await until(() => a.starts.length === 1)
      a.starts[0]?.end()
      await a.scheduler.settled()
      expect(await server.sql(`SELECT later FROM trueup.targets WHERE scope = '${scope}'`)).toEqual([
        { later: 'newer' },
      ])
      const jobs = await server.sql(
        `SELECT attempts FROM trueup_worker.jobs WHERE task_identifier = 'trueup-2:${scope}'`,
      )
      expect([jobs, a.starts.length]).toEqual([[{ attempts: 0 }], 1])
    } finally {
      await server.sql('ALTER TABLE trueup.targets DROP COLUMN later')
    }
  })

  it('a database that goes away is told once, starts nothing, and goes on where it was', async () => {
    const a = await join()
    await a.scheduler.setTargets([every('x')], { changed: ['x'] })
    a.scheduler.start()
    await until(() => a.starts.length === 1)
    await server.restart(() => until(() => a.events.some(({ kind }) => kind === 'unreachable')))
    a.starts[0]?.end()
    await until(() => a.ends.length === 1 && a.events.some(({ kind }) => kind === 'reached'))
    expect([a.queue.isReachable(), a.ends[0]?.nextAt === null]).toEqual([true, false])
    expect(a.events.filter(({ kind }) => kind === 'unreachable')).toHaveLength(1)
    await a.scheduler.trigger('x')
    await until(() => a.starts.length === 2)
    a.starts[1]?.end()
    await a.scheduler.settled()
  })
})
