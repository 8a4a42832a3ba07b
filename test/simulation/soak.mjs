// Many seeds in two processes. In: --seeds n (default 50,000), --first n, --minutes n (then it ends early and says so). Out: figures; 1 when a seed failed.
import { fork } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import { bundleSimulation } from './bundle.mjs'

const PROCESSES = 2
const { values } = parseArgs({
  options: {
    seeds: { type: 'string', default: '50000' },
    first: { type: 'string', default: '1' },
    minutes: { type: 'string', default: '600' },
    part: { type: 'string' },
    module: { type: 'string' },
  },
})
const [seeds, first, minutes] = [values.seeds, values.first, values.minutes].map(Number)

if (values.part === undefined) await all()
else await part(Number(values.part))

async function all() {
  const module = await bundleSimulation()
  const begun = performance.now()
  const totals = { seeds: 0, steps: 0, failed: [] }
  await Promise.all(
    Array.from({ length: PROCESSES }, (_, index) => {
      const child = fork(fileURLToPath(import.meta.url), [
        ...process.argv.slice(2),
        '--part',
        String(index),
        '--module',
        module,
      ])
      child.on('message', (message) => {
        totals.seeds += 1
        totals.steps += message.steps
        if (message.failure === undefined) return
        totals.failed.push(message.seed)
        if (totals.failed.length <= 5) console.error(message.failure)
      })
      return new Promise((resolve, reject) => {
        child.on('exit', (code) => (code === 0 ? resolve() : reject(new Error(`a part ended with ${String(code)}`))))
      })
    }),
  )
  const seconds = ((performance.now() - begun) / 1000).toFixed(0)
  console.log(
    `${String(totals.seeds)} of ${String(seeds)} seeds from ${String(first)} on, ${String(totals.steps)} steps, ${seconds} s: ${String(totals.failed.length)} failed${totals.failed.length === 0 ? '' : `: ${totals.failed.slice(0, 20).join(', ')}`}`,
  )
  if (totals.failed.length > 0 || totals.seeds === 0) process.exitCode = 1
}

async function part(index) {
  const { simulate, failureText } = await import(values.module)
  const until = performance.now() + minutes * 60_000
  for (let seed = first + index; seed < first + seeds && performance.now() < until; seed += PROCESSES) {
    const ended = await simulate(seed)
    const failure = ended.violations.length === 0 ? undefined : failureText(seed, ended)
    await new Promise((resolve) => process.send({ seed, steps: ended.steps, failure }, resolve))
  }
  process.disconnect()
}
