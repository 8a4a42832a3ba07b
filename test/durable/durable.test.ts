// Durable functions against a store in memory: what is called how often, and what callers are told. Time moves by a fake clock.
import { randomBytes } from 'node:crypto'
import { describe, expect, it } from 'vitest'
import { defineDurable } from '../../src/durable/definition.js'
import { createDurableCalls } from '../../src/durable/durable-calls.js'
import { DURABLE_CALL, DURABLE_PREFIX, type Claimant, type DurableCall } from '../../src/durable/durable-call.js'
import type { DurableUse } from '../../src/durable-types.js'
import { createDurable, openStore, TrueupError, unknownOutcome, type CreateDurableOptions } from '../../src/index.js'
import { readDocument, writeDocument } from '../../src/store/document.js'
import { createMemoryStore } from '../../src/store/memory-store.js'
import type { ObjectStore } from '../../src/store/object-store.js'
import { createFakeClock } from '../../src/util/fake-clock.js'
import { keysOf, outage, watchStore } from '../support/failing-store.js'

const here: Claimant = { run: null, target: null, host: 'here', pid: 1, processStart: '', url: null, actor: null }

function place(given: Partial<CreateDurableOptions> = {}) {
  const clock = createFakeClock()
  const store = given.store ?? createMemoryStore({ clock })
  const uses: DurableUse[] = []
  const said: string[] = []
  const open = (more: Partial<CreateDurableOptions> = {}) =>
    createDurable({
      store,
      namespace: 'shop',
      clock,
      claimant: here,
      isDead: () => false,
      onCall: (use) => uses.push(use),
      onWait: (message) => said.push(message),
      ...given,
      ...more,
    }).durable
  const calls = async (): Promise<DurableCall[]> => {
    const found: DurableCall[] = []
    for (const key of await keysOf(store, DURABLE_PREFIX)) {
      const document = await readDocument(store, key, DURABLE_CALL)
      if (document.kind === 'found') found.push(document.value)
    }
    return found
  }
  return { clock, store, uses, said, open, calls, hows: () => uses.map(({ how }) => how) }
}

/** An effect that begins when it is called and ends when the test says so. */
function openEnded(): {
  readonly fn: () => Promise<string>
  readonly begun: Promise<void>
  finish(value: string): void
  made(): number
} {
  let begin: () => void = () => undefined
  let finish: (value: string) => void = () => undefined
  let made = 0
  const begun = new Promise<void>((resolve) => (begin = resolve))
  const fn = (): Promise<string> => {
    made += 1
    begin()
    return new Promise((resolve) => (finish = resolve))
  }
  return { fn, begun, finish: (value) => finish(value), made: () => made }
}

/** Rewrites the one recorded call, as another process would have left it. */
async function rewrite(store: ObjectStore, change: (call: DurableCall) => DurableCall): Promise<void> {
  const [key] = await keysOf(store, DURABLE_PREFIX)
  if (key === undefined) throw new Error('nothing is recorded')
  const found = await readDocument(store, key, DURABLE_CALL)
  if (found.kind === 'missing') throw new Error('nothing is recorded')
  await writeDocument(store, key, DURABLE_CALL, change(found.value))
}

const left = (call: DurableCall): DurableCall => {
  const { value: _value, ...rest } = call
  return {
    ...rest,
    state: 'claimed',
    claim: { ...rest.claim, id: 'another', host: 'ci-7', pid: 412, run: '01JD', url: 'https://ci.example.com/81' },
  }
}

const settle = async (): Promise<void> => {
  for (let turn = 0; turn < 50; turn += 1) await Promise.resolve()
}

