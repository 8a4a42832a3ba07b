// Replicas of trueup serve under load, on a real PostgreSQL: one of three is killed fifty times at random, the database five times. Takes minutes.
import { afterAll, beforeAll, expect, it, vi } from 'vitest'
import { createReplicas } from '../support/replicas.js'
import { startPostgres, type TestPostgres } from '../support/postgres.js'

const KILLS = 50
/** After each tenth kill the database goes as in a crash. */
const KILLS_A_RESTART = 10
const REPLICAS = 3
const TARGETS = 6

let server: TestPostgres
beforeAll(async () => {
  server = await startPostgres()
})
afterAll(async () => {
  await server.stop()
})

/** A fixed sequence, so that a red run can be looked into. */
function choices(): (below: number) => number {
  let state = 20_261_126
  return (below) => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0
    return Math.floor((state / 2 ** 32) * below)
  }
}

it(
  'fifty kills and five restarts: every event leads to a run that began after it, no target runs twice at once, nothing is left locked',
  { timeout: 1_800_000 },
  async () => {
    // Of a child: these live until they are killed.
    vi.stubEnv('TEST_TIMEOUT', '1800000')
    const pick = choices()
    await using world = await createReplicas(server, TARGETS)
    for (let replica = 0; replica < REPLICAS; replica += 1) await world.start('--concurrency', '3')
    let taken = 0
    const storm = async (events: number): Promise<void> => {
      for (let event = 0; event < events; event += 1)
        if (await world.send(world.names[pick(TARGETS)] ?? '', pick(REPLICAS))) taken += 1
    }
    for (let kill = 1; kill <= KILLS; kill += 1) {
      await storm(5)
      await world.kill(pick(REPLICAS), 'SIGKILL')
      await storm(5)
      await world.start('--concurrency', '3')
      if (kill % KILLS_A_RESTART > 0) continue
      await storm(5)
      await server.restart()
      await storm(5)
      await world.untilAnswered()
    }
    // Drained one by one under load: what was taken is run by those that are left.
    await storm(10)
    while (world.replicas.length > 1) {
      await world.kill(0, 'SIGTERM')
      await storm(3)
    }
    await world.untilAnswered()
    await world.untilSettled()
    await world.kill(0, 'SIGTERM')
    expect(taken).toBeGreaterThan(KILLS * 5)
    expect(await world.unanswered()).toEqual([])
    expect(await world.twice()).toEqual([])
    expect(await world.locked()).toEqual({ targets: 0, jobs: 0, replicas: 0 })
  },
)
