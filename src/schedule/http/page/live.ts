// What happens comes in, a stream of server-sent events for each open page goes out: that something is another, not what, so that nothing is kept for
// one that is slow. Bounded in streams, and in events of each.
import type { Clock } from '../../../util/clock.js'
import { plain, type Answer } from '../answer.js'
import type { Asked, Route } from '../server.js'

export interface Live {
  /** Something that pages show has changed. */
  touch(): void
  /** Of what has happened so far: a page that has it misses nothing. */
  id(): string
  readonly route: Route
}

export interface LiveOptions {
  readonly clock: Clock
  /** Of this process: ids of another one are never taken for its own. */
  readonly epoch: string
  /** At once. @defaultValue 64 */
  readonly most?: number
}

const HEARTBEAT_MS = 15_000
/** Between two events of one stream. */
const APART_MS = 1000
const RETRY_MS = 3000

export function createLive({ clock, epoch, most = 64 }: LiveOptions): Live {
  let happened = 0
  const streams = new Set<AbortSignal>()
  const sleepers = new Set<AbortController>()
  const id = (): string => `${epoch}-${String(happened)}`

  /** Until something happens, or a while has passed, or the client is gone. */
  async function pause(signal: AbortSignal): Promise<void> {
    const woken = new AbortController()
    sleepers.add(woken)
    await clock
      .sleep(HEARTBEAT_MS, AbortSignal.any([woken.signal, signal]), { background: true })
      .catch(() => undefined)
    sleepers.delete(woken)
  }

  async function* events(seen: string, signal: AbortSignal): AsyncGenerator<string> {
    let last = seen
    const isOver = (): boolean => signal.aborted
    yield `retry: ${String(RETRY_MS)}\n\n`
    while (!isOver()) {
      if (last === id()) {
        await pause(signal)
        if (!isOver() && last === id()) yield ': nothing new\n\n'
        continue
      }
      last = id()
      yield `id: ${last}\nevent: change\ndata: ${last}\n\n`
      await clock.sleep(APART_MS, signal, { background: true }).catch(() => undefined)
    }
  }

  function answer({ url, headers, signal }: Asked): Answer {
    if (streams.size >= most)
      return { ...plain(503, 'enough pages are followed already; reload instead\n'), headers: { 'retry-after': '60' } }
    streams.add(signal)
    signal.addEventListener('abort', () => streams.delete(signal), { once: true })
    const given = headers['last-event-id']
    const seen = typeof given === 'string' ? given : (url.searchParams.get('since') ?? id())
    return {
      status: 200,
      contentType: 'text/event-stream; charset=utf-8',
      body: events(seen, signal),
      // Of a proxy that would otherwise keep it until it ends.
      headers: { 'x-accel-buffering': 'no' },
    }
  }

  return {
    touch() {
      happened += 1
      for (const woken of sleepers) woken.abort()
    },
    id,
    route: { method: 'GET', path: '/events', answer },
  }
}
