// Hooks, events and changes of a local repository on the built CLI: a daemon that would look for a commit tomorrow takes it now.
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import type { Files, Rig } from '../support/rig.js'
import { pushHook, servedRig, type ServedRig } from '../support/served.js'

const SECRET = 'a secret of this test'

function filesOf(rig: Rig): Files {
  const target = (name: string): string =>
    `{ integration: managed-files, params: { root: ${JSON.stringify(join(rig.root, 'out', name))}, data: 'data/${name}/*.yaml' }, apply: true }`
  return {
    'trueup.yaml': `version: 1\ntargets:\n  alpha: ${target('alpha')}\n  beta: ${target('beta')}\n`,
    ...dataOf('alpha', 'first'),
    ...dataOf('beta', 'first'),
  }
}

const dataOf = (name: string, content: string): Files => ({
  [`data/${name}/f.yaml`]: `files: [{ path: x, content: ${content} }]\n`,
})
const kept = ({ rig }: ServedRig, name: string): string => readFileSync(join(rig.root, 'out', name, 'x'), 'utf8')

interface Runs {
  readonly runs: readonly { readonly run: { readonly target: string }; readonly decision: { readonly head: string } }[]
}
/** Of its runs, newest first. */
async function headsOf(served: ServedRig, target: string): Promise<readonly string[]> {
  const { runs } = (await served.get(`/api/v1/runs?target=${target}&limit=500`)) as Runs
  return runs.map(({ decision }) => decision.head)
}

/** Resolves when a run of the target from that commit has ended. */
async function ranFrom(served: ServedRig, target: string, commit: string): Promise<void> {
  for (let ends = 1; ; ends += 1) {
    await served.daemon.until(new RegExp(`(?:${target} decision=[^]*?){${String(ends)}}`))
    if ((await headsOf(served, target)).includes(commit)) return
  }
}

describe('POST /hooks/git', () => {
  it('a storm of 1,000 pushes ends in one run of what they affect after the last one', async () => {
    await using served = await servedRig({
      files: filesOf,
      env: { TRUEUP_HOOK_SECRET: SECRET },
      args: ['--log-level', 'debug'],
    })
    let last = ''
    for (const round of [1, 2, 3, 4, 5]) {
      last = await served.push(dataOf('alpha', `round-${String(round)}`))
      const answers = Array.from({ length: 200 }, (_, at) =>
        served.post('/hooks/git', ...pushHook(SECRET, { after: last, id: `${String(round)} ${String(at)}` })),
      )
      expect(new Set((await Promise.all(answers)).map(({ status }) => status))).toEqual(new Set([202]))
    }
    await ranFrom(served, 'alpha', last)
    expect(kept(served, 'alpha')).toBe('round-5')
    // What would still come because of the storm would come before this.
    const after = await served.push(dataOf('beta', 'last'))
    await served.post('/hooks/git', ...pushHook(SECRET, { after, id: 'of beta' }))
    await ranFrom(served, 'beta', after)
    expect(kept(served, 'beta')).toBe('last')
    const heads = await headsOf(served, 'alpha')
    expect(heads.filter((head) => head === last)).toHaveLength(1)
    expect(heads[0]).toBe(last)
    expect(heads.length).toBeLessThanOrEqual(6)
    expect(await served.metrics()).toMatch(/trueup_hooks_total\{result="accepted"\} 1001\n/)
  })

  it('is refused without the secret, and where there is none here', async () => {
    await using served = await servedRig({ files: filesOf, env: { TRUEUP_HOOK_SECRET: SECRET } })
    const [body, headers] = pushHook('another', { after: 'a'.repeat(40), id: 'one' })
    expect((await served.post('/hooks/git', body, headers)).status).toBe(401)
    const metrics = await served.metrics()
    expect(metrics).toMatch(/trueup_hooks_total\{result="refused"\} 1\n/)
    expect(metrics).not.toContain(SECRET)
    await using closed = await servedRig({ files: filesOf })
    expect((await closed.post('/hooks/git', ...pushHook(SECRET, { after: 'a', id: 'one' }))).status).toBe(403)
  })
})

describe('HEAD of a local repository', () => {
  it('is served as it moves', async () => {
    await using served = await servedRig({ files: filesOf, from: [] })
    await served.rig.write(dataOf('alpha', 'moved'))
    const commit = await served.rig.commit()
    await served.daemon.until(new RegExp(`${commit.slice(0, 8)} is served: due now: alpha`))
    await served.daemon.until(/alpha apply: applied/)
    // Until then it could be the first run of alpha, of the commit before.
    await served.daemon.until(new RegExp(`${commit.slice(0, 8)} is served[^]*alpha apply: `))
    await served.rig.git('switch', '--quiet', '-c', 'side/branch', 'HEAD~1')
    const other = await served.rig.git('rev-parse', 'HEAD')
    await served.daemon.until(new RegExp(`${other.slice(0, 8)} is served: due now: alpha`))
  })
})

interface ToldRun {
  readonly run: { readonly id: string; readonly by: object }
}

describe('POST /api/v1/events', () => {
  it('makes a target due now, and its record tells who said why', async () => {
    const token = 'a token of this test'
    await using served = await servedRig({
      files: filesOf,
      env: { TRUEUP_TOKEN: token },
      args: ['--log-level', 'debug'],
    })
    const event = { targets: ['beta'], reason: 'the export is done', by: 'billing', key: 'export-7' }
    const send = async (): Promise<unknown> =>
      (await served.post('/api/v1/events', JSON.stringify(event), { authorization: `Bearer ${token}` })).json()
    expect(await send()).toEqual({ result: 'accepted', targets: ['beta'] })
    await served.daemon.until(/due now: beta, since the export is done \(by billing, key export-7\)/)
    expect(await send()).toEqual({ result: 'duplicate', targets: ['beta'] })
    // Its first run, of no event, may have been under way.
    let told: readonly ToldRun[] = []
    for (let ends = 1; told.length === 0; ends += 1) {
      await served.daemon.until(new RegExp(`(?:beta decision=[^]*?){${String(ends)}}`))
      const { runs } = (await served.get('/api/v1/runs?target=beta')) as { readonly runs: readonly ToldRun[] }
      told = runs.filter(({ run }) => 'event' in run.by)
    }
    expect(told.map(({ run }) => run.by)).toEqual([
      expect.objectContaining({ event: { reason: 'the export is done', by: 'billing', key: 'export-7' } }),
    ])
    const shown = await served.rig.run(['runs', 'show', told[0]?.run.id ?? ''])
    expect(shown.stdout).toMatch(/event +the export is done \(by billing, key export-7\)/)
    expect(await served.metrics()).toMatch(/trueup_events_total\{result="accepted"\} 1\n/)
  })
})
