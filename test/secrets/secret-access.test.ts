// What an author's code may read and when, through the whole engine.
import { describe, expect, it } from 'vitest'
import { defineIntegration, diff, listing, type SecretRef } from '../../src/index.js'
import { recordRun, type RecordedRun, type TestOptions } from '../../src/testing.js'
import type { RunMode } from '../../src/event.js'

type Reads = Readonly<{
  read(path: string, field?: string): Promise<string>
  resolve(reference: unknown): Promise<string>
}>

interface Author {
  readonly secrets?: readonly SecretRef[]
  readonly desired?: readonly { readonly id: string }[]
  readonly planning?: (secrets: Reads) => Promise<unknown>
  readonly handling?: (secrets: Reads) => Promise<unknown>
}

async function run(
  author: Author,
  options: TestOptions & { readonly mode?: RunMode } = {},
): Promise<RecordedRun & { readonly seen: unknown[] }> {
  const seen: unknown[] = []
  const integration = defineIntegration({
    name: 'sample',
    version: '1',
    deletePolicy: 'never',
    secrets: author.secrets ?? [],
    desiredState: () => author.desired ?? [{ id: 'a' }],
    async run(ctx, desired) {
      const secrets = ctx.secrets as unknown as Reads
      if (author.planning !== undefined) seen.push(await author.planning(secrets))
      const current = listing.whole([] as { readonly id: string }[])
      return ctx.plan(diff({ desired, current, key: (it) => it.id }), {
        create: async () => {
          if (author.handling !== undefined) seen.push(await author.handling(secrets))
        },
      })
    },
  })
  return {
    ...(await recordRun(integration, {
      secrets: { db: { ro: 'read-only-pw', rw: 'read-write-pw' }, one: 'only-value' },
      ...options,
    })),
    seen,
  }
}

const both = [
  { path: 'db', field: 'ro' },
  { path: 'db', field: 'rw', for: 'apply' },
] as const

describe('ctx.secrets.read', () => {
  it('lets a dry run do without secrets for apply, and handlers have them', async () => {
    const author: Author = {
      secrets: both,
      planning: (secrets) => secrets.read('db', 'ro'),
      handling: (secrets) => secrets.read('db', 'rw'),
    }
    const dry = await run(author, { secrets: { db: { ro: 'read-only-pw' } } })
    expect([dry.record.exitCode, dry.seen]).toEqual([0, ['read-only-pw']])
    const applied = await run(author, { mode: 'apply' })
    expect([applied.record.exitCode, applied.seen]).toEqual([0, ['read-only-pw', 'read-write-pw']])
    const without = await run(author, { mode: 'apply', secrets: { db: { ro: 'read-only-pw' } } })
    expect(without.record.outcomes).toMatchObject([
      { result: 'failed', error: expect.stringContaining('no field "rw"; it has: ro') as string },
    ])
  })

  it.each(['dry-run', 'apply'] as const)('refuses a secret for apply while planning (%s)', async (mode) => {
    const { record } = await run({ secrets: both, planning: (secrets) => secrets.read('db', 'rw') }, { mode })
    expect(record.error).toMatchObject({
      code: 'secret-missing',
      message:
        "sample: the secret db rw is declared for apply only and was read while planning: read it in a handler of the plan, or declare it without for: 'apply'",
    })
    expect(record.outcomes).toEqual([])
  })

  it('gives a secret for plan to both', async () => {
    const read = (secrets: Reads): Promise<string> => secrets.read('one')
    const { seen } = await run(
      { secrets: [{ path: 'one', for: 'plan' }], planning: read, handling: read },
      { mode: 'apply' },
    )
    expect(seen).toEqual(['only-value', 'only-value'])
  })

  it.each([
    ['a secret that is not declared', [], 'the secret one is read but not declared'],
    ['several fields and none named', both, 'is declared with several fields (ro, rw): name one'],
  ])('refuses %s', async (_, secrets, message) => {
    const path = secrets.length === 0 ? 'one' : 'db'
    const { record } = await run({ secrets, planning: (given) => given.read(path) })
    expect(record.error).toMatchObject({ code: 'secret-missing', message: expect.stringContaining(message) as string })
  })
})

describe('ctx.secrets.resolve', () => {
  const reference = { $secret: { path: 'db', field: 'ro' } }

  it('gives what the desired state refers to, and keeps it opaque there', async () => {
    const desired = [{ id: 'a', password: reference }]
    const { seen, record } = await run({ desired, planning: (secrets) => secrets.resolve(reference) })
    expect(seen).toEqual(['read-only-pw'])
    expect(record.plan?.changes[0]?.fields).toEqual([{ path: '', after: { id: 'a', password: reference } }])
  })

  it('gives what is declared, and refuses the rest', async () => {
    expect((await run({ secrets: [{ path: 'db' }], planning: (secrets) => secrets.resolve(reference) })).seen).toEqual([
      'read-only-pw',
    ])
    const { record } = await run({ planning: (secrets) => secrets.resolve(reference) })
    expect(record.error?.message).toContain('the secret db ro is neither declared nor part of the desired state')
  })

  it('keeps a secret for apply closed while planning, whatever refers to it', async () => {
    const rw = { $secret: { path: 'db', field: 'rw' } }
    const author: Author = { secrets: both, desired: [{ id: 'a', ...rw }] }
    const dry = await run({ ...author, planning: (secrets) => secrets.resolve(rw) })
    expect(dry.record.error?.message).toContain('declared for apply only')
    const applied = await run({ ...author, handling: (secrets) => secrets.resolve(rw) }, { mode: 'apply' })
    expect(applied.seen).toEqual(['read-write-pw'])
  })

  it.each([{}, { $secret: 'db' }, { $secret: { path: '' } }, { $secret: { path: 'db', field: 1 } }, null])(
    'refuses %j',
    async (given) => {
      const { record } = await run({ secrets: [{ path: 'db' }], planning: (secrets) => secrets.resolve(given) })
      expect(record.error).toMatchObject({
        code: 'secret-missing',
        message: expect.stringContaining('ctx.secrets.resolve() takes') as string,
      })
    },
  )
})

describe('desiredState', () => {
  it('has references, and no way to a value', async () => {
    let keys: readonly string[] = []
    const integration = defineIntegration({
      name: 'sample',
      version: '1',
      deletePolicy: 'never',
      secrets: [{ path: 'one' }],
      desiredState(ctx) {
        keys = Object.keys(ctx.secrets)
        return [ctx.secrets.reference('one')]
      },
      run: (ctx, desired) =>
        ctx.plan(diff({ desired, current: listing.whole([] as typeof desired), key: () => 'a' }), {}),
    })
    await recordRun(integration, { secrets: { one: 'only-value' } })
    expect(keys).toEqual(['reference'])
  })
})
