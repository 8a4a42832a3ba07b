import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { createDueQueue, type Due } from '../../src/schedule/due-queue.js'

describe('the due queue', () => {
  it('keeps one entry a key, and the sooner time wins', () => {
    const queue = createDueQueue()
    expect(queue.schedule('a', 50)).toBe(true)
    expect(queue.schedule('a', 70)).toBe(false)
    expect([queue.size, queue.dueAt('a')]).toEqual([1, 50])
    expect(queue.schedule('a', 20)).toBe(true)
    expect([queue.size, queue.next()]).toEqual([1, { key: 'a', at: 20 }])
  })

  it('reschedules later, removes, and tells what it does not know', () => {
    const queue = createDueQueue()
    queue.schedule('a', 10)
    queue.schedule('b', 20)
    queue.reschedule('a', 30)
    expect(queue.next()).toEqual({ key: 'b', at: 20 })
    expect([queue.remove('b'), queue.remove('b')]).toEqual([true, false])
    expect([queue.dueAt('b'), queue.nextAt(), [...queue.keys()]]).toEqual([undefined, 30, ['a']])
    queue.clear()
    expect([queue.size, queue.next(), queue.nextAt()]).toEqual([0, undefined, undefined])
  })

  it('gives what is due by now in order of time, equal times as they were scheduled, and leaves the rest', () => {
    const queue = createDueQueue()
    for (const [key, at] of [
      ['late', 31],
      ['second', 30],
      ['third', 30],
      ['first', 10],
    ] as const)
      queue.schedule(key, at)
    expect(queue.popDue(30, 2).map(({ key }) => key)).toEqual(['first', 'second'])
    expect(queue.popDue(30)).toEqual([{ key: 'third', at: 30 }])
    expect([queue.popDue(30), queue.size]).toEqual([[], 1])
  })

  it('refuses what is no time', () => {
    const queue = createDueQueue()
    expect(() => queue.schedule('a', Number.NaN)).toThrow(RangeError)
    queue.schedule('a', 1)
    expect(() => {
      queue.reschedule('a', Number.POSITIVE_INFINITY)
    }).toThrow(RangeError)
    expect(queue.next()).toEqual({ key: 'a', at: 1 })
  })

  it('does as a sorted list does, whatever is asked of it', () => {
    const key = fc.constantFrom(...Array.from({ length: 40 }, (_, index) => `k${String(index)}`))
    const time = fc.integer({ min: 0, max: 60 })
    const step = fc.oneof(
      fc.tuple(fc.constant('schedule' as const), key, time),
      fc.tuple(fc.constant('reschedule' as const), key, time),
      fc.tuple(fc.constant('remove' as const), key, time),
      fc.tuple(fc.constant('pop' as const), key, time),
    )
    fc.assert(
      fc.property(fc.array(step, { maxLength: 300 }), (steps) => {
        const queue = createDueQueue()
        let list: (Due & { turn: number })[] = []
        let turn = 0
        const sorted = (): Due[] =>
          [...list].sort((a, b) => a.at - b.at || a.turn - b.turn).map((it) => ({ key: it.key, at: it.at }))
        for (const [what, name, at] of steps) {
          const known = list.find((it) => it.key === name)
          const without = list.filter((it) => it.key !== name)
          if (what === 'remove') {
            expect(queue.remove(name)).toBe(known !== undefined)
            list = without
          } else if (what === 'pop') {
            expect(queue.popDue(at)).toEqual(sorted().filter((it) => it.at <= at))
            list = list.filter((it) => it.at > at)
          } else if (what === 'reschedule') {
            queue.reschedule(name, at)
            list = [...without, { key: name, at, turn: turn++ }]
          } else if (queue.schedule(name, at)) {
            expect(known === undefined || at < known.at).toBe(true)
            list = [...without, { key: name, at, turn: turn++ }]
          } else expect(known !== undefined && known.at <= at).toBe(true)
          expect([queue.size, queue.next(), queue.nextAt()]).toEqual([list.length, sorted()[0], sorted()[0]?.at])
        }
      }),
      { numRuns: 300 },
    )
  })
})
