// trueup serve on the built CLI: real repositories, real children, a real store; time is only waited for by what is printed.
import { existsSync, readFileSync } from 'node:fs'
import { readdir } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { createRig, type Rig } from '../support/rig.js'

/** Two targets that keep a file each, below a folder of the rig; the second one only plans. */
async function rigOf(more = ''): Promise<Rig> {
  const rig = await createRig()
  const [a, b] = ['a', 'b'].map((name) => JSON.stringify(join(rig.root, 'out', name)))
  await rig.write({
    'trueup.yaml': `version: 1
targets:
  alpha: { integration: managed-files, params: { root: ${String(a)}, data: 'data/a/*.yaml' }, apply: true }
  beta: { integration: managed-files, params: { root: ${String(b)}, data: 'data/b/*.yaml' } }
${more}`,
    'data/a/f.yaml': 'files: [{ path: x, content: one }]\n',
    'data/b/f.yaml': 'files: [{ path: y, content: two }]\n',
    '.gitignore': '.trueup/\nnode_modules\n',
  })
  await rig.commit()
  await rig.git('init', '--quiet', join(rig.root, 'out'))
  for (const name of ['a', 'b']) await rig.git('init', '--quiet', join(rig.root, 'out', name))
  return rig
}
const out = (rig: Rig, path: string): string | null => {
  const file = join(rig.root, 'out', path)
  return existsSync(file) ? readFileSync(file, 'utf8') : null
}

interface Document {
  readonly exitCode: number
  readonly runs: readonly {
    readonly run: { readonly target: string; readonly mode: string }
    readonly decision: { readonly reason: string }
  }[]
}
const ran = (document: unknown): readonly string[] =>
  (document as Document).runs.map(({ run }) => `${run.target} ${run.mode}`).sort()

interface Repeated {
  readonly runs: readonly {
    readonly repeats: readonly object[]
    readonly outcomes: readonly { readonly key: string; readonly result: string }[]
  }[]
}

/** `k` never stays as it is made; other names of data.json are kept in a file. */
const RESTLESS = `import { appendFileSync, existsSync, readFileSync } from 'node:fs'
import { defineIntegration, diff, listing } from 'trueup'
export default defineIntegration({
  name: 'restless', version: '1.0.0', deletePolicy: 'never', inputs: ['data.json'], env: ['KEPT'],
  desiredState: async (ctx) => [
    { key: 'k', value: (await ctx.source.load('data.json')).includes('k2') ? 'other' : 'ours' },
    ...(await ctx.source.load('data.json')).filter((one) => one !== 'k2').map((key) => ({ key, value: 'kept' })),
  ],
  run: (ctx, desired) => {
    const file = ctx.env('KEPT')
    const kept = existsSync(file) ? readFileSync(file, 'utf8').trim().split('\\n') : []
    const items = [{ key: 'k', value: 'theirs' }, ...kept.map((key) => ({ key, value: 'kept' }))]
    return ctx.plan(diff({ desired, current: listing.whole(items), owned: () => true, key: (one) => one.key }), {
      create: ({ key }) => appendFileSync(file, key + '\\n'),
      update: async () => {},
    })
  },
})
`

