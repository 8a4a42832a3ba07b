// The page of serve on the built CLI: what is done at it stands in the store with who did it, and who may act is clear before anything is served.
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { createRig, type Rig } from '../support/rig.js'

const TOKEN = 'a token of this test'

async function rigOf(): Promise<Rig> {
  const rig = await createRig()
  const out = join(rig.root, 'out')
  await rig.write({
    'trueup.yaml': `version: 1\ntargets:\n  alpha: { integration: managed-files, params: { root: ${JSON.stringify(out)}, data: 'data/*.yaml' }, apply: true, labels: { team: web } }\n`,
    'data/f.yaml': 'files: [{ path: x, content: one }]\n',
    '.gitignore': '.trueup/\n',
  })
  await rig.commit()
  await rig.git('init', '--quiet', out)
  return rig
}

interface Page {
  readonly text: string
  readonly status: number
  readonly location: string | null
}

interface Person {
  get(path: string): Promise<Page>
  post(path: string, fields: Readonly<Record<string, string>>): Promise<Page>
}

/** A browser with its cookie, or with the headers of a proxy. */
function personAt(url: string, headers: Readonly<Record<string, string>>): Person {
  const sent = async (path: string, init: RequestInit): Promise<Page> => {
    const answer = await fetch(`${url}${path}`, { redirect: 'manual', ...init })
    return { text: await answer.text(), status: answer.status, location: answer.headers.get('location') }
  }
  const get: Person['get'] = (path) => sent(path, { headers: { accept: 'text/html', ...headers } })
  return {
    get,
    async post(path, fields) {
      const [, csrf = ''] = /name="csrf" value="([^"]+)"/.exec((await get('/targets/alpha')).text) ?? []
      return await sent(path, {
        method: 'POST',
        headers: { origin: url, ...headers },
        body: new URLSearchParams({ csrf, ...fields }),
      })
    },
  }
}

async function logIn(url: string, name: string): Promise<Person> {
  const body = new URLSearchParams({ name, token: TOKEN, next: '/' })
  const answer = await fetch(`${url}/login`, { method: 'POST', redirect: 'manual', headers: { origin: url }, body })
  return personAt(url, { cookie: (answer.headers.get('set-cookie') ?? '').replace(/;.*/, '') })
}

const STATUS = /status {5}(http:\S+) \(from this machine alone\)[^]*to end it: SIGTERM/

