// A process that calls durable functions on a directory store and may die in the middle. Arguments: one JSON text (see DurableJob); prints one line for
// each step and answer, written before anything else is done. Bundled by the tests that run it.
import { writeSync } from 'node:fs'
import { createDurable } from '../../src/outside-run.js'
import { openDirectoryStore } from '../../src/store/directory-store.js'
import { systemClock } from '../../src/util/clock.js'
import { raceAsOneOfMany, type RaceJob } from './durable-race.js'

export type DurableJob = { readonly directory: string } & (
  | ({ readonly kind: 'race' } & RaceJob)
  /** Calls these keys one after the other; effects are rows of the table `effects`. Dies before step number `dieAt` of the first (0: never). */
  | {
      readonly kind: 'rows'
      readonly keys: readonly string[]
      readonly postgres: string
      /** Where the package pg is. */
      readonly pg: string
      readonly dieAt: number
    }
)

interface Client {
  connect(): Promise<void>
  query(text: string, values: readonly unknown[]): Promise<unknown>
  end(): Promise<void>
}

const say = (line: string): void => {
  writeSync(1, `${line}\n`)
}

async function main(job: DurableJob): Promise<void> {
  let steps = 0
  let dieAt = 0
  const step = (): void => {
    steps += 1
    if (dieAt === steps) process.kill(process.pid, 'SIGKILL')
  }
  const store = await openDirectoryStore(job.directory, { clock: systemClock, fault: step })
  if (job.kind === 'race') {
    for (const answer of await raceAsOneOfMany(store, job)) say(answer)
  } else {
    const { durable } = createDurable({ store, namespace: 'program' })
    const { default: pg } = (await import(job.pg)) as { default: { Client: new (uri: string) => Client } }
    const client = new pg.Client(job.postgres)
    await client.connect()
    const create = durable('create', { idempotent: true }, async (key: string) => {
      step()
      say(`effect ${key}`)
      await client.query('INSERT INTO effects (key) VALUES ($1)', [key])
      step()
      return key
    })
    steps = 0
    dieAt = job.dieAt
    say('ready')
    for (const key of job.keys) {
      const answer = await create(key).catch((error: unknown) => (error as { code: string }).code)
      say(`${key} ${answer === key ? 'done' : answer}`)
      dieAt = 0
    }
    say(`steps ${String(steps)}`)
    await client.end()
  }
  await store.close()
}

await main(JSON.parse(process.argv[2] ?? '') as DurableJob)
