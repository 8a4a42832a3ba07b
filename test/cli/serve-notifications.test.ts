// Notifications of trueup serve on the built CLI: a real far end that fails beside one that answers and a real command; each change of state once.
import { readFileSync, existsSync } from 'node:fs'
import { createServer, type IncomingHttpHeaders } from 'node:http'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { createRig, type Rig } from '../support/rig.js'

interface Told {
  readonly id: string
  readonly kind: string
  readonly target: string
  readonly summary: string
  readonly run: string | null
  readonly was: readonly string[]
}

interface FarEnd extends AsyncDisposable {
  readonly port: number
  /** Of `/good`, as they came. */
  readonly told: Told[]
  readonly headers: IncomingHttpHeaders[]
  readonly texts: string[]
  /** Resolves when `/good` has that many. */
  count(many: number): Promise<void>
}

/** `/good` answers, `/slack` answers, everything else is not there. */
async function farEnd(): Promise<FarEnd> {
  const told: Told[] = []
  const headers: IncomingHttpHeaders[] = []
  const texts: string[] = []
  const waiters: (() => void)[] = []
  const server = createServer((request, response) => {
    let body = ''
    request.setEncoding('utf8').on('data', (text: string) => (body += text))
    request.on('end', () => {
      if (request.url === '/good') {
        told.push(JSON.parse(body) as Told)
        headers.push(request.headers)
      }
      if (request.url === '/slack-secret') texts.push((JSON.parse(body) as { readonly text: string }).text)
      response.writeHead(request.url === '/bad' ? 404 : 200).end()
      for (const wake of waiters.splice(0)) wake()
    })
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  return {
    port: (server.address() as AddressInfo).port,
    told,
    headers,
    texts,
    async count(many) {
      while (told.length < many) await new Promise<void>((resolve) => waiters.push(resolve))
    },
    [Symbol.asyncDispose]: () =>
      new Promise((resolve) => {
        server.closeAllConnections()
        server.close(() => {
          resolve()
        })
      }),
  }
}

async function rigOf(port: number): Promise<Rig> {
  const rig = await createRig({ env: { TRUEUP_SECRET_CHAT_OPS: `http://127.0.0.1:${String(port)}/slack-secret` } })
  await rig.git('init', '--quiet', join(rig.root, 'out'))
  await rig.write({
    'trueup.yaml': `version: 1
notifications:
  overdueAfter: 1d
  to:
    bad: { webhook: 'http://127.0.0.1:${String(port)}/bad' }
    good: { webhook: 'http://127.0.0.1:${String(port)}/good', labels: { team: web } }
    chat: { slack: { secret: chat/ops }, on: [blocked] }
    mail: { command: [sh, ./tell.sh, ${JSON.stringify(join(rig.root, 'mail'))}] }
targets:
  alpha: { integration: managed-files, params: { root: ${JSON.stringify(join(rig.root, 'out'))}, data: 'data/*.yaml' }, apply: true, labels: { team: web } }
`,
    'data/f.yaml': files('x', 'y'),
    'tell.sh': '#!/bin/sh\ncat >> "$1"\n',
    '.gitignore': '.trueup/\n',
  })
  await rig.commit()
  return rig
}

const files = (...paths: readonly string[]): string =>
  `files: [${paths.map((path) => `{ path: ${path}, content: one }`).join(', ')}]\n`
const mailed = (rig: Rig): readonly Told[] =>
  existsSync(join(rig.root, 'mail'))
    ? readFileSync(join(rig.root, 'mail'), 'utf8')
        .trim()
        .split('\n')
        .map((line) => JSON.parse(line) as Told)
    : []

describe('notifications', () => {
  it('tell each change of state once, over a restart too, whatever becomes of another receiver', async () => {
    await using far = await farEnd()
    await using rig = await rigOf(far.port)
    // As often as it takes: a commit that changes nothing that is wanted makes nothing due before its second is over.
    const once = async (): Promise<{ readonly code: number | null; readonly stderr: string }> => {
      for (;;) {
        const done = await rig.run(['serve', '--once', '--apply', '--every', '1s', '-o', 'json'])
        if ((done.json() as { readonly runs: readonly unknown[] }).runs.length > 0) return done
      }
    }
    expect((await once()).code).toBe(0)
    expect(far.told).toEqual([])

    // Nothing desired while something is owned: blocked.
    await rig.write({ 'data/f.yaml': 'files: []\n' })
    await rig.commit()
    const blocked = await once()
    expect(blocked.code).toBe(3)
    expect(far.told.map(({ kind, target }) => [kind, target])).toEqual([['blocked', 'alpha']])
    expect(far.headers[0]?.['idempotency-key']).toBe(far.told[0]?.id)
    expect(blocked.stderr).toMatch(/bad could not be told that alpha blocked: it answered 404/)
    expect(`${blocked.stderr}${JSON.stringify(far.told)}`).not.toContain('slack-secret')
    expect(far.texts).toEqual([
      expect.stringMatching(/^\*alpha\* is blocked\n`.+`\nTo see the run: `trueup runs show /),
    ])
    expect(mailed(rig)).toEqual(far.told)
    const shown = await rig.run(['runs', 'show', far.told[0]?.run ?? ''])
    expect(shown.code).toBe(0)

    // Another commit, blocked as before: another process, and nobody is told.
    await rig.write({ 'note.txt': 'x' })
    await rig.write({ 'data/f.yaml': '# still\nfiles: []\n' })
    await rig.commit()
    expect((await once()).code).toBe(3)
    expect(far.told).toHaveLength(1)

    await rig.write({ 'data/f.yaml': files('x', 'y', 'z') })
    await rig.commit()
    expect((await once()).code).toBe(0)
    expect(far.told.slice(1).map(({ kind, was }) => [kind, was])).toEqual([['recovered', ['blocked']]])
    expect([far.texts.length, mailed(rig)]).toEqual([1, far.told])
  })

  it('tell what is overdue, of a target that is held, and count what was told', async () => {
    await using far = await farEnd()
    await using rig = await rigOf(far.port)
    const text = await rig.read('trueup.yaml')
    await rig.write({ 'trueup.yaml': text.replace('overdueAfter: 1d', 'overdueAfter: 1s') })
    await rig.commit()
    await rig.run(['hold', 'alpha', '--for', '1h', '--reason', 'maintenance'])
    const daemon = rig.start(['serve', '--apply', '--listen', '127.0.0.1:0', '--every', '1h'])
    const [, url = ''] = await daemon.until(/status {5}(http:\S+) [^]*to end it: SIGTERM/)
    await far.count(1)
    expect(far.told[0]).toMatchObject({
      kind: 'overdue',
      summary: 'it never succeeded; it is to be at most 1s',
      run: null,
    })
    await daemon.until(/bad could not be told that alpha overdue/)
    expect(await (await fetch(`${url}/metrics`)).text()).toMatch(
      /trueup_notifications_total\{kind="overdue",result="given-up"\} 1\n/,
    )
    daemon.kill('SIGTERM')
    expect((await daemon.result).code).toBe(143)
    expect(far.told).toHaveLength(1)
  })

  it('that are wrong in trueup.yaml are told with their line', async () => {
    await using rig = await createRig({
      files: {
        'trueup.yaml': `version: 1
notifications:
  to:
    ops: { webhook: 'https://x.example/', slack: 'https://y.example/' }
    web: { webhook: 'ftp://x.example', on: [blokked] }
`,
      },
    })
    const { code, stderr } = await rig.run(['config'])
    expect(code).not.toBe(0)
    expect(stderr).toMatch(
      /trueup.yaml:4:\d+: notifications.to.ops needs one of the keys "webhook" or "slack" or "command"/,
    )
    expect(stderr).toMatch(/trueup.yaml:5:\d+: notifications.to.web.webhook must be an http or https URL/)
    expect(stderr).toMatch(/trueup.yaml:5:\d+: notifications.to.web.on\[0\] must be blocked, /)
  })
})
