// A process that calls durable functions on an S3 store, beside others. Argument: one JSON text (S3RaceJob); prints one line for each answer. Its variables
// hold the keys. Bundled by the tests that run it.
import { writeSync } from 'node:fs'
import { raceAsOneOfMany, type RaceJob } from './durable-race.js'
import { openS3, type S3Place } from './s3-double/open.js'

export interface S3RaceJob extends RaceJob {
  readonly place: S3Place
  readonly prefix: string
}

const job = JSON.parse(process.argv[2] ?? '') as S3RaceJob
const store = await openS3(job.place, { prefix: job.prefix })
for (const line of await raceAsOneOfMany(store, job)) writeSync(1, `${line}\n`)
await store.close()
