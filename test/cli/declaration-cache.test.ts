// A skip loads no integration where its declaration is known from an earlier run; and that knowledge is dropped as soon as
// anything it was made from has changed. Seen by a line that the integration's module writes when it is loaded.
import { mkdir, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { createThings, FILES, integration, things, type Decided, type Things } from '../support/things.js'

interface Observed extends Decided {
  readonly loaded: readonly string[]
  readonly evaluated: readonly string[]
  readonly planned: readonly string[]
}

let count = 0
async function observed(
  rig: Things,
  args: readonly string[],
  env: Readonly<Record<string, string>> = {},
): Promise<Observed> {
  const name = `run${String(++count)}`
  const result = await rig.decide(args, { env: { ...rig.noting(name), ...env } })
  const [loaded, evaluated, planned] = await Promise.all(
    ['loaded', 'evaluated', 'planned'].map((what) => rig.notes(`${name}.${what}`)),
  )
  return { ...result, loaded: loaded ?? [], evaluated: evaluated ?? [], planned: planned ?? [] }
}

const skip = ['plan', 'things', '--base', 'HEAD']

describe('desired state', () => {
  it('is evaluated once a side, by one function, and not at all where git answers', async () => {
    await using rig = await createThings()
    const plain = await observed(rig, ['plan', 'things'])
    expect([plain.loaded.length, plain.evaluated.length, plain.planned.length]).toEqual([1, 1, 1])
    const unchanged = await observed(rig, skip)
    expect([unchanged.evaluated.length, unchanged.planned.length]).toEqual([0, 0])
    await rig.write({ 'data/things/all.yaml': things({ a: 1, b: 2 }, 'comment') })
    const comment = await observed(rig, skip)
    expect(comment.decision.reason).toBe('desired-unchanged')
    expect([comment.loaded.length, comment.evaluated.length, comment.planned.length]).toEqual([1, 2, 0])
    await rig.write({ 'data/things/all.yaml': things({ a: 1, b: 3 }) })
    const changed = await observed(rig, skip)
    expect([changed.loaded.length, changed.evaluated.length, changed.planned.length]).toEqual([1, 2, 1])
    const applied = await observed(rig, ['apply', 'things', '--base', 'HEAD'])
    expect([applied.loaded.length, applied.evaluated.length, applied.planned.length]).toEqual([1, 2, 1])
    const last = await observed(rig, ['apply', 'things', '--base', 'last-applied'])
    expect([last.decision.reason, last.evaluated.length]).toEqual(['inputs-unchanged', 0])
  })

  it('of the base is evaluated with the head’s code and the base’s parameters', async () => {
    await using rig = await createThings()
    const base = await rig.git('rev-parse', 'HEAD')
    await rig.write({
      'data/things/all.yaml': things({ a: 1, b: 2 }, 'comment'),
      'trueup.yaml': `${FILES['trueup.yaml']}# comment\n`,
    })
    const { decision } = await rig.decide(['plan', 'things', '--base', base])
    expect(decision).toMatchObject({ action: 'skip', reason: 'desired-unchanged' })
  })
})

describe('a kept declaration', () => {
  it('answers a skip without loading the integration, in the working tree and with --committed', async () => {
    await using rig = await createThings()
    expect((await observed(rig, skip)).loaded).toEqual(['things'])
    for (const args of [skip, [...skip, '--committed'], ['apply', 'things', '--base', 'HEAD']]) {
      const { loaded, decision } = await observed(rig, args)
      if (args[0] === 'plan') {
        expect(decision).toMatchObject({ action: 'skip', reason: 'inputs-unchanged' })
        expect(loaded).toEqual([])
      } else expect(decision.reason).toBe('base-not-applied')
    }
    const again = await observed(rig, ['apply', 'things', '--base', 'HEAD', '--committed'])
    expect([again.decision.reason, again.evaluated.length]).toEqual(['inputs-unchanged', 0])
  })

  it('is dropped when the code changed: its file, a helper, a file that now comes first', async () => {
    await using rig = await createThings()
    await observed(rig, skip)
    const changes = [
      { 'integrations/things.mjs': `${FILES['integrations/things.mjs']}// one\n` },
      { 'lib/world.mjs': `${FILES['lib/world.mjs']}// two\n` },
      { 'package.json': { name: 'infra' } },
    ]
    for (const change of changes) {
      await rig.write(change)
      const { loaded, decision } = await observed(rig, skip)
      expect(loaded).toEqual(['things'])
      expect(decision, JSON.stringify(Object.keys(change))).toMatchObject({
        action: 'run',
        reason: 'code-changed',
        dirty: true,
      })
      // Known again, and still not the code of the base.
      expect((await observed(rig, skip)).decision).toMatchObject({ action: 'run', reason: 'code-changed' })
    }
    await rig.git('checkout', '--', '.')
    await rm(join(rig.repo, 'package.json'))
    expect((await observed(rig, skip)).decision).toMatchObject({ action: 'skip', reason: 'inputs-unchanged' })
  })

  it('is dropped when trueup.yaml, a parameter flag or the store changed', async () => {
    await using rig = await createThings()
    await observed(rig, skip)
    expect((await observed(rig, [...skip, '--param', 'greeting=ahoy'])).loaded).toEqual(['things'])
    expect(
      (await observed(rig, ['plan', 'things', '--param', 'greeting=ahoy'])).record.plan?.changes[0]?.fields[0]?.after,
    ).toMatchObject({ value: 'ahoy 1' })
    expect((await observed(rig, [...skip, '--store', 'file:.trueup/other'])).loaded).toEqual(['things'])
    await rig.write({ 'trueup.yaml': `${FILES['trueup.yaml']}# comment\n` })
    const comment = await observed(rig, skip)
    expect([comment.loaded, comment.decision.reason]).toEqual([['things'], 'inputs-unchanged'])
    const known = await observed(rig, skip)
    expect([known.loaded, known.decision.reason]).toEqual([[], 'inputs-unchanged'])
    await rig.write({ 'trueup.yaml': 'version: 1\ntargets: { things: { params: { greeting: bye } } }\n' })
    expect((await observed(rig, skip)).decision.reason).toBe('config-changed')
  })

  it('is dropped when the lockfile or an installed package changed', async () => {
    const lock = (version: string): object => ({
      lockfileVersion: 3,
      packages: {
        '': { dependencies: { shout: '*' } },
        'node_modules/shout': { version, integrity: `sha512-${version}` },
      },
    })
    const install = async (rig: Things, version: string): Promise<void> => {
      await mkdir(join(rig.repo, 'node_modules/shout'), { recursive: true })
      await writeFile(
        join(rig.repo, 'node_modules/shout/package.json'),
        JSON.stringify({ name: 'shout', version, main: 'index.js' }),
      )
      await writeFile(join(rig.repo, 'node_modules/shout/index.js'), 'exports.shout = (text) => text')
    }
    const text = integration({ name: 'things', head: "import { shout } from 'shout'\nshout('x')" })
    await using rig = await createThings({
      files: { 'integrations/things.mjs': text, 'package.json': {}, 'package-lock.json': lock('1.0.0') },
    })
    await install(rig, '1.0.0')
    expect((await observed(rig, skip)).decision.reason).toBe('inputs-unchanged')
    expect((await observed(rig, skip)).loaded).toEqual([])
    await install(rig, '1.0.1')
    const other = await observed(rig, skip)
    expect([other.loaded, other.decision.reason]).toEqual([['things'], 'code-unknown'])
    await rig.write({ 'package-lock.json': lock('1.0.1') })
    const locked = await observed(rig, skip)
    expect([locked.loaded, locked.decision.reason]).toEqual([['things'], 'code-changed'])
    await rig.commit()
    expect((await observed(rig, skip)).decision.reason).toBe('inputs-unchanged')
  })

  it('is dropped when its name now means another file', async () => {
    const yaml =
      'version: 1\nintegrations: [integrations]\ntargets: { hello: { integration: managed-files, params: { root: /nowhere/x } } }\n'
    const data = { 'data/managed-files/a.yaml': 'files: []\n', 'data/own/a.yaml': things({ a: 1 }) }
    await using rig = await createThings({ files: { 'trueup.yaml': yaml, ...data } })
    const base = ['plan', 'hello', '--base', 'HEAD']
    expect((await observed(rig, base)).decision).toMatchObject({ action: 'skip', reason: 'inputs-unchanged' })
    expect((await observed(rig, base)).decision).toMatchObject({ action: 'skip', reason: 'inputs-unchanged' })
    // An integration of one's own comes before the built-in one of its name.
    const own = integration({ name: 'managed-files' }).replaceAll('data/managed-files', 'data/own')
    const withRoot = own
      .replaceAll("'../lib", "'../../lib")
      .replaceAll('properties: {', "properties: { root: { type: 'string' },")
    await rig.write({ 'integrations/managed-files/index.mjs': withRoot })
    const { decision, loaded } = await observed(rig, base)
    expect(loaded).toEqual(['managed-files'])
    expect(decision).toMatchObject({ action: 'run', reason: 'code-changed' })
  })

  it('of a path is that of the folder in which the path was given', async () => {
    const own = (greeting: string): string =>
      integration({ name: 'own' }).replace("ctx.params.greeting + ' '", `'${greeting} '`)
    await using rig = await createThings({
      files: {
        'trueup.yaml': null,
        'one/own.mjs': own('one'),
        'two/own.mjs': own('two'),
        'data/own/a.yaml': things({ a: 1 }),
      },
    })
    for (const round of ['cold', 'warm']) {
      for (const folder of ['one', 'two']) {
        const { record } = await rig.decide(['plan', './own.mjs'], { cwd: folder })
        expect(record.plan?.changes[0]?.fields[0]?.after, round).toMatchObject({ value: `${folder} 1` })
      }
    }
    await rig.write({ 'two/own.mjs': `${own('two')}// changed\n` })
    expect((await rig.decide(['plan', './own.mjs', '--base', 'HEAD'], { cwd: 'one' })).decision.reason).toBe(
      'inputs-unchanged',
    )
    expect((await rig.decide(['plan', './own.mjs', '--base', 'HEAD'], { cwd: 'two' })).decision.reason).toBe(
      'code-changed',
    )
  })

  it('never lies in the repository, and a broken one is not used', async () => {
    await using rig = await createThings()
    await observed(rig, skip)
    expect(await rig.git('status', '--porcelain')).toBe('')
    await rm(join(rig.home, '.cache'), { recursive: true, force: true })
    await writeFile(join(rig.home, '.cache'), 'no folder')
    const { decision, code, loaded } = await observed(rig, skip)
    expect([decision.reason, code, loaded]).toEqual(['inputs-unchanged', 0, ['things']])
    const homeless = await observed(rig, skip, { XDG_CACHE_HOME: 'relative', HOME: '/nowhere/at/all' })
    expect([homeless.decision.reason, homeless.code]).toEqual(['inputs-unchanged', 0])
  })
})
