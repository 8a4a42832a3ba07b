// What every queue of targets must do, through the scheduler that stands on it. Takes a way to open an empty one; registers one suite. Nothing here
// waits for a time: the world lets it pass until something has happened.
import { describe, expect, it } from 'vitest'
import type { RunEventCause } from '../../../src/event.js'
import type { Verdict } from '../../../src/schedule/policies.js'
import { createScheduler } from '../../../src/schedule/scheduler.js'
import type { ScheduledResult, ScheduledTarget, Scheduler } from '../../../src/schedule/scheduler-types.js'
import type { TargetQueue } from '../../../src/schedule/target-queue.js'
import type { Clock } from '../../../src/util/clock.js'

export interface QueueWorld {
  readonly queue: TargetQueue
  readonly clock: Clock
  /** Lets time pass until it is so; it is asked whenever something has happened. */
  until(isSo: () => boolean): Promise<void>
  /** Something has happened. */
  happened(): void
  close(): Promise<void>
}

export type OpenQueue = (concurrency: number) => Promise<QueueWorld>

const DONE: ScheduledResult = { kind: 'done' }
const BUSY: ScheduledResult = { kind: 'retry', error: new Error('busy') }
const HOUR = 3_600_000

const every = (key: string, more: Partial<ScheduledTarget> = {}): ScheduledTarget => ({
  key,
  timing: { kind: 'interval', intervalMs: HOUR },
  ...more,
})

interface Stage {
  readonly scheduler: Scheduler
  readonly starts: { readonly key: string; readonly cause: string }[]
  /** What each start was told of an event; null: of none. */
  readonly events: (string | null)[]
  readonly ends: { readonly key: string; readonly kind: string; readonly nextAt: number | null }[]
  readonly postponed: string[]
  /** Ends the first run of a key that is under way. */
  end(key: string, result?: ScheduledResult): void
  /** Most of one key at once, ever. */
  readonly mostAtOnce: () => number
}

interface StageOptions {
  readonly random?: number
  readonly policy?: (key: string, now: number) => Verdict
  /** What a run ends with at once; undefined: when the test says so. */
  readonly result?: (key: string) => ScheduledResult | undefined
}

function stageOf({ queue, clock, happened }: QueueWorld, { random = 0.5, policy, result }: StageOptions = {}): Stage {
  const starts: Stage['starts'] = []
  const events: Stage['events'] = []
  const ends: Stage['ends'] = []
  const postponed: string[] = []
  const open: { readonly key: string; readonly resolve: (result: ScheduledResult) => void }[] = []
  let most = 0
  const scheduler = createScheduler({
    clock,
    random: () => random,
    queue,
    run: (key, _signal, event) => {
      events.push(event?.reason ?? null)
      const now = result?.(key)
      if (now !== undefined) return Promise.resolve(now)
      return new Promise((resolve) => {
        open.push({ key, resolve })
        most = Math.max(most, open.filter((one) => one.key === key).length)
      })
    },
    ...(policy === undefined ? {} : { policy }),
    onEvent: (event) => {
      if (event.kind === 'started') starts.push({ key: event.key, cause: event.cause })
      if (event.kind === 'ended') ends.push({ key: event.key, kind: event.result.kind, nextAt: event.nextAt })
      if (event.kind === 'not-yet') postponed.push(event.key)
      queueMicrotask(happened)
    },
  })
  return {
    scheduler,
    starts,
    events,
    ends,
    postponed,
    mostAtOnce: () => most,
    end(key, one = DONE) {
      const at = open.findIndex((candidate) => candidate.key === key)
      const [found] = open.splice(at, at === -1 ? 0 : 1)
      found?.resolve(one)
    },
  }
}

const keysOf = ({ starts }: Stage): readonly string[] => starts.map(({ key }) => key)

