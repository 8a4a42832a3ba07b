// Apply marks: written only over what was read, one a shard, apart from other targets and places.
import { describe, expect, it } from 'vitest'
import { createMarkStore } from '../../src/store/marks.js'
import { createMemoryStore } from '../../src/store/memory-store.js'
import { createFakeClock } from '../../src/util/fake-clock.js'
import { keysOf } from '../support/failing-store.js'
import { applyMark as mark } from '../support/marks.js'

const clock = createFakeClock()

describe('marks', () => {
  it('are read as they were written, by shard; an unsharded target has its own', async () => {
    const marks = createMarkStore(createMemoryStore({ clock }), 'dns', 'https://dns')
    await marks.write(mark(''), undefined)
    await marks.write(mark('zone/a b', { counter: 7 }), undefined)
    expect((await marks.read(''))?.mark).toEqual(mark(''))
    expect((await marks.read('zone/a b'))?.mark.counter).toBe(7)
    expect(await marks.read('other')).toBeUndefined()
    expect([...(await marks.all()).keys()].sort()).toEqual(['', 'zone/a b'])
  })

  it('of one target and place are not those of another, also where names begin alike', async () => {
    const store = createMemoryStore({ clock })
    await createMarkStore(store, 'dns', 'a').write(mark('x'), undefined)
    await createMarkStore(store, 'dns-prod', 'a').write(mark('y'), undefined)
    await createMarkStore(store, 'dns', 'a/b').write(mark('z'), undefined)
    expect([...(await createMarkStore(store, 'dns', 'a').all()).keys()]).toEqual(['x'])
  })

  it('are written only over the one that was read', async () => {
    const marks = createMarkStore(createMemoryStore({ clock }), 'dns', 'a')
    const first = await marks.write(mark('x'), undefined)
    await expect(marks.write(mark('x', { run: 'RUN2' }), undefined)).rejects.toMatchObject({
      code: 'lease-lost',
      retryable: true,
    })
    const second = await marks.write(mark('x', { status: 'completed' }), first)
    await expect(marks.write(mark('x', { run: 'RUN2' }), first)).rejects.toMatchObject({ code: 'lease-lost' })
    expect((await marks.read('x'))?.mark).toMatchObject({ run: 'RUN1', status: 'completed' })
    await marks.write(mark('x', { counter: 2 }), second)
    expect((await marks.read('x'))?.mark.counter).toBe(2)
  })

  it('that were removed meanwhile are not made anew from what was read', async () => {
    const store = createMemoryStore({ clock })
    const marks = createMarkStore(store, 'dns', 'a')
    const first = await marks.write(mark('x'), undefined)
    for (const key of await keysOf(store)) await store.delete(key)
    await expect(marks.write(mark('x', { status: 'completed' }), first)).rejects.toMatchObject({ code: 'lease-lost' })
    expect(await marks.read('x')).toBeUndefined()
  })

  it('keep the shards of the last evaluation beside them', async () => {
    const marks = createMarkStore(createMemoryStore({ clock }), 'dns', 'a')
    expect(await marks.readEvaluated()).toBeUndefined()
    const evaluated = { inputs: 'i', code: 'c', config: 'f', env: 'e', shards: ['x', 'y'] }
    await marks.writeEvaluated({ ...evaluated, shards: [] })
    await marks.writeEvaluated(evaluated)
    expect(await marks.readEvaluated()).toEqual(evaluated)
    expect((await marks.all()).size).toBe(0)
  })
})
