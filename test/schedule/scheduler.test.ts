import { describe, expect, it } from 'vitest'
import { TrueupError } from '../../src/errors.js'
import { createMemoryQueue, type MemoryQueueOptions } from '../../src/schedule/memory-queue.js'
import { createScheduler } from '../../src/schedule/scheduler.js'
import type { ScheduledResult, ScheduledTarget, SchedulerOptions } from '../../src/schedule/scheduler-types.js'
import { createFakeClock } from '../../src/testing.js'
import { pass, settleAll } from '../support/schedule-time.js'

const SECOND = 1000
const MINUTE = 60 * SECOND
const HOUR = 60 * MINUTE
const DAY = 24 * HOUR
/** What some code throws. */
const NO_ERROR = 'only a text' as unknown as Error
const DONE: ScheduledResult = { kind: 'done' }

const every = (key: string, intervalMs: number, more: Partial<ScheduledTarget> = {}): ScheduledTarget => ({
  key,
  timing: { kind: 'interval', intervalMs },
  ...more,
})
const cron = (key: string, text: string): ScheduledTarget => ({ key, timing: { kind: 'cron', cron: text } })

type RigOptions = Partial<SchedulerOptions & Pick<MemoryQueueOptions, 'concurrency' | 'ageingMs' | 'save'>>

/** A scheduler on a fake clock whose runs end at once, unless a test says otherwise. `random` in the middle: no jitter, half of a back-off. */
function rig({ concurrency = 10, ageingMs, save, ...more }: RigOptions = {}) {
  const clock = createFakeClock()
  const begun = clock.now()
  const starts: { key: string; at: number; cause: string }[] = []
  const events: string[] = []
  const scheduler = createScheduler({
    clock,
    random: () => 0.5,
    queue: createMemoryQueue({
      clock,
      concurrency,
      ...(ageingMs === undefined ? {} : { ageingMs }),
      ...(save === undefined ? {} : { save }),
      onSaveFailed: () => {
        events.push('save-failed')
      },
    }),
    run: () => Promise.resolve(DONE),
    onEvent: (event) => {
      if (event.kind === 'started') starts.push({ key: event.key, at: clock.monotonic(), cause: event.cause })
      events.push(event.kind === 'ended' ? `ended ${event.key} ${event.result.kind}` : event.kind)
    },
    ...more,
  })
  return { clock, begun, starts, events, scheduler, keys: () => starts.map(({ key }) => key) }
}

/** A run that ends when the test says so. */
function pausable() {
  const ends: ((result: ScheduledResult | Error) => void)[] = []
  const signals: AbortSignal[] = []
  const run = (_key: string, signal: AbortSignal): Promise<ScheduledResult> =>
    new Promise((resolve, reject) => {
      signals.push(signal)
      ends.push((result) => {
        if (result instanceof Error) reject(result)
        else resolve(result)
      })
    })
  const end = async (at: number, result: ScheduledResult | Error = DONE): Promise<void> => {
    ends[at]?.(result)
    await settleAll()
  }
  return { run, end, signals }
}

