// Leases under real processes on a directory store: frozen, killed, with clocks that disagree, and sixteen at once.
import { mkdtemp, readFile, readdir, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import type { RunRecord } from '../../src/event.js'
import { openDirectoryStore } from '../../src/store/directory-store.js'
import { readLedger } from '../../src/store/ledger.js'
import { createMarkStore } from '../../src/store/marks.js'
import { systemClock } from '../../src/util/clock.js'
import type { LeaseJob } from '../support/lease-program.js'
import { expectNoOverlap } from '../support/lease-notes.js'
import { buildProgram, type StorePrograms, type StoreProcess } from '../support/store-processes.js'

type ApplyJob = Extract<LeaseJob, { readonly kind: 'apply' }>

describe('leases in several processes', { timeout: 180_000 }, () => {
  let programs: StorePrograms<LeaseJob>
  let base: string
  const running: StoreProcess[] = []
  beforeAll(async () => {
    programs = await buildProgram<LeaseJob>('./lease-program.ts')
  })
  afterAll(() => programs[Symbol.asyncDispose]())
  beforeEach(async () => {
    base = await mkdtemp(join(tmpdir(), 'trueup-leases-'))
  })
  afterEach(async () => {
    await Promise.all(running.splice(0).map((each) => (each.kill(), each.ended)))
    await rm(base, { recursive: true })
  })

  const start = (job: LeaseJob): StoreProcess => {
    const started = programs.start(job)
    running.push(started)
    return started
  }
  const apply = (value: string, job: Partial<ApplyJob> = {}): StoreProcess =>
    start({
      kind: 'apply',
      directory: join(base, 'store'),
      world: join(base, 'world'),
      leaseMs: 60_000,
      waitMs: 0,
      count: 30,
      value,
      stepMs: 30,
      concurrency: 3,
      sharded: false,
      ...job,
    })
  const recordOf = async (process: StoreProcess): Promise<RunRecord> => {
    const { code, stderr } = await process.ended
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' })
    const line = process.lines.find((each) => each.startsWith('record '))
    return JSON.parse(line?.slice('record '.length) ?? 'null') as RunRecord
  }
  const resultsOf = ({ outcomes }: RunRecord): Record<string, number> => {
    const results: Record<string, number> = {}
    for (const { result } of outcomes) results[result] = (results[result] ?? 0) + 1
    return results
  }
  const startsOf = ({ lines }: StoreProcess): number => lines.filter((line) => line.startsWith('start ')).length
  const world = async (): Promise<readonly string[]> => {
    const folder = join(base, 'world')
    const names = (await readdir(folder)).sort()
    return Promise.all(names.map((name) => readFile(join(folder, name), 'utf8')))
  }
  const keysBelow = async (...prefixes: readonly string[]): Promise<readonly string[]> => {
    const store = await openDirectoryStore(join(base, 'store'), { clock: systemClock })
    const keys: string[] = []
    for await (const { key } of store.list('')) if (prefixes.some((prefix) => key.startsWith(prefix))) keys.push(key)
    await store.close()
    return keys
  }

  it.each([{ sharded: false }, { sharded: true }])(
    'frozen past its lease in the middle of an apply, it starts nothing more and writes nothing more (sharded: $sharded)',
    async ({ sharded }) => {
      // Long enough for the second process to start within it, on a busy machine too.
      const frozen = apply('A', { leaseMs: 6_000, sharded, freezesIn: 5 })
      await frozen.untilLine('freezes')
      const second = apply('B', { sharded, waitMs: 60_000, stepMs: 1 })
      const after = await recordOf(second)
      expect(after).toMatchObject({ exitCode: 0, error: null })
      expect(
        second.lines.filter((line) => line.startsWith('files is held by run') || line.startsWith('files, shard ')),
      ).toHaveLength(1)
      const store = await openDirectoryStore(join(base, 'store'), { clock: systemClock })
      const stateOf = async () => ({
        marks: await createMarkStore(store, 'files', 'files').all(),
        ledger: await readLedger(store, 'files'),
        world: await world(),
        rest: await keysBelow('journal/', 'heartbeats/', 'lease-modes/'),
      })
      const before = await stateOf()
      const started = startsOf(frozen)
      frozen.kill('SIGCONT')
      const record = await recordOf(frozen)
      expect(startsOf(frozen)).toBe(started)
      expect(record).toMatchObject({ exitCode: 5, error: { code: 'lease-lost' } })
      const results = resultsOf(record)
      expect(Object.keys(results).sort()).toEqual(['applied', 'not-attempted', 'unknown'])
      expect(results['unknown']).toBeGreaterThanOrEqual(1)
      expect(results['unknown']).toBeLessThanOrEqual(3)
      // What was under way when it was frozen may still come about, and is called unknown; nothing else does.
      const unknown = new Set(record.outcomes.filter(({ result }) => result === 'unknown').map(({ key }) => key))
      const names = (await readdir(join(base, 'world'))).sort()
      const others = (texts: readonly string[]): readonly string[] =>
        texts.filter((_, at) => !unknown.has(names[at] ?? ''))
      const { world: left, ...kept } = await stateOf()
      const { world: were, ...keptBefore } = before
      expect(kept).toEqual(keptBefore)
      expect(others(left)).toEqual(others(were))
      expect(before).toMatchObject({ world: Array<string>(30).fill('B'), rest: [] })
      await store.close()
    },
  )

  it('killed at random again and again, the next run takes over at once and the last one finishes', async () => {
    let kills = 0
    for (let round = 0; round < 5; round += 1) {
      const one = apply('last', { count: 12, stepMs: 8, sharded: true })
      await one.until(1 + Math.floor(Math.random() * 8))
      one.kill()
      if ((await one.ended).signal === 'SIGKILL') kills += 1
    }
    expect(kills).toBeGreaterThan(0)
    const record = await recordOf(apply('last', { count: 12, stepMs: 1, sharded: true }))
    expect(record).toMatchObject({ exitCode: 0, error: null })
    expect(await world()).toEqual(Array<string>(12).fill('last'))
    expect(await keysBelow('heartbeats/', 'lease-modes/')).toEqual([])
  })

  it.each([60_000, -60_000, -600_000])('a clock %i ms off neither steals nor is stolen from', async (offsetMs) => {
    const holder = apply('A', { offsetMs, stepMs: 600_000 })
    await holder.until(1)
    const other = await recordOf(apply('B'))
    expect(other).toMatchObject({
      exitCode: 75,
      error: { code: 'lease-held' },
      decision: { action: 'none', reason: 'lease-held' },
    })
    expect(other.error?.message).toContain('(https://ci.example.com/jobs/81) until')
    expect(await world()).toEqual([])
    expect(await keysBelow('heartbeats/')).toHaveLength(1)
  })

  it('sixteen that want overlapping shards, other shard keys or all of it: never two at once, and all have their turn', async () => {
    const log = join(base, 'log')
    const directory = join(base, 'store')
    const pick = (at: number, turn: number): { readonly keys: string | null; readonly shards: readonly string[] } => {
      if ((at + turn) % 8 === 0) return { keys: null, shards: [''] }
      const keys = (at + turn) % 8 === 1 ? 'other' : 'same'
      const shards = ['a', 'b', 'c', 'd', 'e', 'f'].filter(() => Math.random() < 0.35)
      return { keys, shards: shards.length === 0 ? ['a'] : shards }
    }
    const contenders = Array.from({ length: 16 }, (_, at) =>
      start({
        kind: 'contend',
        directory,
        log,
        leaseMs: 60_000,
        waitMs: 120_000,
        wants: [0, 1, 2].map((turn) => pick(at, turn)),
      }),
    )
    for (const each of contenders) {
      expect(await each.ended).toEqual({ code: 0, signal: null, stderr: '' })
      expect(each.lines).toHaveLength(3)
    }
    expectNoOverlap(await readFile(log, 'utf8'), 16 * 3)
    expect(await keysBelow('heartbeats/', 'lease-modes/')).toEqual([])
  })
})
