// The author's file of the guide, as it is written there: everything is inferred, and what is forgotten is a type error.
import { assertType, describe, expectTypeOf, it } from 'vitest'
import { z } from 'zod'
import type { Json } from '../../src/event.js'
import type { DeletePolicy, Diff, Handlers, Http, Listing, Plan } from '../../src/integration.js'
import { defineIntegration } from '../../src/integration.js'
import { staticShards } from '../../src/desired/static-shards.js'
import { diff } from '../../src/reconcile/diff.js'
import { listing } from '../../src/reconcile/listing.js'

interface DnsRecord {
  id: string
  zone: string
  name: string
  type: 'A' | 'CNAME' | 'NS'
  value: string
}
interface Dns {
  listRecords(zone: string): Promise<Listing<DnsRecord>>
  create(record: Omit<DnsRecord, 'id'>): Promise<void>
  replace(id: string, record: Omit<DnsRecord, 'id'>): Promise<void>
  remove(id: string): Promise<void>
}
declare function connect(server: string, token: string, http: Http): Dns
declare function groupBy<T>(items: readonly T[], key: (item: T) => string): Map<string, T[]>

const zone = z.object({
  zone: z.string(),
  records: z.array(z.object({ name: z.string(), type: z.enum(['A', 'CNAME']), value: z.string() })),
})
type Desired = { zone: string; name: string; type: 'A' | 'CNAME'; value: string }

const params = z.object({ server: z.url().default('https://dns.example.com').describe('API of the DNS service') })

/** For checks that need a context but nothing of an integration. */
declare const plan: <E, C, P extends DeletePolicy>(
  policy: P,
  diff: Diff<E, C>,
  handlers: Handlers<NoInfer<E>, NoInfer<C>, P>,
) => Plan<C>
declare const records: Listing<DnsRecord>
declare const wanted: Desired[]
const key = (record: { zone: string; name: string }): string => `${record.zone}/${record.name}`

describe("the author's file", () => {
  it('type-checks with everything inferred', () => {
    const integration = defineIntegration({
      name: 'dns-records',
      version: '1.0.0',
      description: 'A and CNAME records of our zones',
      params,
      inputs: ['data/dns/*.yaml'],
      secrets: [{ path: 'dns/api', field: 'token' }],
      deletePolicy: 'owned',
      destination: (params) => {
        expectTypeOf(params).toEqualTypeOf<{ server: string }>()
        return params.server
      },

      async desiredState(ctx) {
        expectTypeOf(ctx.params.server).toBeString()
        const zones = await ctx.source.loadAll('data/dns/*.yaml', zone)
        return zones.flatMap(({ zone, records }) => records.map((record) => ({ zone, ...record })))
      },

      shards: (desired) => groupBy(desired, (record) => record.zone),

      async run(ctx, desired) {
        expectTypeOf(desired).toEqualTypeOf<Desired[]>()
        // What run() alone reads would be missed by a skip.
        expectTypeOf(ctx).not.toHaveProperty('source')
        const dns: Dns = connect(ctx.params.server, await ctx.secrets.read('dns/api', 'token'), ctx.http)
        const current = await dns.listRecords(ctx.shard)
        return ctx.plan(
          diff({
            desired,
            current,
            key: (r) => `${r.zone}/${r.name}/${r.type}`,
            normalize: ({ id: _, ...record }) => record,
          }),
          {
            create: ({ after }) => {
              expectTypeOf(after).toEqualTypeOf<Desired>()
              return dns.create(after)
            },
            update: ({ before, after }) => {
              expectTypeOf(before).toEqualTypeOf<DnsRecord>()
              return dns.replace(before.id, after)
            },
            delete: ({ before }) => dns.remove(before.id),
          },
        )
      },
      limits: {
        maxDeletes: '10%',
        protect: (current) => {
          expectTypeOf(current).toEqualTypeOf<DnsRecord>()
          return current.type === 'NS'
        },
      },
    })
    expectTypeOf(integration.desiredType).toEqualTypeOf<Desired[] | undefined>()
    expectTypeOf(integration.currentType).toEqualTypeOf<DnsRecord | undefined>()
  })

  it('gives normalize and the other questions about current items their type', () => {
    diff({
      desired: wanted,
      current: records,
      key,
      normalize: ({ id: _, ...record }) => record,
      owned: (current) => {
        expectTypeOf(current).toEqualTypeOf<DnsRecord>()
        return undefined
      },
      protect: (current) => current.type === 'NS',
      dependsOn: (_, sides) => {
        expectTypeOf(sides.desired).toEqualTypeOf<Desired | undefined>()
        return []
      },
    })
  })

  it('needs no normalize where both sides are of one type, and no delete handler where nothing is ever deleted', () => {
    const same = diff({ desired: ['a'], current: listing.whole(['b']), key: (name) => name })
    assertType<Plan<string>>(plan('never', same, { create: () => undefined }))
  })

  it('takes items that hold any JSON, or themselves', () => {
    interface Tree {
      readonly kind: 'leaf' | 'branch'
      readonly extra?: Json
      readonly children: readonly Tree[]
    }
    const trees: Tree[] = []
    const rows = listing.whole([{ id: 1, kind: 'twig', extra: [1], children: [] }])
    const made = diff({
      desired: trees,
      current: rows,
      key: (tree) => tree.kind,
      normalize: ({ id: _, ...tree }) => tree,
    })
    expectTypeOf(made).toEqualTypeOf<Diff<Tree, { id: number; kind: string; extra: number[]; children: never[] }>>()
    diff({ desired: trees, current: listing.whole(trees), key: (tree) => tree.kind })
    diff({ desired: trees, current: listing.whole([]), key: (tree) => tree.kind })
  })

  it('infers the items of a pager', () => {
    expectTypeOf(
      listing.fromPages(async (cursor) => {
        expectTypeOf(cursor).toEqualTypeOf<string | undefined>()
        return { items: [{ id: 1 }], next: null }
      }),
    ).resolves.toEqualTypeOf<Listing<{ id: number }>>()
  })
})