describe('an idempotent function', () => {
  it('happens once a key, and every caller gets the same, read back', async () => {
    const { open, hows, calls } = place()
    let made = 0
    const given = { at: new Date(5), tags: new Set(['a']) }
    const create = open()('create', { idempotent: true }, async (name: string) => {
      made += 1
      return { name, ...given }
    })
    const answers = await Promise.all([create('a'), create('a'), create('a'), create('b')])
    expect(made).toBe(2)
    expect(answers[0]).toEqual({ name: 'a', at: new Date(5), tags: new Set(['a']) })
    // The first one too is read back: nothing is shared between callers.
    expect(answers[0].tags).not.toBe(given.tags)
    expect(answers[0].tags).not.toBe(answers[1].tags)
    expect(await create('a')).toEqual(answers[0])
    expect(made).toBe(2)
    expect(hows().sort()).toEqual(['executed', 'executed', 'idempotent-hit', 'waited', 'waited'])
    expect((await calls()).map(({ state }) => state)).toEqual(['done', 'done'])
  })

  it('keeps its result when a renewal of the claim waits behind the write of it', async () => {
    const { clock, store: inner, calls } = place()
    let release: () => void = () => undefined
    let reach: () => void = () => undefined
    const gate = new Promise<void>((resolve) => (release = resolve))
    const reached = new Promise<void>((resolve) => (reach = resolve))
    let puts = 0
    const { store, writes } = watchStore(inner, async (call, key) => {
      if (call !== 'put' || !key.startsWith(DURABLE_PREFIX)) return
      puts += 1
      if (puts !== 2) return
      reach()
      await gate
    })
    const { open } = place({ store, clock, claimMs: 60_000 })
    const answer = open()('create', { idempotent: true }, async () => 'made')()
    await reached
    clock.advance(20_000)
    await settle()
    release()
    expect(await answer).toBe('made')
    await settle()
    expect(await calls()).toMatchObject([{ state: 'done' }])
    expect(writes.filter((write) => write.startsWith(`put ${DURABLE_PREFIX}`))).toHaveLength(2)
  })

  it('is told apart by namespace, name, version and arguments; the order of keys does not count', async () => {
    const { open, store, clock } = place()
    const seen: string[] = []
    const make = (durable: ReturnType<typeof open>, label: string, name = 'f', version?: string) =>
      durable(
        name,
        { idempotent: true, ...(version === undefined ? {} : { version }) },
        async (order: { a: number; b?: number }) => {
          seen.push(label)
          return label + JSON.stringify(order)
        },
      )
    const first = make(open(), 'first')
    await first({ a: 1, b: 2 })
    await first({ b: 2, a: 1 })
    await make(open(), 'again')({ a: 1, b: 2 })
    await make(open(), 'other-name', 'g')({ a: 1, b: 2 })
    await make(open(), 'other-version', 'f', '2')({ a: 1, b: 2 })
    await make(createDurable({ store, namespace: 'shop2', clock }).durable, 'other-namespace')({ a: 1, b: 2 })
    await first({ a: 1 })
    expect(seen).toEqual(['first', 'other-name', 'other-version', 'other-namespace', 'first'])
    // The old version is still there, and is what the old code gets.
    expect(await make(open(), 'never')({ a: 1, b: 2 })).toBe('first{"a":1,"b":2}')
  })

  it('keeps undefined and null as results', async () => {
    const { open } = place()
    let made = 0
    const durable = open()
    const nothing = durable('nothing', { idempotent: true }, async () => {
      made += 1
      return undefined
    })
    const none = durable('none', { idempotent: true }, async () => {
      made += 1
      return null
    })
    for (const [fn, value] of [
      [nothing, undefined],
      [none, null],
    ] as const)
      for (const _time of [1, 2]) expect(await (fn as () => Promise<unknown>)()).toBe(value)
    expect(made).toBe(2)
  })

  it('claims before its effect, with who and when, and writes no more than twice', async () => {
    const { clock, open, store: inner } = place()
    const { store, writes } = watchStore(inner)
    let during: DurableCall | undefined
    const { durable } = createDurable({
      store,
      namespace: 'shop',
      clock,
      claimant: { ...here, run: '01JD' },
      isDead: () => false,
    })
    const pay = durable(
      'pay',
      { idempotent: true, key: (order: { id: string }) => order.id },
      async (_order: { id: string; secret: string }) => {
        const [key] = await keysOf(store, DURABLE_PREFIX)
        const found = key === undefined ? undefined : await readDocument(store, key, DURABLE_CALL)
        during = found?.kind === 'found' ? found.value : undefined
      },
    )
    await pay({ id: 'o-1', secret: 'hunter2hunter2' })
    expect(during).toMatchObject({
      state: 'claimed',
      name: 'pay',
      label: '"o-1"',
      claim: { run: '01JD', host: 'here', at: clock.now() },
    })
    expect(writes.filter((write) => write.startsWith(`put ${DURABLE_PREFIX}`))).toHaveLength(2)
    // Of the arguments nothing is kept but a digest that only this store can make.
    const texts = await Promise.all(
      (await keysOf(store)).map(async (key) =>
        Buffer.from(((await store.get(key)) as { value: Uint8Array }).value).toString(),
      ),
    )
    expect(texts.join('')).not.toContain('hunter2')
    expect(open).toBeDefined()
  })

  it('a thrown error goes to all callers as it is, is not stored, and the next call may try', async () => {
    const { open, calls } = place()
    let made = 0
    const create = open()('create', { idempotent: true }, async () => {
      made += 1
      if (made === 1) throw new RangeError('the name is taken')
      return 'ok'
    })
    const both = await Promise.allSettled([create(), create()])
    for (const one of both)
      expect(one).toMatchObject({ status: 'rejected', reason: { name: 'RangeError', message: 'the name is taken' } })
    expect(JSON.stringify(await calls())).not.toContain('taken')
    expect((await calls())[0]?.state).toBe('failed')
    expect(await create()).toBe('ok')
    expect(made).toBe(2)
  })

  it('an error that says the outcome is unknown leaves the call in doubt', async () => {
    const { open, calls } = place()
    let made = 0
    const pay = open()('pay', { idempotent: true }, async () => {
      made += 1
      throw unknownOutcome(new Error('the connection broke'))
    })
    await expect(pay()).rejects.toMatchObject({
      code: 'durable-in-doubt',
      message: expect.stringContaining('the connection broke') as string,
    })
    await expect(pay()).rejects.toMatchObject({
      code: 'durable-in-doubt',
      message: expect.stringMatching(/trueup doubts resolve [0-9a-f]{12} /) as string,
    })
    expect(made).toBe(1)
    expect((await calls())[0]?.state).toBe('in-doubt')
  })

  it('a result that cannot be stored: it has happened, it is never done again, and everyone is told', async () => {
    const { open, calls } = place()
    let made = 0
    const options = { idempotent: true } as const
    const create = open()('create', options, async () => {
      made += 1
      return { user: { connect: () => 1 } }
    })
    const refused = {
      code: 'value-unsupported',
      message: expect.stringContaining('user.connect of its result is a function. The effect has happened') as string,
    }
    await expect(create()).rejects.toMatchObject(refused)
    await expect(create()).rejects.toMatchObject(refused)
    expect(made).toBe(1)
    expect((await calls())[0]).toMatchObject({ state: 'done', unstorable: { path: 'user.connect' } })
  })

  it('arguments that cannot be told apart are refused before the effect', async () => {
    const { open, calls } = place()
    let made = 0
    const create = open()('create', { idempotent: true }, async (_options: unknown) => void (made += 1))
    await expect(create({ retry: () => 1 })).rejects.toMatchObject({
      code: 'value-unsupported',
      message: expect.stringContaining('create: argument [0].retry is a function') as string,
    })
    expect(made).toBe(0)
    expect(await calls()).toEqual([])
  })
})

