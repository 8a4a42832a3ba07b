// In: how many input files. Out: a real repository whose target prints 200 lines and finds nothing to do, so that a run of it can be kept.
import { execFileSync, spawnSync } from 'node:child_process'
import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'

export const LINES = 200
export const lineOf = (index) => `host-${index}.example.com is as it should be: address 10.0.0.7, ttl 300`

/** A hit, whatever store; a pull request or a cron job would run the same. */
export const PLAN = ['plan', 'cached', '--enable-extended-early-exit', '--ttl', '1d']

const INTEGRATION = `import { diff, listing } from 'trueup'
const lineOf = ${String(lineOf)}
export default {
  name: 'cached',
  version: '1.0.0',
  inputs: ['data/*.json'],
  deletePolicy: 'never',
  desiredState: (ctx) => ctx.source.loadAll('data/*.json'),
  async run(ctx, desired) {
    for (let index = 0; index < ${String(LINES)}; index += 1) ctx.log.info(lineOf(index))
    const current = await listing.fromPages(async () => ({ items: desired }))
    const never = () => Promise.reject(new Error('there is nothing to do'))
    return ctx.plan(diff({ desired, current, key: ({ name }) => name }), { create: never, update: never })
  },
}
`

/**
 * @param {{ folder: string, env: NodeJS.ProcessEnv }} place
 * @param {{ name: string, inputs: number, files?: Readonly<Record<string, string>> }} options `files` are more of the commit
 */
export function cachedRepository({ folder, env }, { name, inputs, files = {} }) {
  const path = join(folder, name)
  for (const each of ['data', 'integrations']) mkdirSync(join(path, each), { recursive: true })
  const all = {
    'trueup.yaml': 'version: 1\ntargets: { cached: {} }\n',
    'integrations/cached.mjs': INTEGRATION,
    '.gitignore': 'node_modules\n.trueup\n.turbo\n.wireit\n',
    ...files,
  }
  for (let index = 0; index < inputs; index += 1)
    all[`data/${String(index)}.json`] =
      `${JSON.stringify({ name: `record-${String(index)}`, value: 'x'.repeat(500) })}\n`
  for (const [file, text] of Object.entries(all)) writeFileSync(join(path, file), text)
  const identity = ['-c', 'user.name=trueup bench', '-c', 'user.email=bench@example.com']
  for (const args of [
    ['init', '--quiet'],
    ['add', '.'],
    [...identity, 'commit', '--quiet', '--message', 'first'],
  ])
    execFileSync('git', args, { cwd: path, env, stdio: ['ignore', 'ignore', 'inherit'] })
  return path
}

/** Applies, so that one object an input file is owned, and fills the cache; what is timed afterwards must be what is claimed. */
export function fillCache({ bin }, { cwd, env }) {
  execFileSync(process.execPath, [bin, 'apply', 'cached'], {
    cwd,
    env,
    stdio: 'pipe',
  })
  for (const reason of ['cache-miss', 'cache-hit']) {
    const { stdout, stderr } = spawnSync(process.execPath, [bin, ...PLAN, '-o', 'json'], { cwd, env, encoding: 'utf8' })
    const run = stdout.startsWith('{') ? JSON.parse(stdout).runs[0] : undefined
    const lines = stderr.split(lineOf('').slice(-30)).length - 1
    if (run?.decision.reason !== reason || lines !== LINES)
      throw new Error(
        `no ${reason} with ${String(LINES)} lines but ${run?.decision.reason} with ${String(lines)}: ${run?.decision.explanation ?? stdout}\n${stderr.slice(-2000)}`,
      )
  }
}
