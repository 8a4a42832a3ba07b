// One apply in which one step goes wrong, and the apply after it. In: a step, a fault, the change it strikes. Out: what both left behind.
// Real engine, memory store, fake clock. A process that dies is one whose store and world do not answer any more.
import { createBudget } from '../../src/util/budget.js'
import { TrueupError } from '../../src/errors.js'
import type { RunEvent, RunRecord } from '../../src/event.js'
import { defineIntegration, diff, listing } from '../../src/index.js'
import type { Integration } from '../../src/integration.js'
import { readLedger } from '../../src/store/ledger.js'
import { createMarkStore } from '../../src/store/marks.js'
import type { ObjectStore } from '../../src/store/object-store.js'
import { createRecordStore } from '../../src/store/records.js'
import { createFakeClock, createMemoryStore, type FakeClock } from '../../src/testing.js'
import { runRecorded } from '../../src/testing-run.js'
import { keysOf, outage } from './failing-store.js'

/** The steps of an apply, in their order. */
export const STEPS = [
  'lease',
  'state',
  'read',
  'plan',
  'mark started',
  'record begun',
  'intent',
  'effect',
  'outcome',
  'ledger',
  'record told',
  'mark completed',
  'tidying',
  'lease back',
  'record ended',
] as const
export type Step = (typeof STEPS)[number]

/**
 * `crash before`, `crash after`: the process is gone before, or right after, what the step does. `exception`: code throws what nobody expects.
 * `slow`: it is done, but --timeout came first. `hangs`: it never ends, and the grace period is over too. `store error`: refused.
 * `answer lost`: written, and reported as failed.
 */
export const FAULTS = [
  'crash before',
  'crash after',
  'exception',
  'slow',
  'hangs',
  'store error',
  'answer lost',
] as const
export type Fault = (typeof FAULTS)[number]

/** The plan has them in this order; the fault strikes one of them. */
export const CHANGES = ['delete', 'create', 'update'] as const
export type Change = (typeof CHANGES)[number]
export const CHANGE_TEXT = { delete: 'delete c', create: 'create b', update: 'update a' } as const

interface Thing {
  readonly name: string
  readonly size: number
}
const BEFORE = { a: 1, c: 1 }
const DESIRED = { a: 2, b: 1 }
/** Nobody's, and in every listing. */
const FOREIGN = { name: 'foreign', size: 1 }
export const AFTER = { ...DESIRED, foreign: 1 }

const LEASE_MS = 60_000
/** Id of the run that is struck. */
const STRUCK = 'STRUCK'

export interface Left {
  /** null: the process died. */
  readonly exitCode: number | null
  /** `delete c applied`; of a process that died: as the record and the journal tell. */
  readonly outcomes: readonly string[]
  readonly effects: readonly string[]
  readonly world: Readonly<Record<string, number>>
  readonly mark: string
  readonly ledger: Readonly<Record<string, string>>
  readonly journal: number
  /** The destination is in use by somebody, as far as the store knows. */
  readonly isHeld: boolean
}

export interface Next extends Left {
  readonly action: string
  readonly reason: string
  /** `create b`: told as unknown of the run before. */
  readonly recovered: readonly string[] | undefined
  readonly planned: readonly string[]
  /** What is recorded of the run before by now. */
  readonly struckRecord: 'none' | RunRecord['state']
  readonly struckOutcomes: readonly string[]
}

export interface Told {
  readonly first: Left
  readonly next: Next
  /** What one more apply, which nothing lets it skip, plans; and the journal that is left then. */
  readonly rest: { readonly planned: readonly string[]; readonly journal: number }
}

export interface Strike {
  readonly step: Step
  readonly fault: Fault
  readonly change: Change
  /** Which of the writes of a step that has several. @defaultValue the first */
  readonly write?: string
}

/** Which call of the store a step is. */
function callOf({ step, change, write }: Strike): { readonly call: string; readonly nth: number } | undefined {
  const index = CHANGES.indexOf(change)
  switch (step) {
    case 'lease':
      return { call: write ?? 'put leases/', nth: 1 }
    case 'state':
      // The first is read before the lease.
      return { call: write ?? 'list marks/', nth: 2 }
    case 'mark started':
      return { call: 'put marks/', nth: 1 }
    case 'record begun':
      return { call: 'put records/', nth: 1 }
    case 'intent':
      return { call: 'put journal/', nth: 2 * index + 1 }
    case 'outcome':
      return { call: 'put journal/', nth: 2 * index + 2 }
    case 'ledger':
      return { call: 'put ownership/', nth: 1 }
    case 'mark completed':
      return { call: 'put marks/', nth: 2 }
    case 'tidying':
      return { call: write ?? 'put evaluated/', nth: 1 }
    case 'lease back':
      return { call: 'put leases/', nth: 2 }
    case 'record told':
      return { call: 'put records/', nth: 2 }
    case 'record ended':
      return { call: 'put records/', nth: 3 }
    case 'read':
    case 'plan':
    case 'effect':
      return undefined
  }
}