describe('a custom key', () => {
  it('says what is one call; other arguments under it are an error with both digests, recorded or under way', async () => {
    const { open } = place()
    let made = 0
    const pay = open()(
      'pay',
      { idempotent: true, key: (order: { id: string; amount: number }) => order.id },
      async (order) => {
        made += 1
        return order.amount
      },
    )
    expect(await pay({ id: 'a', amount: 5 })).toBe(5)
    expect(await pay({ amount: 5, id: 'a' })).toBe(5)
    const conflict = {
      code: 'durable-conflict',
      message: expect.stringMatching(/was [0-9a-f]{64}, now it is [0-9a-f]{64}/) as string,
    }
    await expect(pay({ id: 'a', amount: 6 })).rejects.toMatchObject(conflict)
    const racing = await Promise.allSettled([pay({ id: 'b', amount: 5 }), pay({ id: 'b', amount: 6 })])
    expect(racing[0]).toMatchObject({ status: 'fulfilled', value: 5 })
    expect(racing[1]).toMatchObject({ status: 'rejected', reason: conflict })
    expect(made).toBe(2)
  })

  it('checks only what `checked` returns', async () => {
    const { open } = place()
    const options = {
      idempotent: true,
      key: (order: { id: string; at: number; amount: number }) => order.id,
      checked: (order: { amount: number }) => order.amount,
    } as const
    const pay = open()('pay', options, async (order) => order.at)
    expect(await pay({ id: 'a', at: 1, amount: 5 })).toBe(1)
    expect(await pay({ id: 'a', at: 2, amount: 5 })).toBe(1)
    await expect(pay({ id: 'a', at: 2, amount: 6 })).rejects.toMatchObject({ code: 'durable-conflict' })
  })
})

