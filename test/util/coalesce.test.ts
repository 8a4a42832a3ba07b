import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { coalesced } from '../../src/util/coalesce.js'

const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve))

/** Work of which each run is ended by the test. */
function rig(): { ask: () => Promise<void>; runs: { end: () => void; fail: () => void }[]; most: () => number } {
  const runs: { end: () => void; fail: () => void }[] = []
  let under = 0
  let most = 0
  const ask = coalesced(async () => {
    under += 1
    most = Math.max(most, under)
    try {
      await new Promise<void>((resolve, reject) => {
        runs.push({
          end: resolve,
          fail: () => {
            reject(new Error('away'))
          },
        })
      })
    } finally {
      under -= 1
    }
  })
  return { ask, runs, most: () => most }
}

describe('coalesced', () => {
  it('a storm is one run, and one more for all who asked meanwhile', async () => {
    const { ask, runs } = rig()
    const all = Array.from({ length: 1000 }, ask)
    await turn()
    expect(runs).toHaveLength(1)
    runs[0]?.end()
    await turn()
    expect(runs).toHaveLength(2)
    runs[1]?.end()
    await Promise.all(all)
    await turn()
    expect(runs).toHaveLength(2)
  })

  it('a run that fails fails for those who asked for it; the next ones have one of their own', async () => {
    const { ask, runs } = rig()
    const [first, second] = [ask(), ask()]
    runs[0]?.fail()
    await expect(first).rejects.toThrow('away')
    await turn()
    runs[1]?.end()
    await second
  })

  it('whenever one asks, a run begins after that, and never two at once', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.constantFrom('ask', 'end', 'fail', 'turn'), { minLength: 1, maxLength: 40 }),
        async (steps) => {
          const { ask, runs, most } = rig()
          const begunBefore: { readonly begun: number; readonly result: Promise<number> }[] = []
          let ended = 0
          for (const step of steps) {
            if (step === 'ask') {
              const begun = runs.length
              const result = ask().then(
                () => runs.length,
                () => runs.length,
              )
              begunBefore.push({ begun, result })
            } else if (step === 'turn') await turn()
            else if (ended < runs.length) runs[ended++]?.[step]()
          }
          for (;;) {
            await turn()
            if (ended === runs.length) break
            runs[ended++]?.end()
          }
          for (const { begun, result } of begunBefore) expect(await result).toBeGreaterThan(begun)
          expect(most()).toBeLessThanOrEqual(1)
        },
      ),
      { numRuns: 200 },
    )
  })
})
