// The HTTP side of trueup serve on the built CLI: answers against the OpenAPI description, metrics, and who may start a run.
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { describe, expect, it } from 'vitest'
import { problems, type Schema } from '../support/json-schema.js'
import { createRig, type Rig, type RunningChild } from '../support/rig.js'

const TOKEN = 'a token of this test'

interface Description {
  readonly paths: Readonly<
    Record<
      string,
      Readonly<
        Record<
          'get' | 'post',
          {
            readonly responses: Readonly<
              Record<string, { readonly content: Readonly<Record<string, { readonly schema: Schema }>> }>
            >
          }
        >
      >
    >
  >
}

async function described(): Promise<Description> {
  const file = fileURLToPath(new URL('../../dist/openapi.json', import.meta.url))
  return JSON.parse(await readFile(file, 'utf8')) as Description
}

interface Served extends AsyncDisposable {
  readonly rig: Rig
  readonly daemon: RunningChild
  readonly url: string
  get(path: string, init?: RequestInit): Promise<Response>
}

async function served(env: Readonly<Record<string, string>> = {}): Promise<Served> {
  const rig = await createRig()
  await rig.write({
    'trueup.yaml': `version: 1
targets:
  alpha: { integration: managed-files, params: { root: ${JSON.stringify(join(rig.root, 'out'))}, data: 'data/*.yaml' }, apply: true }
  nightly: { integration: managed-files, params: { root: ${JSON.stringify(join(rig.root, 'out'))} }, schedule: '0 3 * * *' }
`,
    'data/f.yaml': 'files: [{ path: x, content: one }]\n',
    '.gitignore': '.trueup/\n',
  })
  await rig.commit()
  await rig.git('init', '--quiet', join(rig.root, 'out'))
  const daemon = rig.start(['serve', '--apply', '--listen', '127.0.0.1:0', '--every', '1h'], { env })
  const [, url = ''] = await daemon.until(/status {5}(http:\S+) \(from this machine alone\)[^]*to end it: SIGTERM/)
  return {
    rig,
    daemon,
    url,
    get: (path, init) => fetch(`${url}${path}`, init),
    [Symbol.asyncDispose]: () => rig[Symbol.asyncDispose](),
  }
}

/** The answer, after it was held against the description. */
async function checked(answer: Response, path: string, method: 'get' | 'post' = 'get'): Promise<unknown> {
  const { content } = (await described()).paths[path]?.[method].responses[String(answer.status)] ?? {}
  const schema = content?.['application/json']?.schema
  expect(schema, `${method} ${path} ${String(answer.status)} is not described`).toBeDefined()
  const value = JSON.parse(await answer.text()) as unknown
  expect(problems(schema ?? {}, value)).toEqual([])
  return value
}

