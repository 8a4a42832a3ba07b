// bin/trueup.js: which copy of trueup answers. The project's own is stood in for by a script that says so.
import { cp, mkdir, readFile, symlink, writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { bin, createRig } from '../support/rig.js'

const { version } = JSON.parse(await readFile(join(dirname(bin), '..', 'package.json'), 'utf8')) as { version: string }

async function installStandIn(project: string): Promise<void> {
  const folder = join(project, 'node_modules', 'trueup', 'bin')
  await mkdir(folder, { recursive: true })
  await writeFile(join(folder, 'package.json'), '{ "type": "commonjs" }')
  await writeFile(join(folder, 'trueup.js'), 'console.log("the project\'s own", ...process.argv.slice(2))')
}

describe('bin/trueup.js', () => {
  it('hands over to the project that the working directory lies in', async () => {
    await using rig = await createRig({ files: { 'a/b/c.txt': '' } })
    await installStandIn(rig.repo)
    expect(await rig.run(['plan', 'x'], { cwd: 'a/b' })).toMatchObject({
      code: 0,
      stdout: "the project's own plan x\n",
    })
  })

  it.each([
    ['-C dir', ['-C', 'repo/a', '--version']],
    ['-Cdir', ['-Crepo/a', '--version']],
    ['one after the other, as in git', ['-C', 'repo', '-C', 'a', '--version']],
  ])('hands over to the project that %s points at', async (_, args) => {
    await using rig = await createRig({ files: { 'a/c.txt': '' } })
    await installStandIn(rig.repo)
    expect((await rig.run(args, { cwd: '..' })).stdout).toBe(`the project's own ${args.join(' ')}\n`)
    expect((await rig.run(['--version', '--', ...args], { cwd: '..' })).stdout).not.toContain("the project's own")
  })

  it('answers itself without a project, and when the project links to this very copy', async () => {
    await using rig = await createRig()
    expect(await rig.run(['--version'])).toMatchObject({ code: 0, stderr: '' })
    await mkdir(join(rig.repo, 'node_modules'))
    await symlink(dirname(dirname(bin)), join(rig.repo, 'node_modules', 'trueup'), 'dir')
    const { code, stdout } = await rig.run(['--version'])
    expect(code).toBe(0)
    expect(stdout).toContain(version)
  })

  it('says what to do when it was never built', async () => {
    await using rig = await createRig()
    await cp(dirname(bin), join(rig.root, 'copy', 'bin'), { recursive: true })
    const result = await rig.run(['--version'], { bin: join(rig.root, 'copy', 'bin', 'trueup.js') })
    expect(result).toMatchObject({ code: 1, stdout: '' })
    expect(result.stderr).toContain('npm ci && npm run build')
  })
})
