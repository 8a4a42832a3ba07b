// In: the built library's folder. Out: one JSON object: how often 2,000 shards load 200 resources that they share, with relations and without.
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'

const [built] = process.argv.slice(2)
const load = (file) => import(pathToFileURL(join(built, file)).href)
const { defineIntegration, diff, groupBy, listing, relation } = await load('index.js')
const { recordRun } = await load('testing.js')

const TARGETS = 2000
const RESOURCES = 200

/** @param ask - gives a resource, in a context */
async function loadsOf(ask) {
  const integration = defineIntegration({
    name: 'shared',
    version: '1',
    deletePolicy: 'never',
    desiredState: () =>
      Array.from({ length: TARGETS }, (_, index) => ({ name: `t${index}`, of: `r${index % RESOURCES}` })),
    shards: (desired) => groupBy(desired, ({ name }) => name),
    run: async (ctx, desired) => {
      for (const { of } of desired) await ask(ctx, of)
      return ctx.plan(diff({ desired, current: listing.whole([]), key: ({ name }) => name }), { create: () => {} })
    },
  })
  const { record } = await recordRun(integration)
  if (record.exitCode !== 0) throw new Error(record.error?.message)
}

let related = 0
let alone = 0
const resource = relation('resource', async (id) => {
  related += 1
  return id
})
await loadsOf((ctx, id) => ctx.related(resource, id))
await loadsOf(async () => {
  alone += 1
})
process.stdout.write(JSON.stringify({ related, alone }))
