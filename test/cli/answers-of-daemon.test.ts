// A run's side of the answers that the runs of a daemon share, on a channel whose other end is the test.
import { describe, expect, it } from 'vitest'
import { moduleLoaded } from '../../src/reconcile/made-relations.js'
import { relation } from '../../src/reconcile/relations.js'
import { answersOfDaemon } from '../../src/cli/serve/answers-of-daemon.js'
import type { Reply, Said } from '../../src/cli/serve/answer-messages.js'
import { freezeValue } from '../../src/durable/values.js'

function world() {
  const said: Said[] = []
  const held: boolean[] = []
  const stop = new AbortController()
  let heard: (message: unknown) => void = () => undefined
  let over: () => void = () => undefined
  const answers = answersOfDaemon({
    channel: {
      listen(onMessage, onEnd) {
        heard = onMessage
        over = onEnd
      },
      send: (message) => void said.push(message as Said),
      hold: (isAwaited) => void held.push(isAwaited),
    },
    isSecret: (text) => text.includes('hunter2'),
    stop: stop.signal,
  })
  const network = relation('network', (id) => id)
  moduleLoaded('a.mjs')
  return {
    said,
    held,
    stop,
    answers,
    network,
    reply: (reply: Reply) => {
      heard(reply)
    },
    over: () => {
      over()
    },
  }
}
const last = (said: readonly Said[]): Said | undefined => said.at(-1)

describe('what a run asks of its daemon', () => {
  it('is given what another run has loaded, exactly as it was, and keeps the process alive only until then', async () => {
    const { said, held, answers, network, reply } = world()
    const value = { at: new Date(0), by: new Map([['a', 1n]]) }
    const asked = answers.ask(network, 'x', () => Promise.reject(new Error('it was loaded')))
    expect(said).toEqual([{ kind: 'hello' }, { kind: 'ask', n: 1, source: 'a.mjs', name: 'network', id: 'x' }])
    expect(held).toEqual([true])
    const frozen = freezeValue(value)
    reply({ kind: 'answer', n: 1, text: frozen.kind === 'frozen' ? frozen.text : '' })
    expect([await asked, held]).toEqual([value, [true, false]])
  })

  it.each([
    ['can be restored', { a: 1 }, 'loaded'],
    ['is a function', () => 'x', 'own'],
    ['holds a secret', ['password hunter2'], 'own'],
    ['is above 1 MiB', 'x'.repeat(1024 * 1024), 'own'],
  ])('what it loads goes to the others where it %s', async (_what, value, kind) => {
    const { said, answers, network, reply } = world()
    const asked = answers.ask(network, 'x', () => Promise.resolve(value as string))
    reply({ kind: 'load', n: 1 })
    expect(await asked).toBe(value)
    expect(last(said)).toMatchObject({ kind, n: 1 })
  })

  it('an error is its own, and the next is to load', async () => {
    const { said, answers, network, reply } = world()
    const asked = answers.ask(network, 'x', () => Promise.reject(new Error('no answer')))
    reply({ kind: 'load', n: 1 })
    await expect(asked).rejects.toThrow('no answer')
    expect(last(said)).toEqual({ kind: 'failed', n: 1 })
  })

  it('a text that gives no value, a daemon that is gone and a run that is told to end leave nobody waiting', async () => {
    const { said, stop, answers, network, reply } = world()
    const own = (): Promise<string> => Promise.resolve('own')
    const garbled = answers.ask(network, 'x', own)
    reply({ kind: 'answer', n: 1, text: 'no value' })
    expect(await garbled).toBe('own')
    const cut = answers.ask(network, 'y', own)
    stop.abort()
    expect(await cut).toBe('own')
    // It was not waited for any more: somebody else is to load.
    reply({ kind: 'load', n: 2 })
    expect(last(said)).toEqual({ kind: 'failed', n: 2 })
    const other = world()
    const waiting = other.answers.ask(other.network, 'x', own)
    const changing = other.answers.changing()
    other.over()
    await changing
    expect(await waiting).toBe('own')
    const before = other.said.length
    expect([await other.answers.ask(other.network, 'z', own), other.said.length]).toEqual(['own', before])
  })

  it('an apply goes on when the daemon knows that it changes something', async () => {
    const { said, answers, reply } = world()
    let isKnown = false
    const changing = answers.changing().then(() => (isKnown = true))
    await Promise.resolve()
    expect([last(said), isKnown]).toEqual([{ kind: 'changing', n: 1 }, false])
    reply({ kind: 'known', n: 1 })
    await changing
  })
})
