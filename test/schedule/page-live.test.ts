// The stream that open pages follow, over real HTTP: nothing is missed, nothing piles up, and it ends with its client.
import { afterEach, describe, expect, it } from 'vitest'
import { createLive, type Live } from '../../src/schedule/http/page/live.js'
import { startHttpServer, type HttpServer } from '../../src/schedule/http/server.js'
import { createFakeClock, type FakeClock } from '../../src/testing.js'

const open: HttpServer[] = []
const gone: AbortController[] = []
afterEach(async () => {
  for (const one of gone.splice(0)) one.abort()
  for (const server of open.splice(0)) await server.close()
})

/** A clock that tells when somebody sleeps. */
interface WatchedClock extends FakeClock {
  /** Once a sleep of so long has begun; each is told once. */
  asleep(ms: number): Promise<void>
}

function watchedClock(): WatchedClock {
  const clock = createFakeClock()
  const begun: number[] = []
  const waiters: (() => void)[] = []
  return {
    ...clock,
    sleep(ms, signal) {
      const sleep = clock.sleep(ms, signal)
      begun.push(ms)
      for (const wake of waiters.splice(0)) wake()
      return sleep
    },
    async asleep(ms) {
      for (;;) {
        const at = begun.indexOf(ms)
        if (at >= 0) {
          begun.splice(at, 1)
          return
        }
        await new Promise<void>((resolve) => waiters.push(resolve))
      }
    },
  }
}

interface Stream {
  readonly status: number
  readonly headers: Headers
  /** All that came so far, once it has this. */
  until(text: string): Promise<string>
  close(): void
}

interface Served {
  readonly live: Live
  readonly clock: WatchedClock
  readonly server: HttpServer
  follow(path?: string, headers?: Record<string, string>): Promise<Stream>
}

async function served(most?: number): Promise<Served> {
  const clock = watchedClock()
  const live = createLive({ clock, epoch: 'e', ...(most === undefined ? {} : { most }) })
  const server = await startHttpServer({ routes: [live.route], host: '127.0.0.1', port: 0 })
  open.push(server)
  return {
    live,
    clock,
    server,
    async follow(path = '/events', headers = {}) {
      const controller = new AbortController()
      gone.push(controller)
      const answer = await fetch(`${server.url}${path}`, { headers, signal: controller.signal })
      const reader = answer.body?.pipeThrough(new TextDecoderStream()).getReader()
      let all = ''
      return {
        status: answer.status,
        headers: answer.headers,
        async until(text) {
          while (!all.includes(text)) {
            const part = await reader?.read()
            if (part?.done !== false) throw new Error(`it ended before ${text}: ${all}`)
            all += part.value
          }
          return all
        },
        close() {
          controller.abort()
        },
      }
    },
  }
}

describe('the stream of a page', () => {
  it('tells of what happened since the page was made, and of what happens', async () => {
    const { live, follow, clock } = await served()
    const since = live.id()
    live.touch()
    const stream = await follow(`/events?since=${since}`)
    expect([stream.status, stream.headers.get('content-type')]).toEqual([200, 'text/event-stream; charset=utf-8'])
    expect(await stream.until('data: e-1\n\n')).toBe('retry: 3000\n\nid: e-1\nevent: change\ndata: e-1\n\n')
    await clock.asleep(1000)
    // However much happens within a second, it is one event.
    for (let at = 0; at < 500; at += 1) live.touch()
    clock.advance(1000)
    const text = await stream.until('data: e-501')
    expect(text.match(/event: change/g)).toHaveLength(2)
  })

  it('goes on after a break, and takes no id of another process for its own', async () => {
    const { live, follow } = await served()
    live.touch()
    const stream = await follow('/events?since=e-0', { 'last-event-id': 'e-1' })
    await stream.until('retry')
    live.touch()
    expect(await stream.until('data: e-2')).not.toContain('data: e-1')
    const other = await follow('/events', { 'last-event-id': 'old-2' })
    expect(await other.until('data: e-2')).toContain('id: e-2')
  })

  it('shows that it lives while nothing happens', async () => {
    const { clock, follow } = await served()
    const stream = await follow()
    await clock.asleep(15_000)
    clock.advance(15_000)
    expect(await stream.until('nothing new')).toBe('retry: 3000\n\n: nothing new\n\n')
  })

  it('is had by so many at once, and by the next when one has gone', async () => {
    const { clock, follow, live } = await served(2)
    const first = await follow()
    await follow()
    const refused = await follow()
    expect([refused.status, refused.headers.get('retry-after')]).toEqual([503, '60'])
    await clock.asleep(15_000)
    first.close()
    for (;;) {
      // The server learns of it by the connection, which it is told of in its own time.
      const next = await follow()
      if (next.status === 200) break
    }
    live.touch()
  })

  it('ends when the server does', async () => {
    const { server, follow } = await served()
    const stream = await follow()
    await stream.until('retry')
    await server.close()
    await expect(stream.until('never')).rejects.toThrow()
  })
})
