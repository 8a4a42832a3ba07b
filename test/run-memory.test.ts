// `ctx.durable` and `ctx.state` in runs: what a dry run may do, what an apply keeps and when, and what the record tells. Real engine, memory store.
import { describe, expect, it } from 'vitest'
import { z } from 'zod'
import type { Integration, RunContext, SecretRef } from '../src/integration.js'
import { defineIntegration, diff, listing } from '../src/index.js'
import { markdownOf, textOf } from './support/shown-plan.js'
import { runJson } from '../src/report/run-json.js'
import type { StoreKey } from '../src/store/object-store.js'
import { createFakeClock, createMemoryStore, recordRun, type RecordedRun } from '../src/testing.js'
import { keysOf, watchStore } from './support/failing-store.js'

type Context = RunContext<object, readonly SecretRef[], 'never'>
type Create = (key: string) => Promise<void>

/** Accounts that are only ever made: what `memory` makes of ctx is called with each key. */
function accounts(
  desired: readonly string[],
  memory: (ctx: Context) => Create | Promise<Create>,
  sharded = false,
): Integration {
  const world = new Set<string>()
  return defineIntegration({
    name: 'accounts',
    version: '1',
    deletePolicy: 'never',
    secrets: [{ path: 'mail/api', field: 'token' }],
    desiredState: () => desired.map((name) => ({ name })),
    ...(sharded ? { shards: (all: { name: string }[]) => new Map(all.map((one) => [one.name, [one]])) } : {}),
    run: async (ctx, wanted) => {
      const create = await memory(ctx)
      const current = await listing.fromPages(() => Promise.resolve({ items: [...world].map((name) => ({ name })) }))
      return ctx.plan(diff({ desired: wanted, current, key: ({ name }) => name }), {
        create: async ({ key }) => {
          await create(key)
          world.add(key)
        },
      })
    },
  })
}

function place() {
  const clock = createFakeClock()
  const store = createMemoryStore({ clock })
  const shared = { clock, store, secrets: { 'mail/api': { token: 'hunter2hunter2' } } }
  const run = (integration: Integration, mode: 'dry-run' | 'apply' = 'apply'): Promise<RecordedRun> =>
    recordRun(integration, { ...shared, mode })
  return { clock, store, run }
}

