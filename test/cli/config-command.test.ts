// trueup config on the built command line: each setting with where it came from.
import { describe, expect, it } from 'vitest'
import { createRig } from '../support/rig.js'

describe('trueup config', () => {
  it('tells flag, variable, file and default apart', async () => {
    await using rig = await createRig({ files: { 'trueup.yaml': 'version: 1\nconcurrency: 3\nstore: file:kept\n' } })
    const { stdout, code } = await rig.run(['config', '--log-level', 'debug'], {
      env: { TRUEUP_STORE: 'file:elsewhere' },
    })
    expect(code).toBe(0)
    expect(stdout).toMatch(/^--log-level +debug +--log-level$/m)
    expect(stdout).toMatch(/^--store +file:elsewhere +TRUEUP_STORE$/m)
    expect(stdout).toMatch(/^--concurrency +3 +trueup\.yaml:2$/m)
    expect(stdout).toMatch(/^--committed +false +default$/m)
  })

  it('gives the same as JSON, with targets', async () => {
    await using rig = await createRig({
      files: {
        'trueup.yaml': 'version: 1\ntargets:\n  files: { integration: managed-files, params: { root: /srv } }\n',
      },
    })
    expect((await rig.run(['config', '-o', 'json'])).json()).toMatchObject({
      schema: 'trueup/1',
      file: `${rig.repo}/trueup.yaml`,
      settings: expect.arrayContaining([
        { setting: 'store', value: 'file:.trueup', origin: 'default', from: null },
        { setting: 'output', value: 'json', origin: 'flag', from: '-o' },
      ]) as unknown,
      targets: [{ name: 'files', integration: 'managed-files', params: { root: '/srv' } }],
    })
  })

  it('works without a trueup.yaml, and names the line of a bad one', async () => {
    await using rig = await createRig()
    expect((await rig.run(['config'])).stdout).toContain('No trueup.yaml here or above; `trueup init` writes one.')
    await rig.write({ 'trueup.yaml': 'version: 1\nlimit: { maxDeletes: 3 }\n' })
    const bad = await rig.run(['config'])
    expect(bad.code).toBe(64)
    expect(bad.stderr).toMatch(/trueup\.yaml:2:1: .*limit.*limits/)
  })
})
