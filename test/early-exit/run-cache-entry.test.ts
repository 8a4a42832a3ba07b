// Hostile and damaged entries of the run cache: none of them makes a skip, none of them crashes a run. In the real engine, and as bytes.
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import {
  decodeEntry,
  encodeEntry,
  LARGEST_ENTRY,
  readEntry,
  type CacheEntry,
} from '../../src/early-exit/run-cache-entry.js'
import type { CacheKeys } from '../../src/early-exit/signature.js'
import { encodeDocument } from '../../src/store/document.js'
import type { ObjectStore, StoreKey } from '../../src/store/object-store.js'
import { createCachedRuns, type CachedRun, type CachedRuns, type Given } from '../support/cached-runs.js'
import { keysOf, watchStore } from '../support/failing-store.js'

const LONG = (letter: string): string => letter.repeat(40)
const SIGNED = { signing: { keys: { '2026': LONG('k') }, key: '2026' } } satisfies Partial<Given>

interface Laid {
  readonly runs: CachedRuns
  readonly place: StoreKey
  readonly bytes: Uint8Array
  readonly entry: CacheEntry
}

/** A good entry that would be a hit. */
async function laid(always: Partial<Given> = {}): Promise<Laid> {
  const runs = createCachedRuns(always)
  await runs.run({ mode: 'apply', cache: null })
  await runs.run()
  const [place] = await keysOf(runs.store, 'cache/')
  const object = place === undefined ? undefined : await runs.store.get(place)
  if (place === undefined || object?.kind !== 'found') throw new Error('nothing was kept')
  const read = readEntry(object.value)
  if (read.kind === 'untrusted') throw new Error(read.why)
  return { runs, place, bytes: object.value, entry: read.entry }
}

function expectUntrusted({ record, planned, warnings }: CachedRun, why: RegExp): void {
  expect([record.decision.action, record.decision.reason, planned, record.exitCode]).toEqual([
    'run',
    'cache-untrusted',
    true,
    0,
  ])
  expect(record.decision.cache?.why).toMatch(why)
  expect(warnings).toEqual([
    expect.stringMatching(/^the entry [0-9a-f]{8} of the run cache .* is not trusted: .*trueup cache delete/),
  ])
}

const asDocument = (payload: unknown, version = 1, kind = 'run-cache-entry'): Uint8Array =>
  encodeDocument({ kind, version }, payload)

