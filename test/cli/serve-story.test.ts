// One story on the built CLI: schedules, pushes, an event, a hold and the run cache at once, in one daemon. What it leaves are the records of its
// runs, and those say why each run was, and that none was missing.
import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import type { Files, Rig } from '../support/rig.js'
import { pushHook, servedRig, type ServedRig } from '../support/served.js'

const [TOKEN, SECRET] = ['the token of this test', 'the secret of this test']

const NIGHTLY = ", schedule: '0 3 * * *'"

interface Run {
  readonly run: { readonly mode: string; readonly by: { readonly event?: { readonly reason: string } } }
  readonly decision: { readonly action: string; readonly reason: string; readonly head: string }
  readonly exitCode: number
}

const dataOf = (name: string, content: string): Files => ({
  [`data/${name}/f.yaml`]: `files: [{ path: x, content: ${content} }]\n`,
})
const kept = ({ rig }: ServedRig, name: string): string | null => {
  const file = join(rig.root, 'out', name, 'x')
  return existsSync(file) ? readFileSync(file, 'utf8') : null
}

function filesOf(rig: Rig): Files {
  const target = (name: string, more = ''): string =>
    `  ${name}: { integration: managed-files, params: { root: ${JSON.stringify(join(rig.root, 'out', name))}, data: 'data/${name}/*.yaml' }, apply: true${more} }\n`
  return {
    'trueup.yaml': `version: 1\ntargets:\n${target('pushed', NIGHTLY)}${target('held', NIGHTLY)}${target('often')}`,
    ...dataOf('pushed', 'first'),
    ...dataOf('held', 'first'),
    ...dataOf('often', 'first'),
  }
}

/** Waits, an end of a run of the target at a time, until its records, newest first, are so. */
async function until(
  served: ServedRig,
  target: string,
  holds: (runs: readonly Run[]) => boolean,
): Promise<readonly Run[]> {
  for (let ends = 1; ; ends += 1) {
    await served.daemon.until(new RegExp(`(?:${target} decision=[^]*?){${String(ends)}}`))
    const { runs } = (await served.get(`/api/v1/runs?target=${target}&limit=500`)) as { readonly runs: readonly Run[] }
    if (holds(runs)) return runs
  }
}

describe('a daemon with all of it at once', () => {
  it('runs what was pushed, what an event named and what was due, applies nothing that is held, and skips only what converged', async () => {
    await using served = await servedRig({
      files: filesOf,
      env: { TRUEUP_TOKEN: TOKEN, TRUEUP_HOOK_SECRET: SECRET },
      every: '1s',
      args: ['--log-level', 'debug', '--enable-extended-early-exit', '--ttl', '1h'],
    })
    const event = async (target: string, reason: string): Promise<void> => {
      const body = JSON.stringify({ targets: [target], reason })
      const answer = await served.post('/api/v1/events', body, { authorization: `Bearer ${TOKEN}` })
      expect(answer.status).toBe(202)
    }
    // What is due each second converges, and then the cache answers.
    await until(served, 'often', (runs) => runs[0]?.decision.reason === 'cache-hit')

    await served.rig.run(['hold', 'held', '--for', '1h', '--reason', 'a release'])
    const commit = await served.push({
      ...dataOf('pushed', 'second'),
      ...dataOf('held', 'second'),
      ...dataOf('often', 'second'),
    })
    await served.post('/hooks/git', ...pushHook(SECRET, { after: commit, id: 'one' }))
    const from = (runs: readonly Run[]): readonly Run[] => runs.filter(({ decision }) => decision.head === commit)

    // A commit makes a hit stale knowledge: it is applied, and only then skipped again.
    const often = await until(served, 'often', (runs) => from(runs).some(({ decision }) => decision.action === 'skip'))
    expect(kept(served, 'often')).toBe('second')
    const [first] = from(often).slice(-1)
    expect([first?.decision.action, first?.exitCode]).toEqual(['run', 0])

    await until(served, 'pushed', (runs) => from(runs).length > 0)
    expect(kept(served, 'pushed')).toBe('second')
    const before = kept(served, 'held')
    const held = await until(served, 'held', (runs) => from(runs).length > 0)
    expect(from(held).map(({ decision, exitCode }) => [decision.reason, exitCode])).toEqual([['held', 75]])
    expect(before).not.toBe('second')

    // An event runs a target that is held, which still applies nothing; and once it is released, does.
    await event('held', 'try it')
    const tried = await until(served, 'held', (runs) => runs.some(({ run }) => run.by.event?.reason === 'try it'))
    expect(tried[0]?.decision.reason).toBe('held')
    expect(kept(served, 'held')).toBe(before)
    expect((await served.rig.run(['release', 'held'])).code).toBe(0)
    await event('held', 'it is over')
    const released = await until(served, 'held', (runs) =>
      runs.some(({ run }) => run.by.event?.reason === 'it is over'),
    )
    expect([released[0]?.decision.action, released[0]?.exitCode, kept(served, 'held')]).toEqual(['run', 0, 'second'])

    // The same commit, pushed again, makes nothing due.
    const counted = (await until(served, 'pushed', () => true)).length
    await served.post('/hooks/git', ...pushHook(SECRET, { after: commit, id: 'two' }))
    await event('pushed', 'look again')
    const again = await until(served, 'pushed', (runs) => runs.some(({ run }) => run.by.event?.reason === 'look again'))
    expect(again).toHaveLength(counted + 1)
    served.daemon.kill('SIGTERM')
    expect((await served.daemon.result).code).toBe(143)
    const leases = await served.rig.run(['lease', 'list', '-o', 'json'])
    expect(leases.json()).toMatchObject({ leases: [] })
  })
})
