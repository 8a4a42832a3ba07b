// The contract of queues, in memory and on a fake clock.
import { createMemoryQueue } from '../../src/schedule/memory-queue.js'
import { createFakeClock } from '../../src/testing.js'
import { queueContract } from '../support/contracts/target-queue.js'
import { pass } from '../support/schedule-time.js'

/** Far longer than anything that the contract waits for. */
const MOST_MS = 3_600_000

queueContract('in memory', (concurrency) => {
  const clock = createFakeClock()
  return Promise.resolve({
    queue: createMemoryQueue({ clock, concurrency }),
    clock,
    async until(isSo) {
      const end = clock.monotonic() + MOST_MS
      await pass(clock, 0)
      while (!isSo()) {
        if (clock.monotonic() > end) throw new Error('it did not happen in an hour')
        await pass(clock, 100)
      }
    },
    happened: () => undefined,
    close: () => Promise.resolve(),
  })
})
