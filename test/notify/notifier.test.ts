// Changes of state to receivers of this test, on a real store (in memory) and a fake clock: each once, whatever else fails.
import { describe, expect, it } from 'vitest'
import { withOverdue } from '../../src/notify/conditions.js'
import type { Attempt } from '../../src/notify/channel.js'
import { createDelivery } from '../../src/notify/delivery.js'
import { noticeKeeper } from '../../src/notify/keeper.js'
import type { Condition, Notice, NoticeKind } from '../../src/notify/notice.js'
import { createNotifier, type Notifier, type Receiver } from '../../src/notify/notifier.js'
import { createMemoryStore } from '../../src/store/memory-store.js'
import type { ObjectStore } from '../../src/store/object-store.js'
import { createFakeClock, type FakeClock } from '../../src/util/fake-clock.js'
import { watchStore } from '../support/failing-store.js'
import { pass } from '../support/schedule-time.js'

const ALL: readonly NoticeKind[] = ['blocked', 'partly-applied', 'doubt', 'overdue', 'recovered']

interface World {
  readonly clock: FakeClock
  readonly store: ObjectStore
  readonly notifier: Notifier
  /** As they arrived, `receiver kind`. */
  readonly arrived: string[]
  readonly notices: Notice[]
  readonly results: string[]
  readonly troubles: unknown[]
  readonly stop: AbortController
  /** Attempts of a receiver end so, one after the other; then all is well. */
  readonly script: Map<string, Attempt[]>
}

function world(
  receivers: readonly Receiver[],
  { clock = createFakeClock(), store = createMemoryStore({ clock }) }: { store?: ObjectStore; clock?: FakeClock } = {},
): World {
  const made = {
    clock,
    store,
    arrived: [] as string[],
    notices: [] as Notice[],
    results: [] as string[],
    troubles: [] as unknown[],
    stop: new AbortController(),
    script: new Map<string, Attempt[]>(),
  }
  const delivery = createDelivery({
    clock,
    random: () => 0.5,
    stop: made.stop.signal,
    channel: (name) =>
      receivers.some((one) => one.name === name)
        ? {
            deliver: (notice) => {
              const attempt = made.script.get(name)?.shift() ?? { kind: 'delivered' }
              made.arrived.push(`${name} ${notice.kind}${attempt.kind === 'delivered' ? '' : ` ${attempt.kind}`}`)
              made.notices.push(notice)
              return Promise.resolve(attempt)
            },
          }
        : undefined,
  })
  const notifier = createNotifier({
    keeper: noticeKeeper(store, ['apply', 'x']),
    delivery,
    receivers: () => receivers,
    now: () => clock.now(),
    onResult: (to, notice, result) => made.results.push(`${to} ${notice.kind} ${result.kind}`),
    onTrouble: (_target, error) => made.troubles.push(error),
  })
  return { ...made, notifier }
}

const receiver = (name: string, more: Partial<Receiver> = {}): Receiver => ({ name, on: ALL, labels: {}, ...more })
const saw = (notifier: Notifier, ...now: readonly Condition[]): Promise<void> =>
  notifier.saw({ target: 'dns', labels: { team: 'web' }, summary: 'why', run: 'r' }, () => now)

