// One thread of control for all simulated processes: everything that waits is listed here, and a seeded choice says what goes on next. In: a seed.
// Out: an order of events, and time that moves only when nothing else can. Must not: use a timer, or let two things go on at once.
import { createHash } from 'node:crypto'
import type { Clock } from '../../src/util/clock.js'

/** Numbers from 0 up to 1, the same for the same seed (mulberry32). */
export function chanceOf(seed: number): () => number {
  let state = (seed * 2_654_435_761) >>> 0
  return () => {
    state = (state + 0x6d2b79f5) >>> 0
    let mixed = Math.imul(state ^ (state >>> 15), state | 1)
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61)) ^ mixed
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296
  }
}

/** A simulated process: what it waits for goes on only while it lives and is not frozen. */
export interface SimulatedProcess {
  readonly name: string
  readonly host: string
  readonly pid: number
  /** What its wall clock is wrong by, ms. */
  readonly skewMs: number
  alive: boolean
  frozenUntil: number
  /** What its monotonic clock has not counted, because its machine slept, ms. */
  sleptMs: number
}

interface Waiting {
  readonly process: SimulatedProcess | undefined
  readonly label: string
  readonly at: number
  readonly go: () => void
}

const START = Date.UTC(2026, 0, 1)

export class Scheduler {
  readonly chance: () => number
  /** Everything that happened, one line an event. */
  readonly trace: string[] = []
  now = START
  steps = 0
  #waiting: Waiting[] = []
  /** Called before each step. */
  onStep: () => void = () => undefined

  constructor(seed: number) {
    this.chance = chanceOf(seed)
  }

  likely(probability: number): boolean {
    return this.chance() < probability
  }

  pick<T>(from: readonly T[]): T {
    const picked = from[Math.floor(this.chance() * from.length)]
    if (picked === undefined) throw new Error('nothing to pick from')
    return picked
  }

  note(who: string, what: string): void {
    this.trace.push(`${String(this.now - START).padStart(7)} ${who} ${what}`)
  }

  digest(): string {
    return createHash('sha256').update(this.trace.join('\n')).digest('hex')
  }

  /** Goes on when picked, not before `ms` have passed. Without a process nothing can hinder it: it is on the network. */
  wait(process: SimulatedProcess | undefined, label: string, ms = 0): Promise<void> {
    return new Promise((go) => {
      this.#waiting.push({ process, label, at: this.now + Math.round(ms), go })
    })
  }

  clockOf(process: SimulatedProcess): Clock {
    const started = this.now
    return {
      now: () => this.now + process.skewMs,
      monotonic: () => this.now - started - process.sleptMs,
      sleep: (ms, signal) =>
        new Promise((resolve, reject) => {
          const fail = (): void => {
            this.#waiting = this.#waiting.filter((other) => other !== waiting)
            reject(signal?.reason as Error)
          }
          const go = (): void => {
            signal?.removeEventListener('abort', fail)
            resolve()
          }
          const waiting: Waiting = { process, label: '', at: this.now + Math.round(ms), go }
          if (signal?.aborted === true) {
            fail()
            return
          }
          signal?.addEventListener('abort', fail, { once: true })
          this.#waiting.push(waiting)
        }),
    }
  }

  /** Until `ended` or until nothing waits any more. False: it takes too long. */
  async run(ended: () => boolean, mostSteps: number): Promise<boolean> {
    await settled()
    for (let step = 0; step < mostSteps; step += 1) {
      if (ended()) return true
      this.onStep()
      this.#waiting = this.#waiting.filter(({ process }) => process?.alive !== false)
      const first = this.#waiting.reduce((least, waiting) => Math.min(least, dueOf(waiting)), Infinity)
      if (first === Infinity) return ended()
      this.now = Math.max(this.now, first)
      const next = this.pick(this.#waiting.filter((waiting) => dueOf(waiting) <= this.now))
      this.#waiting.splice(this.#waiting.indexOf(next), 1)
      this.steps += 1
      if (next.label !== '') this.note(next.process?.name ?? 'network', next.label)
      next.go()
      await settled()
    }
    return ended()
  }
}

function dueOf({ process, at }: Waiting): number {
  return Math.max(at, process?.frozenUntil ?? 0)
}

/** Everything that can go on without a further choice has gone on. */
function settled(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve))
}