describe('an entry that cannot be trusted runs, warns once, and is mended', () => {
  it.each<[string, (laid: Laid) => Uint8Array, RegExp]>([
    ['truncated', ({ bytes }) => bytes.slice(0, bytes.length / 2), /damaged/],
    ['empty', () => new Uint8Array(), /damaged/],
    ['not JSON', () => Buffer.from('\u0000\u001b[31m'), /damaged/],
    [
      'with another payload',
      ({ bytes }) => Buffer.from(Buffer.from(bytes).toString().replace('listed', 'forged')),
      /damaged/,
    ],
    ['of another kind', ({ entry }) => asDocument({ entry }, 1, 'apply-mark'), /damaged/],
    ['of a future schema', ({ entry }) => asDocument({ entry }, 2), /written by a newer trueup/],
    ['with nothing in it', () => asDocument({}), /does not hold/],
    ['with a log that is none', ({ entry }) => asDocument({ entry: { ...entry, log: 'x' } }), /does not hold/],
    [
      'with a line that is none',
      ({ entry }) => asDocument({ entry: { ...entry, log: { records: [{ level: 'x' }], dropped: 0 } } }),
      /does not hold/,
    ],
    ...[{ stamp: 1 }, { stamp: 'a' }, { stamp: 'a', shapes: { '': 'heap' } }, null].map(
      (ledger): [string, (laid: { readonly entry: CacheEntry }) => Uint8Array, RegExp] => [
        `with ${JSON.stringify(ledger)} in place of what it was told from`,
        ({ entry }) => asDocument({ entry: { ...entry, basis: { ...entry.basis, ledger } } }),
        /does not hold/,
      ],
    ),
    ['with a time that is none', ({ entry }) => asDocument({ entry: { ...entry, expiresAt: 1e300 } }), /does not hold/],
    [
      'of another zone',
      ({ entry }) => asDocument({ entry: { ...entry, address: { ...entry.address, zone: 'main' } } }),
      /another place/,
    ],
    [
      'of another key',
      ({ entry }) => asDocument({ entry: { ...entry, address: { ...entry.address, key: '0'.repeat(64) } } }),
      /another place/,
    ],
    [
      'of an apply',
      ({ entry }) => asDocument({ entry: { ...entry, address: { ...entry.address, mode: 'apply' } } }),
      /another place/,
    ],
  ])('%s', async (_, forge, why) => {
    const all = await laid()
    await all.runs.store.put(all.place, forge(all))
    expectUntrusted(await all.runs.run(), why)
    const mended = await all.runs.run()
    expect(mended.record.decision.reason).toBe('cache-hit')
  })

  it('of a gigabyte is not even read', async () => {
    const { runs, place } = await laid()
    const bounds: number[] = []
    const huge: ObjectStore = {
      ...watchStore(runs.store, (call, key) => {
        if (call === 'get' && key === place) bounds.push(Infinity)
      }).store,
      getBounded: async (key, atMost) => {
        if (key !== place) return runs.store.getBounded(key, atMost)
        bounds.push(atMost)
        return { kind: 'too-large' }
      },
    }
    expectUntrusted(await runs.run({ store: huge }), /larger than any entry/)
    expect(bounds).toEqual([LARGEST_ENTRY])
  })

  it('of a store that says itself that it is damaged', async () => {
    const { runs, place } = await laid()
    const { TrueupError } = await import('../../src/errors.js')
    const { store } = watchStore(runs.store, (call, key) => {
      if (call === 'get' && key === place) throw new TrueupError('store-corrupt', 'its digest does not match')
    })
    expectUntrusted(await runs.run({ store }), /damaged/)
  })
})

describe('signed entries', () => {
  it('answer where the key is known; keys can be changed one after the other', async () => {
    const { runs } = await laid(SIGNED)
    expect((await runs.run()).record.decision.reason).toBe('cache-hit')
    const both = { keys: { '2026': LONG('k'), '2027': LONG('n') }, key: '2027' }
    expect((await runs.run({ signing: both })).record.decision.reason).toBe('cache-hit')
    await runs.run({ signing: both, force: true })
    const onlyNew = { keys: { '2027': LONG('n') }, key: '2027' }
    expect((await runs.run({ signing: onlyNew })).record.decision.reason).toBe('cache-hit')
    expectUntrusted(await runs.run(), /a key that is not known here/)
  })

  it.each<[string, (entry: CacheEntry) => Uint8Array, RegExp]>([
    ['not signed', (entry) => encodeEntry(entry, undefined), /not signed/],
    ['with a foreign key', (entry) => encodeEntry(entry, keys({ other: LONG('k') })), /not known here/],
    [
      'with a guessed key under a known id',
      (entry) => encodeEntry(entry, keys({ '2026': LONG('x') })),
      /does not match/,
    ],
    [
      'with a longer life under the old signature',
      (entry) => {
        const signed = readEntry(encodeEntry(entry, keys({ '2026': LONG('k') })))
        const signature = signed.kind === 'stored' ? signed.signature : undefined
        return asDocument({ entry: { ...entry, expiresAt: entry.expiresAt + 1 }, signature })
      },
      /does not match/,
    ],
    [
      'with half a signature',
      (entry) => asDocument({ entry, signature: { keyId: '2026', hmac: 'ab' } }),
      /does not match/,
    ],
    ['with a signature that is none', (entry) => asDocument({ entry, signature: { keyId: '2026' } }), /does not hold/],
  ])('%s: not trusted', async (_, forge, why) => {
    const { runs, place, entry } = await laid(SIGNED)
    await runs.store.put(place, forge(entry))
    expectUntrusted(await runs.run(), why)
  })

  it('copied to another zone is not trusted, though its signature is good', async () => {
    const { runs, place, bytes } = await laid(SIGNED)
    await runs.store.put(place.replace('cache/local/', 'cache/main/') as StoreKey, bytes)
    expectUntrusted(await runs.run({ cache: { zone: 'main' } }), /another place/)
  })

  it.each<[string, Given['signing'], RegExp]>([
    ['a secret without that field', { keys: { other: LONG('k') }, key: '2026' }, /no field 2026/],
    ['a key that is too short', { keys: { '2026': 'only-this-long' }, key: '2026' }, /too short/],
  ])('%s costs the cache, not the run', async (_, signing, why) => {
    const runs = createCachedRuns({ signing })
    await runs.run({ mode: 'apply', cache: null })
    const { record, warnings, planned } = await runs.run()
    expect([record.exitCode, record.decision.reason, planned]).toEqual([0, 'cache-error', true])
    expect(warnings).toEqual([expect.stringMatching(why)])
    expect(warnings.join()).not.toContain(LONG('k'))
    expect(await keysOf(runs.store, 'cache/')).toEqual([])
  })

  it('the key itself is in nothing that is kept or told', async () => {
    const { runs, bytes } = await laid(SIGNED)
    // Another desired state, so that it is planned after the look-up.
    const { record, events, planned } = await runs.run({ logs: [`key ${LONG('k')}`], data: { a: '1' } })
    expect(planned).toBe(true)
    expect(Buffer.from(bytes).toString() + JSON.stringify([record, events])).not.toContain(LONG('k'))
  })
})

