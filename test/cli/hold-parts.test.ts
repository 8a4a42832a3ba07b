// trueup hold and release of shards and objects on the built CLI: what is left out, what is said, and whom they name.
import { hostname } from 'node:os'
import { describe, expect, it } from 'vitest'
import { createWorld, type World } from '../support/world.js'

const ab = { a: '1', b: '2' }
const REASON = 'it is being moved'
const hold = (world: World, ...args: readonly string[]) =>
  world.rig.run(['hold', 'world', ...args, '--for', '2h', '--reason', REASON])
const UNTIL = String.raw`until [-0-9]{10} [:0-9]{5}(?: UTC)? by .* on ${hostname()}: ${REASON}`

describe('a hold of an object', () => {
  it('is left out of the apply, which says so and ends with 75, and is done after its release', async () => {
    await using world = await createWorld({ objects: ab })
    const placed = await hold(world, '--key', 'b')
    expect(placed.code).toBe(0)
    expect(placed.stdout).toMatch(
      new RegExp(`^object b of world is held ${UNTIL}\nFor 2h, applies that use the store `),
    )
    expect(placed.stdout).toContain('leave out changes of it, and end with exit code 75 where there were some.')
    expect(placed.stdout).toContain('The store knows no object b of world: the hold counts from when there is one.\n')
    expect(placed.stdout).toMatch(/\nTo end it before: trueup release world --key b\n$/)

    const plan = await world.rig.run(['plan', 'world'])
    expect(plan.code).toBe(0)
    expect(plan.stdout.replace(/\s+/g, ' ')).toMatch(new RegExp(` Held: b ${UNTIL}; left out: b `))
    expect(plan.stdout).toMatch(/\n {4}\+ b .*\(held\)\n/)
    expect(plan.stdout).not.toMatch(/\+ a .*\(held\)/)

    const applied = await world.rig.run(['apply', 'world', '--store', 'file:.trueup'])
    expect(applied.code).toBe(75)
    expect(applied.stderr).toContain('decision=run reason=no-comparison-asked target=world')
    const said = `${applied.stdout}${applied.stderr}`
    expect(said).toMatch(/Applied 1 of 2 changes to world in .*: 1 skipped\.\n/)
    expect(said).toMatch(new RegExp(`- b {2}create: held ${UNTIL}\n`))
    expect(said).toContain('To end the hold: trueup release world --key b --store file:.trueup\n')
    expect(said).toContain('The others are in place. Run again when nothing is held, to do the rest:\n')
    expect(await world.objects()).toEqual({ a: '1' })

    const released = await world.rig.run(['release', 'world', '--key', 'b'])
    expect(released.stdout).toMatch(new RegExp(`^object b of world is released; it was held ${UNTIL}\n$`))
    const again = await world.rig.run(['apply', 'world', '--base', 'last-applied'])
    expect(again).toMatchObject({ code: 0, stderr: expect.stringContaining('reason=base-not-applied') as string })
    expect(await world.objects()).toEqual(ab)
  })

  it('is in JSON: what was placed, what is left out, the release', async () => {
    await using world = await createWorld({ objects: ab })
    const time = expect.stringMatching(/^\d{4}-\d\d-\d\dT[\d:.]+Z$/) as string
    const by = { actor: expect.anything() as unknown, host: hostname(), url: null }
    const facts = { target: 'world', shard: null, key: 'b', reason: REASON, since: time, until: time, by }
    expect((await hold(world, '--key', 'b', '-o', 'json')).json()).toEqual({
      schema: 'trueup/1',
      exitCode: 0,
      hold: null,
      replaced: null,
      parts: [{ hold: facts, replaced: null }],
      unknown: [{ kind: 'object', key: 'b' }],
      applying: [],
    })
    const held = { shard: null, key: 'b', reason: REASON, since: time, until: time, by, keys: ['b'] }
    const applied = (await world.rig.run(['apply', 'world', '-o', 'json'])).json()
    expect(applied).toMatchObject({
      exitCode: 75,
      runs: [
        {
          holds: [held],
          limits: [{ rule: 'held', keys: ['b'], blocked: false }],
          outcomes: [
            { key: 'a', result: 'applied' },
            { key: 'b', result: 'skipped' },
          ],
          error: { code: 'held', details: { target: 'world', holds: [facts] } },
        },
      ],
    })
    // Planned once, it is known.
    expect((await hold(world, '--key', 'b', '-o', 'json')).json()).toMatchObject({
      parts: [{ replaced: facts }],
      unknown: [],
    })
    const released = (await world.rig.run(['release', 'world', '--key', 'b', '--key', 'a', '-o', 'json'])).json()
    expect(released).toMatchObject({ released: null, parts: [facts], holds: [] })
  })

  it('stands in list, show, status and why', async () => {
    await using world = await createWorld({ objects: ab })
    await hold(world, '--key', 'b')
    await world.rig.run(['apply', 'world'])
    expect((await world.rig.run(['list'])).stdout).toMatch(/\nworld .*, held in part\n/)
    expect((await world.rig.run(['show', 'world'])).stdout).toMatch(new RegExp(`\n {2}held +object b, ${UNTIL}\n`))
    const status = await world.rig.run(['status'])
    expect(status.stdout).toMatch(/^1 of 1 target is overdue: no success yet\. 1 is held in part\.\n/)
    expect(status.stdout).toMatch(/ overdue, held in part\n/)
    expect(status.stdout).toMatch(
      new RegExp(`\nobject b of world is held ${UNTIL}\n {2}trueup release world --key b\n`),
    )
    const { targets } = (await world.rig.run(['status', '-o', 'json'])).json() as {
      readonly targets: readonly object[]
    }
    expect(targets).toMatchObject([{ target: 'world', holds: [{ shard: null, key: 'b' }] }])
    await hold(world)
    expect((await world.rig.run(['status'])).stdout).toMatch(/ overdue, held until /)
  })

  it('is neither kept in the run cache nor hidden by it', async () => {
    await using world = await createWorld({ objects: ab })
    const cached = ['--enable-extended-early-exit', '--ttl', '1h']
    await hold(world, '--key', 'b')
    expect((await world.rig.run(['apply', 'world', ...cached])).code).toBe(75)
    expect((await world.rig.run(['apply', 'world', ...cached])).code).toBe(75)
    expect((await world.rig.run(['cache', 'list', '-o', 'json'])).json()).toMatchObject({ entries: [] })
    await world.rig.run(['release', 'world', '--key', 'b'])
    expect((await world.rig.run(['apply', 'world', ...cached])).code).toBe(0)
    expect(await world.objects()).toEqual(ab)
  })

  it('is obeyed by undo, destroy and adopt', async () => {
    await using world = await createWorld({ objects: ab })
    const { runs } = (await world.rig.run(['apply', 'world', '-o', 'json'])).json() as {
      readonly runs: readonly { readonly run: { readonly id: string } }[]
    }
    await world.drift({ c: '3' })
    await hold(world, '--key', 'b', '--key', 'c')
    const lifted = ['--allow-empty', '--max-deletes', '2']
    expect(await world.rig.run(['owned', 'adopt', 'world', 'c'])).toMatchObject({ code: 75 })
    expect(await world.rig.run(['undo', runs[0]?.run.id ?? '', '--apply', ...lifted])).toMatchObject({ code: 75 })
    expect(await world.objects()).toEqual({ b: '2', c: '3' })
    await world.rig.run(['apply', 'world'])
    expect(await world.rig.run(['destroy', 'world', '--apply', ...lifted])).toMatchObject({ code: 75 })
    expect(await world.objects()).toEqual({ b: '2', c: '3' })
  })
})

