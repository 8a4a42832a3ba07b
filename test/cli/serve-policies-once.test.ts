// Policies of serve on the built CLI: real repositories, real children, a real store.
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { createRig, type Rig } from '../support/rig.js'

const TARGETS = (rig: Rig, prod: string): string => {
  const [a, b] = ['staging', 'prod'].map((name) => JSON.stringify(join(rig.root, 'out', name)))
  return `version: 1
targets:
  staging: { integration: managed-files, params: { root: ${String(a)}, data: 'data/*.yaml' }, apply: true }
  prod:
    integration: managed-files
    params: { root: ${String(b)}, data: 'data/*.yaml' }
    apply: true
    policies: ${prod}
`
}

async function rigOf(prod: string): Promise<Rig> {
  const rig = await createRig()
  await rig.write({
    'trueup.yaml': TARGETS(rig, prod),
    'data/f.yaml': 'files: [{ path: x, content: one }]\n',
    '.gitignore': '.trueup/\n',
  })
  await rig.commit()
  for (const name of ['staging', 'prod']) await rig.git('init', '--quiet', join(rig.root, 'out', name))
  return rig
}

interface Document {
  readonly runs: readonly {
    readonly run: { readonly target: string; readonly mode: string }
    readonly plan: { readonly digest: string } | null
  }[]
}
const once = async (
  rig: Rig,
): Promise<{
  readonly code: number | null
  readonly stderr: string
  readonly ran: readonly string[]
  readonly document: Document
}> => {
  const { code, stderr, ...result } = await rig.run(['serve', '--once', '--apply', '-o', 'json'])
  const document = result.json() as Document
  return { code, stderr, document, ran: document.runs.map(({ run }) => `${run.target} ${run.mode}`).sort() }
}

describe('policies in serve --once', () => {
  it('a target soaks in another one, commit by commit, and is planned meanwhile', async () => {
    await using rig = await rigOf('{ soak: { after: staging, for: 1s } }')
    const first = await once(rig)
    expect([first.code, first.ran.includes('staging apply'), first.ran.includes('prod dry-run')]).toEqual([
      0,
      true,
      true,
    ])
    expect(first.stderr).toMatch(
      /prod is not applied (for now: staging has not succeeded yet|until .*Z: soaking in staging)/,
    )
    // A second is over sooner or later, and then it is due by itself: on a slow machine while the first still serves.
    if (!first.ran.includes('prod apply')) {
      const daemon = rig.start(['serve', '--apply', '--listen', 'off'])
      await daemon.until(/prod apply: applied: 1 create/)
      daemon.kill('SIGTERM')
      await daemon.result
    }
    await rig.write({ 'data/f.yaml': 'files: [{ path: x, content: two }]\n' })
    await rig.write({ 'trueup.yaml': TARGETS(rig, '{ soak: { after: staging, for: 1h } }') })
    await rig.commit()
    const second = await once(rig)
    expect([second.ran.includes('staging apply'), second.ran.includes('prod apply')]).toEqual([true, false])
  })

  it('a plan is approved by data, and no other is applied', async () => {
    await using rig = await rigOf('{ approval: required }')
    const unknown = await once(rig)
    expect(unknown.stderr).toContain('no plan of it can be approved: apply it once by hand, `trueup apply prod`')
    expect((await rig.run(['apply', 'prod', '--yes'])).code).toBe(0)
    await rig.write({ 'data/f.yaml': 'files: [{ path: x, content: two }]\n' })
    await rig.commit()
    const first = await once(rig)
    expect([first.ran, first.code]).toEqual([['prod dry-run', 'staging apply'], 0])
    const digest = first.document.runs.find(({ run }) => run.target === 'prod')?.plan?.digest ?? ''
    expect(first.stderr).toContain(`nobody has approved it (plan ${digest}, `)
    const yaml = await rig.read('trueup.yaml')
    await rig.write({
      'trueup.yaml': `${yaml}approvals:\n  - { target: prod, plan: ${digest}, until: '2099-01-01', reason: reviewed, by: ops }\n`,
    })
    await rig.commit()
    // What a restart does not know to be held is looked at when it is due.
    const daemon = rig.start(['serve', '--apply', '--every', '1', '--listen', 'off'])
    await daemon.until(/prod apply: applied: 1 update/)
    daemon.kill('SIGTERM')
    await daemon.result
  })
})
