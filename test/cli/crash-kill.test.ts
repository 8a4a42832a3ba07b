// An apply that is killed with SIGKILL before, in or after an effect: what is known afterwards, and how the next run makes it good.
import { describe, expect, it } from 'vitest'
import { createWorld, type Point, type World } from '../support/world.js'

interface Json {
  readonly runs: readonly {
    readonly run: { readonly id: string; readonly mode: string }
    readonly state: string
    readonly exitCode: number
    readonly outcomes: readonly { readonly key: string; readonly result: string }[]
    readonly plan: { readonly changes: readonly { readonly action: string; readonly key: string }[] } | null
    readonly limits: readonly { readonly rule: string; readonly blocked: boolean; readonly keys: readonly string[] }[]
  }[]
}

async function planned(world: World): Promise<string[]> {
  const { runs } = (await world.rig.run(['plan', 'world', '-o', 'json'])).json() as Json
  return runs[0]?.plan?.changes.map(({ action, key }) => `${action} ${key}`) ?? ['no plan']
}

/** One change at a time: `a` is done, `b` is where it dies, `c` is never reached. */
async function killed(world: World, point: Point, action: string): Promise<string> {
  await world.arrange('kill', point, action, 'b')
  const { signal } = await world.rig.run(['apply', 'world', '--concurrency', '1'])
  expect(signal).toBe('SIGKILL')
  await world.relent()
  const { runs } = (await world.rig.run(['runs', 'list', '--mode', 'apply', '-o', 'json'])).json() as Json
  return runs[0]?.run.id ?? ''
}

async function shown(world: World, id: string): Promise<Json['runs'][number] | undefined> {
  return ((await world.rig.run(['runs', 'show', id, '-o', 'json'])).json() as Json).runs[0]
}

const outcomes = [
  { key: 'a', result: 'applied' },
  { key: 'b', result: 'unknown' },
]
const abc = { a: '1', b: '2', c: '3' }

describe.each(['before', 'after'] as const)('killed %s the effect', (point) => {
  it('of a create', async () => {
    await using world = await createWorld({ objects: abc })
    const id = await killed(world, point, 'create')

    expect(await shown(world, id)).toMatchObject({ state: 'running', outcomes, exitCode: 5 })
    expect((await world.rig.run(['runs', 'show', id])).stdout).toMatch(/unknown +create +b/)
    expect(await planned(world)).toEqual(point === 'before' ? ['create b', 'create c'] : ['create c'])

    const { code, stderr } = await world.rig.run(['apply', 'world'])
    expect({ code, stderr }).toMatchObject({
      code: 0,
      stderr: expect.stringMatching(new RegExp(`${id} ended in the middle of 1 change.*create b`)) as string,
    })
    expect(await world.objects()).toEqual(abc)
    // What had happened is not done again.
    const creations = (await world.calls()).filter((call) => call === 'create b')
    expect(creations).toHaveLength(point === 'before' ? 2 : 1)
    expect(await shown(world, id)).toMatchObject({ state: 'finished', outcomes, exitCode: 5 })
    expect(await planned(world)).toEqual([])
    expect((await world.rig.run(['apply', 'world'])).stderr).not.toMatch(/ended in the middle/)
  })

  it('of an update', async () => {
    await using world = await createWorld({ objects: abc })
    await world.rig.run(['apply', 'world'])
    await world.desire({ a: '1+', b: '2+', c: '3+' })
    await killed(world, point, 'update')
    expect(await planned(world)).toEqual(point === 'before' ? ['update b', 'update c'] : ['update c'])
    expect((await world.rig.run(['apply', 'world'])).code).toBe(0)
    expect(await world.objects()).toEqual({ a: '1+', b: '2+', c: '3+' })
  })

  it('of a delete', async () => {
    await using world = await createWorld({ objects: { ...abc, keep: 'k' } })
    await world.rig.run(['apply', 'world'])
    await world.desire({ keep: 'k' })
    await killed(world, point, 'delete')
    expect(await planned(world)).toEqual(point === 'before' ? ['delete b', 'delete c'] : ['delete c'])
    expect((await world.rig.run(['apply', 'world'])).code).toBe(0)
    expect(await world.objects()).toEqual({ keep: 'k' })
    // Forgotten: made by somebody else, it is not ours.
    await world.drift({ b: '2' })
    expect(await planned(world)).toEqual([])
  })
})