export function queueContract(name: string, openQueue: OpenQueue): void {
  /** Opens, runs, and drains whatever a test has left. */
  const inWorld = async (concurrency: number, test: (world: QueueWorld) => Promise<void>): Promise<void> => {
    const world = await openQueue(concurrency)
    try {
      await test(world)
    } finally {
      await world.close()
    }
  }

  describe(`a queue of targets: ${name}`, () => {
    it('hands out what is due and what has changed, each with its cause', async () => {
      await inWorld(10, async (world) => {
        const stage = stageOf(world, { result: () => DONE })
        await stage.scheduler.setTargets([every('a'), every('b'), every('c')], { changed: ['b'], spread: false })
        stage.scheduler.start()
        await stage.scheduler.settled()
        expect(stage.starts.map(({ key, cause }) => `${key} ${cause}`).sort()).toEqual(['a due', 'b change', 'c due'])
        const due = stage.scheduler.due()
        expect([...due.keys()].sort()).toEqual(['a', 'b', 'c'])
        expect(await stage.scheduler.trigger('nobody')).toBe(false)
        await stage.scheduler.stop()
      })
    })

    it('events while it runs mean exactly one further run after it', async () => {
      await inWorld(10, async (world) => {
        const stage = stageOf(world)
        await stage.scheduler.setTargets([every('a')], { changed: ['a'] })
        stage.scheduler.start()
        await world.until(() => stage.starts.length === 1)
        for (let count = 0; count < 5; count += 1) expect(await stage.scheduler.trigger('a')).toBe(true)
        expect(stage.starts).toHaveLength(1)
        stage.end('a')
        await world.until(() => stage.starts.length === 2)
        stage.end('a')
        await world.until(() => stage.ends.length === 2)
        await stage.scheduler.settled()
        expect([stage.starts.map(({ cause }) => cause), stage.mostAtOnce()]).toEqual([['change', 'change'], 1])
        await stage.scheduler.stop()
      })
    })

    it('an event during a back-off ends it once; failures are counted, and a success forgets them', async () => {
      await inWorld(10, async (world) => {
        // Nearly the whole of each back-off: a second, then two.
        const stage = stageOf(world, { random: 0.999 })
        await stage.scheduler.setTargets([every('a')], { changed: ['a'] })
        stage.scheduler.start()
        await world.until(() => stage.starts.length === 1)
        stage.end('a', BUSY)
        await world.until(() => stage.ends.length === 1)
        await stage.scheduler.trigger('a')
        await world.until(() => stage.starts.length === 2)
        stage.end('a', BUSY)
        await world.until(() => stage.ends.length === 2)
        await stage.scheduler.trigger('a')
        await world.until(() => stage.starts.length === 3)
        expect(stage.starts.map(({ cause }) => cause)).toEqual(['change', 'change', 'retry'])
        stage.end('a')
        await world.until(() => stage.ends.length === 3)
        await stage.scheduler.trigger('a')
        await world.until(() => stage.starts.length === 4)
        stage.end('a', BUSY)
        await world.until(() => stage.starts.length === 5)
        expect(stage.starts.slice(3).map(({ cause }) => cause)).toEqual(['change', 'retry'])
        stage.end('a')
        await stage.scheduler.stop()
      })
    })

    it('a run is told of the newest event since the one before it, and of none twice', async () => {
      await inWorld(10, async (world) => {
        const said = (reason: string): RunEventCause => ({ reason, by: null, key: null })
        const stage = stageOf(world)
        await stage.scheduler.setTargets([every('a')], { changed: ['a'] })
        stage.scheduler.start()
        await world.until(() => stage.starts.length === 1)
        await stage.scheduler.trigger('a', said('first'))
        await stage.scheduler.trigger('a', said('second'))
        await stage.scheduler.trigger('a')
        stage.end('a')
        await world.until(() => stage.starts.length === 2)
        await stage.scheduler.trigger('a')
        stage.end('a', BUSY)
        await world.until(() => stage.starts.length === 3)
        await stage.scheduler.trigger('a', said('third'))
        stage.end('a')
        await world.until(() => stage.starts.length === 4)
        stage.end('a')
        await stage.scheduler.settled()
        expect(stage.events).toEqual([null, 'second', null, 'third'])
        await stage.scheduler.stop()
      })
    })

    it('looks again at what is in progress when it said so', async () => {
      await inWorld(10, async (world) => {
        const results: ScheduledResult[] = [{ kind: 'after', afterMs: 300, reason: 'lease-held' }]
        const stage = stageOf(world, { result: () => results.shift() ?? DONE })
        await stage.scheduler.setTargets([every('a')], { changed: ['a'] })
        stage.scheduler.start()
        await world.until(() => stage.ends.length === 2)
        expect(stage.starts.map(({ cause }) => cause)).toEqual(['change', 'due'])
        await stage.scheduler.stop()
      })
    })

    it('follows the targets: a new one runs at once, a removed one no more, one that comes back not twice at once', async () => {
      await inWorld(10, async (world) => {
        const stage = stageOf(world)
        await stage.scheduler.setTargets([every('a')], { changed: ['a'] })
        stage.scheduler.start()
        await world.until(() => stage.starts.length === 1)
        await stage.scheduler.setTargets([every('c')])
        await world.until(() => stage.starts.length === 2)
        expect([...stage.scheduler.due().keys()]).toEqual(['c'])
        await stage.scheduler.setTargets([every('a'), every('c')])
        stage.end('c')
        await world.until(() => stage.ends.length === 1)
        expect(keysOf(stage)).toEqual(['a', 'c'])
        stage.end('a')
        await world.until(() => stage.starts.length === 3)
        expect([keysOf(stage), stage.mostAtOnce()]).toEqual([['a', 'c', 'a'], 1])
        stage.end('a')
        await stage.scheduler.settled()
        await stage.scheduler.stop()
      })
    })

    it('a timing that changes moves what is not due yet', async () => {
      await inWorld(10, async (world) => {
        const stage = stageOf(world, { result: () => DONE })
        await stage.scheduler.setTargets([every('a')], { changed: ['a'] })
        stage.scheduler.start()
        await stage.scheduler.settled()
        await stage.scheduler.setTargets([every('a', { timing: { kind: 'interval', intervalMs: 500 } })])
        await world.until(() => stage.starts.length === 3)
        expect(stage.starts.slice(1).map(({ cause }) => cause)).toEqual(['due', 'due'])
        await stage.scheduler.stop()
      })
    })

    it('changes go before what is only looked at again', async () => {
      await inWorld(1, async (world) => {
        const stage = stageOf(world, { result: () => DONE })
        const plain = ['a', 'b', 'c', 'd']
        await stage.scheduler.setTargets(
          [...plain, 'urgent'].map((key) => every(key)),
          {
            changed: ['urgent'],
            spread: false,
          },
        )
        stage.scheduler.start()
        await stage.scheduler.settled()
        expect([keysOf(stage)[0], stage.starts.length]).toEqual(['urgent', 5])
        await stage.scheduler.stop()
      })
    })

    it('runs no more at once than there are places', async () => {
      await inWorld(2, async (world) => {
        const stage = stageOf(world)
        const keys = ['a', 'b', 'c', 'd', 'e']
        await stage.scheduler.setTargets(
          keys.map((key) => every(key)),
          { changed: keys },
        )
        stage.scheduler.start()
        for (let ended = 0; ended < keys.length; ended += 1) {
          await world.until(() => stage.starts.length === Math.min(keys.length, ended + 2))
          expect(stage.scheduler.stats().running).toBeLessThanOrEqual(2)
          stage.end(keysOf(stage)[ended] ?? '')
          await world.until(() => stage.ends.length === ended + 1)
        }
        expect(new Set(keysOf(stage)).size).toBe(5)
        await stage.scheduler.stop()
      })
    })

    it('what a policy postpones is asked again then, and an event does not go round it', async () => {
      await inWorld(10, async (world) => {
        const opens = world.clock.now() + 1500
        const stage = stageOf(world, {
          result: () => DONE,
          policy: (_key, now) => (now < opens ? { kind: 'wait', until: opens, reason: 'frozen' } : { kind: 'allow' }),
        })
        await stage.scheduler.setTargets([every('a')], { changed: ['a'] })
        stage.scheduler.start()
        await world.until(() => stage.postponed.length === 1)
        await stage.scheduler.trigger('a')
        await world.until(() => stage.ends.length === 1)
        expect([world.clock.now() >= opens, stage.starts.length]).toEqual([true, 1])
        await stage.scheduler.stop()
      })
    })

    it('stops: nothing new starts, what runs ends, and what follows is kept', async () => {
      await inWorld(1, async (world) => {
        const stage = stageOf(world)
        await stage.scheduler.setTargets([every('a'), every('b')], { changed: ['a', 'b'] })
        stage.scheduler.start()
        await world.until(() => stage.starts.length === 1)
        const stopped = stage.scheduler.stop()
        stage.end(keysOf(stage)[0] ?? '')
        await stopped
        expect([stage.starts.length, stage.ends.length]).toEqual([1, 1])
        expect(stage.ends[0]?.nextAt ?? 0).toBeGreaterThan(world.clock.now() + HOUR / 2)
      })
    })
  })
}
