import { describe, expect, it } from 'vitest'
import { createMemoryStore } from '../../src/store/memory-store.js'
import { systemClock } from '../../src/util/clock.js'
import { objectStoreContract } from '../support/contracts/object-store.js'

objectStoreContract('memory', async () => ({
  store: createMemoryStore({ clock: systemClock }),
  dispose: async () => undefined,
}))

describe('memory store', () => {
  it('says what it is, and shares nothing with another', async () => {
    const store = createMemoryStore({ clock: systemClock })
    expect([store.description, store.shared]).toEqual(['memory:', false])
  })

  it('takes its time from the clock', async () => {
    const store = createMemoryStore({ clock: { ...systemClock, now: () => 42 } })
    expect(await store.now()).toBe(42)
  })
})
