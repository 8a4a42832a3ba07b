// Hits of the run cache that evaluate nothing: what inputs came to is remembered beside the entry, and must never answer for anything else.
import { describe, expect, it } from 'vitest'
import {
  evaluationKey,
  readEvaluation,
  writeEvaluation,
  type Evaluation,
  type EvaluationAddress,
} from '../src/early-exit/evaluations.js'
import type { HeadFacts } from '../src/early-exit/head-facts.js'
import { encodeEntry, readEntry } from '../src/early-exit/run-cache-entry.js'
import type { CacheKeys } from '../src/early-exit/signature.js'
import { readDocuments, writeDocument, type FoundDocument } from '../src/store/document.js'
import { writeLedger, type LedgerShard } from '../src/store/ledger.js'
import { createMarkStore } from '../src/store/marks.js'
import { storeKey, type ObjectStore, type StoreKey } from '../src/store/object-store.js'
import { OWNERSHIP } from '../src/store/shard-index.js'
import { createCachedRuns, type CachedRun, type CachedRuns, type Given } from './support/cached-runs.js'
import { keysOf, outage, watchStore } from './support/failing-store.js'

/** A world that is as desired, owned and applied, and one run that was kept. No secrets. */
async function kept(always: Partial<Given> = {}): Promise<CachedRuns> {
  const runs = createCachedRuns({ secretly: false, ...always })
  for (const given of [{ mode: 'apply', cache: null }, {}] as const) {
    const { record } = await runs.run(given)
    expect(record.exitCode).toBe(0)
  }
  return runs
}

function told({ record, evaluated, planned }: CachedRun): readonly unknown[] {
  return [record.decision.reason, evaluated, planned]
}
const FAST = ['cache-hit', false, false]
const SLOW = ['cache-hit', true, false]
const MISS = ['cache-miss', true, true]
const STALE = ['cache-stale', true, true]

const evaluations = async (store: ObjectStore): Promise<string[]> =>
  (await keysOf(store, 'cache/')).filter((key) => key.split('/').length === 5)
async function only(store: ObjectStore): Promise<StoreKey> {
  const [key, ...more] = await evaluations(store)
  if (key === undefined || more.length > 0) throw new Error('there is not exactly one')
  return key as StoreKey
}
const LONG = (letter: string): string => letter.repeat(40)

describe('a hit', () => {
  it.each([false, 'name'] as const)(
    'evaluates nothing, and tells the same as one that does (shards: %s)',
    async (sharded) => {
      const runs = await kept({ sharded })
      const fast = await runs.run()
      expect(told(fast)).toEqual(FAST)
      await runs.store.delete(await only(runs.store))
      const slow = await runs.run()
      expect(told(slow)).toEqual(SLOW)
      const same = ({ record: { decision, run, log } }: CachedRun): unknown => ({
        decision,
        shards: run.shards,
        destination: run.destination,
        log,
      })
      expect(same(fast)).toEqual(same(slow))
    },
  )

  it('of an apply asks git and the marks', async () => {
    const runs = await kept()
    expect(told(await runs.run({ mode: 'apply' }))).toEqual(MISS)
    expect(told(await runs.run({ mode: 'apply' }))).toEqual(FAST)
    const marks = createMarkStore(runs.store, 'things', 'somewhere')
    const before = await marks.read('')
    if (before === undefined) throw new Error('there is no mark')
    await marks.write({ ...before.mark, desired: 'of another' }, before)
    // The trees still answer; without them desired state has to.
    await marks.write({ ...before.mark, inputs: 'other trees', desired: 'of another' }, await marks.read(''))
    expect(told(await runs.run({ mode: 'apply' }))).toEqual(STALE)
  })

  it('of a choice of shards is theirs alone, and an unknown shard is told as ever', async () => {
    const runs = await kept({ sharded: 'name' })
    expect(told(await runs.run({ shards: ['a'] }))).toEqual(MISS)
    expect(told(await runs.run({ shards: ['a'] }))).toEqual(FAST)
    const { record } = await runs.run({ shards: ['nowhere'] })
    expect(record.error).toMatchObject({
      code: 'usage',
      message: expect.stringMatching(/no shard "nowhere"/) as unknown,
    })
  })
})

