// What every store adapter must do. Takes a way to open an empty store; registers one suite. It must not know any adapter.
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { storeKey, storePrefix } from '../../../src/store/object-store.js'
import type { ObjectStore, PutResult, StoredObject } from '../../../src/store/object-store.js'

export interface OpenedStore {
  readonly store: ObjectStore
  /** Another handle on the same objects, as another process would have it. */
  readonly reopen?: () => Promise<ObjectStore>
  readonly dispose: () => Promise<void>
}

const bytes = (text: string): Uint8Array => new TextEncoder().encode(text)
const text = (value: Uint8Array): string => new TextDecoder().decode(value)
const ifAbsent = { kind: 'if-absent' } as const
const ifEtag = (etag: string): { readonly kind: 'if-etag'; readonly etag: string } => ({ kind: 'if-etag', etag })

export interface ContractOptions {
  /**
   * Whether the store tells a delete of nothing from one of something, also under an etag and among several at once. S3 need not.
   * @defaultValue true
   */
  readonly tellsDeletes?: boolean
  /**
   * Whether a condition and its write are one step, also among several writers.
   * @defaultValue true
   */
  readonly keepsRaces?: boolean
}

export function objectStoreContract(
  name: string,
  open: () => Promise<OpenedStore>,
  { tellsDeletes = true, keepsRaces = true }: ContractOptions = {},
): void {
  describe(`object store: ${name}`, () => {
    let opened: OpenedStore
    let store: ObjectStore
    beforeEach(async () => {
      opened = await open()
      store = opened.store
    })
    afterEach(async () => {
      await store.close()
      await opened.dispose()
    })

    const handles = async (count: number): Promise<ObjectStore[]> =>
      Promise.all(Array.from({ length: count }, async () => (opened.reopen === undefined ? store : opened.reopen())))

    const found = async (...parts: string[]): Promise<StoredObject> => {
      const object = await store.get(storeKey(...parts))
      if (object.kind === 'missing') throw new Error(`${parts.join('/')} is missing`)
      return object
    }

    const keys = async (prefix: string, after?: string): Promise<string[]> => {
      const all: string[] = []
      for await (const { key } of store.list(prefix, after === undefined ? {} : { after })) all.push(key)
      return all
    }

    const etagOf = (result: PutResult): string => {
      if (result.kind !== 'stored') throw new Error(`not stored but ${result.kind}`)
      return result.etag
    }

    describe('one object', () => {
      const key = storeKey('team', 'a')

      it('is missing everywhere before it is put', async () => {
        expect(await store.get(key)).toEqual({ kind: 'missing' })
        expect(await store.head(key)).toEqual({ kind: 'missing' })
        expect(await store.delete(key)).toEqual({ kind: 'missing' })
        expect((await store.delete(key, { etag: 'no-such' })).kind).toMatch(
          tellsDeletes ? /missing/ : /missing|deleted/,
        )
        expect(await store.put(key, bytes('x'), { condition: ifEtag('no-such') })).toEqual({ kind: 'missing' })
        expect(await store.get(key)).toEqual({ kind: 'missing' })
        expect(await keys('')).toEqual([])
      })

      it('comes back with its value, size, time and metadata', async () => {
        const before = await store.now()
        const etag = etagOf(await store.put(key, bytes('value'), { metadata: { run: '01J', 'with space': 'ü\n"' } }))
        const object = await found('team', 'a')
        expect(text(object.value)).toBe('value')
        const { value, ...head } = object
        expect(value.byteLength).toBe(5)
        expect(head).toMatchObject({ kind: 'found', etag, size: 5, metadata: { run: '01J', 'with space': 'ü\n"' } })
        expect(head.modifiedAt).toBeGreaterThanOrEqual(before)
        expect(head.modifiedAt).toBeLessThanOrEqual(await store.now())
        expect(await store.head(key)).toEqual(head)
      })

      it('is replaced without condition, metadata and all', async () => {
        const first = etagOf(await store.put(key, bytes('one'), { metadata: { a: '1' } }))
        const second = etagOf(await store.put(key, bytes('two')))
        expect(second).not.toBe(first)
        expect(await store.get(key)).toMatchObject({ etag: second, metadata: {}, size: 3 })
        expect(text((await found('team', 'a')).value)).toBe('two')
      })

      it('gets a new etag even for the same value, and after a delete', async () => {
        const etags = new Set<string>()
        for (let i = 0; i < 3; i += 1) {
          etags.add(etagOf(await store.put(key, bytes('same'))))
          etags.add(etagOf(await store.put(key, bytes('same'))))
          await store.delete(key)
        }
        expect(etags.size).toBe(6)
      })

      it('is created only where there is none', async () => {
        expect((await store.put(key, bytes('one'), { condition: ifAbsent })).kind).toBe('stored')
        expect(await store.put(key, bytes('two'), { condition: ifAbsent })).toEqual({ kind: 'exists' })
        expect(text((await found('team', 'a')).value)).toBe('one')
        await store.delete(key)
        expect((await store.put(key, bytes('three'), { condition: ifAbsent })).kind).toBe('stored')
        expect(text((await found('team', 'a')).value)).toBe('three')
      })

      it('is replaced under its etag, and never under an older or made-up one', async () => {
        const first = etagOf(await store.put(key, bytes('one')))
        const second = etagOf(await store.put(key, bytes('two'), { condition: ifEtag(first) }))
        expect(await store.put(key, bytes('three'), { condition: ifEtag(first) })).toEqual({ kind: 'conflict' })
        expect(await store.put(key, bytes('three'), { condition: ifEtag('../../x') })).toEqual({ kind: 'conflict' })
        expect(await store.get(key)).toMatchObject({ etag: second })
        await store.delete(key)
        expect(await store.put(key, bytes('three'), { condition: ifEtag(second) })).toEqual({ kind: 'missing' })
        await store.put(key, bytes('two'))
        expect(await store.put(key, bytes('three'), { condition: ifEtag(second) })).toEqual({ kind: 'conflict' })
      })

      it('is deleted with and without its etag', async () => {
        const first = etagOf(await store.put(key, bytes('one')))
        const second = etagOf(await store.put(key, bytes('two')))
        expect(await store.delete(key, { etag: first })).toEqual({ kind: 'conflict' })
        expect(text((await found('team', 'a')).value)).toBe('two')
        expect(await store.delete(key, { etag: second })).toEqual({ kind: 'deleted' })
        expect(await store.get(key)).toEqual({ kind: 'missing' })
        await store.put(key, bytes('three'))
        expect(await store.delete(key)).toEqual({ kind: 'deleted' })
        expect(await store.head(key)).toEqual({ kind: 'missing' })
      })

      it('is as well kept when it need not survive a crash of the machine', async () => {
        const etag = etagOf(await store.put(key, bytes('one'), { durable: false, condition: ifAbsent }))
        expect(
          (await store.put(key, bytes('two'), { durable: false, condition: ifEtag(etag), metadata: { a: 'b' } })).kind,
        ).toBe('stored')
        expect(await store.get(key)).toMatchObject({ size: 3, metadata: { a: 'b' } })
      })

      it('holds no bytes, any bytes, and 5 MB of them', async () => {
        const big = new Uint8Array(5_000_000).map((_, index) => (index * 31) % 251)
        for (const value of [new Uint8Array(), new Uint8Array([0, 255, 10, 13, 0]), big]) {
          await store.put(key, value)
          const object = await found('team', 'a')
          expect(object.size).toBe(value.byteLength)
          expect(Buffer.compare(object.value, value)).toBe(0)
        }
      })

      it('of more bytes than are asked for is not read', async () => {
        const value = new Uint8Array(100_000)
        const bounded = async (atMost: number): Promise<string> => (await store.getBounded(key, atMost)).kind
        expect(await bounded(0)).toBe('missing')
        const etag = etagOf(await store.put(key, value))
        expect(await store.getBounded(key, value.byteLength)).toEqual(await store.get(key))
        expect([await bounded(value.byteLength - 1), await bounded(0)]).toEqual(['too-large', 'too-large'])
        // What was left unread is in nobody's way.
        expect(await store.head(key)).toMatchObject({ etag, size: value.byteLength })
      })

      it('is not changed through bytes that were put or got', async () => {
        const value = bytes('abc')
        await store.put(key, value)
        value.fill(0)
        ;(await found('team', 'a')).value.fill(0)
        expect(text((await found('team', 'a')).value)).toBe('abc')
      })

      it('is seen by another handle', async () => {
        await store.put(key, bytes('one'))
        const [other] = await handles(1)
        expect(await other?.get(key)).toMatchObject({ size: 3 })
      })
    })

    describe('keys', () => {
      const odd = [
        ['plain'],
        ['Plain'],
        ['PLAIN'],
        ['ünï', '漢字', '🙂'],
        ['e\u0301'],
        ['\u00e9'],
        ['\ud800'],
        ['\udfff'],
        ['\ufffd'],
        [''],
        ['', ''],
        ['.'],
        ['..'],
        ['...', '.hidden'],
        ['a/b'],
        ['a', 'b'],
        ['a%2Fb'],
        ['%empty'],
        ['~'],
        ['a@'],
        ['a@', 'b'],
        ['x^1234abcd'],
        ['t.0.1_a_1_b'],
        ['d.x'],
        ['nul\0', 'line\nbreak', ' space '],
        ['x'.repeat(300)],
        ['x'.repeat(299)],
        ['漢'.repeat(300), 'below'],
        ['con', 'aux:'],
      ]

      it('of any text are kept apart', async () => {
        for (const parts of odd) {
          expect(
            await store.put(storeKey(...parts), bytes(JSON.stringify(parts)), { durable: false, condition: ifAbsent }),
          ).toMatchObject({
            kind: 'stored',
          })
        }
        for (const parts of odd) expect(text((await found(...parts)).value)).toBe(JSON.stringify(parts))
        expect(await keys('')).toEqual(odd.map((parts) => storeKey(...parts)).sort())
        for (const parts of odd) expect(await store.delete(storeKey(...parts))).toEqual({ kind: 'deleted' })
        expect(await keys('')).toEqual([])
      })

      it('may start with a whole other key', async () => {
        await store.put(storeKey('a', 'b'), bytes('below'))
        await store.put(storeKey('a'), bytes('above'))
        expect(text((await found('a')).value)).toBe('above')
        await store.delete(storeKey('a'))
        expect(text((await found('a', 'b')).value)).toBe('below')
        await store.put(storeKey('a'), bytes('again'))
        await store.delete(storeKey('a', 'b'))
        expect(text((await found('a')).value)).toBe('again')
      })
    })

    describe('list', () => {
      const all = ['a', 'a-b', 'a.b', 'a/b', 'a/b/c', 'a/b/d', 'a/c', 'ab', 'ab/c', 'b/A', 'b/Z', 'b/_', 'b/a'].map(
        (path) => path.split('/'),
      )

      it('gives keys in code-unit order, only below the prefix', async () => {
        for (const parts of all) await store.put(storeKey(...parts), bytes('x'), { durable: false })
        const sorted = all.map((parts) => storeKey(...parts)).sort()
        expect(await keys('')).toEqual(sorted)
        expect(await keys(storePrefix('a'))).toEqual(['a/b', 'a/b/c', 'a/b/d', 'a/c'])
        expect(await keys(storePrefix('a', 'b'))).toEqual(['a/b/c', 'a/b/d'])
        expect(await keys(storePrefix('b'))).toEqual(['b/A', 'b/Z', 'b/_', 'b/a'])
        expect(await keys(storePrefix('nobody'))).toEqual([])
        expect(await keys(storePrefix('a', 'c'))).toEqual([])
      })

      it('goes on after any text, a key or not', async () => {
        for (const parts of all) await store.put(storeKey(...parts), bytes('x'), { durable: false })
        const sorted = all.map((parts): string => storeKey(...parts)).sort()
        for (const after of [...sorted, '', '!', 'a/', 'a/b/', 'a/b/cc', 'aa', 'b/B', 'zzz', '~']) {
          expect(await keys('', after)).toEqual(sorted.filter((key) => key > after))
        }
        expect(await keys(storePrefix('a'), 'a/b/c')).toEqual(['a/b/d', 'a/c'])
      })

      it('leaves out what was deleted, and can be left early', async () => {
        for (let i = 0; i < 200; i += 1)
          await store.put(storeKey('n', String(i).padStart(3, '0')), bytes('x'), { durable: false })
        for (let i = 0; i < 200; i += 2) await store.delete(storeKey('n', String(i).padStart(3, '0')))
        const listed = await keys(storePrefix('n'))
        expect(listed).toHaveLength(100)
        expect(listed[0]).toBe('n/001')
        for await (const { key } of store.list(storePrefix('n'))) {
          expect(key).toBe('n/001')
          break
        }
      })
    })

    describe('races', () => {
      it('lets exactly one of 16 create', async () => {
        const key = storeKey('race')
        for (const durable of [true, false]) {
          const stores = await handles(16)
          const results = await Promise.all(
            stores.map((each, index) => each.put(key, bytes(String(index)), { condition: ifAbsent, durable })),
          )
          const winners = results.flatMap((result, index) =>
            result.kind === 'stored' ? [{ index, etag: result.etag }] : [],
          )
          expect(winners).toHaveLength(1)
          expect(results.filter((result) => result.kind === 'exists')).toHaveLength(15)
          const object = await found('race')
          expect(text(object.value)).toBe(String(winners[0]?.index))
          expect(object.etag).toBe(winners[0]?.etag)
          await store.delete(key)
        }
      })

      it.skipIf(!keepsRaces)('loses no increment of 8 writers', async () => {
        const key = storeKey('counter')
        await store.put(key, bytes('0'))
        const increment = async (handle: ObjectStore): Promise<void> => {
          for (;;) {
            const object = await handle.get(key)
            if (object.kind === 'missing') throw new Error('the counter is gone')
            const next = bytes(String(Number(text(object.value)) + 1))
            if ((await handle.put(key, next, { condition: ifEtag(object.etag) })).kind === 'stored') return
          }
        }
        await Promise.all(
          (await handles(8)).map(async (handle) => {
            for (let i = 0; i < 5; i += 1) await increment(handle)
          }),
        )
        expect(text((await found('counter')).value)).toBe('40')
      })

      it('deletes once, however many ask', async () => {
        const key = storeKey('gone')
        const etag = etagOf(await store.put(key, bytes('x')))
        const results = await Promise.all((await handles(8)).map((each) => each.delete(key, { etag })))
        const deleted = results.filter((result) => result.kind === 'deleted')
        if (tellsDeletes) expect(deleted).toHaveLength(1)
        expect(deleted.length).toBeGreaterThan(0)
        expect(results.filter((result) => result.kind === 'missing')).toHaveLength(8 - deleted.length)
        expect(await store.head(key)).toEqual({ kind: 'missing' })
      })

      it('keeps some whole value when all write at once without condition', async () => {
        const key = storeKey('last')
        const results = await Promise.all(
          (await handles(8)).map((each, index) => each.put(key, bytes(`value ${String(index)}`))),
        )
        expect(results.every((result) => result.kind === 'stored')).toBe(true)
        const object = await found('last')
        const index = results.findIndex((result) => result.kind === 'stored' && result.etag === object.etag)
        expect(text(object.value)).toBe(`value ${String(index)}`)
      })

      it('keeps one key through creates and deletes side by side', async () => {
        const key = storeKey('flicker')
        const counts = { created: 0, deleted: 0 }
        await Promise.all(
          (await handles(6)).map(async (each, index) => {
            for (let i = 0; i < 15; i += 1) {
              if (index % 2 === 0) {
                if ((await each.put(key, bytes('x'), { condition: ifAbsent, durable: false })).kind === 'stored')
                  counts.created += 1
              } else if ((await each.delete(key)).kind === 'deleted') counts.deleted += 1
            }
          }),
        )
        const left = (await store.get(key)).kind === 'found' ? 1 : 0
        if (tellsDeletes) expect(counts.created - counts.deleted).toBe(left)
        expect(counts.created).toBeGreaterThan(0)
        expect(await keys('')).toHaveLength(left)
      })
    })
  })
}