describe('serve --once', () => {
  it('is a dry run, whatever trueup.yaml says, and tells in ten lines what it does', async () => {
    await using rig = await rigOf()
    const result = await rig.run(['serve', '--once'])
    expect([result.code, out(rig, 'a/x')]).toEqual([0, null])
    expect(result.stdout).toContain('2 of 2 targets ran.')
    const head = result.stderr.split('\n').filter((line) => line.startsWith('trueup serve') || line.startsWith('  '))
    expect(head.length).toBeLessThanOrEqual(10)
    expect(head.join('\n')).toMatch(/a dry run[^]*HEAD of [^]*applies {4}none; with --apply: alpha[^]*file:/)
  })

  it('applies with --apply where a target says apply: true, and what is committed, not what lies in the folder', async () => {
    await using rig = await rigOf()
    await rig.write({ 'data/a/f.yaml': 'files: [{ path: x, content: dirty }]\n' })
    const result = await rig.run(['serve', '--once', '--apply', '-o', 'json'])
    expect([result.code, ran(result.json())]).toEqual([0, ['alpha apply', 'beta dry-run']])
    expect([out(rig, 'a/x'), out(rig, 'b/y')]).toEqual(['one', null])
  })

  it('a further one runs only what is due or what a commit has changed', async () => {
    await using rig = await rigOf()
    await rig.run(['serve', '--once', '--apply'])
    const again = await rig.run(['serve', '--once', '--apply', '-o', 'json'])
    expect([again.code, ran(again.json())]).toEqual([0, []])
    await rig.write({ 'data/a/f.yaml': 'files: [{ path: x, content: three }]\n' })
    await rig.commit()
    const changed = await rig.run(['serve', '--once', '--apply', '-o', 'json'])
    expect([ran(changed.json()), out(rig, 'a/x')]).toEqual([['alpha apply'], 'three'])
    // A dry run has times of its own.
    expect(ran((await rig.run(['serve', '--once', '-o', 'json'])).json())).toHaveLength(2)
  })

  it('a hold stops applies, as it stops those of run', async () => {
    await using rig = await rigOf()
    await rig.run(['hold', 'alpha', '--for', '1h', '--reason', 'maintenance'])
    const result = await rig.run(['serve', '--once', '--apply', '-o', 'json'])
    expect([result.code, out(rig, 'a/x')]).toEqual([75, null])
    expect((result.json() as Document).runs.find(({ run }) => run.target === 'alpha')?.decision.reason).toBe('held')
  })

  it('applies nothing within a freeze, and says until when; plans go on', async () => {
    await using rig = await rigOf(
      `freezes:\n  - { schedule: '* * * * *', for: 1h, reason: the holidays, targets: [alpha] }\n`,
    )
    const result = await rig.run(['serve', '--once', '--apply', '-o', 'json'])
    expect([result.code, ran(result.json()), out(rig, 'a/x')]).toEqual([0, ['alpha dry-run', 'beta dry-run'], null])
    expect(result.stderr).toMatch(/alpha is not applied until \d{4}-.*Z: the holidays/)
    expect(ran((await rig.run(['serve', '--once', '-o', 'json'])).json())).toHaveLength(2)
  })

  it('one target that fails ends no other, and is the exit code', async () => {
    await using rig = await rigOf(`  gamma: { integration: managed-files }\n`)
    const result = await rig.run(['serve', '--once', '--apply'])
    expect(result.code).toBe(64)
    expect(result.stdout).toMatch(/gamma .*root/)
    expect(out(rig, 'a/x')).toBe('one')
  })

  it('leaves no tree behind', async () => {
    await using rig = await rigOf()
    const env = { TMPDIR: join(rig.root, 'tmp') }
    await rig.git('init', '--quiet', env.TMPDIR)
    await rig.run(['serve', '--once'], { env })
    expect((await readdir(env.TMPDIR)).filter((name) => name.startsWith('trueup-tree'))).toEqual([])
  })

  it('says what to do where there is nothing to serve', async () => {
    await using rig = await rigOf()
    const expected: readonly (readonly [readonly string[], RegExp])[] = [
      [['--store', 'memory:'], /share nothing with --store memory/],
      [['--ref', 'main'], /has no such remote. Leave --ref out/],
      [['--ref=--upload-pack=x'], /takes the name of a branch/],
    ]
    for (const [args, message] of expected) {
      const { code, stderr } = await rig.run(['serve', '--once', ...args])
      expect(code).not.toBe(0)
      expect(stderr).toMatch(message)
    }
    await rig.write({ 'trueup.yaml': 'version: 1\n' })
    await rig.commit()
    const { code, stderr } = await rig.run(['serve', '--once'])
    expect([code, stderr]).toEqual([64, expect.stringContaining('names no target under targets:')])
  })
})