describe('nothing is remembered for', () => {
  it.each<[string, Partial<Given>]>([
    ['other data', { data: { a: '1', b: 'another' } }],
    ['another parameter', { params: { place: 'there' } }],
    ['other code', { code: 'code 2' }],
    ['another version', { version: '2' }],
    ['a variable that is set', { env: { FLAVOUR: '' } }],
    ['another major of Node', { cache: { nodeMajor: 24 } }],
    ['another target', { target: 'other' }],
    ['another zone', { cache: { zone: 'elsewhere' } }],
    ['a target with secrets', { secretly: true }],
    ['code that cannot be told', { code: null }],
  ])('%s', async (_, other) => {
    const runs = await kept()
    const { evaluated, record } = await runs.run({ ...other, cache: { access: 'r', ...other.cache } })
    expect([evaluated, record.decision.action]).toEqual([true, 'run'])
    expect(told(await runs.run())).toEqual(FAST)
  })

  it('a run with a secret leaves nothing behind', async () => {
    const runs = await kept({ secretly: true })
    expect(await evaluations(runs.store)).toEqual([])
    expect(told(await runs.run())).toEqual(SLOW)
  })

  it('a run that may not write leaves nothing behind, and one that may not read does not ask', async () => {
    const runs = createCachedRuns({ secretly: false })
    await runs.run({ mode: 'apply', cache: null })
    await runs.run({ cache: { access: 'r' } })
    expect(await evaluations(runs.store)).toEqual([])
    await runs.run()
    expect((await runs.run({ cache: { access: 'w' } })).planned).toBe(true)
    expect((await runs.run({ force: true })).planned).toBe(true)
  })
})

describe('what git does not know all of', () => {
  const known: HeadFacts = {
    code: 'code',
    config: 'config',
    inputs: 'trees',
    env: 'env',
    external: false,
    hasSecrets: false,
    noSecrets: 'none',
    semantics: 1,
    secrets: () => Promise.resolve('none'),
  }
  const keyOf = (facts: Partial<HeadFacts>): string | undefined =>
    evaluationKey({
      declaration: { integration: 'things', version: '1', params: {} },
      facts: { ...known, ...facts },
      nodeMajor: 22,
    })

  it.each<[string, Partial<HeadFacts>]>([
    ['data from outside', { external: true }],
    ['secrets', { hasSecrets: true }],
    ['code that cannot be told', { code: null }],
    ['no inputs', { inputs: null }],
  ])('has no key: %s', (_, facts) => {
    expect(keyOf({})).toMatch(/^[0-9a-f]{64}$/)
    expect(keyOf(facts)).toBeUndefined()
  })
})

describe('what was applied meanwhile', () => {
  it('another state and back: the old entry never answers', async () => {
    const runs = await kept()
    expect(told(await runs.run())).toEqual(FAST)
    await runs.run({ mode: 'apply', data: { a: '1', b: 'changed' }, cache: null })
    expect(told(await runs.run())).toEqual(STALE)
    await runs.run({ mode: 'apply', cache: null })
    expect(told(await runs.run())).toEqual(STALE)
    expect(told(await runs.run())).toEqual(FAST)
  })

  it('a shard that owns something and is desired no longer is part of the run', async () => {
    const runs = await kept({ sharded: 'name', data: { a: '1', b: '2', c: '3' } })
    const fewer = { data: { a: '1', b: '2' } }
    const first = await runs.run(fewer)
    expect([first.record.plan?.summary.delete, first.evaluated]).toEqual([1, true])
    await runs.run({ ...fewer, mode: 'apply', cache: null })
    expect(told(await runs.run(fewer))).toEqual(MISS)
    expect(told(await runs.run(fewer))).toEqual(FAST)
    // Desired again, and owned again, and then the inputs of before: c is to go although they are remembered.
    await runs.run({ mode: 'apply', cache: null })
    const again = await runs.run(fewer)
    expect([again.evaluated, again.record.plan?.summary.delete]).toEqual([true, 1])
  })
})

