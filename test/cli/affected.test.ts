// trueup affected in real repositories: what it names, what it does not even load, and the forms it prints.
import { describe, expect, it } from 'vitest'
import type { RunResult } from '../support/rig.js'
import { createThings, FILES, integration, things, type Things } from '../support/things.js'

interface Answer {
  readonly base: string | null
  readonly head: string
  readonly any: boolean
  readonly removed: readonly string[]
  readonly targets: readonly {
    readonly target: string
    readonly affected: boolean
    readonly reason: string
    readonly explanation: string
    readonly shards: readonly { readonly shard: string; readonly change: string }[] | null
  }[]
}

async function ask(rig: Things, ...args: readonly string[]): Promise<Answer> {
  const result = await rig.run(['affected', '--base', 'HEAD~1', ...args, '-o', 'json'])
  expect(result.code, result.stderr).toBe(0)
  return result.json() as Answer
}
/** `things: desired-changed a+ b`. */
const told = ({ targets }: Answer): string[] =>
  targets
    .filter(({ affected }) => affected)
    .map(({ target, reason, shards }) => {
      const signs = { added: '+', removed: '-', changed: '' } as Record<string, string>
      const all = shards?.map(({ shard, change }) => `${shard}${signs[change] ?? '?'}`) ?? []
      return [`${target}: ${reason}`, ...all].join(' ')
    })
const matrix = (result: RunResult): unknown => JSON.parse(result.stdout)

describe('trueup affected', () => {
  it('loads and evaluates nothing for what git answers, once the declarations are known', async () => {
    await using rig = await createThings()
    await rig.write({ 'README.md': 'Another text.\n' })
    await rig.commit()
    const cold = rig.noting('cold')
    expect((await rig.run(['affected', '--base', 'HEAD~1'], { env: cold })).stdout).toBe(
      'Nothing is affected: 2 targets not affected.\n',
    )
    expect([await rig.notes('cold.loaded'), await rig.notes('cold.evaluated')]).toEqual([['parts', 'things'], []])
    const warm = rig.noting('warm')
    const answer = (await rig.run(['affected', '--base', 'HEAD~1', '-o', 'json'], { env: warm })).json() as Answer
    expect(answer).toMatchObject({ any: false, removed: [] })
    expect(answer.targets.map(({ target, reason }) => [target, reason])).toEqual([
      ['parts', 'inputs-unchanged'],
      ['things', 'inputs-unchanged'],
    ])
    expect([await rig.notes('warm.loaded'), await rig.notes('warm.evaluated')]).toEqual([[], []])
  })

  it('names the shards that differ, in the working tree or as committed', async () => {
    await using rig = await createThings()
    await rig.write({ 'data/parts/all.yaml': things({ a1: 1, a2: 3, b1: 1, c1: 1 }) })
    await rig.commit()
    expect(told(await ask(rig))).toEqual(['parts: desired-changed a c+'])
    await rig.write({ 'data/parts/all.yaml': things({ a1: 1, a2: 2 }), 'data/things/new.yaml': things({ z: 1 }) })
    expect(told(await ask(rig))).toEqual(['parts: desired-changed b-', 'things: desired-changed'])
    expect(told(await ask(rig, '--committed'))).toEqual(['parts: desired-changed a c+'])
    // Evaluated, and the same after all.
    await rig.write({
      'data/parts/all.yaml': things({ a1: 1, a2: 2, b1: 1 }, 'a remark'),
      'data/things/new.yaml': null,
    })
    expect(await ask(rig)).toMatchObject({ any: false })
  })

  it('tells a configuration, code and an integration that changed, came, or went', async () => {
    await using rig = await createThings({ files: { 'integrations/old.mjs': integration({ name: 'old' }) } })
    await rig.write({
      'trueup.yaml': 'version: 1\ntargets:\n  things: { params: { greeting: hi } }\n  more: { integration: things }\n',
      'integrations/old.mjs': null,
      'integrations/parts.mjs': `${FILES['integrations/parts.mjs']}\n// Changed.\n`,
    })
    await rig.commit()
    const answer = await ask(rig)
    expect(told(answer)).toEqual(['more: config-changed', 'parts: code-changed', 'things: config-changed'])
    expect(answer.removed).toEqual(['old'])
    await rig.commit()
    await rig.write({ 'lib/world.mjs': `${FILES['lib/world.mjs']}\n// Changed.\n` })
    await rig.commit()
    expect(told(await ask(rig))).toEqual(['more: code-changed', 'parts: code-changed', 'things: code-changed'])
    await rig.write({ 'trueup.yaml': 'version: 1\ntargets:\n  more: { integration: things }\n' })
    const text = await rig.run(['affected', '--base', 'HEAD'])
    expect(text.stdout).toMatch(/^things +- +removed$/m)
    expect(text.stdout).toContain('trueup destroy things')
  })

  it('counts everything as affected that it cannot compare, and fails only when asked to', async () => {
    await using rig = await createThings()
    const missing = await rig.run(['affected', '--base', 'f'.repeat(40), '-o', 'json'])
    expect(missing.code).toBe(0)
    expect(missing.stderr).toContain('warning: cannot compare with ffff')
    expect(missing.stderr).toContain('Every target counts as affected')
    expect(told(missing.json() as Answer)).toEqual(['parts: base-missing', 'things: base-missing'])
    const required = await rig.run(['affected', '--base', 'f'.repeat(40), '--require-compare'])
    expect([required.code, required.stdout]).toEqual([4, ''])

    await rig.write({ 'data/parts/all.yaml': 'things: 7\n' })
    await rig.commit()
    const [broken] = (await ask(rig)).targets
    expect(broken).toMatchObject({ target: 'parts', affected: true, reason: 'head-failed' })
    expect(broken?.explanation).toContain('parts: desiredState() failed')
    await rig.write({ 'data/parts/all.yaml': FILES['data/parts/all.yaml'] })
    await rig.commit()
    expect(told(await ask(rig))).toEqual(['parts: base-failed'])
  })

  it('leaves out a file that is no integration, unless trueup.yaml names it', async () => {
    await using rig = await createThings({ files: { 'integrations/helper.mjs': 'export const helper = 1\n' } })
    await rig.commit()
    const result = await rig.run(['affected', '--base', 'HEAD~1', '-o', 'json'])
    expect(result.stderr).toContain('left out: ')
    expect(result.stderr).toContain('helper')
    expect((result.json() as Answer).targets.map(({ target }) => target)).toEqual(['parts', 'things'])
    await rig.write({ 'trueup.yaml': 'version: 1\ntargets:\n  helper: {}\n' })
    expect(told(await ask(rig))).toContain('helper: head-failed')
  })

  it.each([
    [[], 'it needs the one to compare with: trueup affected --base origin/main'],
    [['--base', 'last-applied'], 'it needs the one to compare with'],
  ])('wants a base: %j', async (args, message) => {
    await using rig = await createThings()
    const result = await rig.run(['affected', ...args])
    expect(result.code).toBe(64)
    expect(result.stderr).toContain(message)
  })
})

