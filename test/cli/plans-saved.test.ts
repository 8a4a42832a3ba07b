// An approved plan: by digest or in a file. Applied exactly as approved, once, in time; what differs is shown and nothing is changed.
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import type { RunResult } from '../support/rig.js'
import { createWorld, type World } from '../support/world.js'

const ab = { a: '1', b: '2' }

async function digestOf(world: World, ...flags: string[]): Promise<string> {
  const { json } = await world.rig.run(['plan', 'world', '-o', 'json', ...flags])
  return (json() as { runs: { plan: { digest: string } }[] }).runs[0]?.plan.digest ?? ''
}
async function save(world: World, file = 'plan.json', ...flags: string[]): Promise<void> {
  expect((await world.rig.run(['plan', 'world', '--out', file, ...flags])).code).toBe(0)
}
async function edit(world: World, change: (plan: Record<string, unknown>) => void): Promise<void> {
  const plan = JSON.parse(await world.rig.read('plan.json')) as Record<string, unknown>
  change(plan)
  await world.rig.write({ 'plan.json': plan })
}
function expectRefused({ code, stdout, stderr }: RunResult, why: RegExp): void {
  expect({ code, stdout, stderr }).toMatchObject({ code: 4, stderr: expect.stringMatching(why) as string })
  expect(stderr).toMatch(/nothing was changed/i)
}

describe('a saved plan', () => {
  it('is applied once; a second use is refused', async () => {
    await using world = await createWorld({ objects: ab })
    await save(world)
    expect(await world.rig.run(['apply', 'plan.json'])).toMatchObject({
      code: 0,
      stdout: expect.stringContaining('Applied 2 changes') as string,
    })
    expect(await world.objects()).toEqual(ab)
    expectRefused(await world.rig.run(['apply', 'plan.json']), /was applied already/)

    // Also when the same plan would fit again.
    await world.drift({ a: null, b: null })
    expectRefused(await world.rig.run(['apply', 'plan.json']), /was applied already/)
    expect(await world.objects()).toEqual({})
  })

  it('is applied by one of two applies at once', async () => {
    await using world = await createWorld({ objects: ab })
    await save(world)
    const both = await Promise.all([world.rig.run(['apply', 'plan.json']), world.rig.run(['apply', './plan.json'])])
    const codes = both.map(({ code }) => code).sort()
    // The other one met the claim, or came after it.
    expect([`0,4`, `0,75`]).toContain(codes.join())
    expect(await world.calls()).toEqual(['create a', 'create b'])
  })

  it('is refused when it has expired', async () => {
    await using world = await createWorld({ objects: ab })
    await save(world)
    await edit(world, (plan) => (plan['expiresAt'] = Date.UTC(2020, 0, 1)))
    expectRefused(await world.rig.run(['apply', 'plan.json']), /expired at 2020-01-01T00:00:00/)
    expect(await world.objects()).toEqual({})
  })

  it('shows what differs when something changed outside meanwhile, and changes nothing', async () => {
    await using world = await createWorld({ objects: { ...ab, c: '3' } })
    await world.rig.run(['apply', 'world'])
    await world.desire({ a: '1+', b: '2+', c: '3', d: '4' })
    await save(world)
    await world.drift({ a: 'by hand', b: null, c: 'by hand' })
    const refused = await world.rig.run(['apply', 'plan.json'])
    expectRefused(refused, /no longer fits/)
    expect(refused.stderr).toMatch(/a was changed outside meanwhile/)
    expect(refused.stderr).toMatch(/b would be created, was to be updated/)
    expect(refused.stderr).toMatch(/update c is new/)
    expect(refused.stderr).not.toMatch(/create d/)
    expect(await world.objects()).toEqual({ a: 'by hand', c: 'by hand' })
  })

  it('shows what differs when something else is desired now', async () => {
    await using world = await createWorld({ objects: ab })
    await save(world)
    await world.desire({ a: 'other' })
    const refused = await world.rig.run(['apply', 'plan.json'])
    expectRefused(refused, /create a would make it something else[^]*create b is no longer needed/)
    expect(await world.objects()).toEqual({})
  })

  it('of its shards applies these alone', async () => {
    await using world = await createWorld({ objects: { 'east/a': '1', 'west/b': '2' }, fields: sharded })
    await save(world, 'plan.json', '--shard', 'east')
    expect((await world.rig.run(['apply', 'plan.json'])).code).toBe(0)
    expect(await world.objects()).toEqual({ 'east/a': '1' })
  })

  it('that is damaged, of another format or not there is a usage error', async () => {
    await using world = await createWorld({ objects: ab })
    await save(world)
    await edit(world, (plan) => delete plan['plan'])
    for (const [file, why] of [
      ['plan.json', /damaged/],
      ['trueup.yaml.json', /no saved plan/],
    ] as const) {
      expect(await world.rig.run(['apply', file])).toMatchObject({
        code: 64,
        stderr: expect.stringMatching(why) as string,
      })
    }
    await world.rig.write({ 'plan.json': 'x' })
    expect((await world.rig.run(['apply', 'plan.json'])).code).toBe(64)
    expect(await world.objects()).toEqual({})
  })
})

