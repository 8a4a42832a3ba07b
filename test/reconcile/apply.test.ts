// Carrying out changes: what is written before an effect and after it, in which order changes start, and what stops them.
import { describe, expect, it } from 'vitest'
import type { ChangeOutcome, RunEvent } from '../../src/event.js'
import { applyChanges, type ApplyRequest } from '../../src/reconcile/apply.js'
import type { ExecutableChange } from '../../src/reconcile/plan.js'
import { createJournal, readJournal } from '../../src/store/journal.js'
import { createMemoryStore } from '../../src/store/memory-store.js'
import { createBudget } from '../../src/util/budget.js'
import { createFakeClock } from '../../src/util/fake-clock.js'
import { outage, watchStore } from '../support/failing-store.js'
import { unguarded } from '../support/unguarded.js'

const clock = createFakeClock()

interface Step {
  readonly key: string
  readonly dependsOn?: readonly string[]
  readonly carryOut?: (signal: AbortSignal) => Promise<void> | void
}

function changeOf({ key, dependsOn = [], carryOut }: Step): ExecutableChange {
  return {
    change: {
      action: 'create',
      key,
      shard: null,
      cause: 'unknown',
      destructive: false,
      fields: [],
      dependsOn,
      live: null,
    },
    afterDigest: `digest-of-${key}`,
    before: undefined,
    normalized: undefined,
    after: { key },
    carryOut: async (signal) => {
      await carryOut?.(signal)
    },
  }
}

interface Arranged extends Partial<ApplyRequest> {
  readonly concurrency?: number
  readonly steps: readonly Step[]
}

async function apply({
  steps,
  concurrency = 8,
  ...rest
}: Arranged): Promise<{ outcomes: readonly ChangeOutcome[]; events: RunEvent[] }> {
  const events: RunEvent[] = []
  const never = new AbortController().signal
  const outcomes = await applyChanges({
    target: 'dns',
    changes: steps.map(changeOf),
    journal: createJournal(createMemoryStore({ clock }), 'RUN', unguarded),
    lease: unguarded,
    budget: createBudget(concurrency),
    stop: never,
    giveUp: never,
    clock,
    reporter: { report: (event) => void events.push(event) },
    redact: (text) => text,
    ...rest,
  })
  return { outcomes, events }
}

const results = (outcomes: readonly ChangeOutcome[]): Record<string, string> =>
  Object.fromEntries(outcomes.map(({ key, result }) => [key, result]))

/** A promise and what settles it. */
function gate(): { readonly open: () => void; readonly opened: Promise<void> } {
  let open = (): void => undefined
  const opened = new Promise<void>((resolve) => {
    open = resolve
  })
  return { open, opened }
}