describe('a change of state', () => {
  it('is told once to each, and to nobody again while it lasts', async () => {
    const { notifier, arrived } = world([receiver('a'), receiver('b')])
    for (const state of [[], ['blocked'], ['blocked'], ['blocked', 'overdue'], ['overdue'], [], []] as const)
      await saw(notifier, ...state)
    await notifier.settled()
    expect(arrived.filter((one) => one.startsWith('a'))).toEqual(['a blocked', 'a overdue', 'a recovered'])
    expect(arrived.filter((one) => one.startsWith('b'))).toEqual(['b blocked', 'b overdue', 'b recovered'])
  })

  it('is told to whom wants to hear of it; that all is well, to whom heard that it was not', async () => {
    const { notifier, arrived } = world([
      receiver('doubts', { on: ['doubt', 'recovered'] }),
      receiver('blocks', { on: ['blocked', 'recovered'] }),
      receiver('well', { on: ['recovered'] }),
      receiver('ops', { labels: { team: 'ops' } }),
      receiver('web', { labels: { team: 'web' } }),
    ])
    await saw(notifier, 'blocked')
    await saw(notifier)
    await notifier.settled()
    expect(arrived.sort()).toEqual([
      'blocks blocked',
      'blocks recovered',
      'web blocked',
      'web recovered',
      'well recovered',
    ])
  })

  it('is not told again by a process that begins anew, or by another one that sees the same', async () => {
    const first = world([receiver('a')])
    await saw(first.notifier, 'blocked')
    await first.notifier.settled()
    const second = world([receiver('a')], first)
    await second.notifier.resume()
    await Promise.all([saw(second.notifier, 'blocked'), saw(first.notifier, 'blocked')])
    await Promise.all([saw(second.notifier), saw(first.notifier)])
    await Promise.all([first.notifier.settled(), second.notifier.settled()])
    expect([...first.arrived, ...second.arrived]).toEqual(['a blocked', 'a recovered'])
  })

  it('that was on its way when the process ended arrives after the next start, under the same id', async () => {
    const first = world([receiver('a'), receiver('gone')])
    first.script.set('a', [{ kind: 'again', why: 'away' }])
    first.script.set('gone', [{ kind: 'again', why: 'away' }])
    await saw(first.notifier, 'doubt')
    await pass(first.clock, 100)
    first.stop.abort()
    await first.notifier.settled()
    expect(first.results).toEqual([])
    const second = world([receiver('a')], first)
    await second.notifier.resume()
    await second.notifier.settled()
    expect([second.arrived, second.results]).toEqual([
      ['a doubt'],
      expect.arrayContaining(['a doubt delivered', 'gone doubt given-up']),
    ])
    expect(second.notices[0]?.id).toBe(first.notices[0]?.id)
    const third = world([receiver('a')], first)
    await third.notifier.resume()
    await third.notifier.settled()
    expect(third.arrived).toEqual([])
  })
})

describe('a receiver that fails', () => {
  it('is tried five times, later each time or when it asks, and holds up nobody', async () => {
    const { notifier, arrived, results, script, clock } = world([receiver('bad'), receiver('good')])
    const away: Attempt = { kind: 'again', why: 'away' }
    script.set('bad', [away, { ...away, afterMs: 60_000 }, away, away, away])
    await saw(notifier, 'blocked')
    await pass(clock, 0)
    expect(arrived.sort()).toEqual(['bad blocked again', 'good blocked'])
    await pass(clock, 750)
    expect(arrived).toHaveLength(3)
    await pass(clock, 59_999)
    expect(arrived).toHaveLength(3)
    await pass(clock, 1)
    expect(arrived).toHaveLength(4)
    await saw(notifier)
    await pass(clock, 60_000)
    await notifier.settled()
    expect(arrived.slice(-2)).toEqual(['bad blocked again', 'bad recovered'])
    expect([...results].sort()).toEqual([
      'bad blocked given-up',
      'bad recovered delivered',
      'good blocked delivered',
      'good recovered delivered',
    ])
  })

  it('that refuses is not asked again', async () => {
    const { notifier, arrived, script } = world([receiver('bad')])
    script.set('bad', [{ kind: 'refused', why: 'it answered 404' }])
    await saw(notifier, 'blocked')
    await notifier.settled()
    expect(arrived).toEqual(['bad blocked refused'])
  })

  it('a store that fails is told in the log, and the notice comes with the next look', async () => {
    let isAway = true
    const { store } = watchStore(createMemoryStore({ clock: createFakeClock() }), () => {
      if (isAway) throw new Error('the store is away')
    })
    const { notifier, arrived, troubles } = world([receiver('a')], { store })
    await notifier.saw({ target: 'dns', labels: {}, summary: '', run: null }, (open) => withOverdue(open, true))
    isAway = false
    await notifier.saw({ target: 'dns', labels: {}, summary: '', run: null }, (open) => withOverdue(open, true))
    await notifier.settled()
    expect([troubles.length, arrived]).toEqual([1, ['a overdue']])
  })
})
