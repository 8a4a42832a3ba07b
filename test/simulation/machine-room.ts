// Processes that start, freeze, die and start again, over one store. In: a seed and what each process does. Out: violations of what must always hold.
import { TrueupError } from '../../src/errors.js'
import { createMemoryStore } from '../../src/store/memory-store.js'
import type { ObjectStore } from '../../src/store/object-store.js'
import { newUlid } from '../../src/util/ulid.js'
import { Scheduler, type SimulatedProcess } from './scheduler.js'
import { simulatedStore, type Network, type Written } from './simulated-store.js'

declare global {
  var trueupSimulatedChance: () => number
}

/** How long leases and claims outlive their last renewal in the simulation, ms. */
export const LEASE_MS = 6_000
const MOST_STEPS = 60_000

/** What a document in the store says; `kind` is that of its envelope. */
export interface Seen {
  readonly kind: string
  readonly payload: unknown
  /** When it landed, by the true clock. */
  readonly at: number
}

export interface Room {
  readonly scheduler: Scheduler
  readonly network: Network
  /** As it truly is. */
  readonly documents: ReadonlyMap<string, Seen>
  newId(): string
  isDead(holder: { readonly host: string; readonly pid: number }): boolean
  /** Whether others may take from its holder what was last renewed then. */
  isOver(holder: { readonly host: string; readonly pid: number }, renewedAt: number): boolean
  storeOf(process: SimulatedProcess): ObjectStore
  /** What must always hold does not. */
  violated(what: string): void
}

export interface Work {
  /** What one process does from its start to its end. */
  live(
    process: SimulatedProcess,
    room: Room,
    signals: { readonly stop: AbortSignal; readonly giveUp: AbortSignal },
  ): Promise<void>
  /** Called with each write that landed, with what was there before it. */
  written(key: string, now: Seen | undefined, before: Seen | undefined, room: Room, by: SimulatedProcess): void
  /** Called with each write that a process sends. */
  sent?(key: string, room: Room, by: SimulatedProcess): void
  /** After everything has ended and nothing is on its way: brings it to its end in calm, and looks. */
  last(room: Room, process: SimulatedProcess): Promise<void>
}

export interface Ended {
  readonly violations: readonly string[]
  readonly digest: string
  readonly steps: number
  readonly trace: readonly string[]
}