describe('a hold of a shard', () => {
  const fields = `shards: (desired) => {
    const keys = [...new Set(desired.map((object) => object.key.split('/')[0]))]
    return new Map(keys.map((key) => [key, desired.filter((object) => object.key.startsWith(key + '/'))]))
  },`

  it('leaves its changes out, and no others; a run of other shards ends well', async () => {
    await using world = await createWorld({ objects: { 'eu/a': '1', 'us/a': '2' }, fields })
    const placed = await hold(world, '--shard', 'eu')
    expect(placed.stdout).toMatch(new RegExp(`^shard eu of world is held ${UNTIL}\n`))
    const applied = await world.rig.run(['apply', 'world'])
    expect(applied.code).toBe(75)
    expect(`${applied.stdout}${applied.stderr}`).toMatch(
      new RegExp(`- eu/a \\[eu\\] {2}create: shard eu is held ${UNTIL}\n`),
    )
    expect(await world.objects()).toEqual({ 'us/a': '2' })
    expect((await world.rig.run(['apply', 'world', '--shard', 'us'])).code).toBe(0)
    // Now it is known.
    expect((await hold(world, '--shard', 'eu')).stdout).not.toContain('knows no')
    const left = await world.rig.run(['release', 'world'])
    expect(left.stdout).toMatch(
      new RegExp(
        `^world was not held as a whole\\.\nStill: shard eu of world is held ${UNTIL}\n {2}trueup release world --shard eu\n$`,
      ),
    )
    await world.rig.run(['release', 'world', '--shard', 'eu'])
    expect((await world.rig.run(['apply', 'world'])).code).toBe(0)
    expect(await world.objects()).toEqual({ 'eu/a': '1', 'us/a': '2' })
  })
})

describe('what cannot be meant', () => {
  it('is refused: parts of all targets, a shard from a variable, a part that is not held', async () => {
    await using world = await createWorld({ objects: ab })
    const words = ['--for', '2h', '--reason', 'x']
    const all = await world.rig.run(['hold', '--all', '--key', 'a', ...words])
    expect(all).toMatchObject({ code: 64, stderr: expect.stringContaining('--all does not go with them') as string })
    const variable = await world.rig.run(['hold', 'world', ...words], { env: { TRUEUP_SHARD: 'eu' } })
    expect(variable.code).toBe(64)
    expect(variable.stderr).toContain('TRUEUP_SHARD is set, and trueup hold takes no shard from a variable')
    expect((await world.rig.run(['release', 'world', '--key', 'a'])).stdout).toBe('object a of world was not held.\n')
    await hold(world, '--key', 'a')
    expect((await world.rig.run(['release', 'world', '--key', 'b'])).stdout).toMatch(
      /^object b of world was not held\.\nStill: object a of world is held /,
    )
  })
})
