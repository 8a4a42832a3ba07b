// managed-files through the built command line: identity of roots, skips, a kill in the middle.
import { existsSync } from 'node:fs'
import { mkdir, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { createRig, type Rig } from '../support/rig.js'

const DATA = 'data/managed-files/all.yaml'

async function rigWith(files: readonly unknown[]): Promise<Rig & { readonly files: string }> {
  const rig = await createRig()
  const folder = join(rig.root, 'files')
  await rig.write({
    'trueup.yaml': JSON.stringify({
      version: 1,
      targets: { files: { integration: 'managed-files', params: { root: folder } } },
    }),
    [DATA]: { files },
  })
  await rig.commit()
  return { ...rig, files: folder }
}

const A = { path: 'a.txt', content: 'one\n' }

describe('managed-files on the command line', () => {
  it('shows the changed lines of a file that was changed by hand', async () => {
    await using rig = await rigWith([{ path: 'a.txt', content: 'one\ntwo\nthree\n' }])
    expect(await rig.run(['apply', 'files'])).toMatchObject({ code: 0 })
    await writeFile(join(rig.files, 'a.txt'), 'one\n2\nthree\n')
    const { stdout } = await rig.run(['plan', 'files'])
    expect(stdout).toMatch(/^ {4}~ a\.txt/m)
    expect(stdout).toMatch(/^\s+- 2$/m)
    expect(stdout).toMatch(/^\s+\+ two$/m)
    expect(stdout).not.toMatch(/^\s+[-+] three$/m)
  })

  it('never skips an apply into a root without an id', async () => {
    await using rig = await rigWith([A])
    expect((await rig.run(['apply', 'files'])).code).toBe(0)
    const again = await rig.run(['apply', 'files', '--base', 'HEAD'])
    expect(again.stderr).toContain('decision=skip reason=inputs-unchanged')
    await rm(rig.files, { recursive: true })
    const anew = await rig.run(['apply', 'files', '--base', 'HEAD'])
    expect(anew.stderr).toContain('decision=run')
    expect(await readFile(join(rig.files, 'a.txt'), 'utf8')).toBe('one\n')
  })

  it('holds two roots in one store apart, also when one target is pointed at the other', async () => {
    await using rig = await rigWith([A])
    expect((await rig.run(['apply', 'files'])).code).toBe(0)
    const other = join(rig.root, 'other')
    await mkdir(other)
    await writeFile(join(other, 'a.txt'), 'not ours\n')
    const moved = await rig.run(['apply', 'files', '--param', `root=${other}`])
    expect(moved.code).toBe(3)
    expect(await readFile(join(other, 'a.txt'), 'utf8')).toBe('not ours\n')
  })

  it('leaves whole files only when it is killed in the middle, and the next run finishes', async () => {
    const files = Array.from({ length: 60 }, (_, n) => ({
      path: `f${String(n)}.txt`,
      content: `${String(n)}\n`.repeat(2000),
    }))
    await using rig = await rigWith(files)
    const killed = await rig.run(['apply', 'files'], { killAfter: { output: /applied +create/ } })
    expect(killed.signal).toBe('SIGKILL')
    const there = (await readdir(rig.files)).filter((name) => name.endsWith('.txt'))
    expect(there.length).toBeGreaterThan(0)
    for (const name of there) {
      expect(await readFile(join(rig.files, name), 'utf8')).toBe(files.find(({ path }) => path === name)?.content)
    }
    const next = await rig.run(['apply', 'files'])
    expect(next).toMatchObject({ code: 0 })
    expect((await readdir(rig.files)).filter((name) => name.endsWith('.txt')).length).toBe(60)
    expect((await rig.run(['plan', 'files'])).stdout).toContain('No changes: 60 objects')
  })

  it('says where a data file is wrong, and writes nothing', async () => {
    await using rig = await rigWith([A])
    await rig.write({
      [DATA]: 'files:\n  - path: a.txt\n    content: one\n    mode: 0644\n  - path: ../b\n    content: b\n',
    })
    const run = await rig.run(['apply', 'files'])
    expect(run).toMatchObject({ code: 1, stdout: '' })
    expect(run.stderr).toContain(`${DATA}:4:11: files[0].mode: must be octal digits in quotes`)
    expect(run.stderr).toContain(`${DATA}:5:11: files[1].path: "../b" leaves the root`)
    expect(existsSync(rig.files)).toBe(false)
  })
})
