// Durable functions in real processes on one directory store: racing, killed at each step, and killed from outside at random. Effects are counted
// outside: lines of a file, rows of a PostgreSQL table.
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { listCalls } from '../../src/durable/list-calls.js'
import { openDirectoryStore } from '../../src/store/directory-store.js'
import { createMemoryStore } from '../../src/store/memory-store.js'
import { isDead } from '../../src/store/process-life.js'
import { systemClock } from '../../src/util/clock.js'
import type { DurableJob } from '../support/durable-program.js'
import { CALLERS, KEYS, raceInOneProcess } from '../support/durable-race.js'
import { expectOneEffectEach } from '../support/durable-race-check.js'
import { startPostgres, type TestPostgres } from '../support/postgres.js'
import { buildProgram, type StorePrograms } from '../support/store-processes.js'

let programs: StorePrograms<DurableJob>
let folder: string
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'trueup-durable-'))
  programs = await buildProgram<DurableJob>('./durable-program.ts')
})
afterAll(async () => {
  await programs[Symbol.asyncDispose]()
  await rm(folder, { recursive: true, force: true })
})

describe(`${String(KEYS)} keys and ${String(CALLERS)} callers of each`, () => {
  it.each(['memory', 'directory'])(
    'in one process, %s store: as many executions as keys, one value a key',
    async (kind) => {
      const store =
        kind === 'memory'
          ? createMemoryStore({ clock: systemClock })
          : await openDirectoryStore(join(folder, 'one'), { clock: systemClock })
      const { made, values } = await raceInOneProcess(store)
      expect(made).toBe(KEYS)
      expect(values).toHaveLength(KEYS)
      await store.close()
    },
  )

  it('in 8 processes: as many executions as keys, and every process gets the same values', async () => {
    const directory = join(folder, 'race')
    const effects = join(folder, 'effects')
    const job: DurableJob = { directory, kind: 'race', keys: KEYS, effects }
    const running = Array.from({ length: CALLERS }, () => programs.start(job))
    await expectOneEffectEach(running, effects)
  })
})

describe('killed', () => {
  let postgres: TestPostgres
  beforeAll(async () => {
    postgres = await startPostgres()
    await postgres.sql('CREATE TABLE effects (key text NOT NULL)')
  })
  afterAll(async () => {
    await postgres.stop()
  })

  const rows = (directory: string, keys: readonly string[], dieAt = 0): DurableJob => ({
    kind: 'rows',
    directory,
    keys,
    dieAt,
    postgres: postgres.uri(),
    pg: import.meta.resolve('pg'),
  })

  /** How often each key happened, and what is known of it, by key. */
  async function found(
    directory: string,
    keys: readonly string[],
  ): Promise<ReadonlyMap<string, { readonly count: number; readonly state: string }>> {
    const counted = await postgres.sql<{ key: string; count: number }>(
      'SELECT key, count(*)::int AS count FROM effects GROUP BY key',
    )
    const counts = new Map(counted.map(({ key, count }) => [key, count]))
    const end = programs.start(rows(directory, keys))
    const { code, stderr } = await end.ended
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' })
    const said = new Map(end.lines.map((line) => line.split(' ') as [string, string]))
    return new Map(keys.map((key) => [key, { count: counts.get(key) ?? 0, state: said.get(key) ?? '' }]))
  }

  async function check(
    directory: string,
    keys: readonly string[],
  ): Promise<{ readonly doubts: number; readonly done: number }> {
    const before = await found(directory, keys)
    const after = await postgres.sql<{ key: string; count: number }>(
      'SELECT key, count(*)::int AS count FROM effects GROUP BY key',
    )
    // The one thing that must never be.
    expect(after.filter(({ key, count }) => keys.includes(key) && count > 1)).toEqual([])
    const store = await openDirectoryStore(directory, { clock: systemClock })
    const states = (await listCalls({ store, isDead })).map(({ state }) => state)
    await store.close()
    const doubts = [...before.values()].filter(({ state }) => state === 'durable-in-doubt').length
    const done = [...before.values()].filter(({ state }) => state === 'done').length
    // Each is finished, or refused and listed.
    expect(doubts + done).toBe(keys.length)
    expect(states.filter((state) => state === 'in-doubt')).toHaveLength(doubts)
    expect(states.filter((state) => state === 'done')).toHaveLength(done)
    expect(after.filter(({ key }) => before.get(key)?.state === 'done')).toHaveLength(done)
    return { doubts, done }
  }

  it('at each step between claim and acknowledgement', async () => {
    const directory = join(folder, 'steps')
    // The store and its digest key are there.
    await programs.start(rows(directory, ['first'])).ended
    const keys: string[] = []
    for (let dieAt = 1; ; dieAt += 1) {
      const key = `step-${String(dieAt)}`
      const child = programs.start(rows(directory, [key], dieAt))
      const { signal } = await child.ended
      keys.push(key)
      if (signal !== 'SIGKILL') break
    }
    expect(keys.length).toBeGreaterThan(10)
    const { doubts, done } = await check(directory, ['first', ...keys])
    // Before its claim counts a call is free, once its result counts it is done; in between nobody knows.
    expect(doubts).toBeGreaterThan(3)
    expect(done).toBeGreaterThan(3)
  })

  it('from outside at random, 200 times: no effect twice, what was cut off is finished or listed, and the rest goes on', async () => {
    const directory = join(folder, 'random')
    const keys = Array.from({ length: 400 }, (_, index) => `random-${String(index)}`)
    let kills = 0
    let next = 0
    const line = async (): Promise<void> => {
      while (kills < 200) {
        // Overlapping on purpose: processes meet at the same keys.
        const from = (next += 3) % keys.length
        const child = programs.start(rows(directory, [...keys.slice(from), ...keys.slice(0, from)].slice(0, 12)))
        await child.until(2 + Math.floor(Math.random() * 12))
        child.kill()
        const { signal } = await child.ended
        if (signal === 'SIGKILL') kills += 1
      }
    }
    await Promise.all([line(), line(), line()])
    const { doubts, done } = await check(directory, keys)
    expect(kills).toBeGreaterThanOrEqual(200)
    expect(doubts).toBeGreaterThan(0)
    expect(done).toBeGreaterThan(doubts)
  }, 180_000)
})
