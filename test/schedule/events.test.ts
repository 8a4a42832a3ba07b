// POST /api/v1/events over real HTTP: what makes which targets due, and that one event sent twice is one.
import { afterEach, describe, expect, it } from 'vitest'
import type { RunEventCause } from '../../src/event.js'
import { createEventKeys } from '../../src/schedule/event-keys.js'
import { eventRoutes } from '../../src/schedule/http/events.js'
import { startHttpServer, type HttpServer } from '../../src/schedule/http/server.js'
import { createFakeClock, type FakeClock } from '../../src/util/fake-clock.js'

const open: HttpServer[] = []
afterEach(async () => {
  for (const server of open.splice(0)) await server.close()
})

const LABELS = new Map([
  ['alpha', { team: 'web', tier: 'one' }],
  ['beta', { team: 'web', tier: 'two' }],
])

interface World {
  readonly clock: FakeClock
  readonly happened: (readonly [readonly string[], RunEventCause])[]
  post(body: unknown, token?: string): Promise<readonly [status: number, answer: unknown]>
}

async function world(token: string | undefined = 'token'): Promise<World> {
  const clock = createFakeClock()
  const happened: World['happened'] = []
  const routes = eventRoutes({
    token,
    keys: createEventKeys(clock),
    onResult: () => undefined,
    view: {
      targets: () => new Set(LABELS.keys()),
      labelled: (asked) =>
        [...LABELS].flatMap(([name, labels]) =>
          Object.entries(asked).every(([label, value]) => new Map(Object.entries(labels)).get(label) === value)
            ? [name]
            : [],
        ),
      happened: (targets, event) => {
        happened.push([targets, event])
        return Promise.resolve()
      },
    },
  })
  const server = await startHttpServer({ routes, host: '127.0.0.1', port: 0 })
  open.push(server)
  return {
    clock,
    happened,
    async post(body, given = 'token') {
      const response = await fetch(`${server.url}/api/v1/events`, {
        method: 'POST',
        headers: { authorization: `Bearer ${given}` },
        body: typeof body === 'string' ? body : JSON.stringify(body),
      })
      return [response.status, await response.json()]
    },
  }
}

describe('an event', () => {
  it('makes due what it names, or what all its labels fit, and keeps who says why', async () => {
    const { post, happened } = await world()
    expect(await post({ targets: ['beta', 'alpha', 'beta'], reason: 'an export is done', by: 'billing' })).toEqual([
      202,
      { result: 'accepted', targets: ['beta', 'alpha'] },
    ])
    expect(await post({ labels: { team: 'web', tier: 'two' }, reason: 'again', key: 'k' })).toEqual([
      202,
      { result: 'accepted', targets: ['beta'] },
    ])
    expect(happened).toEqual([
      [['beta', 'alpha'], { reason: 'an export is done', by: 'billing', key: null }],
      [['beta'], { reason: 'again', by: null, key: 'k' }],
    ])
  })

  it('with a key counts once in an hour, and a key is of one event', async () => {
    const { post, happened, clock } = await world()
    const event = { targets: ['alpha'], reason: 'why', key: 'one' }
    await post(event)
    expect(await post(event)).toEqual([202, { result: 'duplicate', targets: ['alpha'] }])
    expect((await post({ ...event, targets: ['beta'] }))[0]).toBe(409)
    expect((await post({ ...event, key: 'two' }))[0]).toBe(202)
    clock.advance(3_600_000)
    expect(await post(event)).toEqual([202, { result: 'accepted', targets: ['alpha'] }])
    expect(happened).toHaveLength(3)
  })

  it('that names a target that is not there makes none due, and may be sent again', async () => {
    const { post, happened } = await world()
    const [status, answer] = await post({ targets: ['alpha', 'gamma'], reason: 'why', key: 'one' })
    expect([status, JSON.stringify(answer)]).toEqual([404, expect.stringContaining('no target \\"gamma\\"')])
    expect((await post({ labels: { team: 'ops' }, reason: 'why', key: 'one' }))[0]).toBe(404)
    expect(happened).toEqual([])
    expect((await post({ targets: ['alpha'], reason: 'why', key: 'one' }))[0]).toBe(202)
  })

  it('is refused without the token, and where it is none', async () => {
    const { post, happened } = await world()
    const event = { targets: ['alpha'], reason: 'why' }
    expect((await post(event, 'another'))[0]).toBe(401)
    expect((await (await world('')).post(event, ''))[0]).toBe(403)
    const wrong: readonly unknown[] = [
      '',
      '[]',
      { reason: 'why' },
      { ...event, labels: { team: 'web' } },
      { targets: [], reason: 'why' },
      { targets: 'alpha', reason: 'why' },
      { targets: ['alpha'] },
      { ...event, reason: ' ' },
      { ...event, reason: 'x'.repeat(501) },
      { ...event, key: 7 },
      { ...event, by: '' },
      { ...event, apply: true },
      { labels: {}, reason: 'why' },
      { labels: { team: 7 }, reason: 'why' },
    ]
    for (const body of wrong) expect([body, (await post(body))[0]]).toEqual([body, 400])
    expect((await post(' '.repeat(70_000)))[0]).toBe(413)
    expect(happened).toEqual([])
  })
})
