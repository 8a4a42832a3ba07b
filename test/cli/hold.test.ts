// trueup hold and release on the built CLI: what they stop, what they say, and whom they name.
import { hostname } from 'node:os'
import { describe, expect, it } from 'vitest'
import { placeHold } from '../../src/store/holds.js'
import { openStore } from '../../src/store/open-store.js'
import { createFakeClock } from '../../src/util/fake-clock.js'
import { systemClock } from '../../src/util/clock.js'
import { watchStore } from '../support/failing-store.js'
import { createWorld, type World } from '../support/world.js'

const ab = { a: '1', b: '2' }
const CI = { env: { CI_JOB_URL: 'https://ci.example.com/jobs/81', GITLAB_USER_LOGIN: 'jane' } }
const hold = (world: World, ...args: readonly string[]) =>
  world.rig.run(['hold', ...args, '--for', '2h', '--reason', 'the zone is being moved'], CI)

describe('trueup hold', () => {
  it('stops an apply before it changes anything, and says who, why, until when, and what ends it', async () => {
    await using world = await createWorld({ objects: ab })
    const placed = await hold(world, 'world')
    expect(placed.code).toBe(0)
    expect(placed.stdout).toMatch(
      new RegExp(
        `^world is held until [-0-9]{10} [:0-9]{5} by jane on ${hostname()} \\(https://ci\\.example\\.com/jobs/81\\): the zone is being moved\n`,
      ),
    )
    expect(placed.stdout).toMatch(/\nTo end it before: trueup release world\n$/)

    const refused = await world.rig.run(['apply', 'world', '--store', 'file:.trueup'])
    expect(refused.code).toBe(75)
    expect(refused.stderr).toContain('decision=none reason=held target=world')
    expect(refused.stderr).toContain(`by jane on ${hostname()}`)
    expect(refused.stderr).toContain('the zone is being moved')
    expect(refused.stderr).toContain('To end the hold: trueup release world --store file:.trueup')
    expect(await world.objects()).toEqual({})
    expect((await world.rig.run(['lease', 'list'])).stdout).toBe('No apply holds a lease.\n')
    expect((await world.rig.run(['why', 'world'])).stdout).toContain('world was held back at')

    const released = await world.rig.run(['release', 'world'])
    expect(released).toMatchObject({
      code: 0,
      stdout: expect.stringMatching(/^world is released; it was held until /) as string,
    })
    expect((await world.rig.run(['apply', 'world'])).code).toBe(0)
    expect(await world.objects()).toEqual(ab)
  })

  it('lets plans work: with their exit code, and the hold said', async () => {
    await using world = await createWorld({ objects: ab })
    await hold(world, 'world')
    const plan = await world.rig.run(['plan', 'world', '--detailed-exitcode'])
    expect(plan.code).toBe(2)
    expect(plan.stdout).toContain('2 create')
    expect(plan.stderr).toMatch(
      /warning: world is held until .* UTC by jane on .*: the zone is being moved\. Until then/,
    )
  })

  it('is in JSON: what was placed, what it replaced, the refusal, the release', async () => {
    await using world = await createWorld({ objects: ab })
    const first = (await hold(world, 'world', '-o', 'json')).json() as { readonly hold: object }
    const time = expect.stringMatching(/^\d{4}-\d\d-\d\dT[\d:.]+Z$/) as string
    const by = { actor: 'jane', host: hostname(), url: 'https://ci.example.com/jobs/81' }
    const whole = { target: 'world', shard: null, key: null }
    const held = { ...whole, reason: 'the zone is being moved', since: time, until: time, by }
    const nothing = { parts: [], unknown: [], applying: [] }
    expect(first).toEqual({ schema: 'trueup/1', exitCode: 0, hold: held, replaced: null, ...nothing })
    const again = (await hold(world, 'world', '-o', 'json')).json() as { readonly hold: object }
    expect(again).toMatchObject({ replaced: first.hold })
    const refused = (await world.rig.run(['apply', 'world', '-o', 'json'])).json()
    expect(refused).toMatchObject({
      exitCode: 75,
      runs: [
        {
          decision: { action: 'none', reason: 'held' },
          error: { code: 'held', details: { target: 'world', holds: [again.hold] } },
          outcomes: [],
          exitCode: 75,
        },
      ],
    })
    const released = (await world.rig.run(['release', 'world', '-o', 'json'])).json()
    expect(released).toEqual({
      schema: 'trueup/1',
      exitCode: 0,
      target: 'world',
      released: again.hold,
      parts: [],
      holds: [],
    })
  })

  it('--all stops every target beside the holds of single ones, and each is ended by itself', async () => {
    await using world = await createWorld({ objects: ab })
    await hold(world, 'world')
    await world.rig.run(['hold', '--all', '--for', '3d', '--reason', 'holidays'])
    const both = await world.rig.run(['apply', 'world'])
    expect(both.code).toBe(75)
    expect(both.stderr).toMatch(
      /world is held, as all targets are, until .*: holidays\. It is also held until .*moved\./,
    )
    expect(both.stderr).toContain('To end both holds: trueup release --all && trueup release world')
    const one = await world.rig.run(['release', 'world'])
    expect(one.stdout).toMatch(/\nStill: All targets are held until .*: holidays\n {2}trueup release --all\n$/)
    expect((await world.rig.run(['apply', 'world'])).code).toBe(75)
    await world.rig.run(['release', '--all'])
    expect((await world.rig.run(['apply', 'world'])).code).toBe(0)
  })

  it('stands in list and show', async () => {
    await using world = await createWorld({ objects: ab })
    await hold(world, 'world')
    expect((await world.rig.run(['list'])).stdout).toMatch(/\nworld +.* never, held until [-0-9]{10} [:0-9]{5}\n/)
    expect((await world.rig.run(['show', 'world'])).stdout).toMatch(
      /\n {2}held +until .* by jane on .*: the zone is being/,
    )
    const holds = [{ target: 'world', reason: 'the zone is being moved', by: { actor: 'jane' } }]
    const listed = (await world.rig.run(['list', '-o', 'json'])).json() as { readonly targets: readonly object[] }
    expect(listed.targets).toContainEqual(expect.objectContaining({ target: 'world' }))
    expect(listed.targets.find((row) => 'target' in row && row.target === 'world')).toMatchObject({ holds })
    expect((await world.rig.run(['show', 'world', '-o', 'json'])).json()).toMatchObject({ holds, lastRun: null })
  })

  it('stops undo, destroy and adopt too', async () => {
    await using world = await createWorld({ objects: ab })
    const { runs } = (await world.rig.run(['apply', 'world', '-o', 'json'])).json() as {
      readonly runs: readonly { readonly run: { readonly id: string } }[]
    }
    await hold(world, 'world')
    const id = runs[0]?.run.id ?? ''
    await world.drift({ c: '3' })
    const commands = [
      ['undo', id, '--apply', '--allow-empty', '--max-deletes', '2'],
      ['destroy', 'world', '--apply', '--allow-empty', '--max-deletes', '2'],
      ['owned', 'adopt', 'world', 'c'],
    ]
    for (const command of commands) expect(await world.rig.run(command)).toMatchObject({ code: 75 })
    expect(await world.objects()).toEqual({ ...ab, c: '3' })
  })

  it('lets an apply go on that has begun, and says so', async () => {
    await using world = await createWorld({ objects: ab })
    await world.arrange('wait', 'in', 'create', 'a')
    const running = world.rig.start(['apply', 'world', '--concurrency', '1'])
    await running.until(/reached in create a/)
    const { stdout } = await hold(world, 'world')
    expect(stdout).toMatch(
      new RegExp(`\nRun [0-9A-Z]{26} of world on ${hostname()} is applying already and is not stopped\\.\n`),
    )
    await world.go()
    expect((await running.result).code).toBe(0)
    expect(await world.objects()).toEqual(ab)
  })

  it('is over at its end, and tidied by the next one', async () => {
    await using world = await createWorld({ objects: ab })
    await placeAt(world, 'world', createFakeClock().now())
    await placeAt(world, 'gone', createFakeClock().now())
    expect((await world.rig.run(['apply', 'world'])).code).toBe(0)
    expect(await world.rig.run(['release', 'world'])).toMatchObject({ code: 0, stdout: 'world was not held.\n' })
    expect((await world.rig.run(['release', 'gone'])).stderr).toContain('no target or integration is called "gone"')
  })

  it('needs a target or --all, an end and a reason, and a store that stays', async () => {
    await using world = await createWorld({ objects: ab })
    const usage = async (...args: readonly string[]): Promise<string> => {
      const { code, stdout, stderr } = await world.rig.run(args)
      expect({ code, stdout }).toEqual({ code: 64, stdout: '' })
      return stderr
    }
    expect(await usage('hold', '--for', '2h', '--reason', 'x')).toContain('trueup hold needs a target, or --all')
    expect(await usage('hold', 'world', '--all', '--for', '2h', '--reason', 'x')).toContain('needs a target, or --all')
    expect(await usage('hold', 'world', '--reason', 'x')).toContain('needs --for <duration>')
    expect(await usage('hold', 'world', '--for', '2h')).toContain('needs --reason <text>')
    expect(await usage('hold', 'world', '--for', '2h', '--reason', ' ')).toContain('needs --reason <text>')
    expect(await usage('hold', 'world', '--for', 'long', '--reason', 'x')).toContain('--for must be a duration')
    expect(await usage('hold', 'wrld', '--for', '2h', '--reason', 'x')).toContain('Did you mean "world"?')
    expect(await usage('hold', 'world', '--for', '2h', '--reason', 'x', '--store', 'memory:')).toContain('memory:')
    expect(await usage('release')).toContain('trueup release needs a target, or --all')
    expect(await usage('release', 'wrld')).toContain('Did you mean "world"?')
  })

  it('does not make a fresh store in CI one that an apply may start with', async () => {
    await using world = await createWorld({ objects: ab, env: { CI: 'true' } })
    await placeAt(world, 'another', Date.now())
    const { code, stderr } = await world.rig.run(['apply', 'world'])
    expect({ code, stderr }).toMatchObject({ code: 4, stderr: expect.stringContaining('--init-store') as string })
  })
})

describe('a target that is no longer there', () => {
  it('can be held and released by the name that a record has, or a hold', async () => {
    await using world = await createWorld({ objects: ab })
    await world.rig.run(['apply', 'world'])
    await world.rig.write({ 'integrations/world.mjs': null })
    expect(await hold(world, 'world')).toMatchObject({ code: 0 })
    expect((await world.rig.run(['release', 'world'])).stdout).toMatch(/^world is released/)
    await placeAt(world, 'gone', Date.now())
    expect((await world.rig.run(['release', 'gone'])).stdout).toMatch(/^gone is released/)
  })
})

/** Places a hold of one hour as if it were that time. */
async function placeAt(world: World, target: string, now: number): Promise<void> {
  const store = await openStore('file:.trueup', {
    baseDirectory: world.rig.repo,
    clock: systemClock,
    isTracked: () => Promise.resolve(false),
  })
  const then = { ...watchStore(store).store, now: () => Promise.resolve(now) }
  await placeHold(then, {
    target,
    reason: 'long ago',
    forMs: 3_600_000,
    by: { actor: 'jane', host: 'ci-7', url: null },
  })
  await store.close()
}
