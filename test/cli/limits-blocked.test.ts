// Limits on the built CLI: a blocked plan is shown whole with rule, value, limit and a command that, pasted, does exactly it.
import { execFile } from 'node:child_process'
import { mkdir, symlink, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { describe, expect, it } from 'vitest'
import { bin } from '../support/rig.js'
import { createWorld, type Objects, type World, type WorldOptions } from '../support/world.js'

const numbered = (count: number): Objects =>
  Object.fromEntries(Array.from({ length: count }, (_, index) => [`k${String(index).padStart(2, '0')}`, 'x']))

async function applied(options: WorldOptions): Promise<World> {
  const world = await createWorld(options)
  expect((await world.rig.run(['apply', 'world'])).code).toBe(0)
  return world
}

interface Limit {
  readonly rule: string
  readonly limit: string
  readonly actual: string
  readonly blocked: boolean
  readonly override: string | null
  readonly keys: readonly string[]
}
async function planned(
  world: World,
  ...flags: string[]
): Promise<{ code: number | null; changes: string[]; limits: readonly Limit[] }> {
  const { code, json } = await world.rig.run(['plan', 'world', '-o', 'json', ...flags])
  const [run] = (json() as { runs: { plan: { changes: { action: string; key: string }[] }; limits: Limit[] }[] }).runs
  return {
    code,
    changes: run?.plan.changes.map(({ action, key }) => `${action} ${key}`) ?? [],
    limits: run?.limits ?? [],
  }
}

/** The last line that is a command, as a person would paste it into a shell whose PATH has trueup. */
async function paste(world: World, output: string): Promise<string> {
  const command = output
    .split('\n')
    .map((line) => /trueup apply .*$/.exec(line)?.[0])
    .filter((line) => line !== undefined)
    .at(-1)
  if (command === undefined) throw new Error(`no command in:\n${output}`)
  const folder = join(world.rig.root, 'path')
  await mkdir(folder, { recursive: true })
  await symlink(bin, join(folder, 'trueup')).catch(() => undefined)
  const env = { ...world.rig.env, PATH: `${folder}:${world.rig.env['PATH'] ?? ''}` }
  const { stdout } = await promisify(execFile)('sh', ['-c', command], { cwd: world.rig.repo, env })
  return stdout
}

describe('a blocked plan', () => {
  it('is printed whole, then rule, value, limit and the override, which works as it is pasted', async () => {
    await using world = await applied({ objects: numbered(12) })
    await world.desire(numbered(6))
    const { code, stdout } = await world.rig.run(['plan', 'world'])
    expect(code).toBe(3)
    for (const key of ['k06', 'k07', 'k08', 'k09', 'k10', 'k11']) expect(stdout).toContain(`- ${key}`)
    expect(stdout).toMatch(/Blocked \(max-deletes\): this plan deletes 6 of 12 objects \(50 %\); world allows\s+30\s+%/)
    expect(stdout.slice(stdout.indexOf('Blocked ('))).toMatch(
      /trueup apply world --expect-plan [0-9a-f]{64} --max-deletes 6/,
    )

    expect((await world.rig.run(['apply', 'world'])).code).toBe(3)
    expect(Object.keys(await world.objects())).toHaveLength(12)
    expect(await paste(world, stdout)).toMatch(/Applied 6 changes/)
    expect(await world.objects()).toEqual(numbered(6))
  })

  it('keeps in its command the flags that the run had', async () => {
    await using world = await createWorld({ objects: numbered(2) })
    const store = `file:${join(world.rig.root, 'a store')}`
    const { code, stdout } = await world.rig.run(['plan', 'world', '--store', store, '--max-changes', '1'])
    expect(code).toBe(3)
    await paste(world, stdout)
    expect(await world.objects()).toEqual(numbered(2))
  })

  it('names rule, value and limit in JSON, and what was overridden', async () => {
    await using world = await applied({ objects: numbered(12) })
    await world.desire(numbered(6))
    expect((await planned(world)).limits).toMatchObject([
      { rule: 'max-deletes', limit: '30%', actual: '6 of 12 (50 %)', blocked: true, override: null },
    ])
    expect(await planned(world, '--max-deletes', '6')).toMatchObject({
      code: 0,
      limits: [{ rule: 'max-deletes', blocked: false, override: '--max-deletes 6' }],
    })
    expect((await planned(world, '--max-deletes', '5')).code).toBe(3)
  })
})

describe('an empty desired state', () => {
  it('deletes nothing of what is owned, unless it is allowed', async () => {
    await using world = await applied({ objects: { a: '1', b: '2' } })
    await world.desire({})
    const blocked = await planned(world)
    expect(blocked).toMatchObject({ code: 3, changes: ['delete a', 'delete b'] })
    expect(blocked.limits.filter((limit) => limit.blocked)).toMatchObject([{ rule: 'empty-desired' }])
    const { stdout } = await world.rig.run(['plan', 'world'])
    expect(stdout).toMatch(/--allow-empty/)
    await paste(world, stdout)
    expect(await world.objects()).toEqual({})
  })

  it('of a place that holds nothing of ours is nothing to do', async () => {
    await using world = await createWorld({ objects: {} })
    await world.drift({ theirs: 'x' })
    expect(await planned(world)).toMatchObject({ code: 0, changes: [] })
  })
})

describe('an incomplete listing', () => {
  it('plans no delete, says so, and an apply of it is made good by the next', async () => {
    await using world = await applied({ objects: { a: '1', b: '2' } })
    await world.desire({ a: '1+' })
    await writeFile(join(world.rig.root, 'outside/incomplete'), '')
    const { changes, limits, code } = await planned(world)
    expect({ changes, code }).toEqual({ changes: ['update a'], code: 0 })
    expect(limits).toMatchObject([{ rule: 'incomplete-listing' }])
    expect((await world.rig.run(['apply', 'world'])).code).toBe(0)
    expect(await world.objects()).toEqual({ a: '1+', b: '2' })

    // The mark does not claim more than was done.
    await world.rig.commit('less')
    const { stderr } = await world.rig.run(['apply', 'world', '--base', 'last-applied'])
    expect(stderr).toMatch(/decision=run reason=base-not-applied/)
  })
})

describe('what is not ours', () => {
  it('and differs is blocked without an override, and left as it is', async () => {
    await using world = await createWorld({ objects: { a: '1', b: '2' } })
    await world.drift({ a: 'theirs' })
    const { code, changes, limits } = await planned(world)
    expect({ code, changes }).toEqual({ code: 3, changes: ['create b', 'update a'] })
    expect(limits).toMatchObject([{ rule: 'not-owned', keys: ['a'], blocked: true }])
    expect(
      (await world.rig.run(['apply', 'world', '--max-deletes', '100%', '--max-changes', '100%', '--allow-empty'])).code,
    ).toBe(3)
    expect(await world.objects()).toEqual({ a: 'theirs' })
  })

  it('and is the same is adopted without being touched, and is ours from then on', async () => {
    await using world = await createWorld({ objects: { a: '1' } })
    await world.drift({ a: '1', other: 'x' })
    expect((await planned(world)).changes).toEqual(['adopt a'])
    expect((await world.rig.run(['apply', 'world'])).code).toBe(0)
    expect(await world.calls()).toEqual([])
    await world.desire({ b: '2' })
    expect((await planned(world)).changes).toEqual(['delete a', 'create b'])
  })

  it('and is not desired is left alone', async () => {
    await using world = await applied({ objects: { a: '1' } })
    await world.drift({ theirs: 'x' })
    expect(await planned(world)).toMatchObject({ code: 0, changes: [] })
  })
})

it('a protected object is never deleted, whatever the flags', async () => {
  await using world = await applied({
    objects: { a: '1', admin: 'x' },
    fields: "limits: { protect: (object) => object.key === 'admin' },",
  })
  await world.desire({ a: '1' })
  const { code, limits } = await planned(world, '--max-deletes', '100%', '--allow-empty')
  expect(code).toBe(3)
  expect(limits.filter(({ blocked }) => blocked)).toMatchObject([{ rule: 'protected', keys: ['admin'] }])
  expect((await world.rig.run(['apply', 'world', '--max-deletes', '100%'])).code).toBe(3)
  expect(await world.objects()).toEqual({ a: '1', admin: 'x' })
})

describe('in CI with a store that does not outlive the job', () => {
  const ci = { env: { CI: 'true' } }

  it('an apply is refused, however often it is tried and whatever was planned before', async () => {
    await using world = await createWorld({ objects: { a: '1' }, ...ci })
    expect((await world.rig.run(['plan', 'world'])).code).toBe(0)
    for (let round = 0; round < 2; round++) {
      const { code, stderr } = await world.rig.run(['apply', 'world'])
      expect({ code, stderr }).toMatchObject({ code: 4, stderr: expect.stringContaining('--init-store') as string })
    }
    expect(await world.objects()).toEqual({})
    expect((await world.rig.run(['apply', 'world', '--init-store'])).code).toBe(0)
    await world.desire({ a: '1+' })
    expect((await world.rig.run(['apply', 'world'])).code).toBe(0)
  })
})