describe('is a type error:', () => {
  it('a forgotten normalize where the types differ', () => {
    // @ts-expect-error current records have an id, desired ones have none
    diff({ desired: wanted, current: records, key })
  })

  it('a normalize that leaves something out', () => {
    // @ts-expect-error `value` is missing
    diff({ desired: wanted, current: records, key, normalize: ({ zone, name, type }) => ({ zone, name, type }) })
  })

  it('a forgotten delete handler with a policy that deletes', () => {
    const made = diff({ desired: wanted, current: records, key, normalize: ({ id: _, ...record }) => record })
    // @ts-expect-error nothing could delete
    plan('owned', made, { create: () => undefined })
  })

  it('a delete handler under the policy never', () => {
    const made = diff({ desired: wanted, current: records, key, normalize: ({ id: _, ...record }) => record })
    // @ts-expect-error it would never be called
    plan('never', made, { delete: () => undefined })
  })

  it('an integration without a delete policy', () => {
    // @ts-expect-error there is no default
    defineIntegration({
      name: 'x',
      version: '1',
      desiredState: () => ['a'],
      run: (ctx, desired) =>
        ctx.plan(diff({ desired, current: listing.whole(['b']), key: (name) => name }), { delete: () => undefined }),
    })
  })

  it('a secret or a field that was not declared', () => {
    defineIntegration({
      name: 'x',
      version: '1',
      secrets: [{ path: 'dns/api', field: 'token' }],
      deletePolicy: 'never',
      desiredState: () => ['a'],
      async run(ctx, desired) {
        expectTypeOf(ctx.secrets.resolve({ $secret: { path: 'anything', field: undefined } })).resolves.toBeString()
        // @ts-expect-error a value is no reference
        await ctx.secrets.resolve('dns/api')
        // @ts-expect-error no such secret
        await ctx.secrets.read('dns/apo')
        // @ts-expect-error no such field
        await ctx.secrets.read('dns/api', 'tokn')
        return ctx.plan(diff({ desired, current: listing.whole(['b']), key: (name) => name }), {})
      },
    })
  })

  it('a clock or a way to act in desiredState, and http where nothing external was declared', () => {
    defineIntegration({
      name: 'x',
      version: '1',
      deletePolicy: 'never',
      desiredState(ctx) {
        // @ts-expect-error desired state must not depend on time
        assertType(ctx.clock)
        // @ts-expect-error needs `external: true`
        assertType(ctx.http)
        return ['a']
      },
      run: (ctx, desired) =>
        ctx.plan(diff({ desired, current: listing.whole(['b']), key: (name) => name }), { create: () => undefined }),
    })
  })

  it('a key of something that only current items have', () => {
    diff({
      desired: wanted,
      current: records,
      // @ts-expect-error key is applied to normalized items
      key: ({ id }) => String(id),
      normalize: ({ id: _, ...record }) => record,
    })
  })
})

describe('shards', () => {
  const common = { name: 'x', version: '1', deletePolicy: 'owned', run: () => [] } as const

  it('of a fixed number know the items', () => {
    defineIntegration({
      ...common,
      desiredState: () => wanted,
      shards: staticShards(16, (record) => {
        expectTypeOf(record).toEqualTypeOf<Desired>()
        return record.name
      }),
    })
  })

  it('tell their items by a function of the whole and of a part', () => {
    defineIntegration({
      ...common,
      desiredState: () => ({ records: wanted }),
      shards: ({ records }) => new Map([['a', { records }]]),
      items: (desired) => {
        expectTypeOf(desired).toEqualTypeOf<{ records: Desired[] }>()
        return desired.records
      },
    })
  })
})
