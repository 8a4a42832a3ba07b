import { describe, expect, it } from 'vitest'
import { createFakeClock } from '../../src/util/fake-clock.js'
import { createRemembered } from '../../src/util/remembered.js'

describe('what is remembered', () => {
  it('is there until its time is over, or it is forgotten', () => {
    const clock = createFakeClock()
    const kept = createRemembered<number>({ clock, ttlMs: 1000, most: 10 })
    kept.set('a', 1)
    kept.set('b', 2)
    kept.forget('b')
    clock.advance(999)
    expect([kept.get('a'), kept.get('b'), kept.get('c')]).toEqual([1, undefined, undefined])
    clock.advance(1)
    expect(kept.get('a')).toBeUndefined()
  })

  it('is never more than so many: the oldest go first', () => {
    const kept = createRemembered<number>({ clock: createFakeClock(), ttlMs: 1000, most: 2 })
    for (const [at, key] of ['a', 'b', 'a', 'c'].entries()) kept.set(key, at)
    expect(['a', 'b', 'c'].map((key) => kept.get(key))).toEqual([2, undefined, 3])
  })
})
