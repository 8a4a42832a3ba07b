// An apply that is killed with SIGKILL at a write of its store: some rows of docs/faults.md (all: test/fault-matrix.test.ts) on the built command line,
// a real process and a real folder.
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { expect, it } from 'vitest'
import { createWorld, type World } from '../support/world.js'

/** Every write of a directory store counts with one rename; the integration ends its own process at the one that a test names. */
const KILLING = `import fs from 'node:fs'
import { syncBuiltinESMExports } from 'node:module'
const { renameSync } = fs
let renames = 0
fs.renameSync = (from, to) => {
  const file = at('deeds', 'write')
  const { kind, nth, when } = existsSync(file) ? JSON.parse(readFileSync(file, 'utf8')) : {}
  const isOne = kind !== undefined && String(to).includes('/objects/' + kind + '/')
  if (isOne && renames + 1 === nth && when === 'before') process.kill(process.pid, 'SIGKILL')
  // Throws where a folder has to be made first; then it is tried again.
  renameSync(from, to)
  if (isOne && ++renames === nth) process.kill(process.pid, 'SIGKILL')
}
syncBuiltinESMExports()
`

interface Run {
  readonly run: { readonly id: string }
  readonly state: string
  readonly decision: { readonly action: string }
  readonly outcomes: readonly { readonly key: string; readonly action: string; readonly result: string }[]
  readonly plan: { readonly changes: readonly { readonly action: string; readonly key: string }[] } | null
}

async function runsOf(world: World, ...args: string[]): Promise<readonly Run[]> {
  return ((await world.rig.run([...args, '-o', 'json'])).json() as { runs: Run[] }).runs
}

const told = ({ outcomes }: Run): string[] => outcomes.map(({ result, action, key }) => `${result} ${action} ${key}`)
const CALLS = ['delete c', 'create b', 'update a']
const made = (...results: string[]): string[] => results.map((result, index) => `${result} ${CALLS[index] ?? ''}`)
const ALL = made('applied', 'applied', 'applied')

it.each([
  ['leases', 1, 'after', 'run', null],
  ['records', 1, 'after', 'run', []],
  ['journal', 3, 'after', 'run', made('applied', 'unknown')],
  ['journal', 4, 'before', 'run', made('applied', 'unknown')],
  ['journal', 4, 'after', 'run', made('applied', 'applied')],
  ['ownership', 1, 'after', 'run', ALL],
  ['records', 2, 'after', 'run', ALL],
  ['marks', 2, 'before', 'run', ALL],
  ['marks', 2, 'after', 'skip', ALL],
  ['journal', 7, 'after', 'skip', ALL],
  ['leases', 2, 'before', 'skip', ALL],
  ['records', 3, 'before', 'skip', ALL],
] as const)(
  'killed at a write of %s, number %d, %s it: the next apply knows',
  async (kind, nth, when, action, outcomes) => {
    await using world = await createWorld({ objects: { a: '1', c: '1' }, top: KILLING })
    await world.drift({ foreign: 'x' })
    expect((await world.rig.run(['apply', 'world'])).code).toBe(0)
    const before = (await world.calls()).length
    await world.desire({ a: '2', b: '1' })
    await writeFile(join(world.rig.root, 'outside/deeds/write'), JSON.stringify({ kind, nth, when }))
    expect((await world.rig.run(['apply', 'world', '--concurrency', '1'])).signal).toBe('SIGKILL')
    await world.relent()

    // No waiting: that its process is gone is seen.
    const [next] = await runsOf(world, 'apply', 'world', '--base', 'last-applied', '--concurrency', '1')
    expect(next?.decision.action).toBe(action)
    expect((await world.calls()).slice(before)).toEqual(CALLS)
    expect(await world.objects()).toEqual({ a: '2', b: '1', foreign: 'x' })

    const applies = (await runsOf(world, 'runs', 'list', '--mode', 'apply')).filter(
      ({ run }) => run.id !== next?.run.id,
    )
    const killed = applies.length === 1 ? undefined : applies[0]
    expect(killed === undefined ? null : told(killed)).toEqual(outcomes)
    expect(killed?.state ?? 'finished').toBe('finished')

    // Exactly these are ours, and nothing is left to do.
    await world.desire({})
    const [gone] = await runsOf(world, 'plan', 'world', '--allow-empty', '--max-deletes', '100%')
    expect(gone?.plan?.changes.map((change) => `${change.action} ${change.key}`)).toEqual(['delete a', 'delete b'])
  },
)
