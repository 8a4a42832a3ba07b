// SIGTERM, SIGINT and --timeout in the middle of an apply: the change under way finishes, nothing more starts, everything is written.
import { spawn, spawnSync } from 'node:child_process'
import { existsSync } from 'node:fs'
import { readdir } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { bin, type RunningChild } from '../support/rig.js'
import { createWorld, type World } from '../support/world.js'

interface Record {
  readonly state: string
  readonly exitCode: number
  readonly error: { readonly code: string } | null
  readonly outcomes: readonly { readonly key: string; readonly result: string }[]
}

const abc = { a: '1', b: '2', c: '3' }

async function lastApply(world: World): Promise<Record> {
  const { json } = await world.rig.run(['runs', 'list', '--mode', 'apply', '-o', 'json'])
  const [run] = (json() as { runs: Record[] }).runs
  if (run === undefined) throw new Error('no apply is on record')
  return run
}
async function kept(world: World, kind: string): Promise<string[]> {
  const folder = join(world.rig.repo, '.trueup/objects', kind)
  const files = await readdir(folder, { recursive: true }).catch(() => [])
  // A key's folder may be there empty; what counts is its token.
  return files.filter((file) => /\/t\.[^/]*$/.test(file))
}
async function inTheMiddle(world: World, ...flags: string[]): Promise<RunningChild> {
  await world.arrange('wait', 'in', 'create', 'a')
  const child = world.rig.start(['apply', 'world', '--concurrency', '1', ...flags])
  await child.until(/reached in create a/)
  return child
}

describe.each([
  ['SIGTERM', 143],
  ['SIGINT', 130],
] as const)('%s', (signal, code) => {
  it('lets the change under way finish, starts no other, and leaves a whole record', async () => {
    await using world = await createWorld({ objects: abc })
    const child = await inTheMiddle(world, '-o', 'json')
    child.kill(signal)
    await child.until(/nothing more is started/)
    await world.go()
    const { code: ended, json } = await child.result
    expect(ended).toBe(code)
    const told = {
      state: 'finished',
      exitCode: code,
      error: { code: 'interrupted' },
      outcomes: [
        { key: 'a', result: 'applied' },
        { key: 'b', result: 'not-attempted' },
        { key: 'c', result: 'not-attempted' },
      ],
    }
    expect((json() as { runs: unknown[] }).runs).toMatchObject([told])
    expect(await lastApply(world)).toMatchObject(told)
    expect(await world.objects()).toEqual({ a: '1' })
    expect([await kept(world, 'heartbeats'), await kept(world, 'journal')]).toEqual([[], []])

    // What was done is known as done: owned, and not done again.
    const again = await world.rig.run(['apply', 'world'])
    expect(again).toMatchObject({ code: 0 })
    expect(again.stderr).not.toMatch(/ended in the middle/)
    expect(await world.calls()).toEqual(['create a', 'create b', 'create c'])
  })

  it('a second time ends at once, and what was under way is unknown', async () => {
    await using world = await createWorld({ objects: abc })
    const child = await inTheMiddle(world)
    child.kill(signal)
    await child.until(/nothing more is started/)
    child.kill(signal)
    expect(await child.result).toMatchObject({ code })
    expect(existsSync(join(world.rig.root, 'outside/go'))).toBe(false)
    expect(await lastApply(world)).toMatchObject({ state: 'running', outcomes: [{ key: 'a', result: 'unknown' }] })
  })

  it('while desired state is read changes nothing', async () => {
    await using world = await createWorld({
      objects: abc,
      desiring: "process.stderr.write('reading\\n'); await new Promise(() => setInterval(() => undefined, 1000))",
    })
    const child = world.rig.start(['apply', 'world', '-o', 'json'])
    await child.until(/reading/)
    child.kill(signal)
    const { code: ended, json } = await child.result
    expect(ended).toBe(code)
    expect(json()).toMatchObject({
      exitCode: code,
      runs: [{ decision: { action: 'none', reason: 'interrupted' }, outcomes: [] }],
    })
    expect(await world.objects()).toEqual({})
  })

  it('of a dry run is as quick, and says so', async () => {
    await using world = await createWorld({
      objects: abc,
      planning: "process.stderr.write('planning\\n'); await new Promise(() => setInterval(() => undefined, 1000))",
    })
    const child = world.rig.start(['plan', 'world'])
    await child.until(/planning/)
    child.kill(signal)
    expect(await child.result).toMatchObject({ code, stderr: expect.stringContaining(`ended by ${signal}`) as string })
  })
})

