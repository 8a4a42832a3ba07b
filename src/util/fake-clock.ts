// A clock for tests: time moves only when it is told to.
import type { Clock } from './clock.js'

export interface FakeClock extends Clock {
  /** Moves time on and wakes every sleeper whose time has come, in order. */
  advance(ms: number): void
  /** Sets the wall clock, as an administrator would; durations and sleepers are not touched. */
  setTime(ms: number): void
  /** When the next sleeper is to be woken, by {@link Clock.monotonic}; undefined: nobody sleeps. */
  nextWake(): number | undefined
}

interface Sleeper {
  readonly until: number
  readonly wake: () => void
}

/** @param start - UTC ms. @defaultValue 2026-01-01T00:00:00Z */
export function createFakeClock(start = Date.UTC(2026, 0, 1)): FakeClock {
  let wall = start
  let monotonic = 0
  let sleepers: Sleeper[] = []
  return {
    now: () => wall,
    monotonic: () => monotonic,
    sleep: (ms, signal) =>
      new Promise((resolve, reject) => {
        if (signal?.aborted === true) {
          reject(signal.reason as Error)
          return
        }
        const onAbort = (): void => {
          sleepers = sleepers.filter((other) => other !== sleeper)
          reject(signal?.reason as Error)
        }
        const wake = (): void => {
          signal?.removeEventListener('abort', onAbort)
          resolve()
        }
        const sleeper: Sleeper = { until: monotonic + ms, wake }
        sleepers.push(sleeper)
        signal?.addEventListener('abort', onAbort, { once: true })
      }),
    advance(ms) {
      wall += ms
      monotonic += ms
      const due = sleepers.filter(({ until }) => until <= monotonic).sort((a, b) => a.until - b.until)
      sleepers = sleepers.filter(({ until }) => until > monotonic)
      for (const { wake } of due) wake()
    },
    setTime(ms) {
      wall = ms
    },
    nextWake: () => (sleepers.length === 0 ? undefined : Math.min(...sleepers.map(({ until }) => until))),
  }
}
