// Relations of targets that run in processes of their own: a real daemon, real runs, and a real HTTP server that counts what is loaded and says when each
// answer comes.
import { fork } from 'node:child_process'
import { once } from 'node:events'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { describe, expect, it } from 'vitest'
import { bin, createRig, type Rig } from '../support/rig.js'

/** Each asks /begun, for what it shares, then /done. `way` says which relation, and whether there is something to do. */
const INTEGRATION = `import { defineIntegration, diff, listing, relation } from 'trueup'
const load = (path) => async (id, { http, env }) => (await http(env('AT') + path + id + '?pid=' + process.pid)).json()
const top = relation('resource', load('/resource/'))
const twice = [relation('twice', load('/twice/')), relation('twice', load('/twice/'))]
const odd = relation('odd', async (id, ctx) => ({ value: (await load('/odd/')(id, ctx)).value, call: () => 'mine' }))
export default defineIntegration({
  name: 'sharing', version: '1.0.0', deletePolicy: 'never', inputs: [], env: ['AT'],
  params: {
    '~standard': {
      version: 1, vendor: 'test', validate: (value) => ({ value }),
      jsonSchema: {
        input: () => ({ type: 'object', properties: { of: { type: 'string' }, way: { type: 'string' } } }),
        output: () => ({ type: 'object' }),
      },
    },
  },
  desiredState: (ctx) => [{ key: 'k' }],
  run: async (ctx, desired) => {
    const { of, way } = ctx.params
    const tell = (path) => ctx.http(ctx.env('AT') + path + '?way=' + way + '&variable=' + process.env.TRUEUP_ANSWERS)
    await tell('/begun/' + of)
    const relations = { top, changing: top, own: relation('own', load('/own/')), twice: twice[0], odd }
    const { value, call } = await ctx.related(relations[way], of)
    await tell('/done/' + of)
    const items = desired.map(({ key }) => ({ key, value }))
    const current = listing.whole(way === 'changing' ? [] : items)
    return ctx.plan(diff({ desired: items, current, owned: () => true, key: (one) => one.key }), {
      create: async () => { await tell('/changed/' + of) },
      update: async () => {},
    })
  },
})
`

interface Far extends AsyncDisposable {
  readonly url: string
  /** Paths of the requests so far that begin like this. */
  count(path: string): number
  /** Answers requests of this path by hand, in their order; each may be waited for. */
  hold(path: string): { next(): Promise<Held> }
}
interface Held {
  readonly pid: number
  readonly search: URLSearchParams
  answer(): void
}