describe('what is owned', () => {
  const unread = (store: ObjectStore): ObjectStore =>
    watchStore(store, (call, key) => {
      if (call === 'get' && key.startsWith('ownership/')) throw outage()
    }).store
  const ledger = async ({ store }: CachedRuns): Promise<FoundDocument<LedgerShard> & { readonly key: StoreKey }> => {
    const [found] = await readDocuments<LedgerShard>(store, 'ownership/', OWNERSHIP)
    if (found === undefined) throw new Error('nothing is owned')
    return found
  }

  it.each(['dry-run', 'apply'] as const)(
    'is not read while nobody has written it: a hit of a run in mode %s',
    async (mode) => {
      const runs = await kept()
      await runs.run({ mode })
      expect(told(await runs.run({ mode, store: unread(runs.store) }))).toEqual(FAST)
    },
  )

  it.each(['dry-run', 'apply'] as const)('written anew it is read, and the same answers (%s)', async (mode) => {
    const runs = await kept()
    await runs.run({ mode })
    const { key, value, etag } = await ledger(runs)
    const objects = Object.entries(value.objects).map(([name, object]) => [name, { ...object, run: 'another' }])
    await writeDocument(runs.store, key, OWNERSHIP, { ...value, objects: Object.fromEntries(objects) as object })
    expect((await ledger(runs)).etag).not.toBe(etag)
    expect(told(await runs.run({ mode }))).toEqual(SLOW)
  })

  it.each<[string, readonly unknown[], (runs: CachedRuns) => Promise<unknown>]>([
    [
      'of another digest',
      STALE,
      async (runs) => {
        const { key, value } = await ledger(runs)
        const objects = Object.fromEntries(
          Object.entries(value.objects).map(([name, object]) => [name, { ...object, digest: 'other' }]),
        )
        await writeDocument(runs.store, key, OWNERSHIP, { ...value, objects })
      },
    ],
    ['nothing any more', STALE, async (runs) => runs.store.delete((await ledger(runs)).key)],
    [
      // It is one more to run, so it is another run.
      'by a shard that owned nothing',
      MISS,
      (runs) =>
        writeLedger(
          runs.store,
          'somewhere',
          {
            target: 'things',
            shard: 'new',
            shape: 'object',
            objects: { z: { state: 'owned', digest: null, run: 'another' } },
          },
          undefined,
        ),
    ],
  ])('%s: no hit', async (_, expected, write) => {
    const runs = await kept()
    expect(told(await runs.run())).toEqual(FAST)
    await write(runs)
    expect(told(await runs.run())).toEqual(expected)
  })

  it('is read for an entry of an older version, which did not say from what it was told', async () => {
    const runs = await kept()
    const [key = ''] = (await keysOf(runs.store, 'cache/')).filter((each) => each.split('/').length === 6)
    const found = await runs.store.get(key as StoreKey)
    const stored = found.kind === 'found' ? readEntry(found.value) : undefined
    if (stored?.kind !== 'stored') throw new Error('there is no entry')
    const { ledger: from, ...basis } = stored.entry.basis
    expect(from?.stamp).toMatch(/^[0-9a-f]{64}$/)
    await runs.store.put(key as StoreKey, encodeEntry({ ...stored.entry, basis }, undefined))
    expect(told(await runs.run())).toEqual(SLOW)
  })
})

it('a cache that does not answer is asked once and told once, with the reason', async () => {
  const runs = await kept()
  let asked = 0
  const { store } = watchStore(runs.store, (call, key) => {
    if (call !== 'get' || !key.startsWith('cache/')) return
    asked += 1
    throw outage()
  })
  const found = await runs.run({ store })
  expect([...told(found), found.record.exitCode]).toEqual(['cache-error', true, true, 0])
  expect([asked, found.warnings]).toEqual([
    1,
    ['the run cache could not be asked, and the run goes on without the cache: the disk is full'],
  ])
  expect(found.record.decision.cache).toMatchObject({ status: 'ERROR', why: 'the disk is full' })
})

