// postgres-access: roles of PostgreSQL servers, their memberships and their grants, as data files of the repository say.
import { defineIntegration, diff, groupBy, TrueupError } from 'trueup'
import { z } from 'zod'
import { keyOf, takesAway } from './items.js'
import { dataFile } from './schema.js'

export default defineIntegration({
  name: 'postgres-access',
  version: '1.0.0',
  description: 'Roles of PostgreSQL servers, their memberships and grants',
  describe:
    'connects to every instance of the data files; a dry run reads in READ ONLY transactions, which the server itself holds to. It cannot see what functions do that are called while reading: only those of pg_catalog are',

  params: z.object({
    data: z.string().default('data/postgres-access/*.yaml').describe('Data files: a glob from the repository root'),
    place: z
      .string()
      .min(1)
      .default('postgres-access')
      .describe(
        'Name of the instances as a whole; it is in the mark on each role, so changing it gives all of them up',
      ),
  }),
  inputs: (params) => [params.data],
  deletePolicy: 'owned',
  destination: ({ place }) => place,

  async desiredState(ctx) {
    const names = await ctx.source.files(ctx.params.data)
    const instances = await ctx.source.loadAll(ctx.params.data, dataFile) // in the order of names
    const files = new Map<string, string>()
    for (const [at, { instance }] of instances.entries()) {
      const [before, name] = [files.get(instance), names[at] ?? '']
      if (before !== undefined) {
        const message = `the instance "${instance}" is in ${before} and in ${name}; one file says all of an instance`
        throw new TrueupError('desired-invalid', `${message} (postgres-access, desired state)`)
      }
      files.set(instance, name)
    }
    return instances
  },

  shards: (desired) => groupBy(desired, ({ instance }) => instance),

  async run(ctx, desired) {
    const { lookAt } = await import('./look.js') // loaded only when a run is needed
    const seen = await lookAt({
      shard: ctx.shard,
      wanted: desired[0],
      owned: ctx.owned.size,
      // With the instance, so that one server under two names is not fought over.
      marker: { target: ctx.target, destination: `${ctx.params.place}/${ctx.shard}` },
      dryRun: ctx.dryRun,
      postgres: ctx.postgres,
      resolve: (reference) => ctx.secrets.resolve(reference),
      warn: (message) => ctx.log.warn(message),
    })
    const changes = diff({
      desired: seen.desired,
      current: seen.current,
      key: keyOf,
      normalize: ({ item }) => item,
      owned: ({ owned }) => owned,
      dependsOn: (_, sides) => seen.dependsOn({ desired: sides.desired, current: sides.current?.item }),
      destructive: ({ before, after }) => takesAway(before.item, after),
    })
    return ctx.plan(changes, {
      create: ({ after }) => seen.put(after),
      update: ({ before, after }) => seen.put(after, before.item),
      adopt: ({ after }) => seen.adopt(after),
      delete: ({ before }) => seen.remove(before.item),
    })
  },
})
