// store copy and the mark it leaves: from a directory to S3 (the double), stopped at every write, beside leases, into places that are not empty.
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { copyStore, type CopyCounts } from '../../src/store/copy-store.js'
import { takeLease } from '../../src/store/leases.js'
import { readMoved } from '../../src/store/moved.js'
import { storeKey, type ObjectStore } from '../../src/store/object-store.js'
import { openStore } from '../../src/store/open-store.js'
import { systemClock } from '../../src/util/clock.js'
import { keysOf, outage, watchStore } from '../support/failing-store.js'
import { KEYS, urlOf } from '../support/s3-double/open.js'
import { startS3Double, type S3Double } from '../support/s3-double/server.js'

const bytes = (text: string): Uint8Array => new TextEncoder().encode(text)
const nobodyDies = (): boolean => false

describe('store copy', () => {
  let double: S3Double
  let base: string
  let toUrl: string
  beforeEach(async () => {
    for (const [name, value] of Object.entries(KEYS)) vi.stubEnv(name, value)
    double = await startS3Double({ pageSize: 2 })
    base = await mkdtemp(join(tmpdir(), 'trueup-copy-'))
    toUrl = urlOf(double, 'new')
    const old = await open('file:old')
    for (const name of ['a', 'b', 'c']) await old.put(storeKey('marks', name), bytes(name), { metadata: { name } })
  })
  afterEach(async () => {
    await double[Symbol.asyncDispose]()
    await rm(base, { recursive: true })
  })
  const open = (url: string, evenIfMoved = true): Promise<ObjectStore> =>
    openStore(url, { baseDirectory: base, clock: systemClock, evenIfMoved })
  const copy = async (stores: { from?: ObjectStore; to?: ObjectStore; url?: string } = {}): Promise<CopyCounts> => {
    const { url = toUrl, from = await open('file:old'), to = await open(url) } = stores
    return copyStore({ from, to, toUrl: url, isDead: nobodyDies })
  }
  const lease = async (store: ObjectStore, run = 'R1'): ReturnType<typeof takeLease> =>
    takeLease({
      store,
      clock: systemClock,
      destination: 'db',
      shards: [''],
      keys: null,
      holder: { run, target: 'db', host: 'one', pid: 1, processStart: 's', url: null, actor: null },
      isDead: nobodyDies,
      leaseMs: 60_000,
      waitMs: 0,
      atLeast: () => 0,
      stop: new AbortController().signal,
      onWait: () => undefined,
    })

  it('copies values and metadata, compares them, and stops who opens the old one', async () => {
    expect(await copy()).toEqual({ copied: 3, same: 0, bytes: 3 })
    const to = await open(toUrl)
    expect(await keysOf(to)).toEqual(['marks/a', 'marks/b', 'marks/c'])
    expect(await to.get(storeKey('marks', 'b'))).toMatchObject({ metadata: { name: 'b' }, size: 1 })
    const stopped = { code: 'store-refused', message: expect.stringContaining(`write \`store: ${toUrl}\``) as string }
    const old = await open('file:old', false)
    await expect(old.get(storeKey('marks', 'a'))).rejects.toMatchObject(stopped)
    await expect(old.put(storeKey('marks', 'a'), bytes('x'))).rejects.toMatchObject(stopped)
    await expect(keysOf(old)).rejects.toMatchObject(stopped)
    expect(await copy()).toEqual({ copied: 0, same: 3, bytes: 3 })
    await expect(lease(await open('file:old'))).rejects.toMatchObject(stopped)
    await (await lease(await open(toUrl, false))).release()
  })

  it('goes on wherever it was stopped, and until then nobody can use the old one', async () => {
    for (let stopAt = 1; ; stopAt += 1) {
      const url = urlOf(double, `new-${String(stopAt)}`)
      const name = `file:old-${String(stopAt)}`
      const seed = await open(name)
      for (const part of ['a', 'b']) await seed.put(storeKey('marks', part), bytes(part))
      let writes = 0
      const stopping = (store: ObjectStore): ObjectStore =>
        watchStore(store, (call) => {
          if (call === 'put') writes += 1
          if (writes >= stopAt && call === 'put') throw outage()
        }).store
      const from = await open(name)
      const ended = await copy({ from: stopping(from), to: stopping(await open(url)), url }).then(
        () => 'whole',
        () => 'stopped',
      )
      if (stopAt > 1)
        await expect((await open(name, false)).head(storeKey('marks', 'a'))).rejects.toMatchObject({
          code: 'store-refused',
        })
      await copy({ from, url })
      expect(await keysOf(await open(url))).toEqual(['marks/a', 'marks/b'])
      expect((await readMoved(from))?.value).toMatchObject({ to: url, state: 'moved' })
      if (ended === 'whole') {
        expect(stopAt).toBe(5)
        return
      }
    }
  })

  it('begins nothing while an apply holds a lease, and leaves no mark', async () => {
    const old = await open('file:old')
    const held = await lease(old)
    await expect(copy()).rejects.toMatchObject({
      code: 'lease-held',
      message: expect.stringContaining('run R1 (db) on one holds a lease') as string,
    })
    expect(await readMoved(old)).toBeUndefined()
    expect(double.objects.names()).toEqual([])
    await held.release()
    expect((await copy()).copied).toBe(4)
  })

  it('is seen by an apply that takes its lease at the same moment', async () => {
    // The mark comes between the apply's first look at the store and its lease.
    const old = await open('file:old')
    let begun: Promise<CopyCounts> | undefined
    const slow = watchStore(old, async (call, key) => {
      if (call !== 'put' || !key.startsWith('heartbeats/') || begun !== undefined) return
      begun = copy()
      await begun
    }).store
    await expect(lease(slow)).rejects.toMatchObject({ code: 'store-refused' })
    expect(await begun).toMatchObject({ copied: 3 })
  })

  it.each([
    ['a key that the old one has not', storeKey('marks', 'z'), 'is not empty: it holds marks/z'],
    ['another value of a key', storeKey('marks', 'b'), 'has another marks/b than the old one'],
  ])('overwrites nothing: %s', async (_name, key, message) => {
    const to = await open(toUrl)
    await to.put(key, bytes('other'))
    await expect(copy()).rejects.toMatchObject({
      code: 'store-refused',
      message: expect.stringContaining(message) as string,
    })
    expect(await to.get(key)).toMatchObject({ size: 5 })
  })

  it('is refused where the old store went elsewhere, or the new one has gone', async () => {
    await copy()
    await expect(copy({ url: urlOf(double, 'third') })).rejects.toThrow(`was moved to ${toUrl} already; copy that one`)
    await expect(copy({ from: await open(toUrl), to: await open('file:old'), url: 'file:old' })).rejects.toThrow(
      'was itself moved',
    )
  })

  it('notices an object that does not come back as it was written', async () => {
    const to = await open(toUrl)
    const forgetful: ObjectStore = {
      ...watchStore(to).store,
      put: (key, _value, options) => to.put(key, bytes('!'), options),
    }
    await expect(copy({ to: forgetful })).rejects.toMatchObject({ code: 'store-corrupt' })
    expect((await readMoved(await open('file:old')))?.value.state).toBe('moving')
  })
})
