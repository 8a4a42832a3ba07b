// Every reason of a dry run's decision, on the built CLI: what changed between two commits and what the decision line says of it.
import { chmod, mkdir, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { createThings, integration, sameness, things, type Decided, type Things } from '../support/things.js'
import type { Files } from '../support/rig.js'

/** A second commit on top of the first; gives the decision of a plan that compares with the first. */
async function planAfter(rig: Things, change: Files, args: readonly string[] = ['things']): Promise<Decided> {
  const base = await rig.git('rev-parse', 'HEAD')
  await rig.write(change)
  await rig.commit()
  return rig.decide(['plan', ...args, '--base', base])
}

async function first(rig: Things): Promise<string> {
  return rig.git('rev-parse', 'HEAD')
}

describe('without a comparison', () => {
  it('runs: no-comparison-asked, forced', async () => {
    await using rig = await createThings()
    const plain = await rig.decide(['plan', 'things'])
    expect(plain.decision).toMatchObject({ action: 'run', reason: 'no-comparison-asked', base: null, head: 'worktree' })
    expect(plain.decision.headCommit).toBe(await first(rig))
    const forced = await rig.decide(['plan', 'things', '--base', 'HEAD', '--force'])
    expect(forced.decision).toMatchObject({ action: 'run', reason: 'forced' })
    expect(forced.decision.digest).toBe(plain.decision.digest)
  })

  it('runs in a repository without a commit', async () => {
    await using rig = await createThings()
    await rig.git('update-ref', '-d', 'HEAD')
    const { decision, code } = await rig.decide(['plan', 'things'])
    expect(code).toBe(0)
    expect(decision).toMatchObject({ action: 'run', headCommit: null, dirty: true })
  })
})

describe('config-changed', () => {
  const yaml = (target: string): Files => ({ 'trueup.yaml': `version: 1\ntargets:\n  things: ${target}\n` })

  it('when only a parameter of the target changed, naming it', async () => {
    await using rig = await createThings({ files: yaml('{ params: { greeting: hello } }') })
    const { decision } = await planAfter(rig, yaml('{ params: { greeting: bye } }'))
    expect(decision).toMatchObject({
      action: 'run',
      reason: 'config-changed',
      base: await rig.git('rev-parse', 'HEAD~1'),
    })
    expect(decision.explanation).toContain('params.greeting')
    expect(decision.components['config']).toMatchObject({ same: false, detail: 'params.greeting: "hello" → "bye"' })
  })

  it('when only its limits changed', async () => {
    await using rig = await createThings({ files: yaml('{ limits: { maxDeletes: 1 } }') })
    const { decision } = await planAfter(rig, yaml('{ limits: { maxDeletes: 2 } }'))
    expect(decision).toMatchObject({ action: 'run', reason: 'config-changed' })
    expect(decision.explanation).toContain('limits.maxDeletes')
  })

  it('when the target is new', async () => {
    await using rig = await createThings({ files: yaml('{}') })
    const change = { 'trueup.yaml': 'version: 1\ntargets:\n  things: {}\n  more: { integration: things }\n' }
    const { decision } = await planAfter(rig, change, ['more'])
    expect(decision).toMatchObject({ action: 'run', reason: 'config-changed' })
    expect(decision.explanation).toContain('the target is new')
  })

  it('but not when a parameter is written out that is the default, nor by another target, a schedule or a comment', async () => {
    await using rig = await createThings({ files: yaml('{}') })
    const text =
      'version: 1\ntargets:\n  # of mine\n  things: { params: { greeting: hello }, schedule: "* * * * *" }\n  parts: {}\n'
    const { decision } = await planAfter(rig, { 'trueup.yaml': text })
    expect(decision).toMatchObject({ action: 'skip', reason: 'inputs-unchanged' })
  })

  it('does not compare a configuration that no revision has', async () => {
    await using rig = await createThings({ files: { 'trueup.yaml': null } })
    const file = join(rig.root, 'outside.yaml')
    await writeFile(file, 'version: 1\nstore: file:store\nintegrations: [repo/integrations]\ntargets: { things: {} }\n')
    const { decision } = await rig.decide(['plan', 'things', '--config', file, '--base', 'HEAD'])
    expect(decision).toMatchObject({ action: 'skip', reason: 'inputs-unchanged' })
  })
})

const lock = (packages: Readonly<Record<string, string>>): object => ({
  name: 'infra',
  lockfileVersion: 3,
  packages: {
    '': { dependencies: Object.fromEntries(Object.keys(packages).map((name) => [name, '*'])) },
    ...Object.fromEntries(
      Object.entries(packages).map(([name, version]) => [
        `node_modules/${name}`,
        { version, integrity: `sha512-${name}${version}` },
      ]),
    ),
  },
})

async function install(rig: Things, packages: Readonly<Record<string, string>>): Promise<void> {
  for (const [name, version] of Object.entries(packages)) {
    await mkdir(join(rig.repo, 'node_modules', name), { recursive: true })
    await writeFile(
      join(rig.repo, 'node_modules', name, 'package.json'),
      JSON.stringify({ name, version, main: 'index.js' }),
    )
    await writeFile(join(rig.repo, 'node_modules', name, 'index.js'), 'exports.shout = (text) => text')
  }
}

const withPackage = integration({ name: 'things', head: "import { shout } from 'shout'\nshout('x')" })

describe('code-changed', () => {
  it('when only a helper file that the integration imports changed', async () => {
    await using rig = await createThings()
    const world = await rig.read('lib/world.mjs')
    const { decision } = await planAfter(rig, { 'lib/world.mjs': `${world}// more\n` })
    expect(decision).toMatchObject({ action: 'run', reason: 'code-changed' })
    expect(decision.components['code']).toMatchObject({ same: false, detail: 'lib/world.mjs' })
    expect(sameness(decision)).toEqual({ config: true, code: false })
  })

  it('when only the locked version of a package that it imports changed', async () => {
    const before = { shout: '1.0.0', other: '1.0.0' }
    const after = { shout: '1.0.1', other: '1.0.0' }
    await using rig = await createThings({
      files: { 'integrations/things.mjs': withPackage, 'package.json': {}, 'package-lock.json': lock(before) },
    })
    await install(rig, after)
    const { decision } = await planAfter(rig, { 'package-lock.json': lock(after) })
    expect(decision).toMatchObject({ action: 'run', reason: 'code-changed' })
    expect(decision.components['code']).toMatchObject({ detail: 'package node_modules/shout' })
  })

  it('but not by a locked version of a package that it does not import', async () => {
    const before = { shout: '1.0.0', other: '1.0.0' }
    const after = { shout: '1.0.0', other: '1.0.1' }
    await using rig = await createThings({
      files: { 'integrations/things.mjs': withPackage, 'package.json': {}, 'package-lock.json': lock(before) },
    })
    await install(rig, after)
    const { decision } = await planAfter(rig, { 'package-lock.json': lock(after) })
    expect(decision).toMatchObject({ action: 'skip', reason: 'inputs-unchanged' })
    expect(decision.components['code']).toMatchObject({ same: true })
  })

  it('but not by a README or an integration beside it', async () => {
    await using rig = await createThings()
    const change = { 'README.md': 'Other.\n', 'integrations/parts.mjs': integration({ name: 'parts' }) }
    expect((await planAfter(rig, change)).decision).toMatchObject({ action: 'skip', reason: 'inputs-unchanged' })
  })

  it('when only the locked version of trueup changed', async () => {
    await using rig = await createThings({
      files: { 'package.json': {}, 'package-lock.json': lock({ trueup: '0.0.9' }) },
    })
    const running = (await rig.run(['--version'])).stdout.trim()
    const { decision } = await planAfter(rig, { 'package-lock.json': lock({ trueup: running }) })
    expect(decision).toMatchObject({ action: 'run', reason: 'code-changed' })
    expect(decision.components['code']).toMatchObject({ detail: 'package trueup' })
    // A built-in integration is trueup itself.
    const hello = {
      'trueup.yaml': 'version: 1\ntargets: { hello: { integration: managed-files, params: { root: /nowhere/x } } }\n',
    }
    await rig.write({ ...hello, 'package-lock.json': lock({ trueup: '0.0.9' }) })
    const base = await rig.commit()
    await rig.write({ 'package-lock.json': lock({ trueup: running }) })
    await rig.commit()
    expect((await rig.decide(['plan', 'hello', '--base', base])).decision).toMatchObject({
      action: 'run',
      reason: 'code-changed',
    })
  })

  it('when the integration is new', async () => {
    await using rig = await createThings()
    const change = { 'integrations/fresh.mjs': integration({ name: 'fresh' }), 'data/fresh/a.yaml': things({ z: 1 }) }
    const { decision } = await planAfter(rig, change, ['fresh'])
    expect(decision).toMatchObject({ action: 'run', reason: 'code-changed' })
    expect(decision.explanation).toMatch(/new|is not in/)
  })
})

describe('code-unknown', () => {
  it('with a computed import, which is named', async () => {
    const head = "const name = './lib' + '/x.mjs'\nif (process.env.NEVER) await import(name)"
    await using rig = await createThings({
      files: { 'integrations/things.mjs': integration({ name: 'things', head }) },
    })
    const { decision } = await rig.decide(['plan', 'things', '--base', 'HEAD'])
    expect(decision).toMatchObject({ action: 'run', reason: 'code-unknown' })
    expect(decision.explanation).toMatch(/integrations\/things\.mjs:\d+/)
    const applied = await rig.decide(['apply', 'things', '--base', 'HEAD'])
    expect(applied.code).toBe(0)
    expect((await rig.decide(['apply', 'things', '--base', 'HEAD'])).decision).toMatchObject({
      action: 'run',
      reason: 'code-unknown',
    })
    expect((await rig.decide(['apply', 'things', '--base', 'last-applied'])).decision).toMatchObject({
      action: 'run',
      reason: 'code-unknown',
    })
  })

  it('with an import of an ignored, generated file', async () => {
    const head = "import { made } from '../lib/made.mjs'\nmade()"
    await using rig = await createThings({
      files: { 'integrations/things.mjs': integration({ name: 'things', head }), '.gitignore': 'made.mjs\n.trueup\n' },
    })
    await writeFile(join(rig.repo, 'lib/made.mjs'), 'export const made = () => 1\n')
    const { decision } = await rig.decide(['plan', 'things', '--base', 'HEAD'])
    expect(decision).toMatchObject({ action: 'run', reason: 'code-unknown' })
    expect(decision.explanation).toContain('lib/made.mjs')
  })

  it('when another version of a package is installed than is locked', async () => {
    const files = {
      'integrations/things.mjs': withPackage,
      'package.json': {},
      'package-lock.json': lock({ shout: '1.0.0' }),
    }
    await using rig = await createThings({ files })
    await install(rig, { shout: '2.0.0' })
    const { decision } = await rig.decide(['plan', 'things', '--base', 'HEAD'])
    expect(decision).toMatchObject({ action: 'run', reason: 'code-unknown' })
    expect(decision.explanation).toContain('shout')
  })
})

describe('inputs and desired state', () => {
  it('skips a comment and a reordering of keys (desired-unchanged), runs for a changed value, telling where', async () => {
    await using rig = await createThings()
    const base = await first(rig)
    const comment = await planAfter(rig, { 'data/things/all.yaml': things({ a: 1, b: 2 }, 'a comment') })
    expect(comment.decision).toMatchObject({ action: 'skip', reason: 'desired-unchanged' })
    expect(comment.decision.digest).toMatch(/^[0-9a-f]{64}$/)
    expect(comment.record.plan).toBeNull()
    expect(sameness(comment.decision)).toEqual({ config: true, code: true, inputs: false, desired: true })
    await rig.write({ 'data/things/all.yaml': 'things:\n  - { value: 1, name: a }\n  - { value: 2, name: b }\n' })
    expect((await rig.decide(['plan', 'things', '--base', base])).decision).toMatchObject({
      action: 'skip',
      reason: 'desired-unchanged',
      dirty: true,
    })

    const changed = await planAfter(rig, { 'data/things/all.yaml': things({ a: 1, b: 3 }, 'a comment') })
    expect(changed.decision).toMatchObject({
      action: 'run',
      reason: 'desired-changed',
      firstDifference: {
        path: '[1].value',
        before: 'hello 2',
        after: 'hello 3',
        file: 'data/things/all.yaml',
        line: 4,
      },
    })
    expect(sameness(changed.decision)).toEqual({ config: true, code: true, inputs: false, desired: false })
  })

  it('runs for another order, a duplicate and another type', async () => {
    await using rig = await createThings()
    const base = await first(rig)
    for (const text of [
      things({ b: 2, a: 1 }),
      `${things({ a: 1, b: 2 })}  - { name: b, value: 2 }\n`,
      things({ a: '"1x"', b: 2 }),
    ]) {
      await rig.write({ 'data/things/all.yaml': text })
      const { decision } = await rig.decide(['plan', 'things', '--base', base])
      expect(decision).toMatchObject({ action: 'run', reason: 'desired-changed' })
    }
  })

  it('takes a revert of a commit for what it is: inputs-unchanged against the one before', async () => {
    await using rig = await createThings()
    const base = await first(rig)
    await rig.write({ 'data/things/all.yaml': things({ a: 9 }) })
    await rig.commit()
    await rig.git('revert', '--no-edit', 'HEAD')
    expect((await rig.decide(['plan', 'things', '--base', base])).decision).toMatchObject({
      action: 'skip',
      reason: 'inputs-unchanged',
    })
    expect((await rig.decide(['plan', 'things', '--base', 'HEAD~1'])).decision).toMatchObject({
      action: 'run',
      reason: 'desired-changed',
    })
  })
})

describe('the base', () => {
  it('is missing: runs in full and says why; with --require-compare it is an error', async () => {
    await using rig = await createThings()
    const unknown = 'deadbeef'.repeat(5)
    const { decision, code, stderr } = await rig.decide(['plan', 'things', '--base', unknown])
    expect(decision).toMatchObject({ action: 'run', reason: 'base-missing', base: unknown })
    expect(code).toBe(0)
    expect(stderr).toContain('warning')
    expect(stderr).toContain('--require-compare')
    const required = await rig.decide(['plan', 'things', '--base', unknown, '--require-compare'])
    expect(required.code).toBe(4)
    expect(required.decision).toMatchObject({ action: 'none', reason: 'precondition-failed', base: unknown })
    expect(required.record.error).toMatchObject({ code: 'base-unavailable' })
  })

  it('is fetched into a shallow clone where the server has it, and told how to get where it has not', async () => {
    await using rig = await createThings()
    const base = await first(rig)
    await rig.write({ 'data/things/all.yaml': things({ a: 1, b: 2 }, 'comment') })
    await rig.commit()
    await rig.git('config', 'uploadpack.allowAnySHA1InWant', 'true')
    const clone = join(rig.root, 'clone')
    await rig.git('clone', '--quiet', '--depth=1', `file://${rig.repo}`, clone)
    const fetched = await rig.decide(['plan', 'things', '--base', base], { cwd: '../clone' })
    expect(fetched.decision).toMatchObject({ action: 'skip', reason: 'desired-unchanged', base })
    const missing = await rig.decide(['plan', 'things', '--base', 'deadbeef'.repeat(5)], { cwd: '../clone' })
    expect(missing.decision).toMatchObject({ action: 'run', reason: 'base-missing' })
    expect(missing.decision.explanation).toMatch(/fetch/)
    // Nothing can be fetched any more: as in a job without access.
    const cut = join(rig.root, 'cut')
    await rig.git('clone', '--quiet', '--depth=1', `file://${rig.repo}`, cut)
    await rig.git('-C', cut, 'remote', 'set-url', 'origin', `file://${rig.root}/nowhere`)
    const offline = await rig.decide(['plan', 'things', '--base', base], { cwd: '../cut' })
    expect(offline.decision).toMatchObject({ action: 'run', reason: 'base-missing' })
    expect((await rig.decide(['plan', 'things', '--base', base, '--require-compare'], { cwd: '../cut' })).code).toBe(4)
  })

  it('has broken data, invalid parameters or a broken trueup.yaml: runs in full with a warning (base-failed)', async () => {
    const broken: Record<string, Files> = {
      data: { 'data/things/all.yaml': 'things: [' },
      params: { 'trueup.yaml': 'version: 1\ntargets: { things: { params: { greeting: 5 } } }\n' },
      config: { 'trueup.yaml': 'version: 1\ntargets: [' },
    }
    for (const files of Object.values(broken)) {
      await using rig = await createThings({ files })
      const base = await first(rig)
      await rig.write({
        'trueup.yaml': 'version: 1\ntargets: { things: {} }\n',
        'data/things/all.yaml': things({ a: 1 }),
      })
      await rig.commit()
      const { decision, code, stderr } = await rig.decide(['plan', 'things', '--base', base])
      expect(decision).toMatchObject({ action: 'run', reason: 'base-failed', base })
      expect(code).toBe(0)
      expect(stderr).toContain('warning')
      const required = await rig.decide(['plan', 'things', '--base', base, '--require-compare'])
      expect(required.decision).toMatchObject({ action: 'none', reason: 'precondition-failed' })
      expect(required.code).toBe(4)
    }
  })

  it('that looks like an option, or names a file, is no base', async () => {
    await using rig = await createThings()
    for (const text of ['--upload-pack=touch x', 'HEAD:README.md', '']) {
      const { code } = await rig.run(['plan', 'things', `--base=${text}`])
      expect([64, 0]).toContain(code)
    }
    const { decision } = await rig.decide(['plan', 'things', '--base', 'HEAD:README.md'])
    expect(decision).toMatchObject({ action: 'run', reason: 'base-missing' })
  })
})

describe('the head', () => {
  it('that cannot be read is a failure (head-failed), whatever the base says', async () => {
    await using rig = await createThings()
    await rig.write({ 'data/things/all.yaml': 'things: [' })
    for (const args of [[], ['--base', 'HEAD'], ['--base', 'deadbeef'.repeat(5)], ['--force']]) {
      const { decision, code, record, stderr } = await rig.decide(['plan', 'things', ...args])
      expect(decision).toMatchObject({ action: 'none', reason: 'head-failed' })
      expect(code).toBe(1)
      expect(record.error?.message).toContain('data/things/all.yaml:1')
      expect(stderr).toContain('data/things/all.yaml:1')
    }
    const { decision, code } = await rig.decide(['apply', 'things', '--base', 'HEAD'])
    expect([decision.reason, code]).toEqual(['head-failed', 1])
    expect(await rig.readWorld()).toEqual({})
  })

  it('that failed still says which commits it was about', async () => {
    await using rig = await createThings()
    const base = await first(rig)
    await rig.write({ 'data/things/all.yaml': 'things: [' })
    const dirty = await rig.decide(['plan', 'things', '--base', 'HEAD'])
    expect(dirty.decision).toMatchObject({ base, head: 'worktree', headCommit: base, dirty: true })
    const head = await rig.commit()
    const committed = await rig.decide(['plan', 'things', '--base', 'HEAD~1', '--committed'])
    expect(committed.decision).toMatchObject({ reason: 'head-failed', base, head, headCommit: head, dirty: false })
  })

  it('whose integration cannot be loaded is a failure too', async () => {
    await using rig = await createThings()
    await rig.write({ 'integrations/things.mjs': 'export default {' })
    const { decision, code } = await rig.decide(['plan', 'things', '--base', 'HEAD'])
    expect([decision.action, decision.reason, code]).toEqual(['none', 'head-failed', 1])
  })
})

describe('the store', () => {
  it('that cannot be used fails the run: store-failed', async () => {
    await using rig = await createThings()
    await rm(join(rig.repo, '.trueup'), { recursive: true, force: true })
    await writeFile(join(rig.repo, '.trueup'), 'no folder')
    for (const command of ['plan', 'apply']) {
      const { decision, code } = await rig.decide([command, 'things', '--base', 'HEAD'])
      expect([decision.action, decision.reason], command).toEqual(['none', 'store-failed'])
      expect(code).toBe(1)
    }
    expect(await rig.readWorld()).toEqual({})
  })

  it('with a damaged mark never makes a skip', async () => {
    await using rig = await createThings()
    expect((await rig.decide(['apply', 'things'])).code).toBe(0)
    expect((await rig.decide(['apply', 'things', '--base', 'HEAD'])).decision.action).toBe('skip')
    const marks = (await rig.git('ls-files', '--others', '--', '.trueup'))
      .split('\n')
      .filter((path) => path.includes('marks'))
    expect(marks).not.toEqual([])
    for (const path of marks) {
      await chmod(join(rig.repo, path), 0o600)
      await writeFile(join(rig.repo, path), '{"half')
    }
    const { decision, code } = await rig.decide(['apply', 'things', '--base', 'HEAD'])
    expect([decision.action, decision.reason, code]).toEqual(['none', 'store-failed', 1])
  })
})

describe('a run that is not let through', () => {
  it('finds another apply at the same destination: lease-held, 75', async () => {
    await using rig = await createThings()
    await writeFile(`${rig.world}.wait`, '')
    const held = rig.start(['apply', 'things', '--log-level', 'debug'])
    await held.until(/started {2}create/)
    const { decision, code, record } = await rig.decide(['apply', 'things', '--base', 'HEAD'])
    expect(decision).toMatchObject({ action: 'none', reason: 'lease-held', base: await first(rig) })
    expect(code).toBe(75)
    expect(record.error).toMatchObject({ code: 'lease-held' })
    // A dry run takes no lease.
    expect((await rig.decide(['plan', 'things'])).code).toBe(0)
    await rm(`${rig.world}.wait`)
    expect((await held.result).code).toBe(0)
    expect((await rig.decide(['apply', 'things', '--base', 'HEAD'])).decision).toMatchObject({
      action: 'skip',
      reason: 'inputs-unchanged',
    })
  })

  it('is interrupted before it could be decided: interrupted, 143 and 130', async () => {
    const more = "env: ['HANG'],"
    const text = integration({ name: 'things', more }).replace(
      "note('NOTE_EVALUATED', 'things')",
      "if (ctx.env('HANG') !== undefined) { ctx.log.warn('hanging'); await new Promise((done) => setTimeout(done, 100000)) }",
    )
    await using rig = await createThings({ files: { 'integrations/things.mjs': text } })
    for (const [signal, code] of [
      ['SIGTERM', 143],
      ['SIGINT', 130],
    ] as const) {
      const result = await rig.decide(['plan', 'things'], {
        env: { HANG: '1' },
        killAfter: { output: /hanging/, signal },
      })
      expect(result.decision).toMatchObject({ action: 'none', reason: 'interrupted' })
      expect(result.code).toBe(code)
    }
    const timeout = await rig.decide(['plan', 'things', '--timeout', '2s'], { env: { HANG: '1' } })
    expect(timeout.decision).toMatchObject({ action: 'none', reason: 'interrupted' })
    expect(timeout.code).toBe(1)
  })
})

describe('the decision line', () => {
  it('is there exactly once, with --quiet, in JSON logs and in a CI too, and is the same everywhere', async () => {
    await using rig = await createThings()
    const base = await first(rig)
    for (const args of [[], ['--base', base], ['--base', base, '--force'], ['--base', 'deadbeef'.repeat(5)]]) {
      const { decision } = await rig.decide(['plan', 'things', ...args])
      const quiet = await rig.decide(['plan', 'things', '--quiet', '--log-level', 'error', ...args])
      expect(quiet.decision.reason).toBe(decision.reason)
      for (const [flags, env] of [
        [['--log-format', 'json'], {}],
        [['--quiet', '--log-format', 'json'], {}],
        [[], { CI: 'true' }],
      ] as const) {
        const { stderr, json } = await rig.run(['plan', 'things', '-o', 'json', ...flags, ...args], { env })
        const lines = stderr
          .split('\n')
          .filter((line) => line !== '')
          .map((line) => JSON.parse(line) as Record<string, unknown>)
        const decisions = lines.filter((line) => 'decision' in line)
        expect(decisions).toHaveLength(1)
        const told = (json() as { runs: { decision: typeof decision }[] }).runs[0]?.decision
        expect(decisions[0]).toMatchObject({
          level: 'info',
          decision: told?.action,
          reason: decision.reason,
          target: 'things',
          head: 'worktree',
          ...(typeof told?.base === 'string' ? { base: told.base } : {}),
          ...(typeof told?.digest === 'string' ? { digest: told.digest } : {}),
        })
      }
    }
  })
})