const kept = async (store: Parameters<typeof keysOf>[0]): Promise<readonly StoreKey[]> =>
  (await keysOf(store)).filter((key) => /^(durable|state)\//.test(key))

describe('ctx.durable', () => {
  it('in handlers happens once over all runs, and the record says how each call was answered', async () => {
    const { run, clock } = place()
    const sent: string[] = []
    const integration = (): Integration =>
      accounts(['ann', 'bob'], (ctx) => {
        const invite = ctx.durable('invite', { idempotent: true }, async (name: string) => {
          sent.push(name)
          return { id: `i-${name}`, at: new Date(clock.now()) }
        })
        return async (key) => {
          const invitation = await invite(key)
          expect(invitation.at).toBeInstanceOf(Date)
          await invite(key)
        }
      })
    const first = await run(integration())
    expect(first.record.outcomes.map(({ result }) => result)).toEqual(['applied', 'applied'])
    expect(first.record.durable?.counts).toEqual({ executed: 2, 'cache-hit': 0, 'idempotent-hit': 2, waited: 0 })
    expect(first.record.durable?.calls[0]).toMatchObject({
      name: 'invite',
      version: '1',
      how: 'executed',
      id: expect.stringMatching(/^[0-9a-f]{64}$/) as string,
    })
    expect(first.events.filter(({ kind }) => kind === 'durable-called')).toHaveLength(4)
    expect((runJson([first.record], 0) as { runs: { durable: unknown }[] }).runs[0]?.durable).toMatchObject({
      counts: { executed: 2 },
    })
    // As after the outside system forgot them: another world, the same store.
    const second = await run(integration())
    expect(second.record.durable?.counts).toMatchObject({ executed: 0, 'idempotent-hit': 4 })
    expect(sent).toEqual(['ann', 'bob'])
  })

  it('one that is idempotent is refused while planning, by its name, in a dry run and in an apply; nothing is claimed', async () => {
    for (const mode of ['dry-run', 'apply'] as const) {
      const { run, store } = place()
      let made = 0
      const { record } = await run(
        accounts(['ann'], async (ctx) => {
          const invite = ctx.durable('invite', { idempotent: true, cached: true }, async () => void (made += 1))
          await invite()
          return async () => undefined
        }),
        mode,
      )
      expect(record.error).toMatchObject({
        code: 'dry-run-write',
        message: expect.stringContaining('invite is idempotent') as string,
      })
      expect(made).toBe(0)
      expect(await kept(store)).toEqual([])
    }
  })

  it('one that is merely cached: a dry run returns what is recorded, else calls it and stores nothing', async () => {
    const { run, store } = place()
    let made = 0
    const integration = accounts(['ann'], async (ctx) => {
      const load = ctx.durable(
        'load',
        { cached: true },
        async (page: number) => `page ${String(page)}, ${String((made += 1))}`,
      )
      await Promise.all([load(1), load(1)])
      return async () => undefined
    })
    const before = await run(integration, 'dry-run')
    expect(before.record.durable?.counts).toMatchObject({ executed: 1, waited: 1 })
    expect(await kept(store)).toEqual([])
    const applied = await run(integration, 'apply')
    expect(applied.record.durable?.counts).toMatchObject({ executed: 1, waited: 1 })
    expect(await kept(store)).toHaveLength(1)
    const after = await run(integration, 'dry-run')
    expect(after.record.durable?.counts).toMatchObject({ 'cache-hit': 1, waited: 1 })
    expect(made).toBe(2)
  })

  it('an effect whose record cannot be written before it does not happen; the change has failed', async () => {
    const { clock, store } = place()
    const { store: broken } = watchStore(store, (call, key) => {
      if (call === 'put' && key.startsWith('durable/')) throw new Error('no space')
    })
    let made = 0
    const { record } = await recordRun(
      accounts(['ann'], (ctx) => ctx.durable('invite', { idempotent: true }, async (_key: string) => void (made += 1))),
      { clock, store: broken, mode: 'apply', secrets: { 'mail/api': { token: 'x' } } },
    )
    expect(record.outcomes).toMatchObject([{ result: 'failed', error: 'no space' }])
    expect(made).toBe(0)
  })

  it('once the lease is lost no further claim starts', async () => {
    const { clock, store, run } = place()
    const made: string[] = []
    const { record } = await run(
      accounts(['ann'], (ctx) => {
        const invite = ctx.durable('invite', { idempotent: true }, async (name: string) => void made.push(name))
        return async (key) => {
          await invite(key)
          // The process stood still for longer than the lease.
          clock.advance(40 * 86_400_000)
          await invite(`${key} again`)
        }
      }),
    )
    expect(made).toEqual(['ann'])
    expect(record.outcomes[0]?.result).toBe('unknown')
    const claims = (await kept(store)).filter((key) => key.startsWith('durable/'))
    expect(claims).toHaveLength(1)
  })

  it('a result that holds a secret that the run has read is not stored, and the effect is not repeated', async () => {
    const { run, store } = place()
    let made = 0
    const integration = (): Integration =>
      accounts(['ann'], async (ctx) => {
        const token = await ctx.secrets.read('mail/api')
        const invite = ctx.durable('invite', { idempotent: true }, async (_key: string) => {
          made += 1
          return { header: `Bearer ${token}` }
        })
        return async (key) => {
          await invite(key)
        }
      })
    for (const _time of [1, 2]) {
      const { record } = await run(integration())
      expect(record.outcomes[0]).toMatchObject({
        result: 'failed',
        error: expect.stringContaining('header of its result is or holds a secret. The effect has happened') as string,
      })
    }
    expect(made).toBe(1)
    for (const key of await keysOf(store)) {
      const object = await store.get(key)
      expect(object.kind === 'found' ? Buffer.from(object.value).toString() : '').not.toContain('hunter2')
    }
  })

  it('shards share what they call, and each registers it once', async () => {
    const { run } = place()
    let made = 0
    const integration = accounts(
      ['ann', 'bob', 'cid'],
      (ctx) => {
        const team = ctx.durable('team', { idempotent: true }, async () => `team ${String((made += 1))}`)
        return async () => {
          await team()
        }
      },
      true,
    )
    const { record } = await run(integration)
    expect(record.error).toBeNull()
    expect(record.outcomes.map(({ result }) => result)).toEqual(['applied', 'applied', 'applied'])
    expect(made).toBe(1)
    expect(record.durable?.calls.map(({ shard }) => shard).sort()).toEqual(['ann', 'bob', 'cid'])
    const twice = await run(
      accounts(['dan'], (ctx) => {
        for (const _time of [1, 2]) ctx.durable('team', { idempotent: true }, async () => 1)
        return async () => undefined
      }),
    )
    expect(twice.record.error).toMatchObject({
      code: 'durable-misuse',
      message: expect.stringContaining('registered twice in accounts') as string,
    })
  })
})

describe('ctx.state', () => {
  const cursor = z.object({ page: z.number() })

  it('what planning writes is shown as would remember, kept by an apply before its first change, and by nothing else', async () => {
    const { run, store } = place()
    const seen: unknown[] = []
    const integration = accounts(['ann'], async (ctx) => {
      seen.push(await ctx.state.get('cursor', cursor))
      await ctx.state.update('cursor', (now) => ({ page: (now?.page ?? 0) + 1 }), cursor)
      await ctx.state.update('cursor', (now) => ({ page: (now?.page ?? 0) + 1 }), cursor)
      await ctx.state.set('who', 'ann')
      await ctx.state.delete('old')
      return async () => {
        seen.push(await ctx.state.get('who'))
      }
    })
    const dry = await run(integration, 'dry-run')
    const remember = [{ key: 'cursor', value: { page: 2 } }, { key: 'old' }, { key: 'who', value: 'ann' }]
    expect(dry.plan?.remember).toEqual(remember)
    expect(await kept(store)).toEqual([])
    expect(textOf(dry)).toContain(
      '  Would remember\n    cursor  {"page":2}\n    old     (forgotten)\n    who     ann\n',
    )
    expect(markdownOf(dry)).toContain(
      '#### Would remember (3)\n\n- `cursor`: `{"page":2}`\n- `old`: forgotten\n- `who`: `ann`\n',
    )
    expect((runJson([dry.record], 0) as { runs: { plan: { remember: unknown } }[] }).runs[0]?.plan.remember).toEqual(
      remember,
    )

    const applied = await run(integration, 'apply')
    expect(applied.record.error).toBeNull()
    // What is remembered is no part of what is approved.
    expect(applied.plan?.digest).toBe(dry.plan?.digest)
    expect(await kept(store)).toHaveLength(2)
    expect(seen).toEqual([undefined, undefined, 'ann'])
    await run(integration, 'apply')
    expect(seen.at(-1)).toEqual({ page: 2 })
    // Planned, and not kept: somebody's limit is in the way.
    const { record } = await recordRun(integration, {
      store,
      mode: 'apply',
      limits: { maxChanges: 0 },
      target: 'other',
      secrets: { 'mail/api': { token: 'x' } },
    })
    expect(record.exitCode).toBe(3)
    expect((await kept(store)).filter((key) => key.startsWith('state/other'))).toEqual([])
  })

  it('handlers write at once, each key by compare and set', async () => {
    const { run, store } = place()
    const names = Array.from({ length: 20 }, (_, index) => `n${String(index).padStart(2, '0')}`)
    const { record } = await run(
      accounts(names, (ctx) => async (key) => {
        await ctx.state.update<z.ZodNumber>('count', (now) => (now ?? 0) + 1)
        await ctx.state.set(`seen/${key}`, true)
      }),
    )
    expect(record.outcomes.every(({ result }) => result === 'applied')).toBe(true)
    let count: unknown
    const pages: (readonly string[])[] = []
    await run(
      accounts([], async (ctx) => {
        count = await ctx.state.get('count')
        for (let after: string | undefined; ;) {
          const page = await ctx.state.list('seen/', { limit: 8, ...(after === undefined ? {} : { after }) })
          pages.push(page.keys)
          if (page.next === undefined) break
          after = page.next
        }
        expect(await ctx.state.list('seen')).toMatchObject({ keys: expect.arrayContaining(['seen/n00']) as string[] })
        expect(await ctx.state.list('seen/n1x')).toEqual({ keys: [], next: undefined })
        return async () => undefined
      }),
    )
    expect(count).toBe(20)
    expect(pages.map((keys) => keys.length)).toEqual([8, 8, 4])
    expect(pages.flat()).toEqual(names.map((name) => `seen/${name}`))
    expect(await kept(store)).toHaveLength(21)
  })

  it('a plan computed from what somebody has changed since is not applied', async () => {
    const { clock, store } = place()
    let meanwhile = async (): Promise<void> => undefined
    const integration = accounts(['ann'], async (ctx) => {
      await ctx.state.update<z.ZodNumber>('n', (now) => (now ?? 0) + 1)
      await meanwhile()
      return async () => undefined
    })
    const shared = { clock, store, secrets: { 'mail/api': { token: 'x' } }, mode: 'apply' as const }
    await recordRun(integration, shared)
    const [key] = (await kept(store)).filter((one) => one.startsWith('state/'))
    meanwhile = async () => {
      const found = await store.get(key ?? ('' as never))
      if (found.kind === 'found') await store.put(key ?? ('' as never), found.value)
    }
    const { record } = await recordRun(
      accounts(['bob'], async (ctx) => {
        await ctx.state.update<z.ZodNumber>('n', (now) => (now ?? 0) + 1)
        await meanwhile()
        return async () => undefined
      }),
      shared,
    )
    expect(record.error).toMatchObject({ code: 'state-conflict' })
    expect(record.outcomes).toEqual([])
  })

  it('what is damaged, newer, not as its schema says, no JSON or a secret is an error with its key', async () => {
    const { run, store } = place()
    const failing = async (memory: (ctx: Context) => Promise<unknown>): Promise<unknown> => {
      const { record } = await run(
        accounts(['x'], async (ctx) => (await memory(ctx), async () => undefined)),
        'dry-run',
      )
      return record.error
    }
    await run(accounts(['ann'], (ctx) => async () => ctx.state.set('n', { a: 1 })))
    expect(await failing((ctx) => ctx.state.get('n', cursor))).toMatchObject({
      code: 'state-invalid',
      message: expect.stringContaining('the state "n" is not as its schema says: page:') as string,
    })
    expect(await failing((ctx) => ctx.state.set('n', { page: 'x' } as never, cursor))).toMatchObject({
      code: 'state-invalid',
    })
    expect(await failing((ctx) => ctx.state.set('n', { a: [NaN] }))).toMatchObject({
      code: 'value-unsupported',
      message: expect.stringContaining('a[0] is NaN') as string,
    })
    expect(await failing(async (ctx) => ctx.state.set('n', { t: await ctx.secrets.read('mail/api') }))).toMatchObject({
      code: 'value-unsupported',
      message: expect.not.stringContaining('hunter2') as string,
    })
    expect(await failing((ctx) => ctx.state.get(''))).toMatchObject({ code: 'state-invalid' })
    const [key] = (await kept(store)).filter((one) => one.startsWith('state/'))
    const text = Buffer.from(((await store.get(key ?? ('' as never))) as { value: Uint8Array }).value).toString()
    await store.put(key ?? ('' as never), Buffer.from(text.replace('"v": 1', '"v": 9')))
    expect(await failing((ctx) => ctx.state.get('n'))).toMatchObject({
      code: 'store-refused',
      message: expect.stringContaining('newer trueup') as string,
    })
    await store.put(key ?? ('' as never), Buffer.from(text.slice(0, 40)))
    expect(await failing((ctx) => ctx.state.get('n'))).toMatchObject({ code: 'store-corrupt' })
  })
})
