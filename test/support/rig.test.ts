// The rig itself: equal histories everywhere, a clean environment, children that end when asked.
import { existsSync } from 'node:fs'
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, expect, it, vi } from 'vitest'
import { createRig, type Rig } from './rig.js'

async function script(rig: Rig, text: string): Promise<string> {
  const file = join(rig.root, 'script.mjs')
  await writeFile(file, text)
  return file
}

describe('the rig', () => {
  it('gives equal commit ids for equal files and removes its folder', async () => {
    const heads: string[] = []
    const roots: string[] = []
    for (let round = 0; round < 2; round++) {
      await using rig = await createRig({ files: { 'a/b.yaml': 'x: 1\n', 'c.json': { d: [1] } } })
      await rig.write({ 'a/b.yaml': null })
      heads.push(await rig.commit())
      roots.push(rig.root)
      expect(await rig.git('ls-files')).toBe('c.json')
      expect(await rig.git('status', '--porcelain')).toBe('')
    }
    expect(heads[0]).toBe(heads[1])
    expect(roots.filter((root) => existsSync(root))).toEqual([])
  })

  it('lets nothing of the machine into a child, and takes what a test gives', async () => {
    for (const name of [
      'CI',
      'GITHUB_ACTIONS',
      'GITLAB_CI',
      'TRUEUP_STORE',
      'AWS_PROFILE',
      'GIT_DIR',
      'NODE_EXTRA_CA_CERTS',
      'FORCE_COLOR',
    ]) {
      vi.stubEnv(name, '1')
    }
    await using rig = await createRig({ env: { TRUEUP_B: 'b' } })
    const file = await script(
      rig,
      'process.stdin.on("data", (d) => console.log(JSON.stringify({ env: process.env, in: `${d}`, cwd: process.cwd() })))',
    )
    const { json } = await rig.run(['x'], { bin: file, input: 'hello', env: { TRUEUP_A: 'a', TZ: undefined } })
    const { env, ...rest } = json() as { env: Record<string, string> }
    expect(rest).toEqual({ in: 'hello', cwd: rig.repo })
    expect(
      Object.keys(env)
        .filter((name) => /^(CI$|GITHUB|GITLAB|TRUEUP|AWS|GIT_DIR|NODE_|FORCE|TZ$|VITEST)/.test(name))
        .sort(),
    ).toEqual(['TRUEUP_A', 'TRUEUP_B'])
    expect(env).toMatchObject({ HOME: rig.home, NO_COLOR: '1' })
  })

  it('kills a child once it has printed something, and on disposal', async () => {
    let left: Promise<{ signal: string | null }>
    {
      await using rig = await createRig()
      const file = await script(rig, 'console.log("ready"); setInterval(() => {}, 1000)')
      const killed = await rig.run([], { bin: file, killAfter: { output: /ready/, signal: 'SIGTERM' } })
      expect(killed).toMatchObject({ code: null, signal: 'SIGTERM', stdout: 'ready\n' })
      const child = rig.start([], { bin: file })
      await child.until(/ready/)
      left = child.result
    }
    expect(await left).toMatchObject({ signal: 'SIGKILL' })
  })
})
