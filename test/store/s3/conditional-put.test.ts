// Every way in which the answer to a conditional write can go wrong × what another writer does meanwhile × whether reading back works: what is told must be
// what happened, and where that cannot be known, an error says so.
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { isTrueupError } from '../../../src/errors.js'
import { storeKey, type ObjectStore, type PutCondition } from '../../../src/store/object-store.js'
import { systemClock, type Clock } from '../../../src/util/clock.js'
import { KEYS, openS3 } from '../../support/s3-double/open.js'
import { startS3Double, type Fault, type S3Double } from '../../support/s3-double/server.js'

const key = storeKey('claim')
const bytes = (text: string): Uint8Array => new TextEncoder().encode(text)
/** Waits for nothing between attempts; time limits are the machine's. */
const hasty: Clock = {
  ...systemClock,
  sleep: (ms, signal, options) =>
    options?.background === true ? systemClock.sleep(ms, signal, options) : Promise.resolve(),
}

const FAULTS: Readonly<Record<string, Fault | undefined>> = {
  none: undefined,
  'lost before': { kind: 'lost', when: 'before' },
  'lost after': { kind: 'lost', when: 'after' },
  '500 before': { kind: 'answer', status: 500, code: 'InternalError' },
  '500 after': { kind: 'done-but', status: 500, code: 'InternalError' },
  '503 before': { kind: 'answer', status: 503, code: 'ServiceUnavailable' },
  'slow down': { kind: 'answer', status: 503, code: 'SlowDown', headers: { 'retry-after': '1' } },
  '429': { kind: 'answer', status: 429, code: 'TooManyRequests', headers: { 'retry-after': '1' } },
  '409 before': { kind: 'answer', status: 409, code: 'ConditionalRequestConflict' },
  '409 aborted': { kind: 'answer', status: 409, code: 'OperationAborted' },
  '412 on its own write': { kind: 'done-but', status: 412, code: 'PreconditionFailed' },
  '404 before': { kind: 'answer', status: 404, code: 'NoSuchKey' },
  'nonsense before': { kind: 'nonsense' },
}

type Deed = (store: ObjectStore) => Promise<unknown>
const DEEDS: Readonly<Record<string, Deed | undefined>> = {
  nothing: undefined,
  creates: (store) => store.put(key, bytes('B'), { condition: { kind: 'if-absent' } }),
  replaces: async (store) => {
    const found = await store.head(key)
    if (found.kind === 'found') await store.put(key, bytes('B'), { condition: { kind: 'if-etag', etag: found.etag } })
  },
  'replaces twice': async (store) => {
    await DEEDS['replaces']?.(store)
    await DEEDS['replaces']?.(store)
  },
  overwrites: (store) => store.put(key, bytes('B')),
  removes: (store) => store.delete(key),
  'removes and creates': async (store) => {
    await store.delete(key)
    await DEEDS['creates']?.(store)
  },
}

interface Case {
  readonly condition: 'if-absent' | 'if-etag'
  readonly fault: string
  readonly deed: string
  /** Before the first attempt is judged, or after it and before it is looked after. */
  readonly when: 'before' | 'after'
  readonly readBack: 'works' | 'fails'
}

const CASES: readonly Case[] = (['if-absent', 'if-etag'] as const).flatMap((condition) =>
  Object.keys(FAULTS).flatMap((fault) =>
    Object.keys(DEEDS).flatMap((deed) =>
      (['before', 'after'] as const).flatMap((when) =>
        (['works', 'fails'] as const)
          .filter((readBack) => readBack === 'works' || deed === 'nothing' || deed === 'replaces')
          .map((readBack) => ({ condition, fault, deed, when, readBack })),
      ),
    ),
  ),
)