describe('the status server of serve', () => {
  it('answers as its description says, and with metrics', async () => {
    await using daemon = await served({ TRUEUP_TOKEN: TOKEN })
    await daemon.daemon.until(/alpha apply: applied: 1 create/)
    const targets = (await checked(await daemon.get('/api/v1/targets'), '/api/v1/targets')) as {
      readonly targets: readonly {
        readonly name: string
        readonly apply: boolean
        readonly last: { readonly outcome: string } | null
      }[]
    }
    expect(targets.targets).toEqual([
      expect.objectContaining({
        name: 'alpha',
        apply: true,
        schedule: null,
        last: expect.objectContaining({ outcome: 'applied' }) as unknown,
      }),
      expect.objectContaining({ name: 'nightly', apply: false, schedule: '0 3 * * *', last: null }),
    ])
    const runs = (await checked(await daemon.get('/api/v1/runs?target=alpha&limit=5'), '/api/v1/runs')) as {
      readonly runs: readonly unknown[]
    }
    expect(runs.runs).toHaveLength(1)
    await checked(await daemon.get('/api/v1/runs?limit=0'), '/api/v1/runs')
    expect(await checked(await daemon.get('/api/v1/doubts'), '/api/v1/doubts')).toEqual({ doubts: [] })
    expect(await (await daemon.get('/api/v1/openapi.json')).json()).toEqual(await described())
    const page = await (await daemon.get('/', { headers: { accept: 'text/html' } })).text()
    expect(page).toMatch(
      /<a class="data" href="\/targets\/alpha">alpha<\/a>[^]*applied: 1 create[^]*nightly[^]*0 3 \* \* \*/,
    )
    const [, run = ''] = /href="(\/runs\/[^"]+)"/.exec(page) ?? []
    expect(await (await daemon.get(run)).text()).toMatch(/<strong>1 create<\/strong>[^]*<code>x<\/code>/)
    for (const path of ['/healthz', '/readyz', '/']) expect((await daemon.get(path)).status).toBe(200)
    const metrics = await (await daemon.get('/metrics')).text()
    expect(metrics).toMatch(/trueup_runs_total\{mode="apply",decision="run",outcome="applied"\} 1\n/)
    expect(metrics).toMatch(/trueup_targets 2\n[^]*trueup_running 0\n[^]*trueup_holds 0\n[^]*trueup_doubts 0\n/)
    expect(metrics).toMatch(/trueup_last_success_timestamp_seconds\{target="alpha"\} \d/)
    expect(metrics).not.toContain(TOKEN)
  })

  it('makes a target due for who has the token, and for nobody where there is none', async () => {
    await using daemon = await served({ TRUEUP_TOKEN: TOKEN })
    await daemon.daemon.until(/alpha apply: applied: 1 create/)
    const path = '/api/v1/targets/{name}/run'
    const post = (name: string, authorization?: string): Promise<Response> =>
      daemon.get(`/api/v1/targets/${name}/run`, {
        method: 'POST',
        ...(authorization === undefined ? {} : { headers: { authorization } }),
      })
    for (const wrong of [undefined, 'Bearer wrong', `Basic ${TOKEN}`, `Bearer ${TOKEN}x`]) {
      const answer = await post('alpha', wrong)
      expect(answer.status).toBe(401)
      await checked(answer, path, 'post')
    }
    const unknown = await post('nobody', `Bearer ${TOKEN}`)
    expect(unknown.status).toBe(404)
    await checked(unknown, path, 'post')
    const answer = await post('alpha', `Bearer ${TOKEN}`)
    expect([answer.status, await checked(answer, path, 'post')]).toEqual([202, { target: 'alpha', due: 'now' }])
    await daemon.daemon.until(/alpha apply: no changes/)
    expect((await daemon.get('/api/v1/targets/alpha/run')).status).toBe(405)
    daemon.daemon.kill('SIGTERM')
    expect((await daemon.daemon.result).code).toBe(143)

    await using closed = await served({ TRUEUP_TOKEN: '' })
    const refused = await closed.get('/api/v1/targets/alpha/run', {
      method: 'POST',
      headers: { authorization: 'Bearer ' },
    })
    expect(refused.status).toBe(403)
    await checked(refused, path, 'post')
  })

  it('hands its token and the secret of hooks to no run', async () => {
    await using rig = await createRig({
      files: {
        'trueup.yaml': 'version: 1\ntargets:\n  nosy: {}\n',
        'integrations/nosy.mjs': `import { defineIntegration, diff, listing } from 'trueup'
console.warn('token ' + (process.env.TRUEUP_TOKEN === undefined && process.env.TRUEUP_HOOK_SECRET === undefined ? 'is not here' : 'was handed on'))
export default defineIntegration({
  name: 'nosy', version: '1.0.0', deletePolicy: 'never', desiredState: () => [],
  run: (ctx, desired) => ctx.plan(diff({ desired, current: listing.whole([]), key: (one) => one.key }), { create: async () => {}, update: async () => {} }),
})
`,
        '.gitignore': '.trueup/\n',
      },
      env: { TRUEUP_TOKEN: TOKEN, TRUEUP_HOOK_SECRET: TOKEN },
    })
    const { stderr } = await rig.run(['serve', '--once'])
    expect(stderr).toContain('nosy warns: token is not here')
  })

  it('says which addresses it takes, and when one is taken', async () => {
    await using daemon = await served()
    const taken = await daemon.rig.run(['serve', '--listen', daemon.url.replace('http://', '')])
    expect([taken.code, taken.stderr]).toEqual([
      64,
      expect.stringMatching(/cannot listen on 127.0.0.1:\d+: it is in use. Choose another/),
    ])
    const wrong = await daemon.rig.run(['serve', '--listen', 'everywhere'])
    expect([wrong.code, wrong.stderr]).toEqual([64, expect.stringContaining('--listen takes an address')])
  })
})

describe('after a restart', () => {
  it('metrics know the last success of each target from the records', async () => {
    await using rig = await createRig()
    await rig.write({
      'trueup.yaml': `version: 1\ntargets:\n  alpha: { integration: managed-files, params: { root: ${JSON.stringify(join(rig.root, 'out'))} }, apply: true }\n`,
      '.gitignore': '.trueup/\n',
    })
    await rig.commit()
    await rig.git('init', '--quiet', join(rig.root, 'out'))
    await rig.run(['serve', '--once', '--apply'])
    const { runs } = (await rig.run(['runs', 'list', '-o', 'json'])).json() as {
      runs: readonly { run: { startedAt: string; durationMs: number } }[]
    }
    const { startedAt, durationMs } = runs[0]?.run ?? { startedAt: '', durationMs: 0 }
    const daemon = rig.start(['serve', '--apply', '--listen', '127.0.0.1:0', '--log-level', 'debug'])
    const [, url = ''] = await daemon.until(/status {5}(http:\S+) [^]*metrics know the last success of each target/)
    const text = await (await fetch(`${url}/metrics`)).text()
    const shown = /^trueup_last_success_timestamp_seconds\{target="alpha"\} (\S+)$/m.exec(text)?.[1]
    expect(Number(shown)).toBeCloseTo((Date.parse(startedAt) + durationMs) / 1000, 2)
    expect(text).toContain('trueup_relations_asked_total 0')
    daemon.kill('SIGTERM')
    await daemon.result
  })
})
