// The engine, broken on purpose: each replacement must make the simulation fail. In: --seeds n (how many to try, default 5,000), --only text. Out: a table;
// 1 when one was not found, or when its text is no longer in the source.
import { parseArgs } from 'node:util'
import { bundleSimulation } from './bundle.mjs'
import { MUTANTS } from './mutant-list.mjs'

const { values } = parseArgs({
  options: { seeds: { type: 'string', default: '5000' }, only: { type: 'string', default: '' } },
})
let missed = 0
for (const { name, replacements } of MUTANTS) {
  if (!name.includes(values.only)) continue
  const { simulate } = await import(await bundleSimulation(replacements))
  let found
  for (let seed = 1; seed <= Number(values.seeds) && found === undefined; seed += 1) {
    const { violations, scenario } = await simulate(seed)
    if (violations.length > 0) found = { seed, scenario, what: violations[0].split('\n')[0] }
  }
  if (found === undefined) missed += 1
  const verdict =
    found === undefined
      ? `NOT FOUND in ${values.seeds} seeds`
      : `seed ${String(found.seed)} (${found.scenario}): ${found.what}`
  console.log(`${name.padEnd(76)} ${verdict}`)
}
console.log(missed === 0 ? 'every one was found' : `${String(missed)} not found`)
if (missed > 0) process.exitCode = 1
