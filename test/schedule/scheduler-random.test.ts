// Random interleavings, and a week with a hundred kills: what no single case would show.
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { createMemoryQueue } from '../../src/schedule/memory-queue.js'
import { createScheduler } from '../../src/schedule/scheduler.js'
import type { ScheduledResult } from '../../src/schedule/scheduler-types.js'
import { createFakeClock } from '../../src/testing.js'
import { pass, settleAll } from '../support/schedule-time.js'

const HOUR = 3_600_000

type Step =
  { readonly kind: 'event' | 'end' | 'fail'; readonly key: number } | { readonly kind: 'time'; readonly ms: number }

const step: fc.Arbitrary<Step> = fc.oneof(
  { weight: 3, arbitrary: fc.record({ kind: fc.constantFrom('event' as const), key: fc.nat(2) }) },
  { weight: 3, arbitrary: fc.record({ kind: fc.constantFrom('end' as const, 'fail' as const), key: fc.nat(2) }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('time' as const), ms: fc.nat(10_000) }) },
)

describe('the scheduler, at random', () => {
  it('for every event a run starts after it, at most one further, and never two of one target at once', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(step, { maxLength: 40 }),
        fc.integer({ min: 1, max: 3 }),
        async (steps, concurrency) => {
          const clock = createFakeClock()
          let turn = 0
          const starts = new Map<string, number[]>()
          const events = new Map<string, number[]>()
          const ends = new Map<string, (result: ScheduledResult) => void>()
          const note = (map: Map<string, number[]>, key: string): void => {
            map.set(key, [...(map.get(key) ?? []), (turn += 1)])
          }
          let isDraining = false
          const scheduler = createScheduler({
            clock,
            random: () => 0.5,
            queue: createMemoryQueue({ clock, concurrency }),
            run: (key) => {
              expect(ends.has(key)).toBe(false)
              expect(ends.size).toBeLessThan(concurrency)
              note(starts, key)
              if (isDraining) return Promise.resolve({ kind: 'done' })
              return new Promise((resolve) => {
                ends.set(key, (result) => {
                  ends.delete(key)
                  resolve(result)
                })
              })
            },
          })
          const keys = ['0', '1', '2']
          await scheduler.setTargets(
            keys.map((key) => ({ key, timing: { kind: 'interval', intervalMs: 1000 * HOUR } })),
            { saved: new Map(keys.map((key) => [key, clock.now() + 1000 * HOUR])) },
          )
          scheduler.start()
          for (const one of steps) {
            if (one.kind === 'time') await pass(clock, one.ms)
            else if (one.kind === 'event') {
              note(events, String(one.key))
              await scheduler.trigger(String(one.key))
            } else if (one.kind === 'end') ends.get(String(one.key))?.({ kind: 'done' })
            else ends.get(String(one.key))?.({ kind: 'retry', error: new Error('busy') })
            await settleAll()
          }
          isDraining = true
          for (const end of [...ends.values()]) end({ kind: 'done' })
          // A back-off may be left of five minutes at most.
          await pass(clock, 300_000)
          for (const key of keys) {
            const last = events.get(key)?.at(-1) ?? 0
            const after = (starts.get(key) ?? []).filter((at) => at > last)
            if (last > 0) expect(after.length).toBeGreaterThanOrEqual(1)
          }
          await scheduler.stop()
        },
      ),
      { numRuns: 150 },
    )
  })

  it('an event is answered by at most one further run', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(fc.constantFrom('event', 'end'), { maxLength: 40 }), async (steps) => {
        const clock = createFakeClock()
        let starts = 0
        let end: (() => void) | undefined
        const scheduler = createScheduler({
          clock,
          random: () => 0.5,
          queue: createMemoryQueue({ clock, concurrency: 1 }),
          run: () =>
            new Promise((resolve) => {
              starts += 1
              end = () => {
                resolve({ kind: 'done' })
              }
            }),
        })
        await scheduler.setTargets([{ key: 'a', timing: { kind: 'interval', intervalMs: 1000 * HOUR } }], {
          saved: new Map([['a', clock.now() + 1000 * HOUR]]),
        })
        scheduler.start()
        // The oracle: one that runs, and whether something came since it began.
        let expected = 0
        let isRunning = false
        let isDirty = false
        for (const one of steps) {
          if (one === 'event') {
            await scheduler.trigger('a')
            if (isRunning) isDirty = true
            else {
              isRunning = true
              expected += 1
            }
          } else {
            const was = end
            end = undefined
            was?.()
            if (isRunning && isDirty) expected += 1
            else isRunning = false
            isDirty = false
          }
          await settleAll()
          expect(starts).toBe(expected)
        }
        const stopped = scheduler.stop()
        end?.()
        await stopped
      }),
      { numRuns: 100 },
    )
  })

  it('killed 100 times in a week, it misses no target by more than its interval and the outage', async () => {
    // A fixed sequence, so that a red test can be looked into.
    let seed = 12_345
    const random = (): number => (seed = (seed * 1_103_515_245 + 12_345) % 2 ** 31) / 2 ** 31
    const targets = Array.from({ length: 50 }, (_, index) => ({
      key: `target-${String(index)}`,
      timing: { kind: 'interval', intervalMs: HOUR } as const,
    }))
    const week = 168 * HOUR
    let saved: ReadonlyMap<string, number> = new Map()
    let wall = Date.UTC(2026, 0, 1)
    const begun = wall
    const starts = new Map<string, number[]>()
    const kills = Array.from({ length: 100 }, () => random() * week).sort((a, b) => a - b)
    let longestOutage = 0
    for (const kill of [...kills, week]) {
      const clock = createFakeClock(wall)
      let isKilled = false
      const scheduler = createScheduler({
        clock,
        random,
        queue: createMemoryQueue({
          clock,
          concurrency: 5,
          save: (due) => {
            if (!isKilled) saved = new Map(due)
            return Promise.resolve()
          },
        }),
        run: async (key) => {
          if (!isKilled) starts.set(key, [...(starts.get(key) ?? []), clock.now()])
          await clock.sleep(20_000)
          return { kind: 'done' }
        },
      })
      await scheduler.setTargets(targets, { saved })
      scheduler.start()
      await pass(clock, Math.max(0, begun + kill - clock.now()))
      isKilled = true
      const outage = Math.floor(random() * 600_000)
      longestOutage = Math.max(longestOutage, outage)
      wall = clock.now() + outage
    }
    expect(starts.size).toBe(targets.length)
    // Five places of 20 s each: after an outage of ten minutes, what is due meanwhile has its turn within some minutes.
    const longest = 1.1 * HOUR + longestOutage + 10 * 60_000
    for (const at of starts.values()) {
      const gaps = [...at, begun + week].map((time, index) => time - (at[index - 1] ?? begun))
      expect(Math.max(...gaps)).toBeLessThanOrEqual(longest)
    }
    // And a restart does not run everything again: 168 runs each, and one more of what a kill cut off.
    const total = [...starts.values()].reduce((sum, at) => sum + at.length, 0)
    expect(total).toBeLessThanOrEqual(50 * 168 + 100 * 5 + 50)
  })
})