async function farEnd(): Promise<Far> {
  const seen: string[] = []
  const holds = new Map<string, { readonly come: Held[]; readonly wanted: ((held: Held) => void)[] }>()
  const server = createServer((request: IncomingMessage, response: ServerResponse) => {
    const { pathname, searchParams } = new URL(request.url ?? '', 'http://far')
    seen.push(pathname)
    const answer = (): void => void response.end(JSON.stringify({ value: `v${String(seen.length)}` }))
    const hold = holds.get(pathname)
    if (hold === undefined) {
      answer()
      return
    }
    const held: Held = { pid: Number(searchParams.get('pid')), search: searchParams, answer }
    const wanted = hold.wanted.shift()
    if (wanted === undefined) hold.come.push(held)
    else wanted(held)
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  return {
    url: `http://127.0.0.1:${String((server.address() as AddressInfo).port)}`,
    count: (path) => seen.filter((one) => one.startsWith(path)).length,
    hold(path) {
      const hold: { readonly come: Held[]; readonly wanted: ((held: Held) => void)[] } = { come: [], wanted: [] }
      holds.set(path, hold)
      return {
        next: () =>
          new Promise((resolve) => {
            const come = hold.come.shift()
            if (come === undefined) hold.wanted.push(resolve)
            else resolve(come)
          }),
      }
    },
    async [Symbol.asyncDispose]() {
      const closed = once(server, 'close')
      server.close()
      server.closeAllConnections()
      await closed
    },
  }
}

interface Target {
  readonly of: string
  readonly way?: 'top' | 'changing' | 'own' | 'twice' | 'odd'
}

function rigOf(far: Far, targets: readonly Target[]): Promise<Rig> {
  const lines = targets.map(
    ({ of, way = 'top' }, index) =>
      `  t${String(index)}: { integration: sharing, apply: true, params: { of: ${of}, way: ${way} } }\n`,
  )
  return createRig({
    files: {
      'trueup.yaml': `version: 1\ntargets:\n${lines.join('')}`,
      'integrations/sharing.mjs': INTEGRATION,
      '.gitignore': '.trueup/\n',
    },
    env: { AT: far.url },
  })
}

interface Document {
  readonly runs: readonly { readonly relations: readonly { readonly asked: number; readonly loaded: number }[] }[]
}
function uses(document: unknown): readonly [asked: number, loaded: number] {
  const all = (document as Document).runs.flatMap(({ relations }) => relations)
  return [all.reduce((sum, { asked }) => sum + asked, 0), all.reduce((sum, { loaded }) => sum + loaded, 0)]
}
const same = (count: number, target: Target): readonly Target[] => Array.from({ length: count }, () => target)

describe('relations of the targets of serve', () => {
  it('40 targets that share 4 resources load 4, planned or applied, and the records say so', async () => {
    await using far = await farEnd()
    await using rig = await rigOf(
      far,
      Array.from({ length: 40 }, (_, index) => ({ of: `r${String(index % 4)}` })),
    )
    const planned = await rig.run(['serve', '--once', '-o', 'json'])
    expect([planned.code, far.count('/done/'), far.count('/resource/')]).toEqual([0, 40, 4])
    expect(uses(planned.json())).toEqual([40, 4])
    const applied = await rig.run(['serve', '--once', '--apply', '-o', 'json'])
    expect([applied.code, far.count('/done/'), far.count('/resource/')]).toEqual([0, 80, 8])
    expect(uses(applied.json())).toEqual([40, 4])
  })

  it('an apply that changes something ends that: those after it read anew', async () => {
    await using far = await farEnd()
    await using rig = await rigOf(far, same(3, { of: 'r', way: 'changing' }))
    const applied = await rig.run(['serve', '--once', '--apply', '--concurrency', '1'])
    expect([applied.code, far.count('/changed/'), far.count('/resource/')]).toEqual([0, 3, 3])
    // A plan changes nothing.
    const planned = await rig.run(['serve', '--once', '--concurrency', '1'])
    expect([planned.code, far.count('/resource/')]).toEqual([0, 4])
  })

  it('while one changes something, what others read is theirs alone', async () => {
    await using far = await farEnd()
    await using rig = await rigOf(far, [{ of: 'x', way: 'changing' }, ...same(3, { of: 'r' })])
    const begun = far.hold('/begun/r')
    const changed = far.hold('/changed/x')
    const serving = rig.start(['serve', '--once', '--apply', '--concurrency', '4'])
    const [change, ...others] = await Promise.all([changed.next(), begun.next(), begun.next(), begun.next()])
    for (const { answer } of others) answer()
    const done = far.hold('/done/r')
    for (const { answer } of await Promise.all([done.next(), done.next(), done.next()])) answer()
    change.answer()
    expect([(await serving.result).code, far.count('/resource/r')]).toEqual([0, 3])
  })

  it('what an event makes due reads after it; the others are given the newest', async () => {
    await using far = await farEnd()
    await using rig = await rigOf(far, same(3, { of: 'r' }))
    const done = far.hold('/done/r')
    const daemon = rig.start(
      ['serve', '--concurrency', '1', '--every', '1d', '--listen', '127.0.0.1:0', '--log-level', 'debug'],
      { env: { TRUEUP_TOKEN: 'a token of some length' } },
    )
    const [, url = ''] = await daemon.until(/status {5}(http:\S+) /)
    const due = async (target: string): Promise<number> => {
      const headers = { authorization: 'Bearer a token of some length' }
      return (await fetch(`${url}/api/v1/targets/${target}/run`, { method: 'POST', headers })).status
    }
    // Of what never ran, one is due now; the others have hours.
    const first = await done.next()
    expect(far.count('/resource/')).toBe(1)
    // It has read. All are due from now on, itself once more, and one place is taken.
    for (const target of ['t0', 't1', 't2']) expect(await due(target)).toBe(202)
    first.answer()
    for (let run = 2; run <= 4; run += 1) {
      const next = await done.next()
      expect(far.count('/resource/')).toBe(2)
      next.answer()
    }
    daemon.kill('SIGTERM')
    await daemon.result
  })

  it('where the one that loads is killed, another loads, and the rest are given that', async () => {
    await using far = await farEnd()
    await using rig = await rigOf(far, same(4, { of: 'r' }))
    const begun = far.hold('/begun/r')
    const resource = far.hold('/resource/r')
    const serving = rig.start(['serve', '--once', '--concurrency', '4', '-o', 'json'])
    for (const { answer } of [await begun.next(), await begun.next(), await begun.next(), await begun.next()]) answer()
    process.kill((await resource.next()).pid, 'SIGKILL')
    const second = await resource.next()
    second.answer()
    const { code, json } = await serving.result
    expect([code, far.count('/resource/'), far.count('/done/')]).toEqual([1, 2, 3])
    expect(uses(json())).toEqual([3, 1])
  })

  it('a daemon that is killed keeps nobody waiting', async () => {
    await using far = await farEnd()
    await using rig = await rigOf(far, same(2, { of: 'r' }))
    const begun = far.hold('/begun/r')
    const resource = far.hold('/resource/r')
    const done = far.hold('/done/r')
    const daemon = rig.start(['serve', '--once', '--concurrency', '2'])
    for (const { answer } of [await begun.next(), await begun.next()]) answer()
    const first = await resource.next()
    daemon.kill('SIGKILL')
    const second = await resource.next()
    expect(second.pid).not.toBe(first.pid)
    for (const { answer } of [first, second]) answer()
    for (const { answer } of [await done.next(), await done.next()]) answer()
    await daemon.result
  })

  it('what run() makes, what has its name twice and what cannot be handed on is each run’s own; nobody inherits the channel', async () => {
    await using far = await farEnd()
    const ways = (['own', 'twice', 'odd'] as const).flatMap((way) => same(2, { of: way, way }))
    await using rig = await rigOf(far, ways)
    const done = far.hold('/done/own')
    const serving = rig.start(['serve', '--once'])
    const [one, other] = [await done.next(), await done.next()]
    expect([one.search.get('variable'), other.search.get('variable')]).toEqual(['undefined', 'undefined'])
    one.answer()
    other.answer()
    expect((await serving.result).code).toBe(0)
    expect(['/own/', '/twice/', '/odd/'].map((path) => far.count(path))).toEqual([2, 2, 2])
  })
})

describe('the channel of a run to who has started it', () => {
  async function forked(
    parent: string,
    reply: (send: (message: unknown) => void) => void,
  ): Promise<readonly unknown[]> {
    await using far = await farEnd()
    await using rig = await rigOf(far, [{ of: 'r' }])
    const child = fork(bin, ['run', 't0'], {
      cwd: rig.repo,
      env: { ...rig.env, TRUEUP_ANSWERS: parent },
      stdio: 'ignore',
    })
    const said: unknown[] = []
    child.on('message', (message: { readonly kind?: unknown }) => {
      said.push(message.kind)
      reply((answer) => child.send(answer as object, () => undefined))
    })
    const [code] = (await once(child, 'close')) as [number | null]
    return [code, far.count('/resource/'), ...said]
  }

  it('is not used where the variable names another process', async () => {
    expect(await forked(String(process.ppid), () => undefined)).toEqual([0, 1])
  })

  it('is over with the first thing that no daemon says: the run loads for itself', async () => {
    expect(
      await forked(String(process.pid), (send) => {
        send('what?')
      }),
    ).toEqual([0, 1, 'hello'])
    const text = 'no value'
    const said = await forked(String(process.pid), (send) => {
      send({ kind: 'answer', n: 1, text })
    })
    expect(said.slice(0, 2)).toEqual([0, 1])
  })
})
