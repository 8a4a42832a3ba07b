// Relations through the real engine: who asks, how often is loaded, what is remembered.
import { describe, expect, it } from 'vitest'
import { defineIntegration, diff, groupBy, listing, relation, type Relation } from '../../src/index.js'
import type { Reporter } from '../../src/event.js'
import type { Integration } from '../../src/integration.js'
import { listenForRelations, moduleLoaded } from '../../src/reconcile/made-relations.js'
import type { Answers } from '../../src/reconcile/relations.js'
import type { SharedAnswers } from '../../src/reconcile/shared-answers.js'
import { createMemoryStore } from '../../src/store/memory-store.js'
import { createFakeClock, recordRun } from '../../src/testing.js'
import { runRecorded, type RunOverrides } from '../../src/testing-run.js'
import { pass } from '../support/schedule-time.js'

interface Network {
  readonly zone: string
}

interface World {
  readonly vpc: Relation<Network>
  readonly loads: string[]
  readonly failing: Set<string>
}

function world(): World {
  const loads: string[] = []
  const failing = new Set<string>()
  const vpc = relation('vpc', async (id): Promise<Network> => {
    loads.push(id)
    await Promise.resolve()
    if (failing.has(id)) throw new Error(`no answer for ${id}`)
    return { zone: `zone of ${id}` }
  })
  return { vpc, loads, failing }
}

interface Host {
  readonly name: string
  readonly vpc: string
  readonly zone?: string
}

/** A shard a host; each asks for its network. */
function hosts(
  { vpc }: World,
  more: { readonly late?: boolean; readonly id?: unknown; readonly create?: () => Promise<unknown> } = {},
): Integration {
  return defineIntegration<Host[], Host, 'never'>({
    name: 'hosts',
    version: '1',
    inputs: ['hosts.json'],
    deletePolicy: 'never',
    desiredState: (ctx) => ctx.source.load('hosts.json') as unknown as Promise<Host[]>,
    shards: (desired) => groupBy(desired, ({ name }) => name),
    run: async (ctx, desired) => {
      const whole = await Promise.all(
        desired.map(async (host): Promise<Host> => {
          const { zone } = await ctx.related(vpc, (more.id ?? host.vpc) as string)
          return { ...host, zone }
        }),
      )
      return ctx.plan(diff({ desired: whole, current: listing.whole<Host>([]), key: ({ name }) => name }), {
        create: async () => {
          if (more.late === true) await ctx.related(vpc, 'late')
          await more.create?.()
        },
      })
    },
  })
}
const data = (count: number, networks: number): { readonly data: Readonly<Record<string, string>> } => ({
  data: {
    'hosts.json': JSON.stringify(
      Array.from({ length: count }, (_, index) => ({ name: `h${String(index)}`, vpc: `v${String(index % networks)}` })),
    ),
  },
})

describe('ctx.related', () => {
  it('2,000 shards that share 200 resources load 200, and the record says so', async () => {
    const here = world()
    const { record } = await recordRun(hosts(here), data(2000, 200))
    expect([record.exitCode, here.loads.length, new Set(here.loads).size]).toEqual([0, 200, 200])
    expect(record.relations).toEqual([{ name: 'vpc', asked: 2000, loaded: 200 }])
    expect(record.plan?.changes[0]?.fields[0]?.after).toMatchObject({ zone: 'zone of v0' })
  })

  it('in dry runs of one command all targets share what was loaded; an apply loads for itself', async () => {
    const here = world()
    const relations: Answers = new Map()
    const run = async (mode: 'apply' | 'dry-run'): Promise<number | undefined> => {
      const overrides: RunOverrides = { deps: { relations } }
      const { record } = await runRecorded(hosts(here), { ...data(10, 5), mode }, overrides)
      return record.relations?.[0]?.loaded
    }
    expect([await run('dry-run'), await run('dry-run'), await run('apply'), await run('apply')]).toEqual([5, 0, 5, 5])
  })

  it('an error is not remembered, and names the relation and the id', async () => {
    const here = world()
    const relations: Answers = new Map()
    here.failing.add('v0')
    const run = (): ReturnType<typeof runRecorded> => runRecorded(hosts(here), data(2, 1), { deps: { relations } })
    const { record } = await run()
    expect(record.error?.message).toContain('vpc "v0" could not be loaded: no answer for v0')
    here.failing.clear()
    expect((await run()).record.exitCode).toBe(0)
    expect(here.loads).toEqual(['v0', 'v0'])
  })

  it('what it gives is frozen, since others have it too', async () => {
    const here = world()
    const frozen: boolean[] = []
    const asking = defineIntegration<string[], string, 'never'>({
      name: 'asking',
      version: '1',
      deletePolicy: 'never',
      desiredState: () => [],
      run: async (ctx, desired) => {
        frozen.push(Object.isFrozen(await ctx.related(here.vpc, 'v')))
        return ctx.plan(diff({ desired, current: listing.whole<string>([]), key: (key) => key }), {})
      },
    })
    await recordRun(asking)
    expect(frozen).toEqual([true])
  })

  it('a handler does not ask, and an id is a text', async () => {
    const { record: late } = await recordRun(hosts(world(), { late: true }), { ...data(1, 1), mode: 'apply' })
    expect(late.outcomes[0]?.error).toContain('ctx.related() is for planning')
    const { record: wrong } = await recordRun(hosts(world(), { id: 7 }), data(1, 1))
    expect(wrong.error?.message).toContain('takes an id that is a text, not number')
  })

  it('a relation only reads, whoever waits for it', async () => {
    const writing = relation('writing', async (_id, { http }) => {
      await http('https://api.example.com/x', { method: 'PUT' })
      return { zone: '' }
    })
    const { record } = await recordRun(hosts({ ...world(), vpc: writing }), data(1, 1))
    expect(record.error).toMatchObject({ code: 'dry-run-write' })
  })
})