describe('the page of serve', () => {
  it('holds, releases and runs, each recorded with who did it', async () => {
    await using rig = await rigOf()
    const daemon = rig.start(['serve', '--apply', '--listen', '127.0.0.1:0'], { env: { TRUEUP_TOKEN: TOKEN } })
    const [, url = ''] = await daemon.until(STATUS)
    await daemon.until(/alpha apply: applied: 1 create/)
    const jane = await logIn(url, 'jane')
    expect((await jane.get('/?label=team%3Dweb')).text).toMatch(/applied: 1 create[^]*apply ·\s+run/)

    expect((await jane.post('/targets/alpha/hold', { for: '2h', reason: 'the release\nis cut' })).location).toBe(
      '/targets/alpha?said=hold',
    )
    const held = (await rig.run(['status', '-o', 'json'])).json() as {
      readonly targets: readonly { readonly holds: readonly object[] }[]
    }
    expect(held.targets[0]?.holds).toEqual([
      expect.objectContaining({
        target: 'alpha',
        reason: 'the release is cut',
        by: expect.objectContaining({ actor: 'jane' }) as unknown,
      }),
    ])
    // Within this request already, not when the store is read again.
    expect((await jane.get('/')).text).toMatch(/Held[^]*the release is cut/)
    expect((await jane.post('/targets/alpha/release', { confirmed: 'yes' })).location).toBe(
      '/targets/alpha?said=release',
    )
    expect((await rig.run(['status', '-o', 'json'])).json()).toMatchObject({ targets: [{ holds: [] }] })

    await rig.run(['hold', 'alpha', '--key', 'one', '--shard', 'eu', '--for', '1h', '--reason', 'moved'])
    expect((await jane.get('/targets/alpha')).text).toContain('End the hold of object <span class="data">one</span>')
    const ofOne = { kind: 'object', key: 'one', confirmed: 'yes' }
    expect((await jane.post('/targets/alpha/release', ofOne)).location).toBe('/targets/alpha?said=release')
    expect((await jane.post('/targets/alpha/release', ofOne)).location).toBe('/targets/alpha?said=not-held')
    expect((await rig.run(['status', '-o', 'json'])).json()).toMatchObject({
      targets: [{ holds: [{ shard: 'eu', key: null, reason: 'moved' }] }],
    })

    expect((await jane.post('/targets/alpha/run', { confirmed: 'yes' })).location).toBe('/targets/alpha?said=run')
    await daemon.until(/alpha apply: no changes/)
    const { runs } = (await rig.run(['runs', 'list', '-o', 'json'])).json() as {
      readonly runs: readonly { readonly run: { readonly by: { readonly event?: object } } }[]
    }
    expect(runs.map(({ run }) => run.by.event)).toEqual([
      { reason: 'run now, at the page', by: 'jane', key: null },
      undefined,
    ])
    daemon.kill('SIGTERM')
    const { stderr, code } = await daemon.result
    expect(code).toBe(143)
    for (const line of [
      /alpha is held for 2h by jane: the release is cut/,
      /the hold of alpha was ended by jane/,
      /the hold of object one of alpha was ended by jane/,
      /alpha is due now: jane asked for it/,
    ])
      expect(stderr).toMatch(line)
    expect(stderr).not.toContain(TOKEN)
  })

  it('follows what happens', async () => {
    await using rig = await rigOf()
    const daemon = rig.start(['serve', '--listen', '127.0.0.1:0'], { env: { TRUEUP_TOKEN: TOKEN } })
    const [, url = ''] = await daemon.until(STATUS)
    await daemon.until(/alpha dry-run: changes pending/)
    const { text } = await personAt(url, {}).get('/targets/alpha')
    const [, since = ''] = /data-since="([^"]+)"/.exec(text) ?? []
    const stream = await fetch(`${url}/events?since=${since}`)
    const reader = stream.body?.pipeThrough(new TextDecoderStream()).getReader()
    await rig.run(['hold', 'alpha', '--for', '1h', '--reason', 'elsewhere'])
    await fetch(`${url}/api/v1/targets/alpha/run`, { method: 'POST', headers: { authorization: `Bearer ${TOKEN}` } })
    let all = ''
    while (!all.includes('event: change')) all += (await reader?.read())?.value ?? ''
    await reader?.cancel()
    daemon.kill('SIGTERM')
    // A stream that is open keeps nobody.
    expect((await daemon.result).code).toBe(143)
  })

  it('resolves a doubt, with who said so', async () => {
    await using rig = await rigOf()
    await rig.write({
      'trueup.yaml': 'version: 1\ntargets:\n  alpha: { integration: unsure }\n',
      'integrations/unsure.mjs': `import { defineIntegration, diff, listing } from 'trueup'
export default defineIntegration({
  name: 'unsure', version: '1.0.0', deletePolicy: 'never', destination: () => 'here', desiredState: () => [{ key: 'a' }],
  run: (ctx, desired) => ctx.plan(diff({ desired, current: listing.whole([]), key: (one) => one.key }), {
    create: () => { process.kill(process.pid, 'SIGKILL'); return new Promise(() => {}) }, update: async () => {},
  }),
})
`,
    })
    await rig.commit()
    expect((await rig.run(['apply', 'alpha', '--yes'])).signal).toBe('SIGKILL')
    const daemon = rig.start(['serve', '--listen', '127.0.0.1:0'], { env: { TRUEUP_TOKEN: TOKEN } })
    const [, url = ''] = await daemon.until(STATUS)
    const jane = await logIn(url, 'jane')
    let doubt: string | undefined
    // Of a store that is large the page does not wait for everything.
    while (doubt === undefined) doubt = /href="(\/doubts\/[0-9a-f]{64})"/.exec((await jane.get('/')).text)?.[1]
    expect((await jane.get(doubt)).text).toMatch(/create a<[^]*It has happened …/)
    expect((await jane.post(`${doubt}/resolve`, { as: 'absent' })).text).toContain('It has not happened?')
    expect((await jane.post(`${doubt}/resolve`, { as: 'absent', confirmed: 'yes' })).location).toBe('/?said=resolve')
    expect((await rig.run(['doubts', 'list', '-o', 'json'])).json()).toMatchObject({ doubts: [] })
    const { runs } = (await rig.run(['runs', 'list', '-o', 'json'])).json() as {
      readonly runs: readonly {
        readonly instead: { readonly kind: string } | null
        readonly run: { readonly by: object }
      }[]
    }
    expect(runs.find(({ instead }) => instead?.kind === 'resolve')?.run.by).toMatchObject({ actor: 'jane' })
    expect((await jane.post(`${doubt}/resolve`, { as: 'absent', confirmed: 'yes' })).location).toBe('/?said=settled')
  })

  it('believes a proxy that is listed, and starts with no header that anybody could send', async () => {
    await using rig = await rigOf()
    const header = ['--trusted-user-header', 'X-Forwarded-User']
    const closed = await rig.run(['serve', '--listen', '127.0.0.1:0', ...header])
    expect([closed.code, closed.stderr]).toEqual([
      64,
      expect.stringContaining('--trusted-user-header needs --trusted-proxy'),
    ])
    const wrong = await rig.run(['serve', '--listen', '127.0.0.1:0', ...header, '--trusted-proxy', 'proxy.example'])
    expect([wrong.code, wrong.stderr]).toEqual([64, expect.stringContaining('--trusted-proxy takes an address')])
    const daemon = rig.start(['serve', '--listen', '127.0.0.1:0', ...header, '--trusted-proxy', '127.0.0.0/8'])
    const [, url = ''] = await daemon.until(STATUS)
    const jane = personAt(url, { 'x-forwarded-user': 'jane' })
    expect((await jane.post('/targets/alpha/hold', { for: '1h', reason: 'by proxy' })).status).toBe(303)
    const nobody = await personAt(url, {}).post('/targets/alpha/hold', { for: '1h', reason: 'by nobody' })
    expect([nobody.status, nobody.text.includes('trusted proxy')]).toEqual([403, true])
    expect((await rig.run(['status', '-o', 'json'])).json()).toMatchObject({
      targets: [{ holds: [{ reason: 'by proxy', by: { actor: 'jane' } }] }],
    })
  })
})