describe('the matrix', () => {
  it('is one line, an entry a shard, the whole target where a shard went', async () => {
    await using rig = await createThings()
    await rig.write({
      'data/parts/all.yaml': things({ a1: 2, b1: 2, 'c-ü "x"': 1 }),
      'data/things/all.yaml': things({ a: 2 }),
    })
    await rig.commit()
    const result = await rig.run(['affected', '--base', 'HEAD~1', '-o', 'github-matrix'])
    expect([result.code, result.stdout.split('\n').length]).toEqual([0, 2])
    expect(matrix(result)).toEqual({
      any: true,
      include: [
        { target: 'parts', shard: 'a' },
        { target: 'parts', shard: 'b' },
        { target: 'parts', shard: 'c' },
        { target: 'things' },
      ],
      grouped: [],
      truncated: false,
    })
    await rig.write({ 'data/parts/all.yaml': things({ a1: 3 }) })
    expect(matrix(await rig.run(['affected', '--base', 'HEAD', '-o', 'github-matrix']))).toMatchObject({
      include: [{ target: 'parts' }],
    })
    await rig.git('checkout', '--', '.')
    expect(matrix(await rig.run(['affected', '--base', 'HEAD', '-o', 'github-matrix']))).toEqual({
      any: false,
      include: [],
      grouped: [],
      truncated: false,
    })
  })

  it('is of this command alone', async () => {
    await using rig = await createThings()
    const result = await rig.run(['list', '-o', 'github-matrix'])
    expect(result.code).toBe(64)
    expect(result.stderr).toContain('only `trueup affected` has that form')
  })
})
