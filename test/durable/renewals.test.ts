// When claims are renewed: by a clock that moves only when told to.
import { describe, expect, it } from 'vitest'
import { Renewals, type Renewable } from '../../src/durable/renewals.js'
import { createFakeClock } from '../../src/util/fake-clock.js'

const LEASE = 3_000

function held(): { readonly clock: ReturnType<typeof createFakeClock>; readonly renewals: Renewals; add(): Claim } {
  const clock = createFakeClock()
  const renewals = new Renewals(clock, LEASE)
  return {
    clock,
    renewals,
    add() {
      const claim = new Claim(() => clock.monotonic())
      renewals.add(claim)
      return claim
    },
  }
}

class Claim implements Renewable {
  readonly at: number[] = []
  readonly #now: () => number
  isHeld = true
  failing = 0

  constructor(now: () => number) {
    this.#now = now
  }

  renew(): Promise<boolean> {
    if (!this.isHeld) return Promise.resolve(false)
    this.at.push(this.#now())
    if (this.failing === 0) return Promise.resolve(true)
    this.failing -= 1
    return Promise.reject(new Error('the store is away'))
  }
}

/** In steps, so that whoever is woken has come to sleep again before the next one. */
async function pass(clock: ReturnType<typeof createFakeClock>, ms: number): Promise<void> {
  for (let passed = 0; passed < ms; passed += 50) {
    clock.advance(50)
    await new Promise((resolve) => setImmediate(resolve))
  }
}

describe('claims that are held', () => {
  it('are each renewed every third of their lease, counted from when they came', async () => {
    const { clock, add } = held()
    const first = add()
    await pass(clock, 400)
    const second = add()
    await pass(clock, 2_000)
    expect([first.at, second.at]).toEqual([
      [1_000, 2_000],
      [1_400, 2_400],
    ])
  })

  it('are renewed no more once they are let go, and the others when they are due', async () => {
    const { clock, renewals, add } = held()
    const [gone, stays] = [add(), add()]
    await pass(clock, 500)
    const late = add()
    renewals.remove(gone)
    await pass(clock, 1_000)
    expect([gone.at, stays.at, late.at]).toEqual([[], [1_000], [1_500]])
  })

  it('are asked again soon when that failed, for as long as they are held, and keep no other waiting', async () => {
    const { clock, add } = held()
    const [away, fine] = [add(), add()]
    away.failing = 2
    await pass(clock, 2_500)
    expect([away.at, fine.at]).toEqual([
      [1_000, 1_250, 1_500, 2_500],
      [1_000, 2_000],
    ])
    away.failing = 9
    await pass(clock, 1_100)
    away.isHeld = false
    await pass(clock, 1_000)
    expect(away.at.slice(4)).toEqual([3_500])
  })

  it('leave nobody asleep when none is held any more, and another may come then', async () => {
    const { clock, renewals, add } = held()
    renewals.remove(add())
    await pass(clock, 1_000)
    expect(clock.nextWake()).toBeUndefined()
    const next = add()
    await pass(clock, 1_000)
    expect(next.at).toEqual([2_000])
  })
})
