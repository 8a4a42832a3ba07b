// Two applies, one target: one works, the other says who holds it. And what an apply leaves in the store.
import { spawn, spawnSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import { readdir } from 'node:fs/promises'
import { hostname } from 'node:os'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { openStore } from '../../src/store/open-store.js'
import { thisProcess } from '../../src/cli/process-context.js'
import type { LeaseHolder } from '../../src/store/lease-documents.js'
import { takeLease } from '../../src/store/leases.js'
import { systemClock } from '../../src/util/clock.js'
import { keysOf } from '../support/failing-store.js'
import { createWorld, type World } from '../support/world.js'

const ab = { a: '1', b: '2' }

async function storeOf(world: World): ReturnType<typeof openStore> {
  return openStore('file:.trueup', {
    baseDirectory: world.rig.repo,
    clock: systemClock,
    isTracked: () => Promise.resolve(false),
  })
}
async function keys(world: World, prefix = ''): Promise<string[]> {
  const store = await storeOf(world)
  try {
    return await keysOf(store, prefix)
  } finally {
    await store.close()
  }
}
/** Puts a lease there as if somebody else had taken it. Nothing renews it. */
async function leaseAs(world: World, holder: Partial<LeaseHolder>): Promise<void> {
  const store = await storeOf(world)
  const whole = { run: 'OTHER', target: 'world', host: hostname(), url: null, actor: null, ...thisProcess(), ...holder }
  await takeLease({
    store,
    clock: { ...systemClock, sleep: () => new Promise(() => undefined) },
    destination: 'world',
    shards: [''],
    keys: null,
    holder: whole,
    isDead: () => false,
    leaseMs: 600_000,
    waitMs: 0,
    atLeast: () => 0,
    stop: new AbortController().signal,
    onWait: () => undefined,
  })
  await store.close()
}

describe('two applies at once', () => {
  it('one works, the other ends with 75 and names run and host of the first', async () => {
    await using world = await createWorld({ objects: ab })
    await world.arrange('wait', 'in', 'create', 'a')
    const first = world.rig.start(['apply', 'world'])
    await first.until(/reached in create a/)
    const { code, stdout, stderr } = await world.rig.run(['apply', 'world', '-o', 'json'])
    expect(code).toBe(75)
    expect(JSON.parse(stdout)).toMatchObject({
      exitCode: 75,
      runs: [{ decision: { reason: 'lease-held' }, error: { code: 'lease-held' }, outcomes: [] }],
    })
    expect(stderr).toMatch(new RegExp(`world is held by run [0-9A-Z]{26} on ${hostname()} until`))

    // A look is always free.
    expect((await world.rig.run(['plan', 'world'])).code).toBe(0)
    await world.go()
    expect((await first.result).code).toBe(0)
    expect(await world.calls()).toEqual(['create a', 'create b'])
  })

  it('of different shards both work', async () => {
    const fields = "shards: (desired) => new Map(desired.map((object) => [object.key.split('/')[0], [object]])),"
    await using world = await createWorld({ objects: { 'east/a': '1', 'west/a': '2' }, fields })
    await world.arrange('wait', 'in', 'create', 'east/a')
    const first = world.rig.start(['apply', 'world', '--shard', 'east'])
    await first.until(/reached/)
    expect((await world.rig.run(['apply', 'world', '--shard', 'west'])).code).toBe(0)
    const { code, stderr } = await world.rig.run(['apply', 'world'])
    expect({ code, stderr }).toMatchObject({ code: 75, stderr: expect.stringContaining('shard east') as string })
    await world.go()
    expect((await first.result).code).toBe(0)
    expect(await world.objects()).toEqual({ 'east/a': '1', 'west/a': '2' })
  })
})

describe('a lease', () => {
  it('of another host is not taken over before it ends, dead or not', async () => {
    await using world = await createWorld({ objects: ab })
    await leaseAs(world, { host: 'another-host', pid: 999_999_999 })
    const { code, stderr } = await world.rig.run(['apply', 'world'])
    expect({ code, stderr }).toMatchObject({ code: 75, stderr: expect.stringContaining('another-host') as string })
    expect(await world.objects()).toEqual({})
  })

  it('of a process of this host that is gone is taken over', async () => {
    await using world = await createWorld({ objects: ab })
    await leaseAs(world, { pid: 999_999_999 })
    expect((await world.rig.run(['apply', 'world'])).code).toBe(0)
  })

  it('of a process that lives is not, nor of an earlier boot (it ends by itself), and of an earlier one with its pid is', async () => {
    await using world = await createWorld({ objects: ab })
    await leaseAs(world, {})
    expect((await world.rig.run(['apply', 'world'])).code).toBe(75)
    await using rebooted = await createWorld({ objects: ab })
    await leaseAs(rebooted, { processStart: 'another-boot/1/1' })
    expect((await rebooted.rig.run(['apply', 'world'])).code).toBe(75)
    await using later = await createWorld({ objects: ab })
    await leaseAs(later, { processStart: thisProcess().processStart.replace(/[^/]*$/, '1') })
    expect((await later.rig.run(['apply', 'world'])).code).toBe(0)
  })

  it('of a process in another pid namespace of this kernel is not: its pid says nothing here', async () => {
    await using world = await createWorld({ objects: ab })
    await world.arrange('wait', 'in', 'create', 'a')
    const first = world.rig.start(['apply', 'world'])
    await first.until(/reached in create a/)
    // From inside, the holder's pid is nobody's.
    const unshare = ['--user', '--map-root-user', '--pid', '--fork', '--mount-proc']
    // Where namespaces are forbidden, the same is asked of an ordinary process.
    const isAllowed = spawnSync('unshare', [...unshare, 'true']).status === 0
    const namespace = isAllowed ? ['unshare', ...unshare] : []
    const [program, ...args] = [...namespace, process.execPath, binOf(), 'apply', 'world']
    const child = spawn(program, args, { cwd: world.rig.repo, env: world.rig.env, stdio: 'ignore' })
    expect(await new Promise((resolve) => child.on('close', resolve))).toBe(75)
    await world.go()
    expect((await first.result).code).toBe(0)
  })

  it.each([
    ['success', 0, undefined, []],
    ['a failed change', 5, ['fail', 'before', 'create', 'b'] as const, []],
    ['a block', 3, undefined, ['--max-changes', '1']],
    ['a plan that was not expected', 4, undefined, ['--expect-plan', 'c'.repeat(64)]],
  ] as const)('is given back after %s', async (_name, code, deed, flags) => {
    await using world = await createWorld({ objects: ab })
    if (deed !== undefined) await world.arrange(...deed)
    expect((await world.rig.run(['apply', 'world', ...flags])).code).toBe(code)
    expect([...(await keys(world, 'heartbeats/')), ...(await keys(world, 'lease-modes/'))]).toEqual([])
    expect(await keys(world, 'journal/')).toEqual([])
  })

  it('is given back when planning fails', async () => {
    await using world = await createWorld({ objects: ab, planning: "throw new Error('503')" })
    expect((await world.rig.run(['apply', 'world'])).code).toBe(1)
    expect([...(await keys(world, 'heartbeats/')), ...(await keys(world, 'lease-modes/'))]).toEqual([])
  })
})

function binOf(): string {
  return join(import.meta.dirname, '../../bin/trueup.js')
}

/** Path → digest, of every file of the store that holds something. */
async function contents(world: World): Promise<Map<string, string>> {
  const store = await storeOf(world)
  const found = new Map<string, string>()
  for (const key of await keysOf(store)) {
    const object = await store.get(key)
    if (object.kind === 'found')
      found.set(key, createHash('sha256').update(object.value).update(object.etag).digest('hex'))
  }
  await store.close()
  return found
}

describe('what is written', () => {
  it('by a dry run is its record alone, and nothing outside', async () => {
    await using world = await createWorld({ objects: ab })
    await world.rig.run(['plan', 'world'])
    expect((await keys(world)).map((key) => key.split('/')[0])).toEqual(['records'])
    expect(await readdir(join(world.rig.root, 'outside'))).toEqual(['deeds', 'objects'])
    expect(await world.rig.git('status', '--porcelain')).toBe('')
  })

  it('by an apply with nothing to do is its record alone, once it has completed its marks', async () => {
    await using world = await createWorld({ objects: ab })
    await world.drift(ab)
    expect((await world.rig.run(['apply', 'world'])).code).toBe(0)
    await world.rig.run(['apply', 'world'])
    const before = await contents(world)
    expect((await world.rig.run(['apply', 'world'])).stdout).toMatch(/No changes/)
    const after = await contents(world)
    const differing = [...new Set([...before.keys(), ...after.keys()])].filter(
      (key) => before.get(key) !== after.get(key),
    )
    // A lease that was given back stays as a document, with its token.
    expect(differing.map((key) => key.split('/')[0])).toEqual(['leases', 'records'])
  })

  it('by a first apply with nothing to do completes the mark without raising its counter', async () => {
    await using world = await createWorld({ objects: {} })
    expect((await world.rig.run(['apply', 'world'])).code).toBe(0)
    expect((await keys(world)).map((key) => key.split('/')[0]).sort()).toEqual([
      'evaluated',
      'leases',
      'marks', // its own,
      'marks', // and the index of the shards
      'records',
    ])
    const store = await storeOf(world)
    const [key] = await keysOf(store, 'marks/')
    if (key === undefined) throw new Error('no mark')
    const mark = await store.get(key)
    if (mark.kind !== 'found') throw new Error('no mark')
    expect(JSON.parse(new TextDecoder().decode(mark.value))).toMatchObject({
      payload: { status: 'completed', counter: 0 },
    })
    await store.close()
  })
})
