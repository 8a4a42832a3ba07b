// A store comes in; the same for long reading beside other work goes out: a folder is read without ever waiting, so that nobody else would get a turn.
import type { ObjectStore } from '../../store/object-store.js'
import type { Clock } from '../../util/clock.js'

/** Reads between two turns of others. */
const AT_ONCE = 20

/** Reads alone: it refuses to write. */
export function breathingStore(store: ObjectStore, clock: Clock): ObjectStore {
  let reads = 0
  async function breathe(): Promise<void> {
    reads += 1
    if (reads % AT_ONCE === 0) await clock.sleep(0)
  }
  const refuse = (): never => {
    throw new Error('Internal error: a page writes by other ways')
  }
  return {
    description: store.description,
    shared: store.shared,
    conditions: store.conditions,
    async get(key) {
      await breathe()
      return await store.get(key)
    },
    async getBounded(key, atMost) {
      await breathe()
      return await store.getBounded(key, atMost)
    },
    async head(key) {
      await breathe()
      return await store.head(key)
    },
    async *list(prefix, options) {
      for await (const entry of store.list(prefix, options)) {
        yield entry
        await breathe()
      }
    },
    now: () => store.now(),
    put: refuse,
    delete: refuse,
    close: () => Promise.resolve(),
  }
}