describe('as bytes', () => {
  const address = { zone: 'main', target: 't', destination: 'd', mode: 'dry-run', key: 'a'.repeat(64) } as const
  const entry: CacheEntry = {
    address,
    run: '01JD',
    createdAt: 1,
    expiresAt: 2,
    basis: {
      counters: { a: 1 },
      owned: 'b'.repeat(64),
      ledger: { stamp: 'c'.repeat(64), shapes: { a: 'list', b: 'object' } },
    },
    components: { code: 'c' },
    parts: { params: { a: '1' } },
    log: {
      records: [{ level: 'info', time: 1, message: 'm \ud800', fields: { '7': [null] }, shard: 'a' }],
      dropped: 0,
    },
  }

  it('comes back as it went in, signed or not', () => {
    for (const known of [undefined, keys({ a: LONG('k') })]) {
      const read = decodeEntry(encodeEntry(entry, known), address, known)
      expect(read).toEqual({ kind: 'entry', entry, keyId: known === undefined ? null : 'a' })
    }
  })

  it('whatever is changed in it, it is never another entry and never throws', () => {
    const known = keys({ a: LONG('k') })
    const good = encodeEntry(entry, known)
    fc.assert(
      fc.property(fc.nat(good.length - 1), fc.uint8Array({ minLength: 1, maxLength: 4 }), (at, patch) => {
        const bytes = Uint8Array.from(good)
        bytes.set(patch.slice(0, bytes.length - at), at)
        const read = decodeEntry(bytes, address, known)
        if (read.kind === 'entry') expect(read.entry).toEqual(entry)
      }),
      { numRuns: 300 },
    )
  })

  it('any JSON in its place is refused in words', () => {
    fc.assert(
      fc.property(fc.jsonValue(), (value) => {
        for (const payload of [value, { entry: value }, { entry, signature: value }]) {
          const read = decodeEntry(asDocument(payload), address, keys({ a: LONG('k') }))
          expect(read.kind).toBe('untrusted')
        }
      }),
    )
  })

  it('the largest log that a run keeps fits', () => {
    const message = '\u0001'.repeat(1024)
    const records = Array.from({ length: 1024 }, () => ({ level: 'info', time: 1, message }) as const)
    expect(encodeEntry({ ...entry, log: { records, dropped: 0 } }, undefined).byteLength).toBeLessThan(LARGEST_ENTRY)
  })
})

function keys(byId: Readonly<Record<string, string>>): CacheKeys {
  return { signWith: Object.keys(byId)[0] ?? '', byId: new Map(Object.entries(byId)) }
}