describe('the scheduler', () => {
  it('spreads 1,000 targets evenly over their interval, and changes go first', async () => {
    const { clock, starts, scheduler } = rig()
    const targets = Array.from({ length: 1000 }, (_, index) => every(`target-${String(index)}`, HOUR))
    await scheduler.setTargets(targets, { changed: ['target-7', 'target-900'] })
    scheduler.start()
    expect(starts.slice(0, 2).map(({ key }) => key)).toEqual(['target-7', 'target-900'])
    await pass(clock, HOUR - 1)
    expect(new Set(starts.map(({ key }) => key)).size).toBe(1000)
    const regular = starts.filter(({ cause }) => cause === 'due')
    const perMinute = Array.from(
      { length: 60 },
      (_, minute) => regular.filter(({ at }) => Math.floor(at / MINUTE) === minute).length,
    )
    expect(Math.max(...perMinute)).toBeLessThanOrEqual(1.3 * (1000 / 60))
    await scheduler.stop()
  })

  it('wakes only when something is due, and at least once an hour', async () => {
    const { clock, starts, scheduler } = rig()
    await scheduler.setTargets([every('a', 10 * HOUR)], { saved: new Map([['a', clock.now() + 10 * HOUR]]) })
    scheduler.start()
    await pass(clock, 10 * HOUR - 1)
    expect([starts.length, scheduler.stats().wakeUps, scheduler.stats().idleWakeUps]).toEqual([0, 9, 9])
    await pass(clock, 1)
    expect([starts.length, scheduler.stats().wakeUps, scheduler.stats().idleWakeUps]).toEqual([1, 10, 9])
    await scheduler.stop()
  })

  it('waits longer than a timer can', async () => {
    const { clock, keys, scheduler } = rig()
    await scheduler.setTargets([every('a', 60 * DAY)], { saved: new Map([['a', clock.now() + 40 * DAY]]) })
    scheduler.start()
    await pass(clock, 40 * DAY - 1)
    expect(keys()).toEqual([])
    await pass(clock, 1)
    expect(keys()).toEqual(['a'])
    await scheduler.stop()
  })

  it('intervals follow the monotonic clock, cron times the wall clock, whoever sets it', async () => {
    const { clock, begun, keys, scheduler } = rig()
    await scheduler.setTargets([every('interval', HOUR), cron('noon', '0 12 * * *')], {
      saved: new Map([['interval', begun + 30 * MINUTE]]),
    })
    scheduler.start()
    clock.setTime(begun - 20 * DAY)
    await pass(clock, 30 * MINUTE)
    expect(keys()).toEqual(['interval'])
    clock.setTime(begun + 12 * HOUR + MINUTE)
    await pass(clock, HOUR)
    expect(keys()).toContain('noon')
    await scheduler.stop()
  })

  it('an event while it runs means exactly one further run after it', async () => {
    const { run, end } = pausable()
    const { keys, scheduler } = rig({ run })
    await scheduler.setTargets([every('a', HOUR)], { changed: ['a'] })
    scheduler.start()
    for (let count = 0; count < 5; count += 1) expect(await scheduler.trigger('a')).toBe(true)
    expect(keys()).toEqual(['a'])
    await end(0)
    expect(keys()).toEqual(['a', 'a'])
    await end(1)
    expect([keys().length, scheduler.stats().running]).toEqual([2, 0])
    expect(await scheduler.trigger('nobody')).toBe(false)
    await scheduler.stop()
  })

  it('backs off with full jitter from 1 s to 5 min, and forgets failures with a success', async () => {
    let result: ScheduledResult = { kind: 'retry', error: new Error('busy') }
    const { clock, starts, scheduler } = rig({ run: () => Promise.resolve(result), random: () => 0.999 })
    await scheduler.setTargets([every('a', HOUR)], { changed: ['a'] })
    scheduler.start()
    await pass(clock, 20 * MINUTE)
    const gaps = starts.slice(1).map(({ at }, index) => Math.round((at - (starts[index]?.at ?? 0)) / SECOND))
    expect(gaps.slice(0, 10)).toEqual([1, 2, 4, 8, 16, 32, 64, 128, 256, 300])
    result = DONE
    const before = starts.length
    await pass(clock, 6 * MINUTE)
    expect(starts).toHaveLength(before + 1)
    result = { kind: 'retry', error: new Error('busy') }
    await scheduler.trigger('a')
    await pass(clock, 2 * SECOND)
    expect(starts.slice(before + 1).map(({ cause }) => cause)).toEqual(['change', 'retry'])
    await scheduler.stop()
  })

  it('an event during a back-off ends it once, and is no failure', async () => {
    const { clock, starts, scheduler } = rig({
      run: () => Promise.resolve({ kind: 'retry', error: new Error('busy') }),
      random: () => 0.999,
    })
    await scheduler.setTargets([every('a', HOUR)], { changed: ['a'] })
    scheduler.start()
    await pass(clock, 4 * SECOND)
    // Failed at 0, 1 and 3 s: the next is at 7 s.
    expect(starts).toHaveLength(3)
    for (let count = 0; count < 4; count += 1) {
      await scheduler.trigger('a')
      await pass(clock, 100)
    }
    expect(starts.map(({ cause }) => cause)).toEqual(['change', 'retry', 'retry', 'change'])
    // The back-off of three failures again, from the cut: about 4 s.
    await pass(clock, 3 * SECOND)
    expect(starts).toHaveLength(4)
    await pass(clock, SECOND)
    expect(starts).toHaveLength(5)
    await scheduler.stop()
  })

  it('looks again at what is in progress when it said so, and counts it as no failure', async () => {
    const results: ScheduledResult[] = [{ kind: 'after', afterMs: 7 * SECOND, reason: 'lease-held' }, DONE]
    const { clock, starts, scheduler } = rig({ run: () => Promise.resolve(results.shift() ?? DONE) })
    await scheduler.setTargets([every('a', HOUR)], { changed: ['a'] })
    scheduler.start()
    await pass(clock, 10 * SECOND)
    expect(starts.map(({ at, cause }) => [at, cause])).toEqual([
      [0, 'change'],
      [7 * SECOND, 'due'],
    ])
    await scheduler.stop()
  })

  it('what one target throws, in whatever way, ends its run alone', async () => {
    const { clock, events, scheduler } = rig({
      run: (key) => {
        if (key === 'sync') throw new Error('at once')
        if (key === 'async') return Promise.reject(new Error('later'))
        if (key === 'text') return Promise.reject(NO_ERROR)
        if (key === 'busy') return Promise.reject(new TrueupError('store-unavailable', 'busy', { retryable: true }))
        return Promise.resolve(DONE)
      },
    })
    const all = ['sync', 'async', 'text', 'busy', 'well']
    await scheduler.setTargets(
      all.map((key) => every(key, HOUR)),
      { changed: all },
    )
    scheduler.start()
    await pass(clock, 0)
    expect(events.filter((event) => event.startsWith('ended')).sort()).toEqual(
      ['ended async failed', 'ended busy retry', 'ended sync failed', 'ended text failed', 'ended well done'].sort(),
    )
    await scheduler.stop()
  })

  it('tells a run that its time is over, and starts no second one until it has settled', async () => {
    const { run, end, signals } = pausable()
    const { clock, starts, events, scheduler } = rig({ run })
    await scheduler.setTargets([every('a', MINUTE, { timeoutMs: 10 * SECOND })], { changed: ['a'] })
    scheduler.start()
    await pass(clock, 10 * SECOND)
    expect([signals[0]?.aborted, events.includes('overran')]).toEqual([true, true])
    await scheduler.trigger('a')
    await pass(clock, HOUR)
    expect([starts.length, scheduler.stats().oldestRunningMs]).toEqual([1, HOUR + 10 * SECOND])
    await end(0, new Error('gave up'))
    expect([events.includes('ended a retry'), starts.length]).toEqual([true, 2])
    await end(1)
    await scheduler.stop()
  })

  it('a higher priority goes first, but however much of it comes, the lower one runs in bounded time', async () => {
    const { clock, starts, scheduler } = rig({
      concurrency: 1,
      ageingMs: MINUTE,
      run: async () => {
        await clock.sleep(10 * SECOND)
        return DONE
      },
    })
    const flood = Array.from({ length: 20 }, (_, index) => every(`high-${String(index)}`, MINUTE, { priority: 5 }))
    await scheduler.setTargets([every('low', 10 * HOUR), ...flood], { spread: false })
    scheduler.start()
    expect(starts[0]?.key).toMatch(/^high/)
    await pass(clock, 10 * MINUTE)
    const low = starts.find(({ key }) => key === 'low')
    // Five steps outweigh five minutes, then what came to be due with it.
    expect(low?.at).toBeGreaterThan(3 * MINUTE)
    expect(low?.at).toBeLessThanOrEqual(5 * MINUTE + 21 * 10 * SECOND)
    void scheduler.stop()
    await pass(clock, MINUTE)
  })

  it('follows the targets: new ones run at once, removed ones no more, a run under way ends', async () => {
    const { run, end } = pausable()
    const { clock, keys, events, scheduler } = rig({ run })
    await scheduler.setTargets([every('a', HOUR), every('b', HOUR)], {
      saved: new Map([['b', clock.now() + HOUR]]),
      changed: ['a'],
    })
    scheduler.start()
    await scheduler.setTargets([every('b', HOUR), every('c', HOUR)])
    expect(keys()).toEqual(['a', 'c'])
    await end(0)
    await end(1)
    expect(events).toContain('ended a done')
    expect([...scheduler.due().keys()].sort()).toEqual(['b', 'c'])
    await pass(clock, 2 * HOUR)
    expect(keys()).toEqual(['a', 'c', 'b', 'c'])
    const stopped = scheduler.stop()
    await end(2)
    await end(3)
    await stopped
  })

  it('a target that was removed and comes back while it runs is not run twice at once', async () => {
    const { run, end } = pausable()
    const { keys, scheduler } = rig({ run })
    await scheduler.setTargets([every('a', HOUR)], { changed: ['a'] })
    scheduler.start()
    await scheduler.setTargets([])
    await scheduler.setTargets([every('a', HOUR)])
    expect(keys()).toEqual(['a'])
    await end(0)
    expect(keys()).toEqual(['a', 'a'])
    await end(1)
    await scheduler.stop()
  })

  it('tells a run since when nothing new has made it due: an event while it waits for a place counts, the time before it does not', async () => {
    const { run, end } = pausable()
    const since = new Map<string, number>()
    const { clock, scheduler } = rig({
      concurrency: 1,
      run: (key, signal, occasion) => {
        since.set(key, occasion.since)
        return run(key, signal)
      },
    })
    await scheduler.setTargets([every('a', HOUR, { priority: 9 }), every('b', HOUR), every('c', HOUR)], {
      spread: false,
    })
    const begun = clock.monotonic()
    scheduler.start()
    await pass(clock, MINUTE)
    await scheduler.trigger('b')
    await scheduler.trigger('a')
    await pass(clock, MINUTE)
    for (const at of [0, 1, 2, 3]) await end(at)
    // `a` once more, since the event came while it ran: it counts as of its end.
    expect(Object.fromEntries(since)).toEqual({ a: begun + 2 * MINUTE, b: begun + MINUTE, c: begun })
    await scheduler.stop()
  })

  it('a restart runs only what came to be due meanwhile, or has changed', async () => {
    let saved: ReadonlyMap<string, number> = new Map()
    const save = (due: ReadonlyMap<string, number>): Promise<void> => {
      saved = due
      return Promise.resolve()
    }
    const first = rig({ save })
    const targets = Array.from({ length: 60 }, (_, index) => every(`target-${String(index)}`, HOUR))
    await first.scheduler.setTargets(targets)
    first.scheduler.start()
    await pass(first.clock, HOUR)
    await first.scheduler.stop()
    expect(saved.size).toBe(60)
    const second = rig({ save })
    second.clock.setTime(first.clock.now() + 10 * MINUTE)
    await second.scheduler.setTargets(targets, { saved, changed: ['target-3'] })
    second.scheduler.start()
    await pass(second.clock, 0)
    expect(second.starts.filter(({ cause }) => cause === 'change').map(({ key }) => key)).toEqual(['target-3'])
    expect(second.keys().length).toBeGreaterThan(8)
    expect(second.keys().length).toBeLessThan(14)
    await second.scheduler.stop()
  })

  it('a run that a kill cut off is due at once after the restart', async () => {
    let saved: ReadonlyMap<string, number> = new Map()
    const first = rig({
      run: () => new Promise(() => undefined),
      save: (due) => {
        saved = due
        return Promise.resolve()
      },
    })
    await first.scheduler.setTargets([every('cut', HOUR), every('idle', HOUR)], {
      saved: new Map([['idle', first.clock.now() + HOUR]]),
      changed: ['cut'],
    })
    first.scheduler.start()
    await pass(first.clock, MINUTE)
    expect(saved.get('cut')).toBe(first.begun)
    const second = rig()
    second.clock.setTime(first.clock.now())
    await second.scheduler.setTargets([every('cut', HOUR), every('idle', HOUR)], { saved })
    second.scheduler.start()
    expect(second.keys()).toEqual(['cut'])
    await second.scheduler.stop()
  })

  it('a clock that was set back between two processes leaves nothing undone for longer than its interval', async () => {
    const { clock, keys, scheduler } = rig()
    await scheduler.setTargets([every('a', HOUR)], { saved: new Map([['a', clock.now() + 400 * DAY]]) })
    scheduler.start()
    await pass(clock, 1.1 * HOUR + SECOND)
    expect(keys()).toEqual(['a'])
    await scheduler.stop()
  })

  it('goes on when times cannot be saved, and says so', async () => {
    const { clock, starts, events, scheduler } = rig({ save: () => Promise.reject(new Error('no store')) })
    await scheduler.setTargets([every('a', MINUTE)], { spread: false })
    scheduler.start()
    await pass(clock, 3 * MINUTE)
    expect(starts.length).toBe(4)
    expect(events.filter((event) => event === 'save-failed').length).toBeGreaterThan(1)
    await scheduler.stop()
  })

  it('stops: nothing new starts, what runs ends, and its times are saved', async () => {
    const { run, end } = pausable()
    let saved: ReadonlyMap<string, number> = new Map()
    const { clock, keys, begun, scheduler } = rig({
      run,
      concurrency: 1,
      save: (due) => {
        saved = due
        return Promise.resolve()
      },
    })
    await scheduler.setTargets([every('a', HOUR), every('b', HOUR)], { changed: ['a', 'b'] })
    scheduler.start()
    const stopped = scheduler.stop()
    await pass(clock, MINUTE)
    expect([keys(), saved.size]).toEqual([['a'], 0])
    await end(0)
    await stopped
    expect(keys()).toEqual(['a'])
    expect(Object.fromEntries(saved)).toEqual({ a: begun + HOUR, b: begun })
  })

  it('refuses a schedule that is none', async () => {
    const { scheduler } = rig()
    await expect(scheduler.setTargets([cron('a', 'every now and then')])).rejects.toThrow(
      /the schedule "every now and then" \(UTC\) cannot be read/,
    )
  })
})
