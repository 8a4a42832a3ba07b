// Keys with the time at which each is due come in, by the monotonic or by the wall clock; those whose time has come go out, the most urgent first.
// Knows nothing of runs.
import type { Clock } from '../util/clock.js'
import { createDueQueue } from './due-queue.js'

export interface Waiting {
  /** Keys that are due and wait for a place. */
  readonly ready: number
  isReady(key: string): boolean
  /** Due in that time, by the monotonic clock, in place of what was. */
  dueIn(key: string, ms: number): void
  /** Due at that time of the wall clock, in place of what was; undefined: not at all. */
  dueAt(key: string, at: number | undefined): void
  /** Due since then (monotonic). What is ready already keeps the sooner time and the higher priority. */
  makeReady(key: string, since: number, priority: number): void
  /** Makes ready what has come to be due. @returns how many did */
  collect(priorityOf: (key: string) => number): number
  /** The most urgent of what is ready, and since when it is due (monotonic). */
  take(): { readonly key: string; readonly since: number } | undefined
  remove(key: string): void
  /** When it is, or came to be, due: UTC ms. */
  when(key: string): number | undefined
  /** When the next comes to be due: monotonic, Infinity for none. */
  nextAt(): number
}

/** @param ageingMs - one step of priority outweighs this much waiting */
export function createWaiting(clock: Clock, ageingMs: number): Waiting {
  const byMonotonic = createDueQueue()
  const byWall = createDueQueue()
  // Waiting longer is worth more, at one rate for all: their order never changes, so nothing is sorted again.
  const ready = createDueQueue()
  const readySince = new Map<string, number>()

  function removeIdle(key: string): void {
    byMonotonic.remove(key)
    byWall.remove(key)
  }

  function makeReady(key: string, since: number, priority: number): void {
    removeIdle(key)
    readySince.set(key, Math.min(readySince.get(key) ?? Infinity, since))
    ready.schedule(key, since - priority * ageingMs)
  }

  return {
    get ready() {
      return ready.size
    },
    isReady: (key) => readySince.has(key),
    dueIn(key, ms) {
      removeIdle(key)
      byMonotonic.schedule(key, clock.monotonic() + Math.max(0, ms))
    },
    dueAt(key, at) {
      removeIdle(key)
      if (at !== undefined) byWall.schedule(key, at)
    },
    makeReady,
    collect(priorityOf) {
      const monotonic = clock.monotonic()
      const now = clock.now()
      let count = 0
      // Asked at each end of a run: with nothing due it must not even make a list.
      if ((byMonotonic.nextAt() ?? Infinity) <= monotonic) {
        for (const { key, at } of byMonotonic.popDue(monotonic)) {
          makeReady(key, at, priorityOf(key))
          count += 1
        }
      }
      if ((byWall.nextAt() ?? Infinity) <= now) {
        for (const { key, at } of byWall.popDue(now)) {
          makeReady(key, monotonic - (now - at), priorityOf(key))
          count += 1
        }
      }
      return count
    },
    take() {
      const key = ready.popDue(Infinity, 1)[0]?.key
      if (key === undefined) return undefined
      const since = readySince.get(key) ?? clock.monotonic()
      readySince.delete(key)
      return { key, since }
    },
    remove(key) {
      removeIdle(key)
      ready.remove(key)
      readySince.delete(key)
    },
    when(key) {
      const monotonic = readySince.get(key) ?? byMonotonic.dueAt(key)
      return monotonic === undefined ? byWall.dueAt(key) : clock.now() + (monotonic - clock.monotonic())
    },
    nextAt() {
      const wall = byWall.nextAt()
      return Math.min(
        byMonotonic.nextAt() ?? Infinity,
        wall === undefined ? Infinity : clock.monotonic() + (wall - clock.now()),
      )
    },
  }
}