describe('a cached function', () => {
  it('is called again when its time is over, and not before', async () => {
    const { open, clock, hows } = place()
    let made = 0
    const rate = open()('rate', { cached: true, ttl: '15m' }, async (pair: string) => `${pair} ${String((made += 1))}`)
    expect(await rate('EUR/USD')).toBe('EUR/USD 1')
    clock.advance(15 * 60_000 - 1)
    expect(await rate('EUR/USD')).toBe('EUR/USD 1')
    clock.advance(1)
    expect(await rate('EUR/USD')).toBe('EUR/USD 2')
    expect(hows()).toEqual(['executed', 'cache-hit', 'executed'])
  })

  it('whose caller died is called again: it has no effect', async () => {
    const { open, store, clock } = place()
    let made = 0
    const options = { cached: true } as const
    const report = async (): Promise<number> => (made += 1)
    await open()('report', options, report)()
    await rewrite(store, left)
    clock.advance(71_000)
    expect(await open()('report', options, report)()).toBe(2)
  })

  it('a result that cannot be stored is an error each time', async () => {
    const { open } = place()
    let made = 0
    const report = open()('report', { cached: true }, async () => {
      made += 1
      return { f: () => 1 }
    })
    for (const _time of [1, 2]) await expect(report()).rejects.toMatchObject({ code: 'value-unsupported' })
    expect(made).toBe(2)
  })
})

