// Durable functions on versitygw: however many call, in one process or in several, each effect happens once and all get the same.
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { listCalls } from '../../src/durable/list-calls.js'
import { requireLocking } from '../../src/store/locking.js'
import { isDead } from '../../src/store/process-life.js'
import { systemClock } from '../../src/util/clock.js'
import { CALLERS, KEYS, raceInOneProcess } from '../support/durable-race.js'
import { expectOneEffectEach } from '../support/durable-race-check.js'
import type { S3RaceJob } from '../support/durable-s3-program.js'
import { openS3, type S3Place } from '../support/s3-double/open.js'
import { buildProgram } from '../support/store-processes.js'
import { createPlace } from './s3-place.js'

describe(`${String(KEYS)} keys and ${String(CALLERS)} callers of each, on versitygw`, () => {
  let place: S3Place
  let folder: string
  beforeEach(async () => {
    place = await createPlace('TRUEUP_TEST_VERSITYGW')
    folder = await mkdtemp(join(tmpdir(), 'trueup-durable-s3-'))
  })
  afterEach(async () => {
    await rm(folder, { recursive: true, force: true })
  })

  async function statesOf(prefix: string): Promise<readonly string[]> {
    const store = await openS3(place, { prefix })
    const calls = await listCalls({ store, isDead })
    await store.close()
    return calls.map(({ state }) => state)
  }

  it('in one process: as many executions as keys, one value a key, all of them done', async () => {
    const store = await openS3(place, { prefix: 'one' })
    const { made, values } = await raceInOneProcess(store)
    await store.close()
    expect(made).toBe(KEYS)
    expect(values).toHaveLength(KEYS)
    expect(await statesOf('one')).toEqual(Array.from({ length: KEYS }, () => 'done'))
  })

  it(`in ${String(CALLERS)} processes: as many executions as keys, and every process gets the same values`, async () => {
    // Else each of the processes would probe the bucket.
    const store = await openS3(place, { prefix: 'many' })
    await requireLocking(store, systemClock)
    await store.close()
    await using programs = await buildProgram<S3RaceJob>('./durable-s3-program.ts')
    const effects = join(folder, 'effects')
    const job: S3RaceJob = { place, prefix: 'many', keys: KEYS, effects }
    const running = Array.from({ length: CALLERS }, () => programs.start(job))
    await expectOneEffectEach(running, effects)
    expect(await statesOf('many')).toEqual(Array.from({ length: KEYS }, () => 'done'))
  })
})
