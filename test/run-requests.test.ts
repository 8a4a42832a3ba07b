// What a hit of the run cache asks of a bucket: each request is a way there and back, and a listing is the dearest. Real engine and client, on the
// double, which sees them all.
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import type { ObjectStore } from '../src/store/object-store.js'
import { createCachedRuns, type CachedRuns, type Given } from './support/cached-runs.js'
import { KEYS, openS3 } from './support/s3-double/open.js'
import { startS3Double, type S3Double } from './support/s3-double/server.js'

let double: S3Double
const opened: ObjectStore[] = []
beforeEach(async () => {
  for (const [name, value] of Object.entries(KEYS)) vi.stubEnv(name, value)
  double = await startS3Double()
})
afterEach(async () => {
  for (const store of opened.splice(0)) await store.close()
  await double[Symbol.asyncDispose]()
})

async function open(): Promise<ObjectStore> {
  const store = await openS3(double)
  opened.push(store)
  return store
}

/** Applied, and a run of each mode kept. */
async function kept(always: Partial<Given>): Promise<CachedRuns> {
  const runs = createCachedRuns({ data: { x: '1', y: '2' }, ...always })
  for (const given of [{ mode: 'apply', cache: null }, {}, { mode: 'apply' }] as const)
    expect((await runs.run({ ...given, store: await open() })).record.exitCode).toBe(0)
  return runs
}

/** `GET marks`, … of one run, sorted; its answer first. */
async function asked(runs: CachedRuns, given: Partial<Given>): Promise<readonly string[]> {
  const before = double.requests.length
  const { record } = await runs.run({ ...given, store: await open() })
  const requests = double.requests.slice(before).map(({ method, name }) => `${method} ${kindOf(name)}`)
  return [record.decision.reason, ...requests.sort()]
}

function kindOf(name: string): string {
  const parts = name.split('/').slice(1)
  if (parts[0] === 'marks') return parts.length === 5 ? 'index' : 'mark'
  if (parts[0] === 'cache') return parts.length === 5 ? 'evaluation' : 'entry'
  return parts[0] ?? ''
}

/** Lets these go on together, and others at once. */
function meetingOf(kinds: readonly string[]): (kind: string) => Promise<void> {
  const missing = new Set(kinds)
  let meet: () => void = () => undefined
  const all = new Promise<void>((resolve) => {
    meet = resolve
  })
  return async (kind) => {
    if (!kinds.includes(kind)) return
    missing.delete(kind)
    if (missing.size === 0) meet()
    await all
  }
}

describe('a hit on S3', () => {
  // Of what is owned, it is not read but asked whether it was written.
  const LEAST = ['GET entry', 'GET evaluation', 'GET index', 'GET mark', 'HEAD ownership', 'PUT records']

  it('asks for each object once, and for no listing', async () => {
    const runs = await kept({ secretly: false })
    expect(await asked(runs, {})).toEqual(['cache-hit', ...LEAST])
    // Whether exactly this was applied is told by the marks and by the shards that were evaluated then.
    expect(await asked(runs, { mode: 'apply' })).toEqual(['cache-hit', ...[...LEAST, 'GET evaluated'].sort()])
  })

  it('of a target that was never applied finds neither, and asks for no listing', async () => {
    const runs = createCachedRuns({ secretly: false, data: {} })
    const first = await asked(runs, {})
    expect([first[0], first.filter((call) => call.startsWith('LIST')).length > 0]).toEqual(['cache-miss', true])
    const without = LEAST.filter((call) => !/mark|ownership/.test(call))
    expect(await asked(runs, {})).toEqual(['cache-hit', ...without])
    // What is applied then is seen.
    await runs.run({ mode: 'apply', data: { x: '1' }, cache: null, store: await open() })
    const stale = await asked(runs, {})
    // Looked for before and after desired state is evaluated, and read once.
    expect([stale[0], stale.filter((call) => call === 'GET entry')]).toEqual(['cache-stale', ['GET entry']])
  })

  it('in a zone that is not trusted, or where marks cannot be written, lists on', async () => {
    for (const zone of ['untrusted-a', 'local']) {
      const runs = createCachedRuns({ secretly: false, data: {}, cache: { zone } })
      if (zone === 'local')
        double.intercept = ({ method, name }) =>
          Promise.resolve(
            method === 'PUT' && name.includes('/marks/')
              ? { kind: 'answer', status: 403, code: 'AccessDenied' }
              : undefined,
          )
      expect((await asked(runs, {}))[0]).toBe('cache-miss')
      const [reason, ...calls] = await asked(runs, {})
      expect([reason, calls.filter((call) => call.startsWith('LIST')).length]).toEqual(['cache-hit', 2])
    }
  })

  it('asks for the mark and the ledger of each shard', async () => {
    const runs = await kept({ secretly: false, sharded: 'name' })
    const more = ['GET mark', 'HEAD ownership']
    expect(await asked(runs, {})).toEqual(['cache-hit', ...[...LEAST, ...more].sort()])
  })

  it('waits for evaluation and index side by side, then for all the rest side by side', async () => {
    const runs = await kept({ secretly: false })
    // Each of a group is answered once all of it has been asked for: a run that asked for one after the other would never end.
    const groups = [
      ['evaluation', 'index'],
      ['entry', 'mark', 'ownership'],
    ].map((kinds) => meetingOf(kinds))
    double.intercept = async ({ name }) => {
      for (const meet of groups) await meet(kindOf(name))
      return undefined
    }
    expect(await asked(runs, {})).toEqual(['cache-hit', ...LEAST])
  })

  it('of a skip by the marks alone asks for no listing either', async () => {
    const runs = await kept({ secretly: false })
    const calls = await asked(runs, { mode: 'apply', base: 'last-applied', cache: null })
    expect(calls).toEqual([
      'inputs-unchanged',
      'GET evaluated',
      'GET index',
      'GET mark',
      'GET ownership',
      'PUT records',
    ])
  })
})
