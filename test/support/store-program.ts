// A process that uses a directory store and may die in it. Arguments: one JSON text (see StoreJob); prints one line for each thing it was
// answered, written before anything else is done. Bundled by the tests that run it.
import { writeSync } from 'node:fs'
import { openDirectoryStore } from '../../src/store/directory-store.js'
import type { DirectoryStore } from '../../src/store/directory-store.js'
import { storeKey } from '../../src/store/store-key.js'
import { systemClock } from '../../src/util/clock.js'

export type StoreJob = { readonly directory: string } & (
  | { readonly kind: 'increment'; readonly times: number; readonly durable: boolean; readonly padding: number }
  | { readonly kind: 'sweep' }
  /** Dies before step number `dieAt` (0: never), of this action alone. */
  | { readonly kind: 'act'; readonly action: 'create' | 'replace' | 'delete' | 'sweep'; readonly dieAt: number }
  | { readonly kind: 'put'; readonly size: number }
)

const say = (line: string): void => {
  writeSync(1, `${line}\n`)
}

async function main(job: StoreJob): Promise<void> {
  let steps = 0
  let dieAt = 0
  const store = await openDirectoryStore(job.directory, {
    clock: systemClock,
    fault: () => {
      steps += 1
      if (dieAt === steps) process.kill(process.pid, 'SIGKILL')
    },
  })
  switch (job.kind) {
    case 'increment':
      await increment(store, job)
      break
    case 'sweep':
      say('sweeping')
      // Until it is killed, with a turn of the event loop in each round.
      for (;;) await store.sweep({ graceMs: 0 })
    case 'act':
      steps = 0
      dieAt = job.dieAt
      say(`done ${await act(store, job.action)} ${String(steps)}`)
      break
    case 'put':
      try {
        say((await store.put(storeKey('big'), new Uint8Array(job.size))).kind)
      } catch (error) {
        say(`${(error as { code?: string }).code ?? ''} ${(error as Error).message}`)
      }
      break
  }
  await store.close()
}

async function act(store: DirectoryStore, action: 'create' | 'replace' | 'delete' | 'sweep'): Promise<string> {
  const key = storeKey('team', 'object')
  const options = { metadata: { by: 'program' } }
  switch (action) {
    case 'create':
      return (await store.put(key, Buffer.from('new'), { ...options, condition: { kind: 'if-absent' } })).kind
    case 'replace':
      return (await store.put(key, Buffer.from('new'), options)).kind
    case 'delete':
      return (await store.delete(key)).kind
    case 'sweep':
      await store.sweep({ graceMs: 0 })
      return 'swept'
  }
}

async function increment(
  store: DirectoryStore,
  job: { times: number; durable: boolean; padding: number },
): Promise<void> {
  const key = storeKey('counter')
  const padding = ' '.repeat(job.padding)
  for (let done = 0; done < job.times;) {
    const object = await store.get(key)
    const count = object.kind === 'missing' ? 0 : Number(Buffer.from(object.value).toString('utf8'))
    const condition =
      object.kind === 'missing' ? ({ kind: 'if-absent' } as const) : ({ kind: 'if-etag', etag: object.etag } as const)
    const result = await store.put(key, Buffer.from(`${String(count + 1)}${padding}`), {
      condition,
      durable: job.durable,
    })
    if (result.kind !== 'stored') continue
    say(`counted ${String(count + 1)}`)
    done += 1
  }
}

await main(JSON.parse(process.argv[2] ?? '') as StoreJob)
