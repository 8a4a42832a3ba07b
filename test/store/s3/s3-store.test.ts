// What only an S3 store can get wrong: bodies, retries, addresses, rights, and what it tells of all that.
import { createHash } from 'node:crypto'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { storeKey, type ObjectStore } from '../../../src/store/object-store.js'
import { systemClock, type Clock } from '../../../src/util/clock.js'
import { createFakeClock } from '../../../src/util/fake-clock.js'
import { keysOf } from '../../support/failing-store.js'
import { KEYS, openS3 } from '../../support/s3-double/open.js'
import { startS3Double, type Fault, type S3Double } from '../../support/s3-double/server.js'

const key = storeKey('marks', 'db', 'a')
const bytes = (text: string): Uint8Array => new TextEncoder().encode(text)
const text = (value: Uint8Array): string => new TextDecoder().decode(value)

describe('the S3 store', () => {
  let double: S3Double
  const opened: ObjectStore[] = []
  beforeEach(async () => {
    for (const [name, value] of Object.entries(KEYS)) vi.stubEnv(name, value)
    double = await startS3Double()
  })
  afterEach(async () => {
    await Promise.all(opened.splice(0).map((store) => store.close()))
    await double[Symbol.asyncDispose]()
  })
  const open = async (
    ...options: Parameters<typeof openS3> extends [unknown, ...infer R] ? R : never
  ): Promise<ObjectStore> => {
    const store = await openS3(double, ...options)
    opened.push(store)
    return store
  }
  /** Notes what it was asked to wait between attempts, and does not. */
  const noting = (waits: number[]): Clock => ({
    ...systemClock,
    sleep: (ms, signal, options) =>
      options?.background === true ? systemClock.sleep(ms, signal, options) : Promise.resolve(void waits.push(ms)),
  })
  const failOnce = (method: string, fault: Fault): void => {
    let isDone = false
    double.intercept = (request) => {
      if (isDone || request.method !== method) return undefined
      isDone = true
      return fault
    }
  }
  const count = (method: string): number => double.requests.filter((request) => request.method === method).length

  it('writes what ordinary tools read: the value, then blanks', async () => {
    const store = await open()
    await store.put(key, bytes('{"a": 1}\n'), { metadata: { run: '01J' } })
    const object = double.objects.get('team/marks/db/a!')
    expect(JSON.parse(object?.body.toString() ?? '')).toEqual({ a: 1 })
    expect(object?.body.toString()).toMatch(/^\{"a": 1\}\n[ \t]{64}$/)
    expect(JSON.parse(object?.headers['x-amz-meta-trueup'] ?? '')).toMatchObject({
      size: 9,
      sha256: createHash('sha256').update('{"a": 1}\n').digest('hex'),
      before: null,
      metadata: { run: '01J' },
    })
  })

  it('asks nothing of the bucket before it is used, and one request for each get, head, create and replace', async () => {
    const store = await openS3(double)
    opened.push(store)
    expect(double.requests).toEqual([])
    await store.get(key)
    const before = double.requests.length
    const put = await store.put(key, bytes('1'), { condition: { kind: 'if-absent' } })
    await store.put(key, bytes('2'), { condition: { kind: 'if-etag', etag: put.kind === 'stored' ? put.etag : '' } })
    await store.get(key)
    await store.head(key)
    expect(double.requests.slice(before).map(({ method }) => method)).toEqual(['PUT', 'PUT', 'GET', 'HEAD'])
  })

  it('pages through lists, from after a key, without what others have put there', async () => {
    const store = await open()
    double.rules.pageSize = 3
    for (let at = 0; at < 10; at += 1) await store.put(storeKey('n', String(at)), bytes('x'))
    for (const name of ['team/n/4', 'team/n/', 'team/n/ü!', 'teams/n/1!'])
      double.objects.write(name, Buffer.from('x'), { headers: {}, modifiedAt: 0 })
    expect(await keysOf(store, 'n/')).toEqual(Array.from({ length: 10 }, (_, at) => `n/${String(at)}`))
    expect(await keysOf(store)).toHaveLength(10)
    expect(count('LIST')).toBeGreaterThan(6)
  })

  describe('bodies', () => {
    it.each<[string, Fault]>([
      ['cut on its way', { kind: 'half-body', then: 'cut' }],
      ['shorter than was written', { kind: 'short-body' }],
    ])('%s: read again', async (_name, fault) => {
      const store = await open()
      await store.put(key, bytes('a value'))
      failOnce('GET', fault)
      const found = await store.get(key)
      expect(found.kind === 'found' && text(found.value)).toBe('a value')
    })

    it.each([
      ['half of it', (body: Buffer) => body.subarray(0, 3)],
      ['another byte', (body: Buffer) => Buffer.from(body.toString().replace('value', 'valuf'))],
    ])('that are not what was written (%s) are an error, never absent', async (_name, damage) => {
      const store = await open()
      await store.put(key, bytes('a value'))
      const object = double.objects.get('team/marks/db/a!')
      if (object === undefined) throw new Error('nothing was written')
      double.objects.write('team/marks/db/a!', damage(object.body), object)
      await expect(store.get(key)).rejects.toMatchObject({
        code: 'store-corrupt',
        message: expect.stringContaining('marks/db/a in s3://bucket/team at') as string,
      })
    })

    it('of somebody else are an error, also for head', async () => {
      const store = await open()
      double.objects.write('team/marks/db/a!', Buffer.from('{}'), { headers: {}, modifiedAt: 0 })
      for (const read of [() => store.get(key), () => store.head(key)])
        await expect(read()).rejects.toMatchObject({
          code: 'store-corrupt',
          message: expect.stringContaining('was not written by trueup') as string,
        })
      expect(await store.put(key, bytes('x'), { condition: { kind: 'if-absent' } })).toEqual({ kind: 'exists' })
    })

    it('that stop coming are given up after 20 s, and read again', async () => {
      const clock = createFakeClock()
      const store = await open({ clock })
      await store.put(key, bytes('a value'))
      failOnce('GET', { kind: 'half-body', then: 'stall' })
      const reading = store.get(key)
      await vi.waitUntil(() => count('GET') === 1)
      await new Promise((resolve) => setImmediate(resolve))
      clock.advance(20_000)
      await vi.waitUntil(() => {
        clock.advance(100)
        return count('GET') === 2
      })
      expect(await reading).toMatchObject({ kind: 'found', size: 7 })
    })

    it('have their 20 s from when there is a connection for them', async () => {
      const clock = createFakeClock()
      const store = await open({ clock })
      await store.put(key, bytes('a value'))
      const gates = ['first', 'second'].map(() => {
        let open = (): void => undefined
        const opened = new Promise<undefined>((resolve) => (open = () => resolve(undefined)))
        return { open, opened }
      })
      const [first, second] = gates
      double.intercept = () => (count('GET') <= 64 ? first?.opened : second?.opened)
      const reads = Array.from({ length: 100 }, () => store.get(key))
      await vi.waitUntil(() => count('GET') === 64)
      clock.advance(15_000)
      first?.open()
      await vi.waitUntil(() => count('GET') === 100)
      await Promise.all(reads.slice(0, 64))
      clock.advance(15_000)
      second?.open()
      expect((await Promise.all(reads)).every(({ kind }) => kind === 'found')).toBe(true)
      // None was given up and sent again.
      expect(count('GET')).toBe(100)
    })

    it('never leave a connection behind: 300 reads and 120 at once', async () => {
      const store = await open()
      await store.put(key, bytes('x'.repeat(10_000)))
      for (let at = 0; at < 300; at += 1) await (at % 2 === 0 ? store.get(key) : store.get(storeKey('absent')))
      const found = await Promise.all(Array.from({ length: 120 }, () => store.get(key)))
      expect(found.every(({ kind }) => kind === 'found')).toBe(true)
    })
  })

  describe('answers that say "later"', () => {
    it.each(['GET', 'PUT', 'HEAD', 'LIST'])('are waited for as long as they ask, up to 10 s: %s', async (method) => {
      const waits: number[] = []
      const store = await open({ clock: noting(waits) })
      await store.put(key, bytes('x'))
      for (const [retryAfter, ms] of [
        ['3', 3_000],
        ['600', 10_000],
      ] as const) {
        failOnce(method, {
          kind: 'answer',
          status: 429,
          code: 'TooManyRequests',
          headers: { 'retry-after': retryAfter },
        })
        waits.length = 0
        if (method === 'GET') await store.get(key)
        if (method === 'HEAD') await store.head(key)
        if (method === 'PUT') await store.put(key, bytes('x'))
        if (method === 'LIST') await keysOf(store)
        expect(waits).toEqual([ms])
      }
    })

    it('end after four reads and five writes', async () => {
      const store = await open({ clock: noting([]) })
      double.intercept = () => ({ kind: 'answer', status: 503, code: 'SlowDown' })
      const reading = { code: 'store-unavailable', retryable: true }
      await expect(store.head(key)).rejects.toMatchObject(reading)
      await expect(store.put(key, bytes('x'))).rejects.toMatchObject({
        ...reading,
        message: `The store s3://bucket/team at ${double.endpoint} cannot write marks/db/a: 503 SlowDown, 5 times. Try again.`,
      })
      expect([count('PUT'), count('HEAD')]).toEqual([5, 4])
    })

    it('a repetition writes what was given, whatever the caller makes of its bytes meanwhile', async () => {
      const value = Buffer.from('abc')
      let asked = 0
      double.intercept = (request) => {
        if (request.method !== 'PUT' || (asked += 1) > 1) return undefined
        value.fill(0)
        return { kind: 'answer', status: 503, code: 'SlowDown' }
      }
      const store = await open({ clock: noting([]) })
      await store.put(key, value, { condition: { kind: 'if-absent' } })
      const found = await store.get(key)
      expect(asked).toBe(2)
      expect(found.kind === 'found' ? text(found.value) : found.kind).toBe('abc')
    })

    it('a repeated write is another write: an etag never comes back', async () => {
      const store = await open({ clock: noting([]) })
      const etags = new Set<string>()
      double.afterWrite = ({ name }) => void etags.add(double.objects.get(name)?.etag ?? '')
      failOnce('PUT', { kind: 'lost', when: 'after' })
      await store.put(key, bytes('x'))
      expect([count('PUT'), etags.size]).toEqual([2, 2])
    })
  })

  describe('deletes', () => {
    it('a lost answer is looked after: gone is gone', async () => {
      const store = await open({ clock: noting([]) })
      for (const when of ['before', 'after'] as const) {
        const put = await store.put(key, bytes('x'))
        failOnce('DELETE', { kind: 'lost', when })
        const etag = put.kind === 'stored' ? put.etag : ''
        expect(await store.delete(key, { etag })).toEqual({ kind: when === 'before' ? 'deleted' : 'missing' })
        expect(await store.get(key)).toEqual({ kind: 'missing' })
      }
    })

    it('never take what came after the look', async () => {
      const [store, other] = await Promise.all([open({ clock: noting([]) }), open()])
      await store.put(key, bytes('old'))
      let isDone = false
      double.intercept = async ({ method }) => {
        if (method === 'DELETE' && !isDone) {
          isDone = true
          await other.put(key, bytes('new'))
        }
        return undefined
      }
      const old = await store.head(key)
      expect(await store.delete(key, { etag: old.kind === 'found' ? old.etag : '' })).toEqual({ kind: 'conflict' })
      expect(await store.get(key)).toMatchObject({ size: 3 })
    })

    it('on a store without deletes by etag: only where none is asked for', async () => {
      double.rules.knowsConditionalDelete = false
      const store = await open()
      const put = await store.put(key, bytes('x'))
      const etag = put.kind === 'stored' ? put.etag : ''
      await expect(store.delete(key, { etag })).rejects.toMatchObject({ code: 'store-refused' })
      expect(await store.delete(key)).toEqual({ kind: 'deleted' })
      expect(await store.delete(key)).toEqual({ kind: 'missing' })
    })
  })

  describe('buckets with rules', () => {
    it('of a default retention get the Content-MD5 they require', async () => {
      double.rules.requiresContentMd5 = true
      const store = await open()
      expect((await store.put(key, bytes('x'))).kind).toBe('stored')
      expect((await store.put(key, bytes('y'), { condition: { kind: 'if-absent' } })).kind).toBe('exists')
    })

    it('that refuse the new checksums get none, unless the variable says so', async () => {
      double.rules.rejectsNewChecksums = true
      expect((await (await open()).put(key, bytes('x'))).kind).toBe('stored')
      vi.stubEnv('AWS_REQUEST_CHECKSUM_CALCULATION', 'WHEN_SUPPORTED')
      const told = await open({ environment: { AWS_REQUEST_CHECKSUM_CALCULATION: 'WHEN_SUPPORTED' } })
      await expect(told.put(key, bytes('x'))).rejects.toMatchObject({
        code: 'store-unavailable',
        message: expect.stringContaining('501 NotImplemented') as string,
      })
    })

    it('read with rights to read alone', async () => {
      await (await open()).put(key, bytes('x'))
      double.rules.denied = new Set(['PUT', 'DELETE'])
      const store = await open()
      expect(await store.get(key)).toMatchObject({ size: 1 })
      expect(await keysOf(store)).toEqual([key])
      expect(await store.now()).toBeGreaterThan(0)
      await expect(store.put(key, bytes('y'))).rejects.toMatchObject({
        code: 'store-unavailable',
        message: expect.stringContaining('denied; writing needs s3:PutObject') as string,
      })
      await expect(store.delete(key)).rejects.toThrow('denied; deleting needs s3:DeleteObject')
    })

    it('that are not there are named', async () => {
      const nowhere = await openS3({ ...double, bucket: 'nowhere' })
      await expect(nowhere.get(key)).rejects.toThrow(
        'there is no bucket nowhere (404 NoSuchBucket). Create it, or name another in the URL of the store.',
      )
    })

    it('in another region are told with the region', async () => {
      failOnce('GET', {
        kind: 'answer',
        status: 301,
        code: 'PermanentRedirect',
        headers: { 'x-amz-bucket-region': 'eu-west-1' },
      })
      await expect((await open()).get(key)).rejects.toThrow('add ?region=eu-west-1 to the store URL')
    })
  })

  describe('credentials', () => {
    it('that are nowhere are told within 5 s, with what was tried and none of it', async () => {
      vi.stubEnv('AWS_ACCESS_KEY_ID', undefined)
      vi.stubEnv('AWS_SECRET_ACCESS_KEY', undefined)
      vi.stubEnv('AWS_EC2_METADATA_DISABLED', 'true')
      vi.stubEnv('AWS_SHARED_CREDENTIALS_FILE', '/nowhere')
      vi.stubEnv('AWS_CONFIG_FILE', '/nowhere')
      await expect((await open()).get(key)).rejects.toMatchObject({
        code: 'store-unavailable',
        message: expect.stringMatching(
          /has no credentials: .*Tried, in this order: AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, the profile of AWS_PROFILE or default/,
        ) as string,
      })
    })

    it('never show in a description or an error', async () => {
      const store = await open({ clock: noting([]) })
      double.intercept = () => ({ kind: 'answer', status: 403, code: 'SignatureDoesNotMatch' })
      const error: unknown = await store.get(key).catch((thrown: unknown) => thrown)
      const shown = JSON.stringify([store.description, error, String(error), (error as Error).stack])
      expect(shown).toContain('the credentials are not accepted')
      expect(shown).not.toMatch(/test-key|test-secret|Signature=|AWS4-HMAC/)
    })
  })

  it('its time is the far end’s, in whole seconds, never ahead, whatever this clock says', async () => {
    const wrong: Clock = { ...systemClock, now: () => systemClock.now() + 3_600_000 }
    const store = await open({ clock: wrong })
    const now = await store.now()
    expect(now % 1000).toBe(0)
    expect(now).toBeLessThanOrEqual(systemClock.now())
    expect(systemClock.now() - now).toBeLessThan(60_000)
  })
})