describe('a claim of another process', () => {
  async function claimedElsewhere(onDoubt?: 'retry' | (() => Promise<{ done: string } | 'absent' | 'unknown'>)) {
    const around = place()
    let made = 0
    const create = () =>
      around.open()(
        'create',
        { idempotent: true, ...(onDoubt === undefined ? {} : { onDoubt }) },
        async () => `made ${String((made += 1))}`,
      )
    await create()()
    await rewrite(around.store, left)
    return { ...around, create, made: () => made }
  }

  it('is waited for while it lives, and its result is what is returned', async () => {
    const { create, store, clock, made, uses, said } = await claimedElsewhere()
    const waiting = create()()
    for (let turn = 0; turn < 12; turn += 1) {
      await settle()
      clock.advance(400)
    }
    expect(said).toEqual([
      expect.stringMatching(
        /^waiting for create \([0-9a-f]{12}\), which is under way: ci-7, pid 412, run 01JD, https:\/\/ci\.example\.com\/81$/,
      ),
    ])
    await rewrite(store, (call) => ({ ...call, state: 'done', value: '["theirs"]' }))
    for (let turn = 0; turn < 5; turn += 1) {
      await settle()
      clock.advance(1_000)
    }
    expect(await waiting).toBe('theirs')
    expect(made()).toBe(1)
    expect(uses.at(-1)?.how).toBe('waited')
  })

  it('is waited for no longer than said, and the error names who has it', async () => {
    const { store, clock, open } = await claimedElsewhere()
    const create = open({ waitMs: 3_000 })('create', { idempotent: true }, async () => 'never')
    const waiting = expect(create()).rejects.toMatchObject({
      code: 'durable-busy',
      retryable: true,
      message: expect.stringContaining('ci-7, pid 412, run 01JD, https://ci.example.com/81') as string,
    })
    for (let turn = 0; turn < 20; turn += 1) {
      await settle()
      // Alive: renewed all the time.
      await rewrite(store, (call) => call)
      clock.advance(500)
    }
    await waiting
  })

  it('that expired is in doubt, not free; so is one whose process is dead, at once', async () => {
    const { create, clock, made, calls } = await claimedElsewhere()
    clock.advance(71_000)
    await expect(create()()).rejects.toMatchObject({
      code: 'durable-in-doubt',
      message: expect.stringContaining('was started by ci-7, pid 412, run 01JD') as string,
    })
    expect((await calls())[0]?.state).toBe('in-doubt')
    expect(made()).toBe(1)

    const dead = await claimedElsewhere()
    const again = dead.open({ isDead: ({ pid }) => pid === 412 })('create', { idempotent: true }, async () => 'never')
    await expect(again()).rejects.toMatchObject({ code: 'durable-in-doubt' })
  })

  it('in doubt with `retry` is carried out again, with a probe only when that says it is absent', async () => {
    const retry = await claimedElsewhere('retry')
    retry.clock.advance(71_000)
    expect(await retry.create()()).toBe('made 2')

    const done = await claimedElsewhere(async () => ({ done: 'found there' }))
    done.clock.advance(71_000)
    expect(await done.create()()).toBe('found there')
    expect(await done.create()()).toBe('found there')
    expect(done.made()).toBe(1)

    const absent = await claimedElsewhere(async () => 'absent')
    absent.clock.advance(71_000)
    expect(await absent.create()()).toBe('made 2')

    const unknown = await claimedElsewhere(async () => 'unknown')
    unknown.clock.advance(71_000)
    await expect(unknown.create()()).rejects.toMatchObject({ code: 'durable-in-doubt' })
    expect(unknown.made()).toBe(1)
  })

  it('of a process that turns out to live is settled by it', async () => {
    const { open, store } = place()
    const { fn, begun, finish } = openEnded()
    const first = open()('create', { idempotent: true }, fn)()
    await begun
    await rewrite(store, (call) => ({ ...call, state: 'in-doubt' }))
    finish('done after all')
    expect(await first).toBe('done after all')
    expect(await open()('create', { idempotent: true }, async () => 'never')()).toBe('done after all')
  })

  it('that somebody else has carried out meanwhile: the loser returns what the winner did', async () => {
    const { open, store } = place()
    const { fn, begun, finish, made } = openEnded()
    const first = open()('create', { idempotent: true }, fn)()
    await begun
    const claim = { id: 'another' }
    await rewrite(store, (call) => ({
      ...call,
      state: 'done',
      value: '["the winner"]',
      claim: { ...call.claim, ...claim },
    }))
    finish('the loser')
    expect(await first).toBe('the winner')
    expect(made()).toBe(1)
  })

  it('that a probe has found done meanwhile stays done, whatever its process makes of it', async () => {
    for (const end of ['another result', 'unknown', 'thrown'] as const) {
      const { open, store } = place()
      let begin = (): void => undefined
      const begun = new Promise<void>((resolve) => (begin = resolve))
      let finish = (): void => undefined
      const finished = new Promise<void>((resolve) => (finish = resolve))
      const first = open()('create', { idempotent: true }, async () => {
        begin()
        await finished
        if (end === 'unknown') throw unknownOutcome(new Error('no answer'))
        if (end === 'thrown') throw new Error('the connection broke')
        return 'what it saw itself'
      })()
      await begun
      // The probe keeps whose claim it was.
      await rewrite(store, (call) => ({ ...call, state: 'done', value: '["what the probe saw"]' }))
      finish()
      if (end === 'another result') expect(await first).toBe('what the probe saw')
      else await expect(first).rejects.toThrow()
      expect(await open()('create', { idempotent: true }, async () => 'never')()).toBe('what the probe saw')
    }
  })

  it('that somebody else tried in vain, or cleared, meanwhile: what has happened is written, not done again', async () => {
    for (const change of ['failed', 'cleared', 'absent'] as const) {
      const { open, store } = place()
      const { fn, begun, finish, made } = openEnded()
      const first = open()('create', { idempotent: true }, fn)()
      await begun
      if (change === 'cleared') for (const key of await keysOf(store, DURABLE_PREFIX)) await store.delete(key)
      else {
        const resolved = { actor: 'me', host: 'h', url: null, at: 1, as: 'absent' } as const
        await rewrite(store, (call) =>
          change === 'failed'
            ? { ...call, state: 'failed', claim: { ...call.claim, id: 'another' } }
            : { ...call, state: 'failed', resolved },
        )
      }
      finish('happened')
      expect(await first).toBe('happened')
      expect(await open()('create', { idempotent: true }, async () => 'never')()).toBe('happened')
      expect(made()).toBe(1)
    }
  })

  it('is renewed while its effect is under way, so that nobody takes it for dead', async () => {
    const { open, clock, calls, said } = place()
    const { fn, begun, finish, made } = openEnded()
    const first = open()('create', { idempotent: true }, fn)()
    await begun
    const second = open()('create', { idempotent: true }, fn)()
    for (let turn = 0; turn < 40; turn += 1) {
      await settle()
      clock.advance(10_000)
    }
    expect((await calls())[0]?.state).toBe('claimed')
    expect(said).toHaveLength(1)
    finish('long')
    for (let turn = 0; turn < 5; turn += 1) {
      await settle()
      clock.advance(1_000)
    }
    expect([await first, await second, made()]).toEqual(['long', 'long', 1])
  })

  it.each(['in-doubt', 'done'] as const)(
    'frozen between claim and effect does not start what is %s by now',
    async (state) => {
      const { store: inner, clock } = place()
      let frozen = false
      const late: ObjectStore = {
        ...watchStore(inner).store,
        put: async (key, value, options) => {
          const put = await inner.put(key, value, options)
          // The answer to the claim comes after it has expired and somebody found it so, and maybe carried it out.
          if (key.startsWith(DURABLE_PREFIX) && !frozen) {
            frozen = true
            clock.advance(71_000)
            await rewrite(inner, (call) =>
              state === 'in-doubt' ? { ...call, state } : { ...left(call), state, value: '["theirs"]' },
            )
          }
          return put
        },
      }
      let made = 0
      const { durable } = createDurable({ store: late, namespace: 'shop', clock, claimant: here, isDead: () => false })
      const create = durable('create', { idempotent: true }, async () => `made ${String((made += 1))}`)
      // It knows that nothing was started: it says so, and claims anew what nobody has carried out.
      expect(await create()).toBe(state === 'done' ? 'theirs' : 'made 1')
      expect(made).toBe(state === 'done' ? 0 : 1)
    },
  )

  it('is not made without a lease, and its effect does not start when the lease was lost meanwhile', async () => {
    for (const [lostAt, states] of [
      [1, []],
      [2, ['failed']],
    ] as const) {
      const { store, clock, calls } = place()
      let checks = 0
      let made = 0
      const never = new AbortController().signal
      const lost = new TrueupError('lease-lost', 'the lease was lost')
      const durable = createDurableCalls(
        {
          store,
          namespace: 'shop',
          clock,
          random: () => 0.5,
          newId: () => 'claim',
          claimant: here,
          isDead: () => false,
          leaseMs: 60_000,
          waitMs: 1_000,
          stop: never,
          giveUp: never,
          lease: {
            check: () => ((checks += 1) === lostAt ? Promise.reject(lost) : Promise.resolve()),
            token: () => 7,
          },
          admitStore: () => Promise.resolve(),
          isSecret: undefined,
          redact: (text) => text,
          onWait: () => undefined,
        },
        randomBytes,
      )
      const definition = defineDurable('create', { idempotent: true }, () => (made += 1))
      const options = { stores: true, shard: '', report: () => undefined }
      await expect(durable.call(definition, [], options)).rejects.toBe(lost)
      expect(made).toBe(0)
      expect((await calls()).map(({ state }) => state)).toEqual(states)
      // With the lease again, it is carried out, under its token.
      expect(await durable.call(definition, [], options)).toBe(1)
      expect((await calls())[0]?.claim.fence).toBe(7)
    }
  })
})

