// The demo of the README: it passes as CI and with an empty home, leaves nothing behind, and fails when a step is not as announced.
import { spawn, spawnSync } from 'node:child_process'
import { chmod, mkdtemp, readdir, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { expect, it } from 'vitest'

const demo = fileURLToPath(new URL('../../scripts/demo.mjs', import.meta.url))

interface Folder extends AsyncDisposable {
  readonly path: string
}

async function temporary(): Promise<Folder> {
  const path = await mkdtemp(join(tmpdir(), 'trueup-demo-test-'))
  // As root the demo's server runs as another user.
  await chmod(path, 0o755)
  return { path, [Symbol.asyncDispose]: () => rm(path, { recursive: true, force: true }) }
}

function run(folder: Folder, env: Readonly<Record<string, string>>, ...args: readonly string[]) {
  const kept = { PATH: process.env['PATH'] ?? '', TMPDIR: folder.path, NODE_NO_WARNINGS: '1' }
  return spawnSync(process.execPath, [demo, ...args], { env: { ...kept, ...env }, encoding: 'utf8', timeout: 100_000 })
}

it.each([{}, { CI: 'true', HOME: '' }])('passes and cleans up with %j', async (env) => {
  await using folder = await temporary()
  const { status, stdout, stderr } = run(folder, env)
  expect(stderr).toBe('')
  expect(status).toBe(0)
  expect(stdout.split('\n').filter((line) => line.startsWith('$ trueup ')).length).toBe(22)
  expect(stdout).toContain('decision=skip reason=desired-unchanged')
  expect(stdout).toContain('shop logs in with its password and reads its orders.')
  expect(stdout).toMatch(/Every step did what it announced\..*\n$/)
  expect(stdout).not.toContain('Warning')
  expect(await readdir(folder.path)).toEqual([])
})

it('stops and cleans up on SIGINT, also while the server is there', async () => {
  await using folder = await temporary()
  const child = spawn(process.execPath, [demo], {
    env: { PATH: process.env['PATH'] ?? '', TMPDIR: folder.path },
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  let stdout = ''
  child.stdout.on('data', (chunk: Buffer) => {
    stdout += String(chunk)
    if (stdout.includes('$ trueup plan access')) child.kill('SIGINT')
  })
  const code = await new Promise((resolve) => child.on('close', resolve))
  expect(code).toBe(130)
  expect(stdout).not.toContain('Every step')
  expect(await readdir(folder.path)).toEqual([])
})

it.each([
  ["process.stdout.write('Plan for site\\n')", 'did not print'],
  ['process.exitCode = 7', 'ended with 7, not with 0'],
])('fails when a step does something else: %s', async (program, problem) => {
  await using folder = await temporary()
  const bin = join(folder.path, 'bin.cjs')
  await writeFile(bin, program)
  const { status, stderr } = run(folder, {}, bin)
  expect(status).toBe(1)
  expect(stderr).toContain(`demo: \`trueup plan site\` ${problem}`)
  expect(await readdir(folder.path)).toEqual(['bin.cjs'])
})