describe('as process 1 of a container', () => {
  /** A pid namespace of its own, as a user of its own where that is not root. */
  const unshare = ['--user', '--map-root-user', '--pid', '--fork', '--mount-proc']
  /** Where namespaces are forbidden, as in some containers, the same is asked of an ordinary process. */
  const isAllowed = spawnSync('unshare', [...unshare, 'true']).status === 0

  it('obeys SIGTERM, although process 1 has no default handlers', async () => {
    await using world = await createWorld({
      objects: abc,
      top: "process.stderr.write('pid ' + process.pid + '\\n')",
      // From inside: outside, its number is another.
      handling: `
        const busy = setInterval(() => undefined, 1000)
        setImmediate(() => process.kill(process.pid, 'SIGTERM'))
        await new Promise((resolve) => process.once('SIGTERM', resolve))
        clearInterval(busy)`,
    })
    const [program = '', ...args] = [
      ...(isAllowed ? ['unshare', ...unshare] : []),
      process.execPath,
      ...[bin, 'apply', 'world', '--concurrency', '1'],
    ]
    const child = spawn(program, args, { cwd: world.rig.repo, env: world.rig.env, stdio: ['ignore', 'pipe', 'pipe'] })
    let output = ''
    for (const stream of [child.stdout, child.stderr])
      stream.on('data', (chunk: Buffer) => (output += chunk.toString()))
    const code = await new Promise((resolve) => child.on('close', resolve))
    expect({ code, output }).toMatchObject({
      code: 143,
      output: expect.stringMatching(isAllowed ? / pid 1 /m : / pid \d+ /m) as string,
    })
    expect(await world.objects()).toEqual({ a: '1' })
    expect(await lastApply(world)).toMatchObject({ state: 'finished', exitCode: 143 })
  })
})

describe('--timeout', () => {
  it('ends with 1 when nothing was applied: desired state that never comes', async () => {
    await using world = await createWorld({
      objects: abc,
      desiring: 'await new Promise(() => setInterval(() => undefined, 1000))',
    })
    const { code, stderr } = await world.rig.run(['apply', 'world', '--timeout', '1s'])
    expect({ code, stderr }).toMatchObject({ code: 1, stderr: expect.stringMatching(/--timeout of 1 s/) as string })
  })

  it.each(['plan', 'apply'])('ends %s also when a module never finishes loading', async (command) => {
    await using world = await createWorld({
      objects: abc,
      top: 'await new Promise(() => setInterval(() => undefined, 1000))',
    })
    expect((await world.rig.run([command, 'world', '--timeout', '1s'])).code).toBe(1)
  })

  it('ends with 5 when something was applied, and the rest is not started', async () => {
    await using world = await createWorld({
      objects: abc,
      // The first goes on until the time is over; the engine's own signal says when.
      handling: "if (key === 'b') await new Promise((resolve) => ctx.signal.addEventListener('abort', resolve))",
    })
    const { code, stdout } = await world.rig.run(['apply', 'world', '--concurrency', '1', '--timeout', '5s'])
    expect({ code, stdout }).toMatchObject({ code: 5, stdout: expect.stringMatching(/--timeout of 5 s/) as string })
    expect(await world.objects()).toEqual({ a: '1', b: '2' })
    expect(await lastApply(world)).toMatchObject({ exitCode: 5, error: { code: 'timeout' } })
  })
})

describe('what an integration waits for in vain', () => {
  it.each([
    ['desired state', { desiring: 'await new Promise(() => undefined)' }],
    ['the plan', { planning: 'await new Promise(() => undefined)' }],
    ['the module', { top: 'await new Promise(() => undefined)' }],
  ])('is a failure, not a silent success: %s', async (_what, options) => {
    await using world = await createWorld({ objects: abc, ...options })
    const { code, stderr } = await world.rig.run(['plan', 'world'])
    expect({ code, stderr }).toMatchObject({
      code: 1,
      stderr: expect.stringMatching(/nothing is left to settle/) as string,
    })
  })

  it('in a handler is an unknown outcome, with its record and without its lease', async () => {
    await using world = await createWorld({
      objects: abc,
      handling: "if (key === 'b') await new Promise(() => undefined)",
    })
    expect((await world.rig.run(['apply', 'world'])).code).toBe(5)
    const { outcomes } = await lastApply(world)
    expect(Object.fromEntries(outcomes.map(({ key, result }) => [key, result]))).toEqual({
      a: 'applied',
      b: 'unknown',
      c: 'applied',
    })
    expect(await kept(world, 'heartbeats')).toEqual([])
  })

  it('does not keep the process once everything is said', async () => {
    await using world = await createWorld({ objects: abc, top: 'setInterval(() => undefined, 1000)' })
    expect((await world.rig.run(['apply', 'world'])).code).toBe(0)
    expect((await world.rig.run(['list'])).code).toBe(0)
  })
})
