// A store that stops answering must not keep a run that gave up: and one that only is slow must not be taken for gone.
import { describe, expect, it } from 'vitest'
import { createEndingStore, LAST_CALL_MS } from '../../src/store/ending-store.js'
import { createMemoryStore } from '../../src/store/memory-store.js'
import { storeKey } from '../../src/store/object-store.js'
import { createFakeClock } from '../../src/util/fake-clock.js'
import { keysOf, outage, watchStore } from '../support/failing-store.js'

const key = storeKey('marks', 'a')
const value = Buffer.from('x')

function stage() {
  const clock = createFakeClock()
  const giveUp = new AbortController()
  const inner = createMemoryStore({ clock })
  let before: () => void | Promise<void> = () => undefined
  const store = createEndingStore(watchStore(inner, () => before()).store, { giveUp: giveUp.signal, clock })
  return {
    clock,
    giveUp,
    inner,
    store,
    beforeEach(what: typeof before) {
      before = what
    },
  }
}
const forever = (): Promise<void> => new Promise(() => undefined)

describe('a store that ends with its run', () => {
  it('does what the other does, errors included', async () => {
    const { store, inner, beforeEach } = stage()
    await store.put(key, value)
    expect(await store.get(key)).toEqual(await inner.get(key))
    expect(await store.head(key)).toEqual(await inner.head(key))
    expect(await keysOf(store)).toEqual([key])
    expect(await store.delete(key)).toEqual({ kind: 'deleted' })
    beforeEach(() => {
      throw outage()
    })
    await expect(store.get(key)).rejects.toThrow('the disk is full')
    await expect(keysOf(store)).rejects.toThrow('the disk is full')
  })

  it('waits for ever as long as the run does, and a while longer once that gave up; then nothing is tried any more', async () => {
    const { store, clock, giveUp, inner, beforeEach } = stage()
    beforeEach(forever)
    const calls = [store.get(key), keysOf(store)]
    const ended = Promise.allSettled(calls)
    clock.advance(10 * LAST_CALL_MS)
    giveUp.abort()
    clock.advance(LAST_CALL_MS - 1)
    await new Promise(setImmediate)
    const pending = Symbol('pending')
    expect(await Promise.race([...calls, Promise.resolve(pending)])).toBe(pending)
    clock.advance(1)
    const reason = expect.objectContaining({ code: 'store-unavailable', retryable: true }) as unknown
    expect(await ended).toEqual(calls.map(() => ({ status: 'rejected', reason })))

    beforeEach(() => undefined)
    await expect(store.put(key, value)).rejects.toThrow('memory: does not answer; the run ends without it')
    expect(await inner.get(key)).toEqual({ kind: 'missing' })
  })

  it('takes an answer that comes in that while, and goes on', async () => {
    const { store, clock, giveUp, beforeEach } = stage()
    let go: () => void = () => undefined
    beforeEach(() => new Promise((resolve) => (go = resolve)))
    giveUp.abort()
    const put = store.put(key, value)
    clock.advance(LAST_CALL_MS - 1)
    go()
    expect(await put).toMatchObject({ kind: 'stored' })
    clock.advance(LAST_CALL_MS)
    beforeEach(() => undefined)
    expect(await store.head(key)).toMatchObject({ kind: 'found' })
  })
})
