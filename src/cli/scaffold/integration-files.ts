// The files of a new integration: the definition, its client, a test that passes at once, data, a README. Pure: names in, texts out.
import type { DeletePolicy } from '../../integration.js'

export interface Skeleton {
  readonly name: string
  readonly deletePolicy: DeletePolicy
}

/** Files by their path below the integration's folder; `data` is the one below the repository's root. */
export function integrationFiles(skeleton: Skeleton): Readonly<Record<string, string>> {
  return {
    'index.ts': definition(skeleton),
    'client.ts': client(),
    'index.test.mjs': test(skeleton),
    'README.md': readme(skeleton),
  }
}

export function exampleData(): string {
  return `items:
  - { name: first, value: one }
  - { name: second, value: two }
`
}

function definition({ name, deletePolicy }: Skeleton): string {
  const remove = deletePolicy === 'never' ? '' : `\n      delete: ({ before }) => api.remove(before.id),`
  return `// ${name}: what the items of an HTTP service should be, and how to bring them there.
import { defineIntegration, diff } from 'trueup'
import { z } from 'zod'

const dataFile = z.object({ items: z.array(z.object({ name: z.string(), value: z.string() })) })

export default defineIntegration({
  name: '${name}',
  version: '1.0.0', // raise it when the same data means other changes
  description: 'Items of an HTTP service',
  params: z.object({ server: z.url().default('http://127.0.0.1:8080').describe('Address of the service') }),
  inputs: ['data/${name}/*.yaml'], // everything desiredState() reads: equal here means skipped
  deletePolicy: '${deletePolicy}',
  destination: (params) => params.server,

  // What should be. It runs for two commits, so it may only look at its context.
  async desiredState(ctx) {
    const files = await ctx.source.loadAll('data/${name}/*.yaml', dataFile)
    return files.flatMap((file) => file.items)
  },

  // Reads what is, and returns the plan. Only the plan's handlers act, and only in an apply.
  async run(ctx, desired) {
    const { connect } = await import('./client.js') // loaded only when a run is needed
    const api = connect(ctx.params.server, ctx.http)
    const current = await api.list()
    return ctx.plan(diff({ desired, current, key: (item) => item.name, normalize: ({ id, ...item }) => item }), {
      create: ({ after }) => api.create(after),
      update: ({ before, after }) => api.replace(before.id, after),${remove}
    })
  },
})
`
}

function client(): string {
  return `// The outside system: a list of items behind HTTP. Replace it by yours.
import { listing, type Http } from 'trueup'

export interface Item {
  readonly name: string
  readonly value: string
}
export interface FoundItem extends Item {
  readonly id: string
}

export function connect(server: string, http: Http) {
  async function call(method: string, path: string, body?: unknown): Promise<unknown> {
    const response = await http(server + path, {
      method,
      ...(body === undefined ? {} : { body: JSON.stringify(body), headers: { 'content-type': 'application/json' } }),
    })
    if (!response.ok) throw new Error(\`\${method} \${path}: the service answered \${response.status}\`)
    return response.status === 204 ? undefined : response.json()
  }
  return {
    // A pager proves that the list is complete; without that proof nothing is ever deleted.
    list: () =>
      listing.fromPages(async (cursor) => {
        const page = (await call('GET', cursor === undefined ? '/items' : \`/items?after=\${cursor}\`)) as { items: FoundItem[]; next?: string }
        return page
      }),
    create: async (item: Item) => void (await call('POST', '/items', item)),
    replace: async (id: string, item: Item) => void (await call('PUT', \`/items/\${id}\`, item)),
    remove: async (id: string) => void (await call('DELETE', \`/items/\${id}\`)),
  }
}
`
}

function test({ name, deletePolicy }: Skeleton): string {
  const removed =
    deletePolicy === 'never'
      ? ''
      : `
test('an item that is no longer desired is deleted, if it is ours', async () => {
  const { http, items } = service([{ id: 'x', name: 'foreign', value: '1' }])
  const { store, clock } = kept()
  await assertConverges(integration, { data, http, store, clock })
  const rest = { 'data/${name}/items.yaml': 'items: [{ name: first, value: one }]' }
  await assertConverges(integration, { data: rest, http, store, clock })
  assert.deepEqual(items().map((item) => item.name), [${deletePolicy === 'all' ? '' : "'foreign', "}'first'])
})
`
  return `// Run it with: node --test integrations/${name}/index.test.mjs
import assert from 'node:assert/strict'
import test from 'node:test'
import { assertConverges, assertDryRunIsPure, createFakeClock, createMemoryStore, loadForTest } from 'trueup/testing'

const integration = await loadForTest(new URL('./index.ts', import.meta.url))
const data = { 'data/${name}/items.yaml': 'items: [{ name: first, value: one }, { name: second, value: two }]' }

test('brings the service to what the data says, and then has nothing to do', async () => {
  const { http, items } = service([])
  await assertConverges(integration, { data, http })
  assert.deepEqual(items().map(({ name, value }) => \`\${name}=\${value}\`), ['first=one', 'second=two'])
})

test('a dry run writes nothing', async () => {
  const { http, items } = service([])
  const { plan } = await assertDryRunIsPure(integration, { data, http, world: items })
  assert.equal(plan.summary.create, 2)
})
${removed}
function kept() {
  const clock = createFakeClock()
  return { clock, store: createMemoryStore({ clock }) }
}

/** The service, two items a page. */
function service(initial) {
  const items = [...initial]
  const json = (status, body) => new Response(JSON.stringify(body), { status })
  const http = async (url, { method = 'GET', body } = {}) => {
    const { pathname, searchParams } = new URL(url)
    const id = pathname.split('/')[2]
    const at = items.findIndex((item) => item.id === id)
    if (method === 'GET') {
      const from = Number(searchParams.get('after') ?? 0)
      const next = from + 2 < items.length ? String(from + 2) : undefined
      return json(200, { items: items.slice(from, from + 2), next })
    }
    if (method === 'POST') items.push({ id: \`id-\${items.length}-\${JSON.parse(body).name}\`, ...JSON.parse(body) })
    if (method === 'PUT') items[at] = { id, ...JSON.parse(body) }
    if (method === 'DELETE') items.splice(at, 1)
    return json(200, {})
  }
  return { http, items: () => items }
}
`
}

function readme({ name, deletePolicy }: Skeleton): string {
  return `# ${name}

Brings the items of an HTTP service to what \`data/${name}/*.yaml\` says. Delete policy: \`${deletePolicy}\`.

- \`index.ts\` says what should be and how to get there, \`client.ts\` speaks to the service.
- See it: \`trueup plan ${name}\`; its declarations: \`trueup show ${name}\`.
- Test it: \`node --test integrations/${name}/index.test.mjs\`.
`
}
