// Claims: one holder a shard, nothing held after a conflict, taken over only from the dead of this host.
import { describe, expect, it } from 'vitest'
import { takeClaims, type ClaimHolder, type ClaimRequest } from '../../src/store/claims.js'
import { createMemoryStore } from '../../src/store/memory-store.js'
import type { ObjectStore } from '../../src/store/object-store.js'
import { createFakeClock } from '../../src/util/fake-clock.js'
import { keysOf, outage, watchStore } from '../support/failing-store.js'

const clock = createFakeClock()
const holder = (run: string, over: Partial<ClaimHolder> = {}): ClaimRequest['holder'] => ({
  run,
  target: 'dns',
  host: 'ci-7',
  pid: 4711,
  processStart: 'boot/space/1',
  url: null,
  ...over,
})

const take = (store: ObjectStore, over: Partial<ClaimRequest> = {}): ReturnType<typeof takeClaims> =>
  takeClaims({ store, destination: 'place', shards: ['a', 'b'], holder: holder('RUN1'), isDead: () => false, ...over })

describe('claims', () => {
  it('are had by one run at a time, which is named to the other with host and pid', async () => {
    const store = createMemoryStore({ clock })
    const claims = await take(store, { holder: holder('RUN1', { url: 'https://ci.example.com/81' }) })
    await expect(take(store, { holder: holder('RUN2'), shards: ['b'] })).rejects.toMatchObject({
      code: 'lease-held',
      retryable: true,
      message: expect.stringMatching(
        /shard b.*RUN1 \(dns\) on ci-7, pid 4711 \(https:\/\/ci\.example\.com\/81\), since 2026-01-01/,
      ) as string,
      details: { destination: 'place', shard: 'b', holder: { run: 'RUN1', pid: 4711 } },
    })
    await claims.release()
    expect(await keysOf(store)).toEqual([])
    await take(store, { holder: holder('RUN2') })
  })

  it('of other shards and other places are free', async () => {
    const store = createMemoryStore({ clock })
    await take(store, { shards: ['a'] })
    await take(store, { shards: ['b'], holder: holder('RUN2') })
    await take(store, { shards: ['a'], destination: 'elsewhere', holder: holder('RUN3') })
    expect(await keysOf(store)).toHaveLength(3)
  })

  it('are all given back when one cannot be had', async () => {
    const store = createMemoryStore({ clock })
    await take(store, { shards: ['c'] })
    await expect(take(store, { shards: ['a', 'b', 'c', 'd'], holder: holder('RUN2') })).rejects.toThrow(/shard c/)
    expect(await keysOf(store)).toEqual(['claims/place/c'])
  })

  it('of a dead process of this host are taken over, and it is said whose they were', async () => {
    const store = createMemoryStore({ clock })
    await take(store)
    const claims = await take(store, { holder: holder('RUN2', { pid: 1 }), isDead: ({ pid }) => pid === 4711 })
    expect(claims.abandonedBy).toEqual(['RUN1'])
    await expect(take(store, { holder: holder('RUN3') })).rejects.toThrow(/RUN2/)
  })

  it('of another host are never taken over, and nobody is asked whether it is dead', async () => {
    const store = createMemoryStore({ clock })
    await take(store)
    const asked: string[] = []
    const isDead = ({ run }: ClaimHolder): boolean => asked.push(run) > 0
    await expect(take(store, { holder: holder('RUN2', { host: 'ci-8' }), isDead })).rejects.toThrow(/on ci-7/)
    expect(asked).toEqual([])
  })

  it('that were taken over by somebody else are not given back by the first', async () => {
    const store = createMemoryStore({ clock })
    const first = await take(store, { shards: ['a'] })
    await take(store, { shards: ['a'], holder: holder('RUN2'), isDead: () => true })
    await first.release()
    await expect(take(store, { shards: ['a'], holder: holder('RUN3') })).rejects.toThrow(/RUN2/)
  })

  it('of one dead process go to one of two that want them', async () => {
    const store = createMemoryStore({ clock })
    await take(store, { shards: ['a'] })
    const both = await Promise.allSettled(
      ['RUN2', 'RUN3'].map((run) =>
        take(store, { shards: ['a'], holder: holder(run), isDead: ({ run: of }) => of === 'RUN1' }),
      ),
    )
    expect(both.map(({ status }) => status).sort()).toEqual(['fulfilled', 'rejected'])
  })

  it('are all tried to be given back when one cannot be', async () => {
    const inner = createMemoryStore({ clock })
    const { store } = watchStore(inner, (call, key) => {
      if (call === 'delete' && key.endsWith('/a')) throw outage()
    })
    const claims = await take(store)
    await expect(claims.release()).rejects.toThrow('the disk is full')
    expect(await keysOf(inner)).toEqual(['claims/place/a'])
  })

  it('that cannot be had say why, also when giving back fails too', async () => {
    const inner = createMemoryStore({ clock })
    await take(inner, { shards: ['b'] })
    const { store } = watchStore(inner, (call) => {
      if (call === 'delete') throw outage()
    })
    await expect(take(store, { holder: holder('RUN2') })).rejects.toMatchObject({ code: 'lease-held' })
  })
})
