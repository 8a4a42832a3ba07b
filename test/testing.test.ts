// The door for authors' tests: what it runs is the real engine, and what is wrong with an integration makes it fail.
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { z } from 'zod'
import { defineIntegration, diff, groupBy, listing } from '../src/index.js'
import {
  assertConverges,
  assertDryRunIsPure,
  createFakeClock,
  createMemoryStore,
  loadForTest,
  recordRun,
} from '../src/testing.js'

const data = { 'data/all.yaml': '[{ name: a, value: "1" }, { name: b, value: "2" }]' }
const item = z.array(z.object({ name: z.string(), value: z.string() }))

interface Item {
  readonly name: string
  readonly value: string
}

interface Behaviour {
  /** What the outside world makes of a value that it is given. */
  readonly stored?: (value: string) => string
  readonly failing?: string
  /** Something that run() does besides planning. */
  readonly whilePlanning?: (world: Map<string, string>) => void | Promise<void>
}

function sample({ stored = (value) => value, failing, whilePlanning }: Behaviour = {}) {
  const world = new Map<string, string>()
  const integration = defineIntegration({
    name: 'sample',
    version: '1',
    params: z.object({ prefix: z.string().default('') }),
    inputs: ['data/*.yaml'],
    env: ['STAGE'],
    secrets: [{ path: 'sample/api', field: 'token' }],
    deletePolicy: 'owned',
    async desiredState(ctx) {
      const items = (await ctx.source.loadAll('data/*.yaml', item)).flat()
      return items.map(({ name, value }) => ({
        name: `${ctx.params.prefix}${name}`,
        value: value + (ctx.env('STAGE') ?? ''),
      }))
    },
    shards: (desired) => groupBy(desired, ({ name }) => name.slice(0, 1)),
    async run(ctx, desired) {
      await whilePlanning?.(world)
      ctx.log.info('planning', { shard: ctx.shard })
      const current: Item[] = [...world]
        .filter(([name]) => name.startsWith(ctx.shard))
        .map(([name, value]) => ({ name, value }))
      const put = ({ after }: { readonly after: Item }): void => {
        if (after.name === failing) throw new Error('the service said no')
        world.set(after.name, stored(after.value))
      }
      return ctx.plan(diff({ desired, current: listing.whole(current), key: ({ name }) => name }), {
        create: put,
        update: put,
        delete: ({ key }) => void world.delete(key),
      })
    },
  })
  return { integration, world }
}

describe('recordRun', () => {
  it('plans without acting, and tells everything that happened', async () => {
    const { integration, world } = sample()
    const { record, events, plan } = await recordRun(integration, { data })
    expect(plan?.summary).toMatchObject({ create: 2, update: 0, delete: 0 })
    expect(record).toMatchObject({
      exitCode: 0,
      run: { mode: 'dry-run', target: 'sample', shards: ['a', 'b'], startedAt: Date.UTC(2026, 0, 1) },
    })
    expect(record.log.records.map(({ message }) => message)).toEqual(['planning', 'planning'])
    expect(events.map(({ kind }) => kind)).toEqual(['decided', 'logged', 'logged', 'planned', 'finished'])
    expect(world.size).toBe(0)
  })

  it('applies, with parameters, variables, one shard and a name of its own', async () => {
    const { integration, world } = sample()
    const { record } = await recordRun(integration, {
      data,
      mode: 'apply',
      params: { prefix: 'x-' },
      env: { STAGE: '!' },
      target: 'mine',
    })
    expect(record).toMatchObject({ exitCode: 0, run: { target: 'mine', shards: ['x'] } })
    expect([...world]).toEqual([
      ['x-a', '1!'],
      ['x-b', '2!'],
    ])
    const one = sample()
    await recordRun(one.integration, { data, mode: 'apply', shards: ['b'] })
    expect([...one.world.keys()]).toEqual(['b'])
  })

  it('gives a failed run back as a record: data, handlers, limits, parameters', async () => {
    const { integration } = sample({ failing: 'b' })
    expect((await recordRun(integration, { data: { 'data/x.yaml': '[{ name: a }]' } })).record).toMatchObject({
      exitCode: 1,
      error: { code: 'desired-invalid' },
    })
    expect((await recordRun(integration, { data, mode: 'apply' })).record).toMatchObject({
      exitCode: 5,
      outcomes: [
        { key: 'a', result: 'applied' },
        { key: 'b', result: 'failed', error: expect.stringContaining('the service said no') as unknown },
      ],
    })
    expect((await recordRun(integration, { data, limits: { maxChanges: 1 } })).record).toMatchObject({ exitCode: 3 })
    expect((await recordRun(integration, { data, params: { prefix: 3 } })).record.error).toMatchObject({
      code: 'params-invalid',
    })
  })

  it('keeps what is owned in the store that it is given', async () => {
    const { integration, world } = sample()
    const clock = createFakeClock()
    const store = createMemoryStore({ clock })
    await recordRun(integration, { data, mode: 'apply', store, clock })
    const less = { 'data/all.yaml': '[{ name: a, value: "1" }]' }
    const { plan } = await recordRun(integration, { data: less, store, clock })
    expect(plan?.changes.map(({ action, key }) => `${action} ${key}`)).toEqual(['delete b'])
    // Without that store nothing is owned.
    expect(
      (await recordRun(integration, { data: less })).plan?.changes.filter(({ action }) => action === 'delete'),
    ).toEqual([])
    expect(world.size).toBe(2)
  })

  it('gives secrets and http to run(), and refuses to write while planning', async () => {
    const calls: string[] = []
    const http: typeof fetch = (input, init) => {
      calls.push(`${init?.method ?? 'GET'} ${input instanceof Request ? input.url : String(input)}`)
      return Promise.resolve(new Response('[]'))
    }
    const build = (method: string) =>
      defineIntegration({
        name: 'writer',
        version: '1',
        secrets: [{ path: 'writer/api', field: 'token' }],
        deletePolicy: 'never',
        desiredState: () => [] as string[],
        async run(ctx, desired) {
          const token = await ctx.secrets.read('writer/api', 'token')
          await ctx.http(`http://service.invalid/${token}`, { method })
          return ctx.plan(diff({ desired, current: listing.whole([] as string[]), key: (it) => it }), {})
        },
      })
    const options = { http, secrets: { 'writer/api': { token: 'hush-hush' } } }
    expect((await recordRun(build('GET'), options)).record.exitCode).toBe(0)
    expect((await recordRun(build('POST'), options)).record.error).toMatchObject({ code: 'dry-run-write' })
    expect(calls).toEqual(['GET http://service.invalid/hush-hush'])
  })
})

