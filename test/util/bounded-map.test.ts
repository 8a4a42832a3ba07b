import { describe, expect, it } from 'vitest'
import { createBudget } from '../../src/util/budget.js'
import { boundedMap } from '../../src/util/bounded-map.js'

/** A promise for each index, settled by the test. */
function gates(count: number): { promise: Promise<void>; open: () => void; fail: (error: Error) => void }[] {
  return Array.from({ length: count }, () => {
    let open = (): void => undefined
    let fail = (_error: Error): void => undefined
    const promise = new Promise<void>((resolve, reject) => {
      open = resolve
      fail = reject
    })
    return { promise, open, fail }
  })
}
const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve))

describe('boundedMap', () => {
  it('gives results in order, whatever ends first, with at most so many at once', async () => {
    const gate = gates(4)
    const started: number[] = []
    const all = boundedMap(createBudget(2))([0, 1, 2, 3], async (item) => {
      started.push(item)
      await gate[item]?.promise
      return item * 10
    })
    await turn()
    expect(started).toEqual([0, 1])
    gate[1]?.open()
    await turn()
    expect(started).toEqual([0, 1, 2])
    for (const { open } of gate) open()
    expect(await all).toEqual([0, 10, 20, 30])
  })

  it('starts nothing after the first error, waits for what runs, and throws that error', async () => {
    const gate = gates(2)
    const started: number[] = []
    let ended = false
    const all = boundedMap(createBudget(2))([0, 1, 2, 3], async (item) => {
      started.push(item)
      await gate[item]?.promise
      if (item === 1) ended = true
      if (item === 1) throw new Error('second')
    }).then(
      () => 'done',
      (error: unknown) => `${String(error)}, ended: ${String(ended)}`,
    )
    gate[0]?.fail(new Error('first'))
    await turn()
    expect(ended).toBe(false)
    gate[1]?.open()
    expect(await all).toBe('Error: first, ended: true')
    expect(started).toEqual([0, 1])
  })

  it('gives all that failed, in the order of the items, to who makes the error', async () => {
    const gate = gates(3)
    const map = boundedMap(createBudget(3), {
      errorOf: (failures, { begun, all }) =>
        new Error(
          `${failures.map(({ index, item, error }) => `${String(index)} ${String(item)} ${String(error)}`).join(', ')}; ${String(begun)} of ${String(all)}`,
        ),
    })
    const all = map(['a', 'b', 'c', 'd'], async (_item, index) => gate[index]?.promise).then(
      () => 'done',
      (error: unknown) => String(error),
    )
    gate[2]?.fail(new Error('first in time'))
    await turn()
    gate[1]?.open()
    gate[0]?.fail(new Error('first in order'))
    expect(await all).toBe('Error: 0 a Error: first in order, 2 c Error: first in time; 3 of 4')
  })

  it('throws the reason of its signal at once, and starts nothing more', async () => {
    const stop = new AbortController()
    const gate = gates(1)
    const started: number[] = []
    const all = boundedMap(createBudget(1), { signal: stop.signal })([0, 1], async (item) => {
      started.push(item)
      await gate[0]?.promise
    })
    stop.abort(new Error('stop'))
    await expect(all).rejects.toThrow('stop')
    gate[0]?.open()
    await turn()
    expect(started).toEqual([0])
    await expect(boundedMap(createBudget(1), { signal: stop.signal })([0], async () => 1)).rejects.toThrow('stop')
  })

  it('can be nested under a limit of one', async () => {
    const map = boundedMap(createBudget(1))
    expect(await map([1, 2], (outer) => map([10, 20], async (inner) => outer + inner))).toEqual([
      [11, 21],
      [12, 22],
    ])
  })

  it('takes any iterable, also an empty one, and refuses a limit below one', async () => {
    expect(await boundedMap(createBudget(3))(new Set(), async () => 1)).toEqual([])
    expect(() => createBudget(0)).toThrow(RangeError)
  })
})
