// The budget of a process: never more at once than its places, nested work included, and nothing waits for ever.
import { describe, expect, it } from 'vitest'
import { boundedMap } from '../../src/util/bounded-map.js'
import { createBudget, inPlace, PlaceInHand, type Budget } from '../../src/util/budget.js'

const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve))

/** Work that knows how much of it goes on at once. Only leaves count: who waits for nested work does nothing. */
function gauge(): { work(): Promise<void>; readonly most: number; readonly total: number } {
  let [now, most, total] = [0, 0, 0]
  return {
    async work() {
      now += 1
      total += 1
      most = Math.max(most, now)
      await turn()
      now -= 1
    },
    get most() {
      return most
    },
    get total() {
      return total
    },
  }
}

/** A tree of nested maps; two at once in each node, as authors do with Promise.all. */
async function tree(budget: Budget, depth: number, leaf: () => Promise<void>): Promise<void> {
  if (depth === 0) return leaf()
  const map = boundedMap(budget)
  const children = (): Promise<unknown> => map([1, 2, 3], () => tree(budget, depth - 1, leaf))
  await Promise.all([children(), children()])
}

describe('a budget', () => {
  it.each([1, 2, 3, 8])('of %i places bounds nested maps of any depth, and they end', async (places) => {
    const budget = createBudget(places)
    const seen = gauge()
    await Promise.all([1, 2, 3].map(() => inPlace(budget, () => tree(budget, 3, () => seen.work()))))
    expect(seen.total).toBe(3 * 6 ** 3)
    expect(seen.most).toBeLessThanOrEqual(places)
    expect(seen.most).toBe(places)
  })

  it('has all its places again when work has failed', async () => {
    const budget = createBudget(2)
    const map = boundedMap(budget)
    await expect(map([1, 2, 3], () => Promise.reject(new Error('no')))).rejects.toThrow('no')
    const places = [budget.tryPlace(), budget.tryPlace(), budget.tryPlace()]
    expect(places.map((place) => place !== undefined)).toEqual([true, true, false])
  })

  it('gives a failed map its error although others hold all places', async () => {
    const budget = createBudget(2)
    const other = budget.tryPlace()
    const map = boundedMap(budget)
    await expect(map([1, 2, 3], () => Promise.reject(new Error('first')))).rejects.toThrow('first')
    other?.giveBack()
  })

  it('has nothing in the hand that a loop left behind', async () => {
    const budget = createBudget(1)
    const hand = new PlaceInHand(budget)
    const taken = budget.tryPlace()
    expect(hand.reach()).toBe(false)
    const next = hand.next()
    hand.open()
    taken?.giveBack()
    await next
    expect(hand.isEmpty).toBe(true)
    expect(budget.tryPlace()).toBeDefined()
  })
})
