// In: the built library's folder. Out: one JSON object: what a day of 100,000 targets is on a simulated clock, and a day with nothing due.
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { median } from './measure.mjs'

const [built] = process.argv.slice(2)
const load = (file) => import(pathToFileURL(join(built, file)).href)
const { createScheduler } = await load('schedule/scheduler.js')
const { createMemoryQueue } = await load('schedule/memory-queue.js')
const { createDueQueue } = await load('schedule/due-queue.js')

const MINUTE = 60_000
const HOUR = 60 * MINUTE
const DAY = 24 * HOUR
const TARGETS = 100_000

/** A clock that jumps from one sleeper to the next. */
function simulatedClock() {
  let now = 0
  let turn = 0
  const queue = createDueQueue()
  const wakes = new Map()
  return {
    now: () => now,
    monotonic: () => now,
    sleep: (ms, signal) =>
      new Promise((resolve, reject) => {
        const key = String((turn += 1))
        const onAbort = () => {
          wakes.delete(key)
          queue.remove(key)
          reject(signal.reason)
        }
        queue.schedule(key, now + ms)
        wakes.set(key, () => {
          signal?.removeEventListener('abort', onAbort)
          resolve()
        })
        signal?.addEventListener('abort', onAbort)
      }),
    async passUntil(end) {
      for (;;) {
        await new Promise((resolve) => setImmediate(resolve))
        const next = queue.nextAt()
        if (next === undefined || next > end) break
        now = next
        for (const { key } of queue.popDue(now)) {
          const wake = wakes.get(key)
          wakes.delete(key)
          wake()
        }
      }
      now = end
    },
  }
}

const random = seeded(42)
function seeded(seed) {
  let state = seed
  return () => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0
    return state / 2 ** 32
  }
}

/** One hour in the mean. */
const INTERVALS = [30, 45, 60, 75, 90].map((minutes) => minutes * MINUTE)

async function simulateDay() {
  const clock = simulatedClock()
  const delays = []
  const perHour = new Array(24).fill(0)
  const perMinute = new Array(24 * 60).fill(0)
  const scheduler = createScheduler({
    clock,
    random,
    queue: createMemoryQueue({ clock, concurrency: 500 }),
    run: async () => {
      await clock.sleep(Math.ceil(500 + random() * 10_000))
      return { kind: 'done' }
    },
    onEvent: (event) => {
      if (event.kind !== 'started') return
      delays.push(event.delayMs)
      perHour[Math.min(23, Math.floor(clock.now() / HOUR))] += 1
      perMinute[Math.min(24 * 60 - 1, Math.floor(clock.now() / MINUTE))] += 1
    },
  })
  const targets = Array.from({ length: TARGETS }, (_, index) => ({
    key: `target-${index}`,
    timing: { kind: 'interval', intervalMs: INTERVALS[index % INTERVALS.length] },
  }))
  const before = process.cpuUsage()
  const start = performance.now()
  await scheduler.setTargets(targets)
  scheduler.start()
  await clock.passUntil(DAY)
  const seconds = (performance.now() - start) / 1000
  const used = process.cpuUsage(before)
  const cpuSeconds = (used.user + used.system) / 1e6
  delays.sort((a, b) => a - b)
  const at = (share) => (delays[Math.floor(share * (delays.length - 1))] ?? 0) / 1000
  const mean = delays.length / perMinute.length
  return {
    seconds,
    cpuSeconds,
    runs: delays.length,
    // What looking at everything each 5 minutes does: each target, 288 times a day.
    lookedAt: TARGETS * (DAY / (5 * MINUTE)),
    p50: at(0.5),
    p99: at(0.99),
    p100: at(1),
    peak: Math.max(...perMinute) / mean,
    load: [Math.min(...perHour), median(perHour), Math.max(...perHour)],
  }
}

async function simulateQuietDay() {
  const clock = simulatedClock()
  const scheduler = createScheduler({
    clock,
    random,
    queue: createMemoryQueue({ clock, concurrency: 10 }),
    run: () => Promise.resolve({ kind: 'done' }),
  })
  const targets = Array.from({ length: TARGETS }, (_, index) => ({
    key: `target-${index}`,
    timing: { kind: 'interval', intervalMs: 30 * DAY },
  }))
  await scheduler.setTargets(targets, { saved: new Map(targets.map(({ key }) => [key, 2 * DAY])) })
  scheduler.start()
  await clock.passUntil(DAY)
  return scheduler.stats().wakeUps
}

const quietWakeUps = await simulateQuietDay()
console.log(JSON.stringify({ quietWakeUps, ...(await simulateDay()) }))
process.exit(0)
