// `owned release` in the whole engine, of objects that say themselves whose they are: what was released is deleted by no later apply.
import { describe, expect, it } from 'vitest'
import { defineIntegration, diff, listing } from '../src/index.js'
import { releaseOwned, type OwnedDependencies } from '../src/run-owned.js'
import { readLedger } from '../src/store/ledger.js'
import { createMemoryStore } from '../src/store/memory-store.js'
import { runRecorded } from '../src/testing-run.js'
import { createFakeClock } from '../src/util/fake-clock.js'
import { newUlid } from '../src/util/ulid.js'
import { unguarded } from './support/unguarded.js'

interface Thing {
  readonly key: string
  readonly text: string
  /** Whose it is, as a comment or a label would say. */
  readonly of: string
}

const [a, b, c] = ['a', 'b', 'c'].map((key) => ({ key, text: key, of: 'things' })) as [Thing, Thing, Thing]

function createThings(deletePolicy: 'owned' | 'all', carriesProof: boolean) {
  const world = new Map<string, Thing>()
  const clock = createFakeClock()
  const store = createMemoryStore({ clock })
  const put = ({ key, after }: { readonly key: string; readonly after: Thing }): void => void world.set(key, after)
  const things = defineIntegration<Thing[], Thing, 'owned' | 'all'>({
    name: 'things',
    version: '1',
    inputs: ['data/*.json'],
    deletePolicy,
    desiredState: async (ctx) => (await ctx.source.loadAll('data/*.json')).flat() as unknown as Thing[],
    run: async (ctx, desired) => {
      const current = await listing.fromPages(() => Promise.resolve({ items: [...world.values()] }))
      const owned = carriesProof ? { owned: ({ of }: Thing) => of === 'things' } : {}
      return ctx.plan(diff({ desired, current, key: ({ key }) => key, ...owned }), {
        create: put,
        update: put,
        delete: ({ key }) => void world.delete(key),
      })
    },
  })
  /** The changes that an apply made. */
  const apply = async (...desired: readonly Thing[]): Promise<readonly string[]> => {
    clock.advance(1000)
    const data = { 'data/a.json': JSON.stringify(desired) }
    const { record } = await runRecorded(things, { data, store, clock, mode: 'apply' })
    expect(record.exitCode).toBe(0)
    return record.outcomes.map(({ action, key }) => `${action} ${key}`)
  }
  const deps: OwnedDependencies = {
    store,
    clock,
    newId: () => newUlid(clock.now()),
    by: { actor: 'jane', url: null, host: 'ci-7', tool: 'trueup' },
    lease: () =>
      Promise.resolve({
        ...unguarded,
        token: () => 99,
        abandoned: new Set<string>(),
        release: () => Promise.resolve(),
      }),
    warn: () => undefined,
  }
  const release = (...keys: readonly string[]) => releaseOwned(deps, { target: 'things', keys })
  const ledger = async () =>
    (await readLedger(store, 'things')).map(({ value }) => [Object.keys(value.objects), value.released ?? []])
  return { world, apply, release, ledger }
}

describe.each([
  { deletePolicy: 'owned', carriesProof: true },
  { deletePolicy: 'owned', carriesProof: false },
  { deletePolicy: 'all', carriesProof: false },
] as const)('an object that is released ($deletePolicy, says whose it is: $carriesProof)', (how) => {
  const createIt = () => createThings(how.deletePolicy, how.carriesProof)

  it('stays as it is when it is desired no longer, whatever is applied since', async () => {
    const { world, apply, release, ledger } = createIt()
    await apply(a, b, c)
    await release('b')
    expect(await ledger()).toEqual([[['a', 'c'], ['b']]])
    expect(await apply(a, c)).toEqual([])
    expect(await apply(a)).toEqual(['delete c'])
    expect(await ledger()).toEqual([[['a'], ['b']]])
    expect([...world.keys()]).toEqual(['a', 'b'])
  })

  it('is adopted by an apply that desires it, and is deleted like any other from then on', async () => {
    const { world, apply, release, ledger } = createIt()
    await apply(a, b)
    await release('b')
    expect(await apply(a, b)).toEqual(['adopt b'])
    expect(await ledger()).toEqual([[['a', 'b'], []]])
    expect(await apply(a)).toEqual(['delete b'])
    expect([...world.keys()]).toEqual(['a'])
  })

  it('is created anew when it is gone', async () => {
    const { world, apply, release, ledger } = createIt()
    await apply(a, b)
    await release('b')
    world.delete('b')
    expect(await apply(a)).toEqual([])
    expect(await apply(a, b)).toEqual(['create b'])
    expect(await ledger()).toEqual([[['a', 'b'], []]])
  })
})