describe('killed in the effect', () => {
  it('a half-made object is not counted as owned, so it is neither changed nor deleted', async () => {
    await using world = await createWorld({
      objects: abc,
      handling:
        "if (key === 'b' && !existsSync(at('objects/b'))) { writeFileSync(at('objects/b'), 'half'); process.kill(process.pid, 'SIGKILL') }",
    })
    expect((await world.rig.run(['apply', 'world', '--concurrency', '1'])).signal).toBe('SIGKILL')
    const { code, stdout, stderr } = await world.rig.run(['apply', 'world', '-o', 'json'])
    expect(code).toBe(3)
    const [run] = (JSON.parse(stdout) as Json).runs
    expect(run?.limits).toMatchObject([{ rule: 'not-owned', blocked: true, keys: ['b'] }])
    expect(stderr).toMatch(/ended in the middle of 1 change/)
    await world.desire({ a: '1', c: '3' })
    // No delete of b either.
    expect(await planned(world)).toEqual(['create c'])

    // A person sets it right; then the intent counts, and it is ours.
    await world.desire(abc)
    await world.drift({ b: '2' })
    expect((await world.rig.run(['apply', 'world'])).code).toBe(0)
    expect(await world.objects()).toEqual(abc)
    await world.desire({ a: '1', c: '3' })
    expect(await planned(world)).toEqual(['delete b'])
  })

  it('an intent counts once the object looks as it was meant to: then it is owned and can be deleted', async () => {
    await using world = await createWorld({ objects: { ...abc, d: '4', e: '5' } })
    await killed(world, 'after', 'create')
    await world.desire({ a: '1', c: '3', d: '4', e: '5' })
    expect(await planned(world)).toEqual(['delete b', 'create c', 'create d', 'create e'])
    expect((await world.rig.run(['apply', 'world', '--max-deletes', '1'])).code).toBe(0)
    expect(await world.objects()).toEqual({ a: '1', c: '3', d: '4', e: '5' })
  })

  it('leaves a dry run free to look, again and again, without settling anything', async () => {
    await using world = await createWorld({ objects: abc })
    const id = await killed(world, 'after', 'create')
    for (let round = 0; round < 3; round++) expect(await planned(world)).toEqual(['create c'])
    expect(await shown(world, id)).toMatchObject({ state: 'running', outcomes })
  })

  it('twice in a row, and the third apply brings it home', async () => {
    await using world = await createWorld({ objects: abc })
    const first = await killed(world, 'after', 'create')
    await world.arrange('kill', 'after', 'create', 'c')
    expect((await world.rig.run(['apply', 'world'])).signal).toBe('SIGKILL')
    await world.relent()
    expect((await world.rig.run(['apply', 'world'])).code).toBe(0)
    expect(await world.objects()).toEqual(abc)
    expect(await world.calls()).toEqual(['create a', 'create b', 'create c'])
    expect(await shown(world, first)).toMatchObject({ state: 'finished', outcomes })
  })
})

describe('killed twice at one object, with another value each time', () => {
  const at = (text: string): Record<string, string> => ({ ...abc, b: text })

  it.each(['before', 'after'] as const)(
    'what the first one made is ours when the second dies %s its update',
    async (point) => {
      await using world = await createWorld({ objects: at('first') })
      await killed(world, 'after', 'create')
      await world.desire(at('second'))
      await killed(world, point, 'update')
      expect(await world.objects()).toMatchObject({ b: point === 'before' ? 'first' : 'second' })
      await world.desire(at('third'))
      expect(await planned(world)).toEqual(['update b'])
      expect((await world.rig.run(['apply', 'world'])).code).toBe(0)
      expect(await world.objects()).toEqual(at('third'))
    },
  )

  it('what was half changed is ours still, for the change was planned on what we had made', async () => {
    await using world = await createWorld({ objects: at('first') })
    await killed(world, 'after', 'create')
    await world.desire(at('second'))
    await killed(world, 'before', 'update')
    await world.drift({ b: 'sec' })
    expect(await planned(world)).toEqual(['update b'])
    await world.desire({ a: '1', c: '3' })
    expect(await planned(world)).toEqual(['delete b'])
  })

  it.each(['first', 'second'])(
    'whichever of two creates turns out to have happened, it is ours: the %s',
    async (text) => {
      await using world = await createWorld({ objects: at('first') })
      for (const desired of ['first', 'second']) {
        await world.desire(at(desired))
        await killed(world, 'before', 'create')
      }
      // As a far end does that was slow to carry out what it was sent.
      await world.drift({ b: text })
      await world.desire({ a: '1', c: '3' })
      expect(await planned(world)).toEqual(['delete b', 'create c'])
      // What neither of them was to make is not.
      await world.drift({ b: 'strange' })
      expect(await planned(world)).toEqual(['create c'])
    },
  )
})

it('a denied delete is planned again by every run until it succeeds', async () => {
  await using world = await createWorld({ objects: { a: '1', keep: 'k' } })
  await world.rig.run(['apply', 'world'])
  await world.desire({ keep: 'k' })
  await world.arrange('fail', 'before', 'delete', 'a')
  for (let round = 0; round < 2; round++) {
    expect(await planned(world)).toEqual(['delete a'])
    expect((await world.rig.run(['apply', 'world'])).code).toBe(1)
  }
  await world.relent()
  expect((await world.rig.run(['apply', 'world'])).code).toBe(0)
  expect(await world.objects()).toEqual({ keep: 'k' })
})