const never = <T>(): Promise<T> => new Promise(() => undefined)

class Stage {
  readonly clock: FakeClock = createFakeClock()
  readonly inner = createMemoryStore({ clock: this.clock })
  readonly world = new Map<string, Thing>([['foreign', FOREIGN]])
  readonly effects: string[] = []
  readonly stop = new AbortController()
  readonly giveUp = new AbortController()
  readonly strike: Strike
  readonly #counts = new Map<string, number>()
  #isDead = false
  /** The store refuses all calls. */
  #isAway = false
  #onDeath: () => void = () => undefined
  readonly died = new Promise<undefined>((resolve) => {
    this.#onDeath = () => {
      resolve(undefined)
    }
  })

  constructor(strike: Strike) {
    this.strike = strike
  }

  /** The store as the faulty run sees it. */
  store(): ObjectStore {
    const { inner } = this
    const at = callOf(this.strike)
    const guarded = async <T>(call: string, key: string, work: () => Promise<T>): Promise<T> => {
      if (this.#isDead) return never()
      if (this.#isAway) throw outage()
      if (at === undefined || !`${call} ${key}`.startsWith(at.call)) return work()
      const count = (this.#counts.get(at.call) ?? 0) + 1
      this.#counts.set(at.call, count)
      return count === at.nth ? this.#struck(work) : work()
    }
    return {
      description: 'memory:',
      shared: false,
      conditions: 'sound',
      get: (key) => guarded('get', key, () => inner.get(key)),
      getBounded: (key, atMost) => guarded('get', key, () => inner.getBounded(key, atMost)),
      head: (key) => guarded('head', key, () => inner.head(key)),
      put: (key, value, options) => guarded('put', key, () => inner.put(key, value, options)),
      delete: (key, options) => guarded('delete', key, () => inner.delete(key, options)),
      async *list(prefix, options) {
        yield* await guarded('list', prefix, () => Promise.resolve(inner.list(prefix, options)))
      },
      now: () => inner.now(),
      close: () => inner.close(),
    }
  }

  /** Code of an author: the fault strikes it where its step is. */
  async author(step: Step, work: () => void | Promise<void>): Promise<void> {
    if (this.#isDead) return never()
    if (this.strike.step !== step) return work()
    if (this.strike.fault !== 'store error') return this.#struck(async () => work())
    // Away for longer than a lease outlives.
    this.#isAway = true
    await work()
    this.clock.advance(LEASE_MS)
    await never()
  }

  async #struck<T>(work: () => Promise<T>): Promise<T> {
    switch (this.strike.fault) {
      case 'crash before':
        return this.#die()
      case 'crash after':
        await work()
        return this.#die()
      case 'exception':
        throw new Error('nobody expects this')
      case 'slow':
        this.stop.abort(timedOut())
        // What waits for the signal is told before the answer comes.
        await new Promise(setImmediate)
        return work()
      case 'hangs':
        this.stop.abort(timedOut())
        await new Promise(setImmediate)
        this.giveUp.abort(timedOut())
        await new Promise(setImmediate)
        this.clock.advance(15_000)
        return never()
      case 'store error':
        throw outage()
      case 'answer lost':
        await work()
        throw outage()
    }
  }

  #die<T>(): Promise<T> {
    this.#isDead = true
    this.#onDeath()
    return never()
  }
}

function timedOut(): TrueupError {
  return new TrueupError('timeout', 'the run took longer than its --timeout of 60 s')
}

function integration(stage: Stage, isStruck: boolean): Integration {
  const author = async (step: Step, work: () => void): Promise<void> => {
    if (isStruck) await stage.author(step, work)
    else work()
  }
  const handle =
    (action: Change, effect: (key: string, after: Thing | undefined) => void) =>
    ({ key, after }: { readonly key: string; readonly after?: Thing }): Promise<void> => {
      const act = (): void => {
        stage.effects.push(`${action} ${key}`)
        effect(key, after)
      }
      if (isStruck && action === stage.strike.change) return author('effect', act)
      act()
      return Promise.resolve()
    }
  const put = (key: string, after: Thing | undefined): void => {
    if (after !== undefined) stage.world.set(key, after)
  }
  return defineIntegration<Thing[], Thing, 'owned'>({
    name: 'things',
    version: '1',
    inputs: ['data.json'],
    deletePolicy: 'owned',
    desiredState: async (ctx) => {
      const sizes = (await ctx.source.load('data.json')) as Record<string, number>
      return Object.entries(sizes).map(([name, size]) => ({ name, size }))
    },
    run: async (ctx, desired) => {
      const items: Thing[] = []
      await author('read', () => void items.push(...stage.world.values()))
      const current = await listing.fromPages(() => Promise.resolve({ items }))
      const plan = ctx.plan(diff({ desired, current, key: ({ name }) => name }), {
        create: handle('create', put),
        update: handle('update', put),
        delete: handle('delete', (key) => void stage.world.delete(key)),
      })
      await author('plan', () => undefined)
      return plan
    },
  })
}

interface Doing {
  readonly data: Readonly<Record<string, number>>
  readonly base?: 'last-applied'
}

async function run(
  stage: Stage,
  store: ObjectStore,
  doing: Doing,
): Promise<{ record: RunRecord; events: readonly RunEvent[] }> {
  const { clock, stop, giveUp } = stage
  const isStruck = store !== stage.inner
  clock.advance(1_000)
  return runRecorded(
    integration(stage, isStruck),
    { data: { 'data.json': JSON.stringify(doing.data) }, store, clock, mode: 'apply' },
    {
      deps: {
        leaseMs: LEASE_MS,
        budget: createBudget(1),
        ...(isStruck ? { stop: stop.signal, giveUp: giveUp.signal, newId: () => STRUCK } : {}),
      },
      request: { base: doing.base ?? null },
    },
  )
}

/** An apply that is struck, the apply after it (`--base last-applied`), and what would be left to do then. */
export async function strike(at: Strike): Promise<Told> {
  const stage = new Stage(at)
  const seed = await run(stage, stage.inner, { data: BEFORE })
  if (seed.record.exitCode !== 0) throw new Error(`the apply before it failed: ${seed.record.error?.message ?? ''}`)
  stage.effects.length = 0
  const ended = await Promise.race([run(stage, stage.store(), { data: DESIRED }), stage.died])
  const first = await leftBehind(stage, ended?.record)
  // Nobody gives back what is left: it expires.
  stage.clock.advance(2 * LEASE_MS)
  const { record, events } = await run(stage, stage.inner, { data: DESIRED, base: 'last-applied' })
  const struck = await struckRecord(stage)
  const recovered = events.filter((event) => event.kind === 'recovered')
  const next: Next = {
    ...(await leftBehind(stage, record)),
    action: record.decision.action,
    reason: record.decision.reason,
    recovered:
      recovered.length === 0
        ? undefined
        : recovered.flatMap(({ unknown }) => unknown.map(({ action, key }) => `${action} ${key}`)),
    planned: changesOf(record),
    struckRecord: struck?.state ?? 'none',
    struckOutcomes: outcomesOf(struck),
  }
  const rest = await run(stage, stage.inner, { data: DESIRED })
  return {
    first,
    next,
    rest: { planned: changesOf(rest.record), journal: (await keysOf(stage.inner, 'journal/')).length },
  }
}

function changesOf({ plan }: RunRecord): readonly string[] {
  return plan?.changes.map(({ action, key }) => `${action} ${key}`) ?? []
}

/** `ended`: what the run gave back; undefined when it died. */
async function leftBehind(stage: Stage, ended: RunRecord | undefined): Promise<Left> {
  const { inner, world, effects } = stage
  const mark = (await createMarkStore(inner, 'things', 'things').all()).get('')?.mark
  const objects = (await readLedger(inner, 'things'))[0]?.value.objects ?? {}
  return {
    exitCode: ended?.exitCode ?? null,
    outcomes: outcomesOf(ended ?? (await struckRecord(stage))),
    effects: [...effects],
    world: Object.fromEntries([...world.values()].map(({ name, size }) => [name, size])),
    mark: mark === undefined ? 'none' : `${mark.status} ${String(mark.counter)}`,
    ledger: Object.fromEntries(Object.entries(objects).map(([key, { state }]) => [key, state])),
    journal: (await keysOf(inner, 'journal/')).length,
    isHeld: (await keysOf(inner, 'lease-modes/')).length > 0,
  }
}

async function struckRecord({ inner }: Stage): Promise<RunRecord | undefined> {
  return (await createRecordStore(inner).find(STRUCK))[0]
}

function outcomesOf(record: RunRecord | undefined): readonly string[] {
  return record?.outcomes.map(({ action, key, result }) => `${result} ${action} ${key}`) ?? []
}
