// Leases and applies with the store on versitygw: processes that contend, one that is killed, and the built command line.
import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import type { RunRecord } from '../../src/event.js'
import { keysOf } from '../support/failing-store.js'
import { expectNoOverlap } from '../support/lease-notes.js'
import type { LeaseJob } from '../support/lease-program.js'
import { KEYS, openS3, urlOf, type S3Place } from '../support/s3-double/open.js'
import { buildProgram, type StorePrograms, type StoreProcess } from '../support/store-processes.js'
import { createWorld, type World } from '../support/world.js'
import { createPlace } from './s3-place.js'

describe('leases of several processes on versitygw', () => {
  let programs: StorePrograms<LeaseJob>
  let base: string
  let place: S3Place
  const running: StoreProcess[] = []
  beforeAll(async () => {
    programs = await buildProgram<LeaseJob>('./lease-program.ts')
  })
  afterAll(() => programs[Symbol.asyncDispose]())
  beforeEach(async () => {
    place = await createPlace('TRUEUP_TEST_VERSITYGW')
    base = await mkdtemp(join(tmpdir(), 'trueup-s3-leases-'))
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

  it('never overlap, and their tokens only rise', async () => {
    const log = join(base, 'log')
    const contenders = Array.from({ length: 6 }, (_, at) =>
      start({
        kind: 'contend',
        directory: urlOf(place, 'team'),
        log,
        leaseMs: 60_000,
        waitMs: 120_000,
        wants: [0, 1].map((turn) =>
          (at + turn) % 4 === 0
            ? { keys: null, shards: [''] }
            : { keys: 'same', shards: ['a', 'b', 'c'].filter((_shard, index) => (at + turn + index) % 2 === 0) },
        ),
      }),
    )
    for (const each of contenders) expect(await each.ended).toMatchObject({ code: 0, stderr: '' })
    expectNoOverlap(await readFile(log, 'utf8'), 6 * 2)
  })

  it('an apply that was killed is taken over when its lease is over, and not before', async () => {
    const apply = (value: string, waitMs: number): StoreProcess =>
      start({
        kind: 'apply',
        directory: urlOf(place, 'team'),
        sparesTheDead: true,
        world: join(base, 'world'),
        leaseMs: 12_000,
        waitMs,
        count: 6,
        value,
        stepMs: 50,
        concurrency: 1,
        sharded: false,
      })
    const killed = apply('A', 0)
    await killed.until(3)
    killed.kill()
    await killed.ended
    const early = apply('B', 0)
    const { code, stderr } = await early.ended
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' })
    expect(recordOf(early).error).toMatchObject({ code: 'lease-held' })
    const late = apply('B', 60_000)
    await late.ended
    const record = recordOf(late)
    expect(record.outcomes.every(({ result }) => result === 'applied')).toBe(true)
    expect(late.lines.some((line) => line.startsWith('recovered '))).toBe(true)
    for (const name of ['f000', 'f005']) expect(await readFile(join(base, 'world', name), 'utf8')).toBe('B')
  })
})

function recordOf({ lines }: StoreProcess): RunRecord {
  return JSON.parse(lines.find((line) => line.startsWith('record '))?.slice('record '.length) ?? 'null') as RunRecord
}

describe('the command line with its store on versitygw', () => {
  let place: S3Place
  beforeEach(async () => {
    place = await createPlace('TRUEUP_TEST_VERSITYGW')
  })
  const ab = { a: '1', b: '2' }
  const env = { AWS_ACCESS_KEY_ID: KEYS.AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY: KEYS.AWS_SECRET_ACCESS_KEY }
  const createS3World = (): Promise<World> =>
    createWorld({
      objects: ab,
      env,
      files: { 'trueup.yaml': `version: 1\nintegrations: [integrations]\nstore: '${urlOf(place, 'team')}'\n` },
    })

  it('applies, keeps a second one out, skips what is applied, and says nothing of Node', async () => {
    await using world = await createS3World()
    await world.arrange('wait', 'in', 'create', 'a')
    const first = world.rig.start(['apply', 'world'])
    await first.until(/reached in create a/)
    const second = await world.rig.run(['apply', 'world', '-o', 'json'])
    expect(second.code).toBe(75)
    expect(second.json()).toMatchObject({ runs: [{ error: { code: 'lease-held' } }] })
    expect((await world.rig.run(['plan', 'world'])).code).toBe(0)
    await world.go()
    const done = await first.result
    expect(done.code).toBe(0)
    expect(done.stderr).not.toMatch(/NodeDeprecationWarning|no longer support/i)
    expect(await world.objects()).toEqual(ab)
    const skip = await world.rig.run(['apply', 'world', '--early-exit-compare-sha', 'last-applied', '-o', 'json'])
    expect(skip.json()).toMatchObject({ exitCode: 0, runs: [{ decision: { action: 'skip' } }] })
    const store = await openS3(place)
    expect((await keysOf(store)).filter((key) => /^(?:heartbeats|journal|lease-modes)\//.test(key))).toEqual([])
    await store.close()
  })

  it('takes over at once from an apply of this machine that was killed', async () => {
    await using world = await createS3World()
    await world.arrange('kill', 'after', 'create', 'a')
    expect((await world.rig.run(['apply', 'world'])).signal).toBe('SIGKILL')
    await world.relent()
    const next = await world.rig.run(['apply', 'world', '-o', 'json'])
    expect(next.code).toBe(0)
    expect(await world.objects()).toEqual(ab)
  })

  it('moves a store to it, and from then on stops at the old one', async () => {
    await using world = await createWorld({ objects: ab, env })
    expect((await world.rig.run(['apply', 'world'])).code).toBe(0)
    const url = urlOf(place, 'moved')
    const copied = await world.rig.run(['store', 'copy', 'file:.trueup', url])
    expect({ code: copied.code, stderr: copied.stderr }).toEqual({ code: 0, stderr: '' })
    const stopped = await world.rig.run(['plan', 'world'])
    expect(stopped.code).toBe(4)
    expect(stopped.stderr).toContain(`was moved to ${url}`)
    const goesOn = await world.rig.run([
      'apply',
      'world',
      '--store',
      url,
      '--early-exit-compare-sha',
      'last-applied',
      '-o',
      'json',
    ])
    expect(goesOn.json()).toMatchObject({ exitCode: 0 })
    expect((await world.rig.run(['history', 'world', 'a', '--store', url])).stdout).toContain('create')
  })

  it('checks it: what was tried, and no more than that', async () => {
    await using world = await createS3World()
    const { code, stdout } = await world.rig.run(['store', 'check'])
    expect({ code, stdout }).toEqual({ code: 0, stdout: expect.stringContaining('No fault was seen') as string })
    expect(stdout).toContain('ok    replaced one object by the same etag 8 times at once, 16 rounds')
    expect(stdout).not.toMatch(/\bsafe\b/i)
  })
})
