// One seed in, what became of it out. Bundled with the engine by bundle.mjs and run there; nothing else imports it.
import { applyWork } from './apply-work.js'
import { bucketWork } from './bucket-work.js'
import { durableWork } from './durable-work.js'
import { simulateWork, type Ended, type Work } from './machine-room.js'
import { chanceOf } from './scheduler.js'

export type { Ended }

export const SCENARIOS: Readonly<Record<string, (chance: () => number) => Work>> = {
  durable: (chance) => durableWork(chance()),
  apply: () => applyWork({ sharded: false }),
  shards: () => applyWork({ sharded: true }),
  bucket: () => bucketWork(),
}

/** The scenario of a seed goes round, so that consecutive seeds meet them all. */
export async function simulate(seed: number): Promise<Ended & { readonly scenario: string }> {
  const names = Object.keys(SCENARIOS)
  const scenario = names[seed % names.length] ?? ''
  const chance = chanceOf(seed + 1_000_003)
  const work = SCENARIOS[scenario]?.(chance)
  if (work === undefined) throw new Error('no scenario')
  return { scenario, ...(await simulateWork(seed, 2 + Math.floor(chance() * 3), work)) }
}

/** What to show of a seed that failed. */
export function failureText(
  seed: number,
  { scenario, violations, trace }: Ended & { readonly scenario: string },
): string {
  const at = trace.findIndex((line) => line.includes('VIOLATED'))
  const tail = trace.slice(Math.max(0, at - 60), at < 0 ? undefined : at + 1)
  return [
    `seed ${String(seed)} (${scenario}): ${violations.join('; ')}`,
    ...tail.map((line) => `  ${line}`),
    `alone: TRUEUP_SEED=${String(seed)} npx vitest run --project unit test/simulation`,
  ].join('\n')
}