describe('a store that fails', () => {
  it('before the claim: nothing happens', async () => {
    const { store: inner, clock } = place()
    const { store } = watchStore(inner, (call, key) => {
      if (call === 'put' && key.startsWith(DURABLE_PREFIX)) throw outage()
    })
    let made = 0
    const { durable } = createDurable({ store, namespace: 'shop', clock })
    await expect(durable('create', { idempotent: true }, async () => void (made += 1))()).rejects.toMatchObject({
      code: 'store-unavailable',
    })
    expect(made).toBe(0)
  })

  it('after the effect: written again until it holds, else in doubt, and the error says that it has happened', async () => {
    for (const failures of [3, 4]) {
      const { store: inner, clock } = place()
      let puts = 0
      const { store } = watchStore(inner, (call, key) => {
        if (call !== 'put' || !key.startsWith(DURABLE_PREFIX)) return
        puts += 1
        if (puts > 1 && puts <= 1 + failures) throw outage()
      })
      const { durable } = createDurable({ store, namespace: 'shop', clock, isDead: () => false })
      const create = durable('create', { idempotent: true }, async () => 'made')
      const call = create().catch((error: unknown) => error)
      const open = new Set([call])
      void call.then(() => open.clear())
      // What is loaded when first called takes turns of the event loop, which microtasks alone would never let come.
      while (open.size > 0) {
        await new Promise((resolve) => setImmediate(resolve))
        clock.advance(1_000)
      }
      if (failures === 3) expect(await call).toBe('made')
      else
        expect(await call).toMatchObject({
          code: 'durable-in-doubt',
          message: expect.stringContaining('was carried out, but that could not be written') as string,
        })
    }
  })

  it('with a damaged record: an error, never a second effect', async () => {
    const { open, store } = place()
    let made = 0
    const create = (): (() => Promise<undefined>) =>
      open()('create', { idempotent: true }, async () => void (made += 1))
    await create()()
    const [key] = await keysOf(store, DURABLE_PREFIX)
    await store.put(key ?? ('' as never), Buffer.from('{"format":"trueup"'))
    await expect(create()()).rejects.toMatchObject({ code: 'store-corrupt' })
    expect(made).toBe(1)
  })

  it('that lost the key under which calls are found: an error, never a second effect', async () => {
    const { open, store } = place()
    let made = 0
    const create = (): (() => Promise<undefined>) =>
      open()('create', { idempotent: true }, async () => void (made += 1))
    await create()()
    for (const key of await keysOf(store)) if (!key.startsWith(DURABLE_PREFIX)) await store.delete(key)
    await expect(create()()).rejects.toMatchObject({
      code: 'store-corrupt',
      message: expect.stringContaining('durable-digest-key is gone') as string,
    })
    expect(made).toBe(1)
  })
})

