// trueup init on the built command line: what it writes works at once, and it overwrites nothing.
import { mkdir, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { createRig, type Rig } from '../support/rig.js'

/** Where the files of the example go: in the rig's own temporary folder. */
async function rigWithTemp(): Promise<Rig & { readonly temp: string }> {
  const rig = await createRig()
  const temp = join(rig.root, 'temp')
  await mkdir(temp)
  return { ...rig, temp, run: (args, run) => rig.run(args, { ...run, env: { TMPDIR: temp, ...run?.env } }) }
}

describe('trueup init', () => {
  it('works in an empty repository: plan, apply, nothing left to do', async () => {
    await using rig = await rigWithTemp()
    const { code, stdout } = await rig.run(['init'])
    expect(code).toBe(0)
    expect(stdout).toContain('Wrote trueup.yaml and data/managed-files/hello.yaml.')
    expect(stdout.trimEnd().split('\n').at(-1)).toBe('  trueup plan hello')
    expect((await rig.run(['plan', 'hello'])).stdout).toContain('Plan for hello (managed-files): 2 create (0 owned)')
    expect(await readdir(rig.temp)).toEqual([])
    expect(await rig.run(['apply', 'hello'])).toMatchObject({ code: 0 })
    const [root = ''] = await readdir(rig.temp)
    expect(root).toMatch(/^trueup-hello-[0-9a-f]{6}$/)
    expect(await readFile(join(rig.temp, root, 'greeting.txt'), 'utf8')).toBe('Hello from trueup.\n')
    expect((await rig.run(['plan', 'hello'])).stdout).toContain('No changes: 2 objects are as they should be.')
    expect((await rig.run(['list'])).stdout).not.toContain('broken')
    expect((await rig.run(['doctor', 'hello'])).code).toBe(0)
  })

  it('works in a folder of a repository', async () => {
    await using rig = await rigWithTemp()
    await rig.write({ 'team/infra/.keep': '' })
    expect((await rig.run(['init'], { cwd: 'team/infra' })).code).toBe(0)
    const { stdout } = await rig.run(['plan', 'hello'], { cwd: 'team/infra' })
    expect(stdout).toContain('2 create')
  })

  it('says the same as data', async () => {
    await using rig = await rigWithTemp()
    expect((await rig.run(['init', '-o', 'json'])).json()).toEqual({
      schema: 'trueup/1',
      written: ['trueup.yaml', 'data/managed-files/hello.yaml'],
      next: ['trueup plan hello'],
    })
  })

  it('overwrites nothing, and writes all or nothing', async () => {
    await using rig = await rigWithTemp()
    await rig.write({ 'data/managed-files/hello.yaml': 'files: []\n' })
    const half = await rig.run(['init'])
    expect(half).toMatchObject({ code: 64, stdout: '' })
    expect(half.stderr).toContain('data/managed-files/hello.yaml is there already; nothing was written')
    expect(await readdir(rig.repo)).not.toContain('trueup.yaml')

    await rm(join(rig.repo, 'data'), { recursive: true })
    await writeFile(join(rig.repo, 'trueup.yaml'), 'version: 1\n')
    await mkdir(join(rig.repo, 'sub'))
    for (const cwd of ['.', 'sub']) {
      const again = await rig.run(['init'], { cwd })
      expect(again.code).toBe(64)
      expect(again.stderr).toContain('trueup.yaml already; nothing was written')
    }
    expect(await rig.read('trueup.yaml')).toBe('version: 1\n')
  })

  it('says what to do outside of a repository', async () => {
    await using rig = await rigWithTemp()
    const outside = await rig.run(['init'], { cwd: '../temp' })
    expect(outside).toMatchObject({ code: 1, stdout: '' })
    expect(outside.stderr).toContain('is not inside a git repository: run `git init` there')
    expect(await readdir(rig.temp)).toEqual([])
  })
})