const sharded = `shards: (desired) => {
  const parts = new Map()
  for (const object of desired) parts.set(object.key.split('/')[0], [...(parts.get(object.key.split('/')[0]) ?? []), object])
  return parts
},`

describe('--expect-plan', () => {
  it('applies the plan with that digest', async () => {
    await using world = await createWorld({ objects: ab })
    const digest = await digestOf(world)
    expect((await world.rig.run(['apply', 'world', '--expect-plan', digest])).code).toBe(0)
    expect(await world.objects()).toEqual(ab)
  })

  it('refuses another plan and shows what differs from the approved one', async () => {
    await using world = await createWorld({ objects: ab })
    const digest = await digestOf(world)
    await world.desire({ a: '1', b: 'other', c: '3' })
    const refused = await world.rig.run(['apply', 'world', '--expect-plan', digest])
    expectRefused(refused, new RegExp(`no longer ${digest.slice(0, 12)}`))
    expect(refused.stderr).toMatch(/create b would make it something else/)
    expect(refused.stderr).toMatch(/create c is new/)
    expect(refused.stderr).toMatch(/trueup plan world/)
    expect(await world.objects()).toEqual({})
  })

  it('wants the whole digest where there is no terminal', async () => {
    await using world = await createWorld({ objects: ab })
    const digest = await digestOf(world)
    const { code, stderr } = await world.rig.run(['apply', 'world', '--expect-plan', digest.slice(0, 12)])
    expect({ code, stderr }).toMatchObject({ code: 64, stderr: expect.stringContaining('64 digits') as string })
    expect(await world.objects()).toEqual({})
  })

  it('is the digest of what would be done: the same on every look, another after any change', async () => {
    await using world = await createWorld({ objects: ab })
    const first = await digestOf(world)
    expect(await digestOf(world)).toBe(first)
    expect(await digestOf(world, '--concurrency', '1')).toBe(first)
    await world.drift({ a: '1' })
    expect(await digestOf(world)).not.toBe(first)
  })
})

describe('a plan file', () => {
  it('is kept also by a blocked plan, but not by a skip, which says so', async () => {
    await using world = await createWorld({ objects: ab })
    expect((await world.rig.run(['plan', 'world', '--max-changes', '1', '--out', 'blocked.json'])).code).toBe(3)
    await readFile(join(world.rig.repo, 'blocked.json'))
    const { stderr } = await world.rig.run(['plan', 'world', '--base', 'HEAD', '--out', 'skipped.json'])
    expect(stderr).toMatch(/skipped\.json was not written/)
    await expect(world.rig.read('skipped.json')).rejects.toThrow('ENOENT')
    // A blocked plan does not get through as a file either.
    expect((await world.rig.run(['apply', 'blocked.json', '--max-changes', '1'])).code).toBe(3)
    expect(await world.objects()).toEqual({})
  })
})
