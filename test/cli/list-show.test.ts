// trueup list and trueup show on the built command line.
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { createRig, type Rig } from '../support/rig.js'

const OWN = `export const name = 'own', version = '2.1.0', description = 'Ours', deletePolicy = 'never'
export const describe = 'asks the service for its time'
export const inputs = ['data/own/*.json']
export const env = ['STAGE']
export const secrets = [{ path: 'own/api', field: 'token', for: 'apply' }]
export const limits = { maxChanges: 5, protect: () => false }
export const desiredState = () => []
export const run = () => []
`

async function rigWithTargets(): Promise<Rig> {
  const rig = await createRig()
  const params = { root: join(rig.root, 'files') }
  await rig.write({
    'trueup.yaml': JSON.stringify({
      version: 1,
      limits: { maxDeletes: '10%' },
      targets: {
        'files-prod': { integration: 'managed-files', params, labels: { team: 'web' }, limits: { maxChanges: 7 } },
        'files-test': { integration: 'managed-files' },
      },
    }),
    'integrations/own/index.mjs': OWN,
    'integrations/broken.mjs': 'export const name = "broken"\nthrow new Error("boom")\n',
    'data/managed-files/all.yaml': { files: [{ path: 'a.txt', content: 'one' }] },
  })
  await rig.commit()
  return rig
}

describe('trueup list', () => {
  it('shows targets, integrations without a target, and how their last run ended', async () => {
    await using rig = await rigWithTargets()
    await rig.run(['apply', 'files-prod'])
    await rig.run(['plan', 'files-test', '--param', `root=${rig.root}/x`])
    const { code, stdout } = await rig.run(['list'])
    expect(code).toBe(0)
    const rows = stdout.split('\n').map((line) => line.replace(/ {2,}/g, ' | '))
    expect(rows).toEqual(
      expect.arrayContaining([
        'TARGET | INTEGRATION | DELETES | LABELS | LAST RUN',
        expect.stringMatching(
          /^files-prod \| managed-files 1\.0\.0 \(built in\) \| owned \| team=web \| applied (just now|.* ago)$/,
        ),
        expect.stringMatching(
          /^files-test \| managed-files 1\.0\.0 \(built in\) \| owned \| planned (just now|.* ago)$/,
        ),
        'own | own 2.1.0 | never | never',
        'broken | broken | broken, see below',
      ]),
    )
    expect(stdout).toContain('broken: integrations/broken.mjs:2:7: threw while being loaded: boom')
  })

  it('gives the same as JSON', async () => {
    await using rig = await rigWithTargets()
    expect((await rig.run(['list', '-o', 'json'])).json()).toMatchObject({
      schema: 'trueup/1',
      targets: [
        { target: 'files-prod', integration: 'managed-files', builtin: true, lastRun: null, problem: null },
        { target: 'files-test' },
        { target: 'broken', problem: expect.stringContaining('boom') as unknown },
        { target: 'own', version: '2.1.0', deletePolicy: 'never', builtin: false },
        { target: 'postgres-access', builtin: true, deletePolicy: 'owned', problem: null },
      ],
    })
  })

  it('writes further forms into files', async () => {
    await using rig = await rigWithTargets()
    const { stdout } = await rig.run(['list', '--report', 'json=../list.json', '--report', 'markdown=../list.md'])
    expect(JSON.parse(await rig.read('../list.json'))).toMatchObject({ schema: 'trueup/1' })
    expect(await rig.read('../list.md')).toBe(`\`\`\`\n${stdout}\`\`\`\n`)
    const lost = await rig.run(['list', '--report', 'json=../no/where.json'])
    expect(lost.code).toBe(64)
    expect(lost.stderr).toMatch(/^trueup: cannot write .*no\/where\.json: ENOENT/)
  })

  it('lists what is built in where nothing is configured', async () => {
    await using rig = await createRig()
    expect((await rig.run(['list'])).stdout).toMatch(/^managed-files +managed-files/m)
  })
})

describe('trueup show', () => {
  it('prints everything that is declared', async () => {
    await using rig = await rigWithTargets()
    const { code, stdout } = await rig.run(['show', 'own'])
    expect(code).toBe(0)
    expect(stdout).toMatch(/^own {2}Ours$/m)
    expect(stdout).toMatch(/^ {2}integration +own 2\.1\.0$/m)
    expect(stdout).toMatch(/^ {2}file +integrations\/own\/index\.mjs$/m)
    expect(stdout).toMatch(/^ {2}deletes +never \(nothing is ever deleted\)$/m)
    expect(stdout).toMatch(/^ {2}inputs +data\/own\/\*\.json$/m)
    expect(stdout).toMatch(/^ {2}variables +STAGE$/m)
    expect(stdout).toMatch(/^ {2}secrets +own\/api \(token\), for apply$/m)
    expect(stdout).toMatch(/^ {2}limits +maxDeletes 10%, percentFrom 10, maxChanges 5$/m)
    expect(stdout).toMatch(/^ {2}note +asks the service for its time$/m)
    expect(stdout).toMatch(/^ {2}last run +never$/m)
  })

  it('gives the same as JSON, with the parameters as they are in force', async () => {
    await using rig = await rigWithTargets()
    expect((await rig.run(['show', 'files-prod', '-o', 'json'])).json()).toMatchObject({
      schema: 'trueup/1',
      target: 'files-prod',
      integration: 'managed-files',
      builtin: true,
      file: null,
      labels: { team: 'web' },
      limits: { maxDeletes: '10%', maxChanges: 7 },
      inputs: ['data/managed-files/*.yaml'],
      params: [
        { name: 'root', required: true, value: join(rig.root, 'files') },
        { name: 'data', required: false, default: 'data/managed-files/*.yaml', value: 'data/managed-files/*.yaml' },
      ],
      lastRun: null,
    })
  })

  it('shows what is declared also while a required parameter is missing', async () => {
    await using rig = await rigWithTargets()
    const { code, stdout } = await rig.run(['show', 'files-test'])
    expect(code).toBe(0)
    expect(stdout).toMatch(/^root +string +required\n {2}Folder that the files lie below; absolute$/m)
    expect(stdout).toMatch(/^ {2}inputs +depend on parameters$/m)
  })

  it('suggests a name, and tells what is wrong with a broken integration', async () => {
    await using rig = await rigWithTargets()
    const unknown = await rig.run(['show', 'file-prod'])
    expect(unknown.code).toBe(64)
    expect(unknown.stderr).toContain('no target or integration is called "file-prod". Did you mean "files-prod"?')
    const broken = await rig.run(['show', 'broken'])
    expect(broken.code).toBe(1)
    expect(broken.stderr).toContain('integrations/broken.mjs:2:7: threw while being loaded: boom')
  })
})