describe('what others put there', () => {
  const hostile: readonly [string, (bytes: Uint8Array) => Uint8Array][] = [
    ['cut short', (bytes) => bytes.slice(0, 40)],
    ['empty', () => new Uint8Array()],
    ['no document', () => Buffer.from('{}')],
    ['larger than any', () => Buffer.alloc(17 * 1024 * 1024)],
    ['of another kind', (bytes) => Buffer.from(Buffer.from(bytes).toString().replace('"evaluation"', '"apply-mark"'))],
    ['of a newer version', (bytes) => Buffer.from(Buffer.from(bytes).toString().replace('"v": 1', '"v": 2'))],
  ]
  it.each(hostile)('%s is no answer, and harms nothing', async (_, bend) => {
    const runs = await kept()
    const key = await only(runs.store)
    const found = await runs.store.get(key)
    if (found.kind === 'missing') throw new Error('it is gone')
    await runs.store.put(key, bend(found.value))
    expect(told(await runs.run())).toEqual(SLOW)
  })

  it('one that is too large is not even read', async () => {
    const runs = await kept()
    const key = await only(runs.store)
    await runs.store.put(key, Buffer.alloc(17 * 1024 * 1024))
    const read: string[] = []
    const { store } = watchStore(runs.store)
    const watched: ObjectStore = {
      ...store,
      getBounded: async (each, atMost) => {
        const found = await store.getBounded(each, atMost)
        if (each === key) read.push(found.kind)
        return found
      },
    }
    expect(told(await runs.run({ store: watched }))).toEqual(SLOW)
    expect(read).toEqual(['too-large'])
  })

  /** What is asked for data that an update is due for, and what is remembered of data for which nothing is. */
  const CHANGED = { data: { a: 'changed', b: '2' } } satisfies Partial<Given>
  async function tempted(
    always: Partial<Given> = {},
  ): Promise<{ runs: CachedRuns; at: EvaluationAddress; good: Evaluation }> {
    const runs = await kept(always)
    const good = await readEvaluation(runs.store, addressOf(await only(runs.store)), undefined)
    let asked = ''
    const { store } = watchStore(runs.store, (call, key) => {
      if (call === 'get' && key.startsWith('cache/') && key.split('/').length === 5) asked = key
    })
    await runs.run({ ...CHANGED, store })
    if (good === undefined || asked === '') throw new Error('nothing was remembered, or asked')
    return { runs, at: addressOf(asked), good }
  }
  const addressOf = (key: string): EvaluationAddress => ({
    zone: 'local',
    target: 'things',
    key: key.split('/')[4] ?? '',
  })

  it('one of another place is no answer', async () => {
    const { runs, at } = await tempted()
    const own = await runs.store.get(await only(runs.store))
    if (own.kind === 'missing') throw new Error('it is gone')
    await runs.store.put(storeKey('cache', at.zone, at.target, 'evaluated', at.key), own.value)
    const { record, planned } = await runs.run(CHANGED)
    expect([planned, record.plan?.summary.update]).toEqual([true, 1])
  })

  it.each<[string, CacheKeys | undefined]>([
    ['that is not signed', undefined],
    ['signed with an unknown key', { signWith: 'old', byId: new Map([['old', LONG('o')]]) }],
    ['signed with another key of the same name', { signWith: '2026', byId: new Map([['2026', LONG('x')]]) }],
  ])('with signing, one %s is no answer', async (_, keys) => {
    const signing = { keys: { '2026': LONG('k') }, key: '2026' }
    const { runs, at, good } = await tempted({ signing })
    expect(told(await runs.run())).toEqual(FAST)
    await writeEvaluation(runs.store, { address: at, evaluation: good, keys, expiresAt: Number.MAX_SAFE_INTEGER })
    const { record, planned } = await runs.run(CHANGED)
    expect([planned, record.plan?.summary.update]).toEqual([true, 1])
  })

  it('is told apart by zone: a trusted run reads only its own', async () => {
    const runs = await kept({ cache: { zone: 'untrusted-pr' } })
    const key = await only(runs.store)
    const address = { target: 'things', key: key.split('/').at(-1) ?? '' }
    expect(await readEvaluation(runs.store, { ...address, zone: 'untrusted-pr' }, undefined)).toBeDefined()
    expect(await readEvaluation(runs.store, { ...address, zone: 'main' }, undefined)).toBeUndefined()
    expect(told(await runs.run({ cache: { zone: 'main', readZone: 'untrusted-pr' } }))).toEqual(MISS)
    expect(told(await runs.run({ cache: { zone: 'untrusted-other', readZone: 'untrusted-pr' } }))).toEqual(FAST)
  })
})
