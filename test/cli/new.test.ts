// trueup new integration on the built command line: what it writes passes its own test, type-checks, and loads.
import { spawnSync } from 'node:child_process'
import { mkdir, symlink } from 'node:fs/promises'
import { createRequire } from 'node:module'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { describe, expect, it } from 'vitest'
import { createRig, type Rig } from '../support/rig.js'

const checkout = fileURLToPath(new URL('../..', import.meta.url))

async function installed(rig: Rig, ...packages: readonly string[]): Promise<void> {
  await mkdir(join(rig.repo, 'node_modules'))
  for (const name of packages) {
    const from = name === 'trueup' ? checkout : join(checkout, 'node_modules', name)
    await mkdir(dirname(join(rig.repo, 'node_modules', name)), { recursive: true })
    await symlink(from, join(rig.repo, 'node_modules', name))
  }
}

function node(rig: Rig, ...args: readonly string[]): { readonly code: number | null; readonly output: string } {
  // Node's test runner behaves as a child of a test runner when it sees NODE_TEST_CONTEXT; the rig's environment has none.
  const { status, stdout, stderr } = spawnSync(process.execPath, args, {
    cwd: rig.repo,
    env: rig.env,
    encoding: 'utf8',
  })
  return { code: status, output: stdout + stderr }
}

describe('trueup new integration', () => {
  it.each(['never', 'owned', 'all'])(
    'with delete policy %s passes its own test at once and type-checks',
    async (policy) => {
      await using rig = await createRig()
      const { code, stdout } = await rig.run(['new', 'integration', 'dns-records', '--delete-policy', policy])
      expect(code).toBe(0)
      expect(stdout).toContain('npm install --save-dev trueup zod')
      await installed(rig, 'trueup', 'zod', '@types/node')

      const command = /^ {2}node (--test .*)$/m.exec(stdout)?.[1] ?? ''
      const tested = node(rig, ...command.split(' '))
      expect(tested.output).toMatch(policy === 'never' ? /^# pass 2$/m : /^# pass 3$/m)
      expect(tested.code).toBe(0)

      await rig.write({
        'tsconfig.json': {
          compilerOptions: {
            module: 'NodeNext',
            target: 'ES2023',
            strict: true,
            noEmit: true,
            skipLibCheck: true,
            exactOptionalPropertyTypes: true,
            noUncheckedIndexedAccess: true,
            types: ['node'],
          },
          include: ['integrations'],
        },
      })
      const checked = node(rig, createRequire(import.meta.url).resolve('typescript/bin/tsc'), '-p', '.')
      expect(checked).toEqual({ code: 0, output: '' })

      const shown = (await rig.run(['show', 'dns-records', '-o', 'json'])).json()
      expect(shown).toMatchObject({
        integration: 'dns-records',
        deletePolicy: policy,
        file: 'integrations/dns-records/index.ts',
      })
    },
  )

  it('loads without any node_modules but zod', async () => {
    await using rig = await createRig()
    await rig.run(['new', 'integration', 'dns-records', '--delete-policy', 'owned'])
    await installed(rig, 'zod')
    const shown = await rig.run(['show', 'dns-records'])
    expect(shown).toMatchObject({ code: 0, stderr: '' })
    expect(shown.stdout).toContain('data/dns-records/*.yaml')
    const planned = await rig.run(['plan', 'dns-records', '--param', 'server=http://127.0.0.1:9'])
    expect(planned.code).toBe(1)
    expect(planned.stderr).toContain('GET http://127.0.0.1:9/items')
  })

  it('says which package is missing, and how to get it', async () => {
    await using rig = await createRig()
    await rig.run(['new', 'integration', 'dns-records', '--delete-policy', 'owned'])
    const plain = await rig.run(['show', 'dns-records'])
    expect(plain.code).toBe(1)
    expect(plain.stderr).toBe(
      'trueup: integrations/dns-records/index.ts:3: imports the package zod, which is not installed: npm install zod\n',
    )
    expect((await rig.run(['list'])).stdout).toContain('imports the package zod')
  })

  it('asks for the delete policy, a name, and a free place', async () => {
    await using rig = await createRig()
    const without = await rig.run(['new', 'integration', 'dns-records'])
    expect(without.code).toBe(64)
    expect(without.stderr).toContain('pass --delete-policy with never (nothing), owned (only what it owns) or all')
    const named = await rig.run(['new', 'integration', 'DNS', '--delete-policy', 'all'])
    expect(named.code).toBe(64)
    expect(named.stderr).toContain('"DNS" cannot be an integration\'s name')
    await rig.write({ 'integrations/dns-records/client.ts': '// mine' })
    const taken = await rig.run(['new', 'integration', 'dns-records', '--delete-policy', 'all'])
    expect(taken.code).toBe(64)
    expect(taken.stderr).toContain('integrations/dns-records/client.ts is there already; nothing was written')
    expect(await rig.git('ls-files', '--others')).toBe('integrations/dns-records/client.ts')
  })

  it('says the same as data', async () => {
    await using rig = await createRig()
    const run = await rig.run(['new', 'integration', 'a', '--delete-policy', 'never', '-o', 'json'])
    expect(run.json()).toEqual({
      schema: 'trueup/1',
      written: ['index.ts', 'client.ts', 'index.test.mjs', 'README.md']
        .map((name) => `integrations/a/${name}`)
        .concat('data/a/items.yaml'),
      next: ['npm install --save-dev trueup zod', 'node --test integrations/a/index.test.mjs', 'trueup show a'],
    })
  })

  it('writes into the first folder of trueup.yaml, and says when that is not listed', async () => {
    await using rig = await createRig({
      files: { 'trueup.yaml': 'version: 1\nintegrations: [ours]\n', 'ours/.keep': '' },
    })
    const listed = await rig.run(['new', 'integration', 'a', '--delete-policy', 'never'])
    expect(listed.stdout).toContain('Wrote ours/a/ and data/a/items.yaml.')
    expect(listed.stdout).not.toContain('Add its folder')
    await rig.write({ 'trueup.yaml': 'version: 1\nintegrations: []\n' })
    const unlisted = await rig.run(['new', 'integration', 'b', '--delete-policy', 'never'])
    expect(unlisted.stdout).toContain('Add its folder to trueup.yaml:\n  integrations: [integrations]\n')
  })
})
