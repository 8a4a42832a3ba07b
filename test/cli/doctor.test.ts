// trueup doctor on the built command line: what works, what is off, how to mend it; exit 1 only when something fails.
import { mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { createRig, type Rig } from '../support/rig.js'

interface Checks {
  readonly exitCode: number
  readonly checks: readonly { readonly result: string; readonly what: string; readonly text: string }[]
}

async function doctor(
  rig: Rig,
  args: readonly string[] = [],
  env: Readonly<Record<string, string>> = {},
): Promise<Record<string, string> & { readonly code: string }> {
  const run = await rig.run(['doctor', ...args, '-o', 'json'], { env })
  const { checks, exitCode } = run.json() as Checks
  expect(exitCode).toBe(run.code)
  const found: Record<string, string> = {}
  for (const { what, result, text } of checks)
    found[what] = `${found[what] === undefined ? '' : `${found[what]}; `}${result}: ${text}`
  return { ...found, code: String(run.code) }
}

const SECRETIVE = `export const name = 'own', version = '1', deletePolicy = 'never'
export const inputs = ['data/own/*.json']
export const secrets = [{ path: 'own/api', field: 'token' }, { path: 'own/write', for: 'apply' }]
export const desiredState = () => []
export const run = () => []
`

describe('trueup doctor', () => {
  it('finds nothing wrong with a project that works, and leaves no trace in the store', async () => {
    await using rig = await createRig({
      files: {
        'trueup.yaml': 'version: 1\ntargets:\n  files: { integration: managed-files, params: { root: /srv } }\n',
        'data/managed-files/a.yaml': 'files: []\n',
      },
    })
    const found = await doctor(rig, ['files'])
    expect(found).toMatchObject({
      code: '0',
      git: expect.stringMatching(/^ok: git \d/) as unknown,
      configuration: expect.stringMatching(/^ok: .*trueup\.yaml, 1 target$/) as unknown,
      store: expect.stringMatching(/^ok: file:\.trueup: no fault in 12 tests of conditions, reads and races, /) as unknown,
      target: 'ok: files: parameters are valid',
      inputs: 'ok: 1 file matches data/managed-files/*.yaml',
    })
    const text = await rig.run(['doctor', 'files'])
    expect(text.stdout.split('\n').filter((line) => line !== '' && !line.startsWith('ok  '))).toEqual([])
    expect(await rig.git('status', '--porcelain')).toBe('')
  })

  it('warns of what is off without being wrong', async () => {
    await using rig = await createRig()
    expect(await doctor(rig)).toMatchObject({
      code: '0',
      commit: expect.stringContaining('warn: there is no commit yet') as unknown,
      configuration: expect.stringContaining('warn: there is no trueup.yaml here or above') as unknown,
    })
    await rig.write({ 'a.txt': 'a' })
    await rig.commit()
    const clone = join(rig.root, 'clone')
    await rig.git('clone', '--quiet', '--depth=1', `file://${rig.repo}`, clone)
    const shallow = await rig.run(['doctor'], { cwd: '../clone', env: { CI: 'true' } })
    expect(shallow.code).toBe(0)
    expect(shallow.stdout).toMatch(/^warn +history +this clone is shallow/m)
    expect(shallow.stdout).toMatch(/^warn +store +a file: store in CI is forgotten with the job/m)
  })

  it('fails on a broken integration, a target without one, and a store that cannot be used', async () => {
    await using rig = await createRig({
      files: {
        'trueup.yaml': 'version: 1\ntargets:\n  dns: { integration: dns-records }\n',
        'integrations/broken.mjs': 'throw new Error("boom")\n',
      },
    })
    await writeFile(join(rig.root, 'a-file'), '')
    const found = await doctor(rig, ['--store', `file:${join(rig.root, 'a-file')}`])
    expect(found).toMatchObject({
      code: '1',
      integration: expect.stringMatching(
        /^fail: integrations\/broken\.mjs:1:7: threw while being loaded: boom/,
      ) as unknown,
      target: expect.stringMatching(/^fail: dns wants the integration "dns-records", which is not there/) as unknown,
      store: expect.stringMatching(/^fail: /) as unknown,
    })
  })

  it('names the variable of a secret that is missing', async () => {
    await using rig = await createRig({ files: { 'integrations/own/index.mjs': SECRETIVE } })
    const found = await doctor(rig, ['own'])
    expect(found).toMatchObject({
      code: '1',
      inputs: expect.stringContaining('warn: no file matches data/own/*.json') as unknown,
      'plan secrets': 'fail: no run works: the secret own/api is not set: set TRUEUP_SECRET_OWN_API (environment)',
      'apply secrets': expect.stringMatching(
        /^fail: no apply works: .*own\/api.*; warn: no apply works: .*own\/write/,
      ) as unknown,
    })
    const secrets = { TRUEUP_SECRET_OWN_API: '{"token":"hush-hush"}', TRUEUP_SECRET_OWN_WRITE: 'hush-hush' }
    const set = await doctor(rig, ['own'], secrets)
    expect(set.code).toBe('0')
    expect(JSON.stringify(set)).not.toContain('hush-hush')
    expect(await doctor(rig, ['own'], { ...secrets, TRUEUP_SECRET_OWN_API: '{"tokn":"hush-hush"}' })).toMatchObject({
      code: '1',
      'plan secrets': expect.stringMatching(/^fail: .*no field "token"; it has: tokn/) as unknown,
    })
  })

  it('says so, as data too, where there is no repository or the configuration is wrong', async () => {
    await using rig = await createRig()
    await mkdir(join(rig.root, 'plain'))
    const outside = await rig.run(['doctor', '-o', 'json'], { cwd: '../plain' })
    expect(outside.code).toBe(1)
    expect(outside.json()).toMatchObject({
      checks: [{ result: 'fail', text: expect.stringContaining('run `git init`') as unknown }],
    })
    await rig.write({ 'trueup.yaml': 'version: 1\nstor: x\n' })
    const bad = await rig.run(['doctor'])
    expect(bad.code).toBe(1)
    expect(bad.stdout).toMatch(/^fail +configuration +trueup\.yaml:2:1: /m)
  })
})
