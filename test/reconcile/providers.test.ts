import { describe, expect, it } from 'vitest'
import { createCallCounter } from '../../src/reconcile/call-counter.js'
import { createProviders, type Provider, type ProviderRate } from '../../src/reconcile/providers.js'
import { retryAfterMs } from '../../src/util/retry-after.js'
import { createFakeClock, type FakeClock } from '../../src/util/fake-clock.js'

const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve))
const never = new AbortController().signal

function providerOf(rate?: ProviderRate): { readonly provider: Provider; readonly clock: FakeClock } {
  const clock = createFakeClock()
  const rates = rate === undefined ? undefined : new Map([['https://a.example', rate]])
  const providers = createProviders({ clock, ...(rates === undefined ? {} : { rates }) })
  return { provider: providers.at('https://a.example'), clock }
}

/** Asks for so many turns at once; tells which were given, in which order. */
function ask(provider: Provider, names: string, given: string[] = [], signal: AbortSignal = never): string[] {
  for (const name of names)
    provider.turn(signal).then(
      (one) => given.push(one.kind === 'free' ? name : `${name} paused`),
      (error: unknown) => given.push(`${name} ${String(error)}`),
    )
  return given
}

describe('createProviders', () => {
  it('gives a burst at once, then the rate, in the order of asking', async () => {
    const { provider, clock } = providerOf({ perSecond: 2, burst: 3 })
    const given = ask(provider, 'abcdef')
    await turn()
    expect(given.join('')).toBe('abc')
    for (const [ms, so] of [
      [499, 'abc'],
      [1, 'abcd'],
      [500, 'abcde'],
      [499, 'abcde'],
      [1, 'abcdef'],
    ] as const) {
      clock.advance(ms)
      await turn()
      expect(given.join('')).toBe(so)
    }
  })

  it('never gives more than rate and burst allow, however the asking falls', async () => {
    const { provider, clock } = providerOf({ perSecond: 3, burst: 2 })
    const given: string[] = []
    let asked = 0
    for (let step = 0; step < 60; step += 1) {
      if (step % 7 < 3) ask(provider, 'xx'.slice(0, 1 + (step % 2)), given)
      asked += step % 7 < 3 ? 1 + (step % 2) : 0
      clock.advance(100)
      await turn()
      expect(given.length).toBeLessThanOrEqual(2 + Math.floor(((step + 1) * 3) / 10 + 1e-6))
    }
    for (let step = 0; step < 400 && given.length < asked; step += 1) {
      clock.advance(100)
      await turn()
    }
    expect(given).toHaveLength(asked)
  })

  it('is one for all that ask for an origin, and apart from others', async () => {
    const clock = createFakeClock()
    const rates = new Map([['https://a.example', { perSecond: 1, burst: 1 }]])
    const providers = createProviders({ clock, rates })
    const given = ask(providers.at('https://a.example'), 'a')
    ask(providers.at('https://a.example'), 'b', given)
    ask(providers.at('https://other.example'), 'xyz', given)
    await turn()
    expect([...given].sort().join('')).toBe('axyz')
    clock.advance(1000)
    await turn()
    expect(given.at(-1)).toBe('b')
  })

  it('waits for a pause, and has no burst at its end', async () => {
    const { provider, clock } = providerOf({ perSecond: 1, burst: 5 })
    provider.pause(10_000)
    const given = ask(provider, 'abc')
    clock.advance(9_999)
    await turn()
    expect(given).toEqual([])
    for (const so of ['a', 'ab', 'abc']) {
      clock.advance(so === 'a' ? 1_001 : 1_000)
      await turn()
      expect(given.join('')).toBe(so)
    }
    const free = providerOf()
    free.provider.pause(100)
    const all = ask(free.provider, 'ab')
    free.clock.advance(100)
    await turn()
    expect(all.join('')).toBe('ab')
  })

  it('does not wait for a pause of more than a minute, and believes none of more than an hour', async () => {
    const { provider, clock } = providerOf()
    provider.pause(10 * 86_400_000)
    const given = ask(provider, 'a')
    await turn()
    expect(given).toEqual(['a paused'])
    expect(await provider.turn(never)).toEqual({ kind: 'paused', leftMs: 3_600_000 })
    clock.advance(3_540_000)
    ask(provider, 'b', given)
    await turn()
    expect(given).toEqual(['a paused'])
    clock.advance(60_000)
    await turn()
    expect(given).toEqual(['a paused', 'b'])
    expect(await provider.turn(never)).toEqual({ kind: 'free', waitedMs: 0 })
  })

  it('lets nobody wait who was aborted, and goes on with the next', async () => {
    const { provider, clock } = providerOf({ perSecond: 1, burst: 1 })
    const stop = new AbortController()
    const given = ask(provider, 'a')
    ask(provider, 'bc', given, stop.signal)
    ask(provider, 'd', given)
    await turn()
    stop.abort(new Error('stop'))
    await turn()
    expect(given).toEqual(['a', 'b Error: stop', 'c Error: stop'])
    clock.advance(1000)
    await turn()
    expect(given.at(-1)).toBe('d')
  })
})

describe('retryAfterMs', () => {
  const now = Date.parse('2026-11-20T10:00:00Z')
  it.each([
    [429, '7', 7_000],
    [503, '0', 0],
    [503, ' Fri, 20 Nov 2026 10:00:30 GMT ', 30_000],
    [429, 'Fri, 20 Nov 2026 09:00:00 GMT', 0],
    [429, null, undefined],
    [429, 'soon', undefined],
    [429, '-1', undefined],
    [429, '1.5', undefined],
    [500, '7', undefined],
    [200, '7', undefined],
  ])('%d with %j: %j', (status, header, ms) => {
    const headers = new Headers(header === null ? {} : { 'retry-after': header })
    expect(retryAfterMs({ status, headers }, now)).toBe(ms)
  })
})

describe('createCallCounter', () => {
  it('counts reads, writes and waiting by provider, the most called first', () => {
    const calls = createCallCounter()
    expect(calls.counts()).toBeUndefined()
    calls.called('https://b.example', { reads: true, waitedMs: 0.4 })
    calls.called('https://a.example', { reads: true, waitedMs: 1 })
    calls.called('https://b.example', { reads: false, waitedMs: 0.4 })
    expect(calls.counts()).toEqual([
      { provider: 'https://b.example', reads: 1, writes: 1, waitedMs: 1 },
      { provider: 'https://a.example', reads: 1, writes: 0, waitedMs: 1 },
    ])
  })
})