function latch(): { readonly opened: Promise<void>; open(): void } {
  let open = (): void => undefined
  const opened = new Promise<void>((resolve) => {
    open = resolve
  })
  return {
    opened,
    open() {
      open()
    },
  }
}

describe('answers that processes share', () => {
  /** Who has `v0`, and notes what it is asked and told. */
  function others(): { readonly shared: SharedAnswers; readonly told: string[] } {
    const told: string[] = []
    const shared: SharedAnswers = {
      ask: (_relation, id, load) => {
        told.push(`ask ${id}`)
        return id === 'v0' ? Promise.resolve({ zone: 'theirs' } as Awaited<ReturnType<typeof load>>) : load()
      },
      changing: () => {
        told.push('changing')
        return Promise.resolve()
      },
    }
    return { shared, told }
  }

  it('each run asks once for an id, and what it loads itself is counted alone; theirs is frozen too', async () => {
    const here = world()
    const { shared, told } = others()
    const { record } = await runRecorded(hosts(here), data(6, 3), { deps: { sharedAnswers: shared } })
    expect([told, here.loads]).toEqual([
      ['ask v0', 'ask v1', 'ask v2'],
      ['v1', 'v2'],
    ])
    expect(record.relations).toEqual([{ name: 'vpc', asked: 6, loaded: 2 }])
    expect(record.plan?.changes[0]?.fields[0]?.after).toMatchObject({ zone: 'theirs' })
  })

  it('an apply tells the others before its first change, and only where it has one', async () => {
    const here = world()
    const { shared, told } = others()
    const options = { ...data(1, 1), mode: 'apply' } as const
    const integration = defineIntegration<string[], string, 'never'>({
      name: 'told',
      version: '1',
      inputs: ['hosts.json'],
      deletePolicy: 'never',
      desiredState: () => ['k'],
      run: (ctx, desired) =>
        ctx.plan(
          diff({
            desired,
            current: listing.whole(told.includes('create') ? ['k'] : []),
            owned: () => true,
            key: (key) => key,
          }),
          {
            create: () => void told.push('create'),
          },
        ),
    })
    for (const mode of ['dry-run', 'apply', 'apply'] as const)
      await runRecorded(integration, { ...options, mode }, { deps: { sharedAnswers: shared } })
    expect(told).toEqual(['changing', 'create'])
    expect(here.loads).toEqual([])
  })

  it('a place that is given an identity is changed: the others are told before', async () => {
    const { shared, told } = others()
    let identity: string | undefined
    const integration = defineIntegration<string[], string, 'never'>({
      name: 'placed',
      version: '1',
      deletePolicy: 'never',
      destination: (_params, { create }) => {
        if (create && identity === undefined) told.push('made')
        if (create) identity = 'place'
        return identity
      },
      desiredState: () => [],
      run: (ctx, desired) => ctx.plan(diff({ desired, current: listing.whole<string>([]), key: (key) => key }), {}),
    })
    for (let times = 0; times < 2; times += 1)
      expect(
        (await runRecorded(integration, { mode: 'apply' }, { deps: { sharedAnswers: shared } })).record.exitCode,
      ).toBe(0)
    expect(told).toEqual(['changing', 'made'])
  })

  it('an apply that has waited for its lease takes nothing of theirs', async () => {
    const clock = createFakeClock()
    const options = { ...data(1, 1), mode: 'apply', clock, store: createMemoryStore({ clock }) } as const
    const begun = latch()
    const go = latch()
    const waits = latch()
    const first = runRecorded(hosts(world(), { create: () => (begun.open(), go.opened) }), options)
    await begun.opened
    const here = world()
    const { shared, told } = others()
    const reporter: Reporter = {
      report: (event) => {
        if (event.kind === 'logged' && event.record.message.includes('Waiting for it')) waits.open()
      },
    }
    const overrides: RunOverrides = { deps: { sharedAnswers: shared, reporter }, request: { leaseWaitMs: 60_000 } }
    const second = runRecorded(hosts(here), options, overrides)
    await waits.opened
    go.open()
    expect((await first).record.exitCode).toBe(0)
    await pass(clock, 30_000)
    expect([(await second).record.exitCode, told.filter((one) => one !== 'changing'), here.loads]).toEqual([
      0,
      [],
      ['v0'],
    ])
  })
})

describe('relations of a module', () => {
  const load = (id: string): string => id

  it('are those that were made while it was loaded, and alone have their name', () => {
    const before = relation('before', load)
    const relations = listenForRelations()
    const top = relation('top', load)
    const [one, other] = [relation('twice', load), relation('twice', load)]
    expect(relations.sourceOf(top)).toBeUndefined()
    moduleLoaded('a.ts')
    const late = relation('late', load)
    const again = relation('top', load)
    expect([before, one, other, late, again].map((each) => relations.sourceOf(each))).toEqual(Array(5).fill(undefined))
    expect(relations.sourceOf(top)).toBe('a.ts')
    moduleLoaded('b.ts')
    expect(relations.sourceOf(top)).toBe('a.ts')
  })
})
