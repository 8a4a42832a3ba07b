// Replicas of trueup serve on one queue: three real processes of the built CLI, killed and drained, with a database that goes away and comes back.
import { afterAll, afterEach, beforeAll, describe, expect, it, vi } from 'vitest'
import { createReplicas } from '../support/replicas.js'
import { startPostgres, type TestPostgres } from '../support/postgres.js'
import { createRig } from '../support/rig.js'

let server: TestPostgres
beforeAll(async () => {
  server = await startPostgres()
})
afterEach(async () => {
  await server.sql('DROP SCHEMA IF EXISTS trueup CASCADE; DROP SCHEMA IF EXISTS trueup_worker CASCADE')
})
afterAll(async () => {
  await server.stop()
})

describe('serve with a queue', () => {
  it('three share the targets; killed and with the database restarted, every event has its run and none runs twice at once', async () => {
    // Of a child: these live as long as the test.
    vi.stubEnv('TEST_TIMEOUT', '120000')
    await using world = await createReplicas(server, 4)
    await Promise.all([world.start(), world.start(), world.start()])
    let sent = 0
    const storm = async (count: number): Promise<void> => {
      for (let event = 0; event < count; event += 1) {
        if (await world.send(world.names[sent % world.names.length] ?? '', sent)) sent += 1
      }
    }
    await storm(8)
    await world.untilAnswered()
    for (const at of [0, 1]) {
      await storm(4)
      await world.kill(at, 'SIGKILL')
      await storm(4)
      await world.start()
    }
    await world.untilAnswered()
    const replica = world.replicas[1]
    await server.restart(async () => {
      await replica?.child.until(/the queue .* does not answer: .* Nothing starts until it does/)
      expect((await fetch(`${replica?.url ?? ''}/readyz`)).status).toBe(503)
    })
    await replica?.child.until(/the queue .* answers again/)
    await world.untilSettled()
    expect((await fetch(`${replica?.url ?? ''}/readyz`)).status).toBe(200)
    expect(await (await fetch(`${replica?.url ?? ''}/metrics`)).text()).toMatch(/^trueup_replicas 3$/m)
    await storm(8)
    await world.untilAnswered()
    expect(sent).toBeGreaterThan(20)
    expect(await world.twice()).toEqual([])
    // What was asked for twice runs once more after it is answered: that is none of the commit.
    await world.untilSettled()
    // A commit is run once for all of them.
    await world.rig.write({ 'data/a.json': '{ "a": 1 }\n' })
    await world.rig.commit()
    const before = (await world.log()).filter(({ what }) => what === 'begin').length
    await world.rig.git('push', '--quiet', 'origin', 'main')
    await Promise.all(world.replicas.map(({ child }) => child.until(/is served: /)))
    await storm(1)
    await world.untilAnswered()
    // What is told to end in the middle would begin once more elsewhere.
    await world.untilSettled()
    for (; world.replicas.length > 0;) await world.kill(0, 'SIGTERM')
    expect(await world.locked()).toEqual({ targets: 0, jobs: 0, replicas: 0 })
    const since = (await world.log()).filter(({ what }) => what === 'begin').slice(before)
    expect(since.length).toBeLessThanOrEqual(world.names.length + 1)
    expect(await world.unanswered()).toEqual([])
  })

  it('says what is wrong with a queue, and never its password', async () => {
    await using rig = await createRig({
      files: { 'trueup.yaml': 'version: 1\ntargets: { restless: {} }\n', '.gitignore': '.trueup/\n' },
    })
    const cases: readonly (readonly [string, readonly string[], number, RegExp])[] = [
      ['postgres://me:s3cret-pass@127.0.0.1:1/x', ['--ref', 'main'], 1, /origin/],
      ['postgres://me:s3cret-pass@127.0.0.1:1/x', [], 64, /TRUEUP_QUEUE.*--ref main/],
    ]
    for (const [TRUEUP_QUEUE, args, , message] of cases) {
      const { code, stdout, stderr } = await rig.run(['serve', '--once', ...args], { env: { TRUEUP_QUEUE } })
      expect(code).not.toBe(0)
      expect(stderr).toMatch(message)
      expect(stdout + stderr).not.toContain('s3cret-pass')
    }
    await rig.git('init', '--quiet', '--bare', '--initial-branch=main', `${rig.root}/origin.git`)
    await rig.git('remote', 'add', 'origin', `${rig.root}/origin.git`)
    await rig.git('push', '--quiet', 'origin', 'main')
    const unreachable: readonly (readonly [string, RegExp])[] = [
      [
        'postgres://me:s3cret-pass@127.0.0.1:1/x',
        /the queue 127\.0\.0\.1:1\/x \(TRUEUP_QUEUE\) cannot be used: .*ECONNREFUSED/,
      ],
      ['mysql://me:s3cret-pass@127.0.0.1/x', /TRUEUP_QUEUE: the connection URI does not begin with postgres:/],
    ]
    for (const [TRUEUP_QUEUE, message] of unreachable) {
      const { code, stdout, stderr } = await rig.run(['serve', '--once', '--ref', 'main'], { env: { TRUEUP_QUEUE } })
      expect(code).not.toBe(0)
      expect(stderr).toMatch(message)
      expect(stdout + stderr).not.toContain('s3cret-pass')
    }
    const shown = await rig.run(['config', '-o', 'json'], {
      env: { TRUEUP_QUEUE: 'postgres://me:s3cret-pass@db.example.com/x' },
    })
    expect(shown.json()).toMatchObject({ queue: { url: 'postgres://me:***@db.example.com/x', from: 'TRUEUP_QUEUE' } })
  })

  it('--once shares what is due: two at the same time run each target once', async () => {
    await using world = await createReplicas(server, 4)
    const env = { TRUEUP_QUEUE: server.uri() }
    const once = ['serve', '--once', '--apply', '--ref', 'main', '--store', `file:${world.rig.root}/store`]
    const [a, b] = await Promise.all([world.rig.run(once, { env }), world.rig.run(once, { env })])
    expect([a.code, b.code]).toEqual([0, 0])
    const begun = (await world.log()).filter(({ what }) => what === 'begin').map(({ name }) => name)
    expect(begun.sort()).toEqual(world.names)
    expect(await world.locked()).toEqual({ targets: 0, jobs: 0, replicas: 0 })
  })
})
