import { describe, expect, it } from 'vitest'
import type { RunRecord } from '../../src/event.js'
import { actedAt, standsSince } from '../../src/schedule/standing.js'
import { decision, outcome, record } from '../report/samples.js'

const HOUR = 3_600_000

interface Given {
  readonly commit?: string | null
  readonly mode?: 'apply' | 'dry-run'
  readonly exitCode?: number
  readonly changed?: boolean
  readonly more?: Partial<RunRecord>
}

/** An apply that ended `hoursAgo`, in whole hours of time that runs up to 100. */
function apply(
  hoursAgo: number,
  { commit = 'new', mode = 'apply', exitCode = 0, changed = false, more }: Given = {},
): RunRecord {
  return record({
    run: { mode, startedAt: (100 - hoursAgo) * HOUR - 1000, durationMs: 1000 },
    decision: decision({ action: 'run', headCommit: commit }),
    exitCode,
    outcomes: changed ? [outcome({ key: 'k' })] : [],
    ...more,
  })
}

async function* each(records: readonly RunRecord[]): AsyncGenerator<RunRecord> {
  for (const one of records) yield await Promise.resolve(one)
}

/** In hours ago. */
async function since(records: readonly RunRecord[], enough = 1000): Promise<number | null> {
  const at = await standsSince(each(records), {
    isSameState: (commit) => Promise.resolve(commit !== 'old'),
    isWhole: ({ run }) => Promise.resolve(!run.shards.includes('part')),
    enoughAt: (100 - enough) * HOUR,
  })
  return at === null ? null : 100 - at / HOUR
}

describe('since when a target stands', () => {
  it('is its last apply that changed something, or the first that found nothing to do', async () => {
    expect(await since([])).toBe(null)
    expect(await since([apply(1), apply(2), apply(3, { changed: true }), apply(4)])).toBe(3)
    expect(await since([apply(1), apply(2)])).toBe(2)
    const skip = apply(1, { more: { decision: decision({ action: 'skip', headCommit: 'new' }) } })
    expect(await since([skip, apply(2, { changed: true })])).toBe(2)
  })

  it('begins anew with a failure, and is not while that is the last', async () => {
    expect(await since([apply(1), apply(2, { exitCode: 1 }), apply(3)])).toBe(1)
    for (const exitCode of [1, 3, 5, 143]) expect(await since([apply(1, { exitCode }), apply(2)])).toBe(null)
    expect(await since([apply(1, { more: { state: 'running' } }), apply(2)])).toBe(null)
    const undone = apply(1, { more: { instead: { kind: 'destroy' } } })
    expect(await since([undone, apply(2)])).toBe(null)
  })

  it('never counts a success of another state, or of no commit', async () => {
    expect(await since([apply(1, { commit: 'old' })])).toBe(null)
    expect(await since([apply(1), apply(9, { commit: 'old' }), apply(10)])).toBe(1)
    expect(await since([apply(1, { commit: null })])).toBe(null)
    const dirty = apply(1, { more: { decision: decision({ headCommit: 'new', dirty: true }) } })
    expect(await since([dirty, apply(2)])).toBe(null)
  })

  it('passes over plans, and what a lease or a hold kept from anything', async () => {
    expect(await since([apply(1, { mode: 'dry-run' }), apply(2, { exitCode: 75 }), apply(3)])).toBe(3)
  })

  it('a part is not the whole, but what it changed begins it anew', async () => {
    const part = (changed: boolean): RunRecord => {
      const one = apply(1, { changed })
      return { ...one, run: { ...one.run, shards: ['part'] } }
    }
    expect(await since([part(false), apply(2)])).toBe(2)
    expect(await since([part(true), apply(2)])).toBe(null)
  })

  it('reads no further than it must', async () => {
    let read = 0
    async function* counted(): AsyncGenerator<RunRecord> {
      for (let hours = 1; hours < 50; hours += 1) {
        read += 1
        yield await Promise.resolve(apply(hours))
      }
    }
    const yes = (): Promise<boolean> => Promise.resolve(true)
    await standsSince(counted(), { isSameState: yes, isWhole: yes, enoughAt: 95 * HOUR })
    expect(read).toBe(5)
  })
})

describe('when a target was acted on', () => {
  it('is its last apply that changed something, or tried to', async () => {
    const failed = apply(2, { exitCode: 1, more: { outcomes: [outcome({ key: 'k', result: 'failed' })] } })
    expect(await actedAt(each([apply(1), failed, apply(3, { changed: true })]), 0)).toBe(98 * HOUR)
    const stopped = apply(1, { exitCode: 1, more: { outcomes: [outcome({ key: 'k', result: 'skipped' })] } })
    expect(await actedAt(each([stopped, apply(2, { mode: 'dry-run', changed: true }), apply(3)]), 0)).toBe(null)
    expect(await actedAt(each([apply(3), apply(4, { changed: true })]), 98 * HOUR)).toBe(null)
  })
})
