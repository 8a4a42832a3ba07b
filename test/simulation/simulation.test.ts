// The simulation, seed by seed. TRUEUP_SEED replays one and prints its trace; `npm run test:soak` runs many more.
import { readFile } from 'node:fs/promises'
import { beforeAll, describe, expect, it } from 'vitest'
import { bundleSimulation } from './bundle.mjs'
import { MUTANTS } from './mutant-list.mjs'
import type * as Simulation from './simulate.js'

const SEEDS = 1_000
const FIRST_FAILURES = 3

describe('the engine among crashes, pauses and lost answers', () => {
  let simulation: typeof Simulation
  beforeAll(async () => {
    simulation = (await import(/* @vite-ignore */ await bundleSimulation())) as typeof Simulation
  })

  it('does the same for the same seed', async () => {
    const { simulate } = simulation
    for (let seed = 1; seed <= 10; seed += 1) {
      const [one, other] = [await simulate(seed), await simulate(seed)]
      expect(other.digest).toBe(one.digest)
      expect(one.trace.length).toBeGreaterThan(10)
    }
    expect((await simulate(11)).digest).not.toBe((await simulate(11 + Object.keys(simulation.SCENARIOS).length)).digest)
  })

  it('keeps what it promises', { timeout: 300_000 }, async () => {
    const { simulate, failureText } = simulation
    const alone = process.env['TRUEUP_SEED']
    const [first, seeds] = alone === undefined ? [1, SEEDS] : [Number(alone), 1]
    const failures: string[] = []
    for (let seed = first; seed < first + seeds && failures.length < FIRST_FAILURES; seed += 1) {
      const ended = await simulate(seed)
      if (alone !== undefined) console.log(ended.trace.join('\n'))
      if (ended.violations.length > 0) failures.push(failureText(seed, ended))
    }
    expect(failures.join('\n\n')).toBe('')
  })
})

describe('the ways to break the engine', () => {
  const replacements = MUTANTS.flatMap((mutant) => mutant.replacements.map((one) => ({ ...one, name: mutant.name })))

  it.each(replacements)('$name: what is replaced is in the source, once', async ({ file, find }) => {
    expect((await readFile(file, 'utf8')).split(find)).toHaveLength(2)
  })
})
