// The contract of queues on a real server, and what several of them do together: one is given up, one is behind, the database goes and comes back.
import { Pool } from 'pg'
import { afterAll, beforeAll } from 'vitest'
import { openPostgresQueue } from '../../src/schedule/postgres-queue.js'
import { systemClock } from '../../src/util/clock.js'
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
  for (const event of ['error', 'connect'] as const) pool.on(event, () => undefined)
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