describe('assertConverges', () => {
  it('applies, plans again, and gives both runs', async () => {
    const { integration, world } = sample()
    const { applied, again } = await assertConverges(integration, { data })
    expect(applied.record.outcomes.length).toBe(2)
    expect(again.plan?.changes).toEqual([])
    expect(world.size).toBe(2)
  })

  it('fails when the world says something else than what was asked for, and names the field', async () => {
    const { integration } = sample({ stored: (value) => `${value}.` })
    await expect(assertConverges(integration, { data })).rejects.toThrow(
      /does not converge.*2 changes.*update a \(value\).*normalize/,
    )
  })

  it('fails when a handler fails, or a limit blocks, and says which', async () => {
    await expect(assertConverges(sample({ failing: 'b' }).integration, { data })).rejects.toThrow(
      /create b: .*the service said no/,
    )
    await expect(assertConverges(sample().integration, { data, limits: { maxChanges: '0' } })).rejects.toThrow(
      /apply did not succeed: .+/,
    )
  })
})

describe('assertDryRunIsPure', () => {
  it('gives the run back when nothing was written', async () => {
    const { integration, world } = sample()
    const { plan } = await assertDryRunIsPure(integration, { data, world: () => [...world] })
    expect(plan?.summary.create).toBe(2)
  })

  it('fails when run() itself changes the world', async () => {
    const { integration, world } = sample({ whilePlanning: (it) => void it.set('sneaky', '1') })
    await expect(assertDryRunIsPure(integration, { data, world: () => [...world] })).rejects.toThrow(
      /changed the world: .*sneaky/,
    )
  })

  it('fails when planning sends a write past ctx.http', async () => {
    const { integration } = sample({
      whilePlanning: async () => {
        await fetch('http://127.0.0.1:9/x', { method: 'POST' })
      },
    })
    await expect(assertDryRunIsPure(integration, { data })).rejects.toThrow(/the dry run failed: .*POST/)
  })
})

describe('loadForTest', () => {
  it('loads TypeScript that reaches no trueup by name', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'trueup-load-'))
    try {
      const file = join(folder, 'tiny.mjs')
      await writeFile(
        file,
        `export const name = 'tiny', version = '1', deletePolicy = 'never'
         export const desiredState = () => []
         export const run = () => []`,
      )
      const definition = await loadForTest(file)
      expect(definition.name).toBe('tiny')
      expect((await recordRun(definition)).record.exitCode).toBe(0)
      await expect(loadForTest(join(folder, 'none.mjs'))).rejects.toThrow(/there is no integration at/)
    } finally {
      await rm(folder, { recursive: true, force: true })
    }
  })
})