describe('the journal around an effect', () => {
  it('holds the intent, durable, when the effect starts, and the outcome when the next change starts', async () => {
    const store = createMemoryStore({ clock })
    const seen: unknown[] = []
    const look = async (): Promise<void> => {
      seen.push((await readJournal(store, 'RUN')).map(({ key, state, after }) => [key, state, after]))
    }
    const { outcomes } = await apply({
      steps: [
        { key: 'a', carryOut: look },
        { key: 'b', dependsOn: ['a'], carryOut: look },
      ],
      journal: createJournal(store, 'RUN', unguarded),
    })
    expect(seen).toEqual([
      [['a', 'intent', 'digest-of-a']],
      [
        ['a', 'applied', 'digest-of-a'],
        ['b', 'intent', 'digest-of-b'],
      ],
    ])
    expect(results(outcomes)).toEqual({ a: 'applied', b: 'applied' })
  })

  it('keeps why a change failed', async () => {
    const store = createMemoryStore({ clock })
    const fail = (): never => {
      throw new Error('409 taken')
    }
    const { outcomes } = await apply({
      steps: [{ key: 'a', carryOut: fail }],
      journal: createJournal(store, 'RUN', unguarded),
    })
    expect(outcomes).toEqual([{ key: 'a', action: 'create', shard: null, result: 'failed', error: '409 taken' }])
    expect(await readJournal(store, 'RUN')).toEqual([
      {
        sequence: 0,
        action: 'create',
        key: 'a',
        shard: '',
        live: null,
        after: 'digest-of-a',
        fence: 1,
        state: 'failed',
        error: '409 taken',
      },
    ])
  })

  it('that cannot be written lets nothing start, whatever the concurrency', async () => {
    const started: string[] = []
    const broken = watchStore(createMemoryStore({ clock }), (call) => {
      if (call === 'put') throw outage()
    })
    const steps = ['a', 'b', 'c', 'd'].map((key) => ({ key, carryOut: () => void started.push(key) }))
    await expect(apply({ steps, journal: createJournal(broken.store, 'RUN', unguarded) })).rejects.toMatchObject({
      code: 'journal-unavailable',
      message: expect.stringMatching(/nothing was changed: the disk is full/) as string,
    })
    expect(started).toEqual([])
  })

  it.each([1, 3])('that fails later lets no further effect start (concurrency %i)', async (concurrency) => {
    const started: string[] = []
    let intents = 0
    const broken = watchStore(createMemoryStore({ clock }), (call) => {
      // The outcome of the first is lost as well.
      if (call === 'put' && ++intents > 1) throw outage()
    })
    const steps = ['a', 'b', 'c', 'd'].map((key) => ({ key, carryOut: () => void started.push(key) }))
    const { outcomes, events } = await apply({
      steps,
      concurrency,
      journal: createJournal(broken.store, 'RUN', unguarded),
    })
    expect(started).toEqual(['a'])
    expect(results(outcomes)).toEqual({ a: 'applied', b: 'not-attempted', c: 'not-attempted', d: 'not-attempted' })
    expect(events.filter(({ kind }) => kind === 'warned')).toHaveLength(1)
  })

  it('is not written over by a second run of the same id', async () => {
    const store = createMemoryStore({ clock })
    await createJournal(store, 'RUN', unguarded).intend({
      sequence: 0,
      action: 'create',
      key: 'x',
      shard: '',
      after: null,
    })
    await expect(
      apply({ steps: [{ key: 'a' }], journal: createJournal(store, 'RUN', unguarded) }),
    ).rejects.toMatchObject({
      code: 'journal-unavailable',
    })
    expect(await readJournal(store, 'RUN')).toMatchObject([{ key: 'x', state: 'intent' }])
  })
})

describe('order', () => {
  it('runs no more than so many at once, and all of them', async () => {
    let running = 0
    let most = 0
    const steps = Array.from({ length: 40 }, (_, index) => ({
      key: `k${String(index)}`,
      carryOut: async () => {
        most = Math.max(most, ++running)
        await new Promise((resolve) => setImmediate(resolve))
        running -= 1
      },
    }))
    const { outcomes } = await apply({ steps, concurrency: 4 })
    expect(most).toBe(4)
    expect(outcomes.filter(({ result }) => result === 'applied')).toHaveLength(40)
    expect(outcomes.map(({ key }) => key)).toEqual(steps.map(({ key }) => key))
  })

  it('starts a change only when all it depends on were applied, wherever it stands in the plan', async () => {
    const log: string[] = []
    const step = (key: string, ...dependsOn: string[]): Step => ({
      key,
      dependsOn,
      carryOut: async () => {
        log.push(`+${key}`)
        await Promise.resolve()
        log.push(`-${key}`)
      },
    })
    await apply({ steps: [step('top', 'left', 'right'), step('left', 'base'), step('right', 'base'), step('base')] })
    const at = (word: string): number => log.indexOf(word)
    expect(at('-base')).toBeLessThan(Math.min(at('+left'), at('+right')))
    expect(Math.max(at('-left'), at('-right'))).toBeLessThan(at('+top'))
    expect(log).toHaveLength(8)
  })

  it('skips what depends on a failure, and what depends on that; everything else goes on', async () => {
    const started: string[] = []
    const step = (key: string, dependsOn: readonly string[] = [], fails = false): Step => ({
      key,
      dependsOn,
      carryOut: () => {
        started.push(key)
        if (fails) throw new Error('no')
      },
    })
    const { outcomes } = await apply({
      steps: [step('a', [], true), step('b', ['a']), step('c', ['b']), step('d'), step('e', ['d'])],
      concurrency: 1,
    })
    expect(results(outcomes)).toEqual({ a: 'failed', b: 'skipped', c: 'skipped', d: 'applied', e: 'applied' })
    expect(started).toEqual(['a', 'd', 'e'])
    expect(outcomes[2]?.error).toContain('depends on b')
  })

  it('does not wait for a key that is no change of this plan', async () => {
    const { outcomes } = await apply({ steps: [{ key: 'a', dependsOn: ['elsewhere'] }] })
    expect(results(outcomes)).toEqual({ a: 'applied' })
  })

  it('reports the start of every change before its end', async () => {
    const { events } = await apply({ steps: [{ key: 'a' }, { key: 'b', dependsOn: ['a'] }] })
    const told = events.flatMap((event) =>
      event.kind === 'change-started'
        ? [`start ${event.change.key}`]
        : event.kind === 'change-finished'
          ? [`end ${event.outcome.key}`]
          : [],
    )
    expect(told).toEqual(['start a', 'end a', 'start b', 'end b'])
  })
})