describe('a conditional write on S3', () => {
  let double: S3Double
  beforeEach(async () => {
    for (const [name, value] of Object.entries(KEYS)) vi.stubEnv(name, value)
    double = await startS3Double()
  })
  afterEach(async () => double[Symbol.asyncDispose]())

  /** What was told (a kind, or `unknown`), and how often the write was done. */
  async function play(
    test: Case,
    [mine, other]: readonly [ObjectStore, ObjectStore],
  ): Promise<{ readonly told: string; readonly done: number; readonly sent: number }> {
    double.intercept = () => undefined
    double.afterWrite = () => undefined
    await other.delete(key)
    let condition: PutCondition = { kind: 'if-absent' }
    if (test.condition === 'if-etag') {
      const put = await mine.put(key, bytes('X'))
      if (put.kind === 'stored') condition = { kind: 'if-etag', etag: put.etag }
    }
    const isMine = (headers: Readonly<Record<string, string | undefined>>): boolean =>
      headers['x-amz-meta-trueup']?.includes('"by":"A"') === true
    const seen = { done: 0, sent: 0, deed: false, isActing: false }
    const act = async (): Promise<void> => {
      seen.deed = true
      seen.isActing = true
      await DEEDS[test.deed]?.(other)
      seen.isActing = false
    }
    double.intercept = async ({ method, headers }) => {
      if (seen.isActing) return undefined
      if (method === 'PUT' && isMine(headers)) {
        seen.sent += 1
        if (seen.sent > 1) return undefined
        if (test.when === 'before') await act()
        return FAULTS[test.fault]
      }
      if (seen.sent > 0 && !seen.deed) await act()
      return method === 'HEAD' && test.readBack === 'fails'
        ? { kind: 'answer', status: 500, code: 'InternalError' }
        : undefined
    }
    double.afterWrite = ({ headers }) => {
      if (isMine(headers)) seen.done += 1
    }
    const told = await mine.put(key, bytes('A'), { condition, metadata: { by: 'A' } }).then(
      (result) => result.kind,
      (error: unknown) => {
        if (isTrueupError(error) && error.code === 'store-unavailable') return 'unknown'
        throw error
      },
    )
    return { told, done: seen.done, sent: seen.sent }
  }

  const stores = async (): Promise<readonly [ObjectStore, ObjectStore]> =>
    Promise.all([openS3(double, { clock: hasty }), openS3(double, { clock: hasty })])

  /** The store says that nothing was done, which is not true, and another removes all trace of it before anybody can look. */
  const beyondReach = ({ fault, deed, when }: Case): boolean =>
    fault === '412 on its own write' &&
    when === 'after' &&
    ['replaces twice', 'overwrites', 'removes', 'removes and creates'].includes(deed)

  it.each(Object.keys(FAULTS))('is never told to have won or lost falsely: %s', async (fault) => {
    const wrong: unknown[] = []
    const both = await stores()
    for (const test of CASES.filter((it) => it.fault === fault && !beyondReach(it))) {
      const { told, done } = await play(test, both)
      const isTrue = told === 'unknown' || (told === 'stored' ? done > 0 : done === 0)
      if (!isTrue) wrong.push({ ...test, told, done })
    }
    expect(wrong).toEqual([])
  })

  const plain: Case = { condition: 'if-absent', fault: 'none', deed: 'nothing', when: 'after', readBack: 'works' }
  const told = async (test: Partial<Case>): Promise<string> => (await play({ ...plain, ...test }, await stores())).told

  it.each<[Partial<Case>, string]>([
    [{}, 'stored'],
    [{ fault: 'lost after' }, 'stored'],
    [{ fault: 'lost before' }, 'stored'],
    [{ fault: '500 after' }, 'stored'],
    [{ fault: '500 before' }, 'stored'],
    [{ fault: '409 before' }, 'stored'],
    [{ fault: '409 aborted' }, 'stored'],
    [{ fault: '412 on its own write' }, 'stored'],
    [{ fault: 'slow down' }, 'stored'],
    [{ fault: '429' }, 'stored'],
    [{ fault: 'nonsense before' }, 'stored'],
    [{ fault: 'lost after', deed: 'replaces' }, 'stored'],
    [{ fault: '412 on its own write', deed: 'replaces' }, 'stored'],
    [{ deed: 'creates', when: 'before' }, 'exists'],
    [{ fault: '409 before', deed: 'creates', when: 'before' }, 'exists'],
    [{ fault: 'lost before', deed: 'creates', when: 'before' }, 'unknown'],
    [{ fault: 'lost before', deed: 'overwrites' }, 'unknown'],
    [{ fault: 'lost after', deed: 'overwrites' }, 'unknown'],
    [{ fault: 'lost after', readBack: 'fails' }, 'unknown'],
    [{ condition: 'if-etag' }, 'stored'],
    [{ condition: 'if-etag', fault: 'lost after' }, 'stored'],
    [{ condition: 'if-etag', fault: 'lost before' }, 'stored'],
    [{ condition: 'if-etag', fault: '412 on its own write' }, 'stored'],
    [{ condition: 'if-etag', fault: 'lost after', deed: 'replaces' }, 'stored'],
    [{ condition: 'if-etag', deed: 'replaces', when: 'before' }, 'conflict'],
    [{ condition: 'if-etag', deed: 'overwrites', when: 'before' }, 'conflict'],
    [{ condition: 'if-etag', deed: 'removes', when: 'before' }, 'missing'],
    [{ condition: 'if-etag', deed: 'removes and creates', when: 'before' }, 'conflict'],
    [{ condition: 'if-etag', fault: '409 before', deed: 'replaces', when: 'before' }, 'conflict'],
    [{ condition: 'if-etag', fault: 'lost before', deed: 'replaces', when: 'before' }, 'conflict'],
    [{ condition: 'if-etag', fault: 'lost after', deed: 'removes' }, 'unknown'],
    [{ condition: 'if-etag', fault: 'lost after', readBack: 'fails' }, 'unknown'],
  ])('%j is told as %s', async (test, expected) => {
    expect(await told(test)).toBe(expected)
  })

  it('sends a write once that was done, and again one that was not', async () => {
    const both = await stores()
    const sent = async (fault: string): Promise<number> => (await play({ ...plain, fault }, both)).sent
    expect([await sent('lost after'), await sent('412 on its own write'), await sent('lost before')]).toEqual([1, 1, 2])
  })

  it('gives up after ten attempts, and says what the store answered', async () => {
    double.intercept = ({ method }) =>
      method === 'PUT' ? { kind: 'answer', status: 409, code: 'ConditionalRequestConflict' } : undefined
    const store = await openS3(double, { clock: hasty })
    await expect(store.put(key, bytes('A'), { condition: { kind: 'if-absent' } })).rejects.toMatchObject({
      code: 'store-unavailable',
      retryable: true,
      message: `The store s3://bucket/team at ${double.endpoint} cannot write claim: 409 ConditionalRequestConflict, 10 times. Try again.`,
    })
    expect(double.requests.filter(({ method }) => method === 'PUT')).toHaveLength(10)
  })

  it('does not take an equal value of another for its own', async () => {
    const [mine, other] = await stores()
    const put = await other.put(key, bytes('same'), { condition: { kind: 'if-absent' } })
    expect(await mine.put(key, bytes('same'), { condition: { kind: 'if-absent' } })).toEqual({ kind: 'exists' })
    const again = await other.put(key, bytes('same'))
    expect(again).not.toEqual(put)
    const etag = put.kind === 'stored' ? put.etag : ''
    expect(await mine.put(key, bytes('same'), { condition: { kind: 'if-etag', etag } })).toEqual({ kind: 'conflict' })
  })
})
