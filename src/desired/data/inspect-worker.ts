// A worker thread: gets schemas once and blobs in batches, gives their results. Does nothing when it is imported anywhere else.
import { parentPort, workerData } from 'node:worker_threads'
import type { Json } from '../../event.js'
import { Inspector, type BlobJob } from './inspect-blob.js'
import type { WorkerStart } from './inspectors.js'

if (parentPort !== null) {
  const port = parentPort
  const { format, schemas, graphql } = workerData as WorkerStart
  const inspector = new Inspector({
    format,
    schemas: new Map(schemas.map(([path, text]) => [path, JSON.parse(text) as Json])),
    graphql: JSON.parse(graphql) as Json,
  })
  port.on('message', (jobs: readonly BlobJob[]) => {
    port.postMessage(jobs.map((job) => inspector.inspect(job)))
  })
}
