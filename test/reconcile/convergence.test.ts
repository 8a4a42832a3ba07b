import { describe, expect, it } from 'vitest'
import type { PlannedChange, RepeatedChange, RunRecord } from '../../src/event.js'
import { repeatedChanges } from '../../src/reconcile/convergence.js'
import { change, decision, outcome, plan, record } from '../report/samples.js'

const update = (
  key: string,
  after: string,
  { shard = null, before = 'theirs' }: { shard?: string | null; before?: string } = {},
): PlannedChange => change({ action: 'update', key, shard, fields: [{ path: 'value', before, after }] })

/** What was applied so far, newest first; each apply is made as the engine makes it. */
class History {
  readonly records: RunRecord[] = []

  async repeats(
    changes: readonly PlannedChange[],
    more: { readonly allowed?: boolean; readonly sameBasis?: boolean } = {},
  ): Promise<readonly RepeatedChange[]> {
    const { records } = this
    return repeatedChanges({
      plan: plan(changes),
      records: (async function* () {
        for (const one of records) yield await Promise.resolve(one)
      })(),
      isSameBasis: () => more.sameBasis !== false,
      allowed: more.allowed === true,
    })
  }

  /** @returns keys of what was stopped */
  async apply(
    changes: readonly PlannedChange[],
    more: {
      readonly failed?: string
      readonly allowed?: boolean
      readonly sameBasis?: boolean
      readonly record?: Partial<RunRecord>
    } = {},
  ): Promise<readonly string[]> {
    const repeats = await this.repeats(changes, more)
    const stopped = repeats.flatMap((one) => (one.stopped ? [one.key] : []))
    this.records.unshift(
      record({
        run: { mode: 'apply', shards: [...new Set(changes.flatMap(({ shard }) => shard ?? []))] },
        decision: decision({ action: 'run' }),
        plan: plan(changes),
        outcomes: changes.map(({ key, action, shard }) =>
          outcome({
            key,
            action,
            shard,
            result: key === more.failed ? 'failed' : stopped.includes(key) ? 'skipped' : 'applied',
          }),
        ),
        ...(repeats.length === 0 ? {} : { repeats }),
        ...more.record,
      }),
    )
    return stopped
  }
}

const results = async (
  count: number,
  one: () => Promise<readonly string[]>,
): Promise<readonly (readonly string[])[]> => {
  const all: (readonly string[])[] = []
  for (let times = 0; times < count; times += 1) all.push(await one())
  return all
}

describe('changes that applies make again and again', () => {
  it('are stopped after the third, and stay stopped; the others of the plan are not', async () => {
    const history = new History()
    let round = 0
    expect(await results(6, () => history.apply([update('a', 'ours'), update('b', `new ${String(round++)}`)]))).toEqual(
      [[], [], [], ['a'], ['a'], ['a']],
    )
  })

  it('whatever was there before: of a value that two writers flip', async () => {
    const history = new History()
    let round = 0
    const flip = (): Promise<readonly string[]> =>
      history.apply([update('a', 'ours', { before: `x${String(round++)}` })])
    expect((await results(4, flip)).flat()).toEqual(['a'])
  })

  it('are lifted by another value, other code, an apply that found nothing, one that failed, or one that brought about something else', async () => {
    const lifts: readonly ((history: History) => Promise<unknown>)[] = [
      (history) => history.apply([update('a', 'other')]),
      (history) => history.apply([update('a', 'ours')], { sameBasis: false }),
      (history) => history.apply([]),
      (history) => history.apply([update('a', 'ours')], { failed: 'a' }),
      (history) => history.apply([update('a', 'ours')], { record: { instead: { kind: 'destroy' } } }),
    ]
    for (const lift of lifts) {
      const history = new History()
      await results(2, () => history.apply([update('a', 'ours')]))
      await lift(history)
      expect(await history.apply([update('a', 'ours')])).toEqual([])
    }
    const history = new History()
    await results(4, () => history.apply([update('a', 'ours')]))
    expect(await history.apply([update('a', 'other')])).toEqual([])
  })

  it('are made once more where that is allowed, and stopped again after that', async () => {
    const history = new History()
    const one = [update('a', 'ours')]
    await results(4, () => history.apply(one))
    expect(await history.apply(one, { allowed: true })).toEqual([])
    expect(await history.apply(one)).toEqual(['a'])
  })

  it('are not told by plans, skips, or an apply that was blocked or of another shard', async () => {
    const history = new History()
    const one = [update('a', 'ours', { shard: 'eu' })]
    await results(3, () => history.apply(one))
    await history.apply([update('z', 'ours', { shard: 'us' })])
    await history.apply(one, { record: { outcomes: [] } })
    await history.apply([], { record: { decision: decision({ action: 'skip' }), plan: null } })
    const [dry] = history.records
    if (dry !== undefined) history.records.unshift({ ...dry, run: { ...dry.run, mode: 'dry-run' }, plan: plan([]) })
    expect(await history.apply(one)).toEqual(['a'])
  })
})
