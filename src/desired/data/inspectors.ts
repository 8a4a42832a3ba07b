// Many blobs in, their results out, in this process or in workers that do the same. How many there are decides.
import { Worker } from 'node:worker_threads'
import type { Inspector } from './inspect-blob.js'
import { type BlobJob, type BlobResult, type InspectorOptions } from './inspect-blob.js'

export interface WorkerOptions {
  /** Absolute path of the built inspect-worker.js. */
  readonly file: string
  readonly count: number
}

/** Below this many blobs, starting workers costs more than it saves. */
export const WORTH_WORKERS = 400
const BATCH = 200
/** Batches given to a worker ahead, so that it never waits. */
const AHEAD = 2

export interface InspectOptions {
  readonly inspector: Inspector
  readonly options: InspectorOptions
  readonly jobs: AsyncIterable<BlobJob>
  /** Of `jobs`. */
  readonly count: number
  readonly workers: WorkerOptions | undefined
  readonly onResult: (result: BlobResult) => void
}

export async function inspectAll(work: InspectOptions): Promise<void> {
  if (work.workers === undefined || work.count < WORTH_WORKERS) {
    for await (const job of work.jobs) work.onResult(work.inspector.inspect(job))
    return
  }
  const workers = Array.from(
    { length: work.workers.count },
    () => new InspectWorker(work.workers?.file ?? '', work.options),
  )
  try {
    let batch: BlobJob[] = []
    const send = async (): Promise<void> => {
      const jobs = batch
      batch = []
      if (jobs.length === 0) return
      const free = await Promise.race(workers.map((worker) => worker.free()))
      free.send(jobs, work.onResult)
    }
    for await (const job of work.jobs) {
      batch.push(job)
      if (batch.length === BATCH) await send()
    }
    await send()
    await Promise.all(workers.map((worker) => worker.idle()))
  } finally {
    await Promise.all(workers.map((worker) => worker.close()))
  }
}

/** What is sent to inspect-worker.js once, when it starts. */
export interface WorkerStart {
  readonly format: InspectorOptions['format']
  readonly schemas: readonly (readonly [string, string])[]
  readonly graphql: string
}

class InspectWorker {
  readonly #worker: Worker
  #open = 0
  #failure: Error | undefined
  #moved: (() => void)[] = []
  #onResult: (result: BlobResult) => void = () => undefined

  constructor(file: string, { format, schemas, graphql }: InspectorOptions) {
    const workerData: WorkerStart = {
      format,
      schemas: [...schemas].map(([path, schema]) => [path, JSON.stringify(schema)] as const),
      graphql: JSON.stringify(graphql),
    }
    // Nothing of the parent's own options (loaders, inspectors) gets in.
    this.#worker = new Worker(file, { workerData, execArgv: [] })
    this.#worker.on('message', (results: readonly BlobResult[]) => {
      for (const result of results) this.#onResult(result)
      this.#open -= 1
      this.#tell()
    })
    this.#worker.on('error', (error: unknown) => {
      this.#fail(error instanceof Error ? error : new Error(String(error)))
    })
    this.#worker.on('exit', (code) => {
      this.#fail(new Error(`Internal error: a worker that reads data ended with ${String(code)}`))
    })
  }

  async free(): Promise<InspectWorker> {
    await this.#until(() => this.#open < AHEAD)
    return this
  }

  idle(): Promise<void> {
    return this.#until(() => this.#open === 0)
  }

  send(jobs: readonly BlobJob[], onResult: (result: BlobResult) => void): void {
    this.#onResult = onResult
    this.#open += 1
    this.#worker.postMessage(jobs)
  }

  async close(): Promise<void> {
    this.#worker.removeAllListeners()
    await this.#worker.terminate()
  }

  async #until(isSo: () => boolean): Promise<void> {
    while (!isSo()) {
      if (this.#failure !== undefined) throw this.#failure
      await new Promise<void>((resolve) => this.#moved.push(resolve))
    }
    if (this.#failure !== undefined) throw this.#failure
  }

  #fail(error: Error): void {
    this.#failure ??= error
    this.#tell()
  }

  #tell(): void {
    for (const moved of this.#moved.splice(0)) moved()
  }
}