describe('a stop', () => {
  it('lets what is under way finish and starts nothing more', async () => {
    const stop = new AbortController()
    const [running, finish] = [gate(), gate()]
    const done = apply({
      steps: [
        {
          key: 'a',
          carryOut: async () => {
            running.open()
            await finish.opened
          },
        },
        { key: 'b' },
        { key: 'c', dependsOn: ['a'] },
      ],
      concurrency: 1,
      stop: stop.signal,
    })
    await running.opened
    stop.abort()
    finish.open()
    expect(results((await done).outcomes)).toEqual({ a: 'applied', b: 'not-attempted', c: 'not-attempted' })
  })

  it('that comes while an intent is written keeps that effect from starting too', async () => {
    const stop = new AbortController()
    const inner = createMemoryStore({ clock })
    const { store } = watchStore(inner, (call) => {
      if (call === 'put') stop.abort()
    })
    const started: string[] = []
    const { outcomes } = await apply({
      steps: [{ key: 'a', carryOut: () => void started.push('a') }],
      stop: stop.signal,
      journal: createJournal(store, 'RUN', unguarded),
    })
    expect(started).toEqual([])
    expect(results(outcomes)).toEqual({ a: 'not-attempted' })
    expect(await readJournal(inner, 'RUN')).toMatchObject([{ key: 'a', state: 'failed' }])
  })

  it('that was there from the start attempts nothing', async () => {
    const started: string[] = []
    const { outcomes } = await apply({
      steps: [{ key: 'a', carryOut: () => void started.push('a') }],
      stop: AbortSignal.abort(),
    })
    expect(started).toEqual([])
    expect(results(outcomes)).toEqual({ a: 'not-attempted' })
  })

  it('whose patience ends gives up what never answers: unknown, and its intent stays open', async () => {
    const [stop, giveUp] = [new AbortController(), new AbortController()]
    const running = gate()
    const store = createMemoryStore({ clock })
    let told: AbortSignal | undefined
    const done = apply({
      steps: [
        {
          key: 'a',
          carryOut: async (signal) => {
            told = signal
            running.open()
            await new Promise(() => undefined)
          },
        },
        { key: 'b' },
      ],
      concurrency: 1,
      stop: stop.signal,
      giveUp: giveUp.signal,
      journal: createJournal(store, 'RUN', unguarded),
    })
    await running.opened
    stop.abort()
    expect(told?.aborted).toBe(false)
    giveUp.abort()
    expect(results((await done).outcomes)).toEqual({ a: 'unknown', b: 'not-attempted' })
    expect(told?.aborted).toBe(true)
    expect(await readJournal(store, 'RUN')).toMatchObject([{ key: 'a', state: 'intent' }])
  })

  it('that a handler obeys by throwing is unknown, not failed', async () => {
    const giveUp = new AbortController()
    const { outcomes } = await apply({
      steps: [
        {
          key: 'a',
          carryOut: (signal) => {
            giveUp.abort(new Error('enough'))
            signal.throwIfAborted()
          },
        },
      ],
      giveUp: giveUp.signal,
    })
    expect(results(outcomes)).toEqual({ a: 'unknown' })
  })
})

it('puts one listener on a signal, however many changes there are', async () => {
  const giveUp = new AbortController().signal
  let listeners = 0
  const add = giveUp.addEventListener.bind(giveUp)
  giveUp.addEventListener = (...given: Parameters<typeof add>) => {
    listeners += 1
    add(...given)
  }
  const steps = Array.from({ length: 50 }, (_, index) => ({ key: String(index) }))
  await apply({ steps, giveUp, concurrency: 50 })
  expect(listeners).toBeLessThanOrEqual(1)
})
