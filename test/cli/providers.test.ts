// Whom integrations call by ctx.http: counted, told by a dry run, and kept to a rate that all targets of a process share.
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { describe, expect, it } from 'vitest'
import { createRig, type Rig } from '../support/rig.js'

/** Reads `reads` times, then creates one object by a write. */
const integration = (origin: string): string => `import { defineIntegration, diff, listing } from 'trueup'
const params = {
  '~standard': {
    version: 1,
    vendor: 'test',
    jsonSchema: { input: () => ({ type: 'object', properties: { reads: { type: 'integer' } } }), output: () => ({ type: 'object' }) },
    validate: (value) => ({ value }),
  },
}
export default defineIntegration({
  name: 'caller',
  version: '1.0.0',
  params,
  deletePolicy: 'never',
  desiredState: () => [{ key: 'one' }],
  async run(ctx, desired) {
    await ctx.map(Array.from({ length: ctx.params.reads }), async (_, at) => {
      const answer = await ctx.http('${origin}/' + ctx.target + '/' + at)
      if (!answer.ok) throw new Error('the service answered ' + answer.status)
    })
    return ctx.plan(diff({ desired, current: listing.whole([]), key: ({ key }) => key }), {
      create: async ({ key }) => void (await ctx.http('${origin}/' + key, { method: 'PUT' })),
      update: () => undefined,
    })
  },
})
`

interface World extends AsyncDisposable {
  readonly rig: Rig
  readonly origin: string
  readonly seen: string[]
}

/** @param answers statuses with their Retry-After, given first; then 200 */
async function worldOf(
  yaml: (origin: string) => string,
  answers: readonly (readonly [status: number, retryAfter: string])[] = [],
): Promise<World> {
  const seen: string[] = []
  const server = createServer((request, response) => {
    const [status, retryAfter] = answers[seen.length] ?? [200, undefined]
    seen.push(`${request.method ?? ''} ${request.url ?? ''}`)
    response.writeHead(status, retryAfter === undefined ? {} : { 'retry-after': retryAfter }).end('answer')
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const origin = `http://127.0.0.1:${String((server.address() as AddressInfo).port)}`
  const rig = await createRig({
    files: { 'trueup.yaml': `version: 1\n${yaml(origin)}`, 'integrations/caller.ts': integration(origin) },
  })
  return {
    rig,
    origin,
    seen,
    async [Symbol.asyncDispose]() {
      await rig[Symbol.asyncDispose]()
      server.closeAllConnections()
      await new Promise((resolve) => server.close(resolve))
    },
  }
}

interface Document {
  readonly runs: readonly {
    readonly run: { readonly target: string }
    readonly error: { readonly code: string; readonly message: string } | null
    readonly calls: readonly { readonly provider: string; readonly reads: number; readonly writes: number }[]
  }[]
}

describe('calls of providers', () => {
  it('are told by a dry run and counted in the record, also what an apply wrote', async () => {
    await using world = await worldOf(() => 'targets:\n  caller: { params: { reads: 12 } }\n')
    const { rig, origin } = world
    const dry = await rig.run(['plan', 'caller'])
    expect(dry.code).toBe(0)
    expect(dry.stdout).toContain(`\n12 reads of ${origin}\n`)
    const { runs } = (await rig.run(['apply', 'caller', '--yes', '-o', 'json'])).json() as Document
    expect(runs[0]?.calls).toMatchObject([{ provider: origin, reads: 12, writes: 1 }])
    const many = await rig.run(['plan', '--all'])
    expect(many.stdout).toContain(`\n12 reads of ${origin}\n`)
    const { runs: kept } = (await rig.run(['runs', 'list', '-o', 'json'])).json() as { runs: readonly unknown[] }
    expect(kept).toHaveLength(3)
  })

  it('keep to one rate for all targets of a process', async () => {
    await using world = await worldOf(
      (origin) => `providers:
  ${origin}: { rate: 1/h, burst: 5 }
targets:
  first: { integration: caller, params: { reads: 5 } }
  second: { integration: caller, params: { reads: 1 }, after: [first] }
`,
    )
    const { rig, seen } = world
    const both = await rig.run(['plan', '--all', '--timeout', '8s', '-o', 'json'])
    const { runs } = both.json() as Document
    expect(runs.map(({ error }) => error?.code)).toEqual([undefined, 'timeout'])
    expect(seen).toHaveLength(5)
    expect(seen.every((line) => line.startsWith('GET /first/'))).toBe(true)
    expect((await rig.run(['plan', 'second'])).code).toBe(0)
    expect(seen).toHaveLength(6)
  })

  it('are repeated when a provider asks for it, and only where they read', async () => {
    await using world = await worldOf(
      () => 'targets:\n  caller: { params: { reads: 1 } }\n',
      [
        [503, '0'],
        [200, ''],
        [429, '0'],
      ],
    )
    const { rig, seen, origin } = world
    const { runs } = (await rig.run(['apply', 'caller', '--yes', '-o', 'json'])).json() as Document
    expect(runs[0]?.calls).toMatchObject([{ provider: origin, reads: 2, writes: 1 }])
    expect(seen).toEqual(['GET /caller/0', 'GET /caller/0', 'PUT /one'])
  })

  it('that fail in ctx.map are told item by item', async () => {
    await using world = await worldOf(
      () => 'targets:\n  caller: { params: { reads: 3 } }\n',
      [
        [404, ''],
        [404, ''],
        [404, ''],
      ],
    )
    const { code, stderr } = await world.rig.run(['plan', 'caller', '--concurrency', '3'])
    expect(code).toBe(1)
    expect(stderr).toContain(
      'caller: run() failed while planning: 3 of 3 items failed: [0] undefined: the service answered 404; [1] undefined: the service answered 404; [2]',
    )
  })
})