export async function simulateWork(seed: number, processes: number, work: Work): Promise<Ended> {
  const scheduler = new Scheduler(seed)
  globalThis.trueupSimulatedChance = scheduler.chance
  const network: Network = { calm: false, outageUntil: 0, trouble: scheduler.pick([0, 0.01, 0.04, 0.12]), underWay: 0 }
  const inner = createMemoryStore({
    clock: { now: () => scheduler.now, monotonic: () => scheduler.now, sleep: () => Promise.resolve() },
  })
  const documents = new Map<string, Seen>()
  const all: SimulatedProcess[] = []
  const stopping = new Map<SimulatedProcess, { readonly stop: AbortController; readonly giveUp: AbortController }>()
  const violations: string[] = []
  const onWrite = ({ key, value, by }: Written): void => {
    const before = documents.get(key)
    const now = value === undefined ? undefined : seen(value, scheduler.now)
    if (now === undefined) documents.delete(key)
    else documents.set(key, now)
    work.written(key, now, before, room, by)
  }
  const room: Room = {
    scheduler,
    network,
    documents,
    newId: () =>
      newUlid(scheduler.now, (size) => Uint8Array.from({ length: size }, () => Math.floor(scheduler.chance() * 256))),
    isDead: ({ host, pid }) => all.some((other) => other.host === host && other.pid === pid && !other.alive),
    isOver: (holder, renewedAt) => room.isDead(holder) || scheduler.now > renewedAt + LEASE_MS,
    storeOf: (process) =>
      simulatedStore({ scheduler, network, inner, process, onWrite, onSend: (key) => work.sent?.(key, room, process) }),
    violated: (what) => {
      if (violations.length === 0) scheduler.note('VIOLATED', what)
      violations.push(what)
    },
  }

  const start = (place: number): SimulatedProcess => {
    const pid = all.length + 1
    const process: SimulatedProcess = {
      name: `p${String(pid)}`,
      host: `host${String(place % 2)}`,
      pid,
      skewMs: Math.round((scheduler.chance() - 0.5) * 1_200),
      alive: true,
      frozenUntil: 0,
      sleptMs: 0,
    }
    all.push(process)
    const signals = { stop: new AbortController(), giveUp: new AbortController() }
    stopping.set(process, signals)
    scheduler.note(process.name, `starts on ${process.host}`)
    const end = (why: string) => (): void => {
      if (!process.alive) return
      process.alive = false
      scheduler.note(process.name, why)
    }
    work
      .live(process, room, { stop: signals.stop.signal, giveUp: signals.giveUp.signal })
      .then(end('ends'), (thrown: unknown) => {
        room.violated(
          `${process.name} failed: ${thrown instanceof Error ? (thrown.stack ?? thrown.message) : String(thrown)}`,
        )
        end('fails')()
      })
    return process
  }

  /** Mishaps left. */
  let mishaps = Math.floor(scheduler.chance() * 5)
  const often = scheduler.pick([0.004, 0.01, 0.03])
  scheduler.onStep = () => {
    if (mishaps === 0 || !scheduler.likely(often)) return
    const living = all.filter(({ alive }) => alive)
    if (living.length === 0) return
    mishaps -= 1
    const process = scheduler.pick(living)
    const kind = scheduler.pick(['kill', 'kill', 'freeze', 'freeze', 'sleep', 'sleep', 'outage', 'stop'])
    scheduler.note(process.name, kind)
    if (kind === 'outage') network.outageUntil = scheduler.now + scheduler.chance() * LEASE_MS * 1.5
    else if (kind === 'freeze' || kind === 'sleep') {
      const ms = Math.round(scheduler.chance() * LEASE_MS * 3)
      // A machine that sleeps stops its monotonic clock.
      if (kind === 'sleep')
        process.sleptMs += Math.max(0, scheduler.now + ms - Math.max(scheduler.now, process.frozenUntil))
      process.frozenUntil = Math.max(process.frozenUntil, scheduler.now + ms)
    } else if (kind === 'stop') void stop(process)
    else {
      process.alive = false
      void scheduler.wait(undefined, 'restart', scheduler.chance() * LEASE_MS * 2).then(() => start(process.pid))
      restarts += 1
      void scheduler.wait(undefined, '', LEASE_MS * 2 + 1).then(() => (restarts -= 1))
    }
  }
  let restarts = 0
  const stop = async (process: SimulatedProcess): Promise<void> => {
    const signals = stopping.get(process)
    signals?.stop.abort(new TrueupError('interrupted', 'told to stop'))
    await scheduler.wait(process, 'grace is over', 2_000)
    signals?.giveUp.abort(new TrueupError('interrupted', 'told to give up'))
  }

  for (let place = 0; place < processes; place += 1) start(place)
  const idle = (): boolean => restarts === 0 && network.underWay === 0 && all.every(({ alive }) => !alive)
  if (!(await scheduler.run(idle, MOST_STEPS))) room.violated('it does not come to an end')
  if (violations.length === 0) {
    network.calm = true
    mishaps = 0
    let ended = false
    const process: SimulatedProcess = {
      name: 'last',
      host: 'host9',
      pid: 999,
      skewMs: 0,
      alive: true,
      frozenUntil: 0,
      sleptMs: 0,
    }
    all.push(process)
    work.last(room, process).then(
      () => (ended = true),
      (thrown: unknown) =>
        room.violated(
          `the last one failed: ${thrown instanceof Error ? (thrown.stack ?? thrown.message) : String(thrown)}`,
        ),
    )
    if (!(await scheduler.run(() => ended || violations.length > 0, MOST_STEPS)))
      room.violated('the last one does not come to an end')
  }
  return { violations, digest: scheduler.digest(), steps: scheduler.steps, trace: scheduler.trace }
}

function seen(value: Uint8Array, at: number): Seen {
  const envelope = JSON.parse(Buffer.from(value).toString('utf8')) as {
    readonly kind: string
    readonly payload: unknown
  }
  return { kind: envelope.kind, payload: envelope.payload, at }
}
