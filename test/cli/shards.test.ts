// trueup shards list and verify, and shard keys of any text, through the command line and the store.
import { describe, expect, it } from 'vitest'
import { createThings, FILES, integration, things } from '../support/things.js'

interface Listed {
  readonly shards: readonly {
    readonly shard: string
    readonly items: number | null
    readonly digest: string | null
    readonly lastApply: { readonly status: string; readonly run: string } | null
  }[]
}
const files = (text: string): { 'integrations/parts.mjs': string } => ({ 'integrations/parts.mjs': text })
const parts = (more: string): string => integration({ name: 'parts', more })

describe('trueup shards list', () => {
  it('tells items, digest and last apply of each', async () => {
    await using rig = await createThings()
    expect((await rig.run(['apply', 'parts', '--shard', 'a', '--yes'])).code).toBe(0)
    const result = await rig.run(['shards', 'list', 'parts', '-o', 'json'])
    expect(result.code, result.stderr).toBe(0)
    const { shards } = result.json() as Listed
    expect(shards.map(({ shard, items, lastApply }) => [shard, items, lastApply?.status])).toEqual([
      ['a', 2, 'completed'],
      ['b', 1, undefined],
    ])
    expect(shards[0]?.digest).toMatch(/^[0-9a-f]{64}$/)
    await rig.write({ 'data/parts/all.yaml': things({ b1: 1 }) })
    const text = (await rig.run(['shards', 'list', 'parts'])).stdout
    expect(text).toMatch(
      /^SHARD +ITEMS +DIGEST +LAST APPLY\na +0 +no longer desired +completed .*\nb +1 +[0-9a-f]{12} +never\n$/,
    )
  })

  it('says that a target has none', async () => {
    await using rig = await createThings()
    expect((await rig.run(['shards', 'list', 'things'])).stdout).toBe('things has no shards: it is run whole.\n')
    const verified = await rig.run(['shards', 'verify', 'things'])
    expect([verified.code, verified.stderr]).toEqual([64, 'trueup: things has no shards: there is nothing to verify\n'])
  })
})

describe('trueup shards verify', () => {
  it('proves a partition', async () => {
    await using rig = await createThings()
    expect((await rig.run(['shards', 'verify', 'parts'])).stdout).toBe(
      'The 2 shards of parts hold each of its 3 items exactly once.\n  items a shard  1 to 2\n',
    )
    const counted = await rig.run(['shards', 'verify', 'parts', '--counts', '2,3'])
    expect([counted.code, counted.stderr]).toEqual([64, expect.stringContaining('are not made by staticShards()')])
  })

  it.each([
    ['lost', 'shards: (all) => groupBy(all.slice(1), (thing) => thing.name[0]),', 'is in none of the 2 shards'],
    ['in two', "shards: (all) => new Map([['x', all], ['y', all.slice(0, 1)]]),", 'is in two shards, x and y'],
  ])('names an item that is %s, as every plan does', async (_, more, message) => {
    await using rig = await createThings({ files: files(parts(more)) })
    for (const command of [
      ['shards', 'verify', 'parts'],
      ['plan', 'parts'],
      ['apply', 'parts', '--yes'],
    ]) {
      const result = await rig.run(command)
      expect(result.code).toBe(1)
      expect(result.stderr).toContain('{"name":"a1","value":"hello 1"}')
      expect(result.stderr).toContain(message)
    }
    expect(await rig.readWorld()).toEqual({})
  })

  it('tells how many items move between two counts', async () => {
    const fixed = parts('shards: staticShards(8, (thing) => thing.name),').replace('groupBy, ', 'staticShards, ')
    const many = Object.fromEntries(Array.from({ length: 300 }, (_, index) => [`n${String(index)}`, index]))
    await using rig = await createThings({ files: { ...files(fixed), 'data/parts/all.yaml': things(many) } })
    const result = await rig.run(['shards', 'verify', 'parts', '-o', 'json'])
    const { moves, ...rest } = result.json() as { moves: { from: number; to: number; moved: number } }
    expect(rest).toMatchObject({ partition: true, items: 300, shards: 8 })
    expect(moves).toMatchObject({ from: 8, to: 9 })
    expect(Math.abs(moves.moved - 300 / 9)).toBeLessThan(20)
    expect((await rig.run(['shards', 'verify', 'parts', '--counts', '8,16'])).stdout).toMatch(
      / {2}from 8 to 16 {3}1\d\d of 300 items would move\n/,
    )
    const wrong = await rig.run(['shards', 'verify', 'parts', '--counts', '8'])
    expect([wrong.code, wrong.stderr]).toEqual([
      64,
      expect.stringContaining('--counts must be two numbers such as 16,20, not "8"'),
    ])
  })

  it('does not claim what cannot be told', async () => {
    const record = parts("shards: (all) => new Map([['x', all]]),").replace(
      'return files.flatMap',
      'return { all: files }; files.flatMap',
    )
    await using rig = await createThings({ files: files(record) })
    const result = await rig.run(['shards', 'verify', 'parts'])
    expect(result.code).toBe(1)
    expect(result.stderr).toContain('declare items() in parts')
    const told = await rig.run(['shards', 'list', 'parts'])
    expect(told.stdout).toMatch(/^x +\? /m)
  })
})

describe('a shard key', () => {
  const keys = ['ünïcode – 文字 😀', 'with/slash and "quotes"', '../up', 'x'.repeat(300), `é${'語'.repeat(299)}`]

  it('may be any text of up to 300 characters, on the command line and in the store', async () => {
    const shards = `shards: (all) => new Map(${JSON.stringify(keys)}.map((key, index) => [key, all.filter(({ name }) => name === 'n' + index)])),`
    const data = things(Object.fromEntries(keys.map((_, index) => [`n${String(index)}`, index])))
    const text = parts(shards).replace(
      'Object.keys(world).filter((name) => name.startsWith(ctx.shard))',
      'Object.keys(world)',
    )
    await using rig = await createThings({ files: { ...FILES, ...files(text), 'data/parts/all.yaml': data } })
    for (const [index, key] of keys.entries()) {
      const result = await rig.decide(['apply', 'parts', '--shard', key, '--yes'])
      expect(result.record.outcomes, result.stderr).toMatchObject([{ key: `n${String(index)}`, result: 'applied' }])
    }
    const { shards: listed } = (await rig.run(['shards', 'list', 'parts', '-o', 'json'])).json() as Listed
    expect(listed.map(({ shard, lastApply }) => [shard, lastApply?.status])).toEqual(
      [...keys].sort().map((key) => [key, 'completed']),
    )
    const owned = (await rig.run(['owned', 'list', 'parts', '-o', 'json'])).json() as {
      owned: { key: string; shard: string }[]
    }
    expect(owned.owned.map(({ shard }) => shard)).toEqual(keys)
    const by = await rig.decide(['plan', 'parts'], { env: { TRUEUP_SHARD: keys[0] } })
    expect(by.record.run).toMatchObject({ shards: [keys[0]] })
    const unknown = await rig.run(['plan', 'parts', '--shard', '文'])
    expect([unknown.code, unknown.stderr]).toEqual([64, expect.stringContaining('parts has no shard "文"; it has 5')])
  })
})
