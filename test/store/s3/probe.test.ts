// The probe and what refuses by it, on stores that break conditions in every way: always found where they are ignored, and by a fixed order of steps where they
// break only among several writers.
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { createDurable } from '../../../src/outside-run.js'
import { requireLocking } from '../../../src/store/locking.js'
import { createMemoryStore } from '../../../src/store/memory-store.js'
import type { ObjectStore } from '../../../src/store/object-store.js'
import { probeStore, type ProbeReport } from '../../../src/store/probe.js'
import { createFakeClock } from '../../../src/util/fake-clock.js'
import { systemClock } from '../../../src/util/clock.js'
import { keysOf } from '../../support/failing-store.js'
import { KEYS, openS3 } from '../../support/s3-double/open.js'
import { startS3Double, type S3Double } from '../../support/s3-double/server.js'

let double: S3Double
beforeEach(async () => {
  for (const [name, value] of Object.entries(KEYS)) vi.stubEnv(name, value)
  double = await startS3Double()
})
afterEach(async () => double[Symbol.asyncDispose]())

const failed = ({ steps }: ProbeReport): readonly string[] =>
  steps.flatMap(({ name, result }) => (result === 'fail' ? [name] : []))

/** All eight conditions of a round are judged before the first of its writes is done. */
function breakRaces(): void {
  let waiting: (() => void)[] = []
  double.rules.between = ({ method, name, ifMatch, ifNoneMatch }) => {
    if (method !== 'PUT' || !/\/(?:create-\d+|replace)!$/.test(name) || (ifMatch ?? ifNoneMatch) === undefined)
      return Promise.resolve()
    return new Promise((resolve) => {
      waiting.push(resolve)
      if (waiting.length < 8) return
      for (const go of waiting) go()
      waiting = []
    })
  }
}

describe('the probe', () => {
  it('tells what it tried on a store that keeps its word, and leaves nothing', async () => {
    const store = await openS3(double)
    const report = await probeStore(store, systemClock, { rounds: 2 })
    expect(report.fault).toBeNull()
    expect(report.steps.map(({ name, result }) => `${name} ${result}`)).toEqual([
      'create ok',
      'create-again ok',
      'read-after-write ok',
      'list-after-write ok',
      'replace ok',
      'stale-replace ok',
      'replace-absent ok',
      'delete-by-wrong-etag ok',
      'race-creates ok',
      'race-replaces ok',
      'delete ok',
      'clock ok',
    ])
    expect(report.steps.find(({ name }) => name === 'race-replaces')?.tried).toBe(
      'replaced one object by the same etag 8 times at once, 2 rounds',
    )
    expect(double.objects.names()).toEqual([])
  })

  it.each([
    ['put-if-none-match', 'ignores If-None-Match', 'create-again'],
    ['put-if-match', 'ignores If-Match', 'stale-replace'],
    ['delete-if-match', 'ignores If-Match on deletes', 'delete-by-wrong-etag'],
  ] as const)('finds a store that ignores %s', async (ignored, fault, step) => {
    double.rules.ignored = new Set([ignored])
    const report = await probeStore(await openS3(double), systemClock, { rounds: 1 })
    expect(report.fault).toBe(fault)
    expect(failed(report)).toContain(step)
  })

  it('finds a store whose conditions hold for one caller at a time only', async () => {
    breakRaces()
    const report = await probeStore(await openS3(double), systemClock, { rounds: 1 })
    expect(failed(report)).toEqual(['race-creates', 'race-replaces'])
    expect(report.fault).toBe('does not keep If-None-Match when several write at once')
  })

  it('warns of a clock that is far off', async () => {
    double.rules.skewMs = -90_000
    const { fault, steps, skewMs } = await probeStore(await openS3(double), systemClock, { rounds: 1 })
    expect(fault).toBeNull()
    expect(steps.find(({ name }) => name === 'clock')).toMatchObject({
      result: 'warn',
      seen: expect.stringMatching(/differ by (89|90) s/) as string,
    })
    expect(skewMs).toBeLessThan(-85_000)
  })
})

describe('what needs locking', () => {
  const puts = (): number => double.requests.filter(({ method }) => method === 'PUT').length

  it('refuses a store with a fault, each time, and says what works all the same', async () => {
    double.rules.ignored = new Set(['put-if-match'])
    const store = await openS3(double)
    for (let time = 0; time < 2; time += 1)
      await expect(requireLocking(store, systemClock)).rejects.toMatchObject({
        code: 'store-refused',
        message: `the store ${store.description} ignores If-Match, so runs could overlap: applies and durable functions are refused, dry runs and the run cache work. \`trueup store check\` shows the test.`,
      })
    expect(double.objects.names()).toEqual([])
  })

  it('probes a store without a fault once a week', async () => {
    const clock = createFakeClock()
    await double[Symbol.asyncDispose]()
    double = await startS3Double({ now: () => clock.now() })
    const store = await openS3(double, { clock })
    await requireLocking(store, clock)
    const first = puts()
    await requireLocking(store, clock)
    const other = await openS3(double, { clock })
    await requireLocking(other, clock)
    expect(puts()).toBe(first)
    expect((await keysOf(store)).map((key) => key.split('/')[0])).toEqual(['probed'])
    clock.advance(8 * 24 * 3_600_000)
    await requireLocking(other, clock)
    expect(puts()).toBe(first * 2)
  })

  it('is made once for all durable calls of a program, and once more where it was refused', async () => {
    const probes = (): number =>
      new Set(double.requests.flatMap(({ name }) => /\/probe\/([^/]+)\//.exec(name)?.[1] ?? [])).size
    const store = await openS3(double)
    const { durable } = createDurable({ store, namespace: 'x' })
    const create = durable('create', { idempotent: true }, async (id: number) => id)
    double.rules.ignored = new Set(['put-if-match'])
    for (const times of [1, 2]) {
      await expect(Promise.all(Array.from({ length: 20 }, (_, id) => create(id)))).rejects.toThrow('ignores If-Match')
      expect(probes()).toBe(times)
    }
    double.rules.ignored = new Set()
    await Promise.all(Array.from({ length: 20 }, (_, id) => create(id)))
    await create(21)
    expect(probes()).toBe(3)
  })

  it('does not take the word of another address of the bucket', async () => {
    const store = await openS3(double)
    await requireLocking(store, systemClock)
    const first = puts()
    const elsewhere: S3Double = { ...double, endpoint: double.endpoint.replace('127.0.0.1', 'localhost') }
    await requireLocking(await openS3(elsewhere), systemClock)
    expect(puts()).toBe(first * 2)
  })

  it('asks nothing of a store that is sound by its making', async () => {
    const store: ObjectStore = { ...createMemoryStore({ clock: systemClock }), conditions: 'sound' }
    await requireLocking(store, systemClock)
  })
})
