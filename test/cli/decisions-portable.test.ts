// One commit gives one digest wherever and however it is checked out. On the built CLI with real git.
import { chmod, mkdir, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { createThings, FILES, things, type Decided, type Things } from '../support/things.js'
import type { Environment } from '../support/rig.js'

/** What must not depend on where a commit lies: digest and head side of each component. */
function heads({ decision }: Decided): unknown {
  const components = Object.entries(decision.components).map(([name, { head }]) => [name, head])
  return {
    reason: decision.reason,
    digest: decision.digest,
    components: Object.fromEntries(components) as unknown,
    dirty: decision.dirty,
  }
}

/** A rig whose second commit changes a comment, so that a comparison evaluates both sides. */
async function commented(): Promise<Things & { readonly base: string }> {
  const rig = await createThings({ files: { 'data/things/more.yaml': things({ ü: 1, c: 2 }) } })
  const base = await rig.git('rev-parse', 'HEAD')
  await rig.write({ 'data/things/all.yaml': `# comment\n${FILES['data/things/all.yaml']}` })
  await rig.commit()
  return Object.assign(rig, { base })
}

const plan = (
  rig: Things & { readonly base: string },
  cwd: string,
  env: Environment = {},
  ...more: readonly string[]
): Promise<Decided> => rig.decide(['plan', 'things', '--base', rig.base, ...more], { cwd, env })

describe('one commit', () => {
  it('at two paths, in two time zones, under two locales, users and umasks has one digest and one key', async () => {
    await using rig = await commented()
    const here = await plan(rig, '.')
    expect(here.decision).toMatchObject({ action: 'skip', reason: 'desired-unchanged', dirty: false })
    const umask = process.umask(0o077)
    try {
      await rig.git('clone', '--quiet', rig.repo, join(rig.root, 'a much longer/päth'))
    } finally {
      process.umask(umask)
    }
    const env = {
      TZ: 'Pacific/Chatham',
      LC_ALL: 'tr_TR.UTF-8',
      LANG: 'tr_TR.UTF-8',
      HOME: join(rig.root, 'elsewhere'),
      USER: 'other',
    }
    const there = await plan(rig, '../a much longer/päth', env)
    expect(heads(there)).toEqual(heads(here))
    const committed = await plan(rig, '../a much longer/päth', env, '--committed')
    expect(heads(committed)).toEqual(heads(here))
    // From a folder below, too.
    expect(heads(await plan(rig, 'data/things'))).toEqual(heads(here))
  })

  it('has the same digest with CRLF line ends in the working tree', async () => {
    await using rig = await commented()
    const crlf = join(rig.root, 'crlf')
    await rig.git('clone', '--quiet', '-c', 'core.autocrlf=true', rig.repo, crlf)
    expect(await readFile(join(crlf, 'data/things/all.yaml'), 'utf8')).toContain('\r\n')
    expect(heads(await plan(rig, '../crlf'))).toEqual(heads(await plan(rig, '.')))
    expect(heads(await plan(rig, '../crlf', {}, '--committed'))).toEqual(heads(await plan(rig, '.')))
  })

  it('has the same digest where files have other times and no one but their owner may read them', async () => {
    await using rig = await commented()
    const before = heads(await plan(rig, '.'))
    await writeFile(join(rig.repo, 'data/things/all.yaml'), await rig.read('data/things/all.yaml'))
    await chmod(join(rig.repo, 'data/things/all.yaml'), 0o600)
    expect(heads(await plan(rig, '.'))).toEqual(before)
  })

  it('has the same digest in a sparse checkout that leaves the data out', async () => {
    await using rig = await commented()
    const sparse = join(rig.root, 'sparse')
    await rig.git('clone', '--quiet', '--no-checkout', rig.repo, sparse)
    await rig.git('-C', sparse, 'sparse-checkout', 'set', 'integrations', 'lib')
    await rig.git('-C', sparse, 'checkout', '--quiet', 'main')
    await expect(readFile(join(sparse, 'data/things/all.yaml'))).rejects.toThrow('ENOENT')
    expect(heads(await plan(rig, '../sparse'))).toEqual(heads(await plan(rig, '.')))
    expect(heads(await plan(rig, '../sparse', {}, '--committed'))).toEqual(heads(await plan(rig, '.')))
  })

  it('has the same digest in a linked worktree, a bare clone of its history cut off, and with hooks that would interfere', async () => {
    await using rig = await commented()
    const linked = join(rig.root, 'linked')
    await rig.git('worktree', 'add', '--quiet', linked)
    await mkdir(join(rig.repo, '.git/hooks'), { recursive: true })
    await writeFile(join(rig.repo, '.git/hooks/post-checkout'), `#!/bin/sh\ntouch ${rig.root}/hooked\n`, {
      mode: 0o755,
    })
    const before = await rig.git('status', '--porcelain', '--ignored')
    expect(heads(await plan(rig, '../linked', { GIT_DIR: '/nowhere', GIT_INDEX_FILE: '/nowhere/index' }))).toEqual(
      heads(await plan(rig, '.')),
    )
    expect(await rig.git('worktree', 'list')).not.toContain('prunable')
    await expect(readFile(join(rig.root, 'hooked'))).rejects.toThrow('ENOENT')
    expect((await rig.git('status', '--porcelain', '--ignored')).replace('!! .trueup/', '').trim()).toBe(before)
  })
})