describe('serve', () => {
  it('follows a branch of a remote: a new commit makes due what it affects; SIGTERM drains', async () => {
    await using rig = await rigOf()
    const origin = join(rig.root, 'origin.git')
    await rig.git('init', '--quiet', '--bare', '--initial-branch=main', origin)
    await rig.git('remote', 'add', 'origin', origin)
    await rig.git('push', '--quiet', 'origin', 'main')
    // Both have run: what is left is what a commit changes.
    await rig.run(['serve', '--once', '--apply', '--ref', 'main'])
    const daemon = rig.start(['serve', '--apply', '--ref', 'main', '--poll', '1', '--listen', 'off'])
    await daemon.until(/to end it: SIGTERM/)
    await rig.write({ 'data/a/f.yaml': 'files: [{ path: x, content: pushed }]\n' })
    await rig.commit()
    await rig.git('push', '--quiet', 'origin', 'main')
    await daemon.until(/is served: due now: alpha\n/)
    await daemon.until(/alpha apply: applied: 1 update/)
    expect(out(rig, 'a/x')).toBe('pushed')
    // A commit that cannot be read is told once, and what was served stays.
    await rig.write({ 'trueup.yaml': 'version: 1\ntargts: {}\n' })
    await rig.commit()
    await rig.git('push', '--quiet', 'origin', 'main')
    await daemon.until(/the newest commit is not served: .*targts/)
    daemon.kill('SIGTERM')
    const { code, stderr } = await daemon.result
    expect(code).toBe(143)
    expect(stderr).not.toMatch(/beta apply|Internal error/)
  })

  it('stops a change that does not converge after three applies, says so, and goes on with the others', async () => {
    await using rig = await createRig({
      files: {
        'trueup.yaml': 'version: 1\ntargets:\n  restless: { apply: true }\n',
        'integrations/restless.mjs': RESTLESS,
        'data.json': '["one"]',
        '.gitignore': '.trueup/\nkept/\n',
      },
    })
    const kept = join(rig.root, 'kept')
    const daemon = rig.start(['serve', '--apply', '--every', '1', '--log-level', 'debug', '--listen', 'off'], {
      env: { KEPT: kept },
    })
    await daemon.until(/restless does not converge: the last 3 applies each did update k/)
    await rig.write({ 'data.json': '["one", "two"]' })
    await rig.commit()
    daemon.kill('SIGTERM')
    await daemon.result
    const again = await rig.run(['serve', '--once', '--apply', '-o', 'json'], { env: { KEPT: kept } })
    const [run] = (again.json() as Repeated).runs
    expect([again.code, readFileSync(kept, 'utf8')]).toEqual([5, 'one\ntwo\n'])
    expect(run?.repeats).toEqual([{ key: 'k', action: 'update', shard: null, times: 3, stopped: true }])
    expect(run?.outcomes.map(({ key, result }) => `${key} ${result}`)).toEqual(['two applied', 'k skipped'])
    // By hand too, with the same configuration, the place of the store among it; once more where that is asked for; and it is lifted by what it is to be.
    const store = ['--store', `file:${join(rig.repo, '.trueup')}`]
    const apply = async (...flags: readonly string[]): Promise<readonly [number | null, string]> => {
      const { code, stdout } = await rig.run(['apply', 'restless', '--yes', ...store, ...flags], {
        env: { KEPT: kept },
      })
      return [code, stdout]
    }
    expect(await apply()).toEqual([1, expect.stringMatching(/trueup apply restless .*--allow-not-converging/)])
    expect((await apply('--allow-not-converging'))[0]).toBe(0)
    expect((await apply())[0]).toBe(1)
    await rig.write({ 'data.json': '["one", "two", "k2"]' })
    expect((await apply())[0]).toBe(0)
  })
})