describe('mistakes', () => {
  it('awaiting its own key is an error, not a deadlock: directly, through another function, and crosswise', async () => {
    const { open } = place()
    const durable = open()
    const self: () => Promise<string> = durable('self', { idempotent: true }, async () => self())
    await expect(self()).rejects.toMatchObject({
      code: 'durable-misuse',
      message: expect.stringContaining('waits for its own key') as string,
    })

    const outer: () => Promise<string> = durable('outer', { idempotent: true }, async () => inner())
    const inner: () => Promise<string> = durable('inner', { idempotent: true }, async () => outer())
    await expect(outer()).rejects.toMatchObject({ code: 'durable-misuse' })

    let both = 0
    const meet = async (): Promise<void> => {
      both += 1
      while (both < 2) await new Promise((resolve) => setImmediate(resolve))
    }
    const left: () => Promise<string> = durable('left', { idempotent: true }, async () => {
      await meet()
      return right()
    })
    const right: () => Promise<string> = durable('right', { idempotent: true }, async () => {
      await meet()
      return left()
    })
    const ended = await Promise.allSettled([left(), right()])
    for (const one of ended) expect(one).toMatchObject({ status: 'rejected', reason: { code: 'durable-misuse' } })
    // Another key of itself is fine.
    const down: (n: number) => Promise<number> = durable('down', { cached: true }, async (n: number) =>
      n === 0 ? 0 : (await down(n - 1)) + 1,
    )
    expect(await down(5)).toBe(5)
  })

  it.each([
    ['nothing said', {}, /say what is remembered/],
    ['ttl of an effect', { idempotent: true, ttl: '1h' }, /`ttl` is for what is only cached/],
    ['a ttl that is none', { cached: true, ttl: 'soon' }, /its ttl must be a duration/],
    ['onDoubt of a result', { cached: true, onDoubt: 'stop' }, /`onDoubt` is for idempotent/],
    ['checked without key', { idempotent: true, checked: () => 1 }, /`checked` is only for/],
    ['an option that is none', { cached: true, timeout: 5 }, /there is no option timeout/],
    ['an empty version', { cached: true, version: '' }, /version must be a text/],
  ])('%s', (_name, options, message) => {
    const { open } = place()
    expect(() => open()('f', options as never, async () => 1)).toThrow(message)
  })

  it('one name and version twice', () => {
    const { open } = place()
    const durable = open()
    durable('f', { cached: true }, async () => 1)
    durable('f', { cached: true, version: '2' }, async () => 1)
    expect(() => durable('f', { cached: true }, async () => 2)).toThrow(
      /version 1 is registered twice in the namespace shop/,
    )
  })

  it('a relative store without a folder', async () => {
    await expect(openStore('file:.trueup')).rejects.toMatchObject({
      code: 'usage',
      message: expect.stringContaining('relative, and nothing says to what') as string,
    })
    const store = await openStore('memory:')
    const { durable } = createDurable({ store, namespace: 'x', randomBytes })
    expect(await durable('f', { cached: true }, (a: number, b: number) => a + b)(1, 2)).toBe(3)
  })
})
