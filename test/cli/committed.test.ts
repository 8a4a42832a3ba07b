// Which head is meant: the working tree, said to be dirty where it is, or HEAD with --committed. On the built CLI.
import { rm } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { createThings, FILES, things, type Things } from '../support/things.js'
import type { Files } from '../support/rig.js'

describe('the working tree', () => {
  it('is the head: changed, new, staged and deleted files count, and it is said to be dirty', async () => {
    await using rig = await createThings({ files: { 'data/things/more.yaml': things({ c: 3 }) } })
    const clean = await rig.decide(['plan', 'things', '--base', 'HEAD'])
    expect(clean.decision).toMatchObject({ action: 'skip', head: 'worktree', dirty: false })
    expect(clean.stderr).not.toContain('dirty')
    const cases: readonly { readonly files: Files; readonly staged?: boolean }[] = [
      { files: { 'data/things/all.yaml': things({ a: 1, b: 5 }) } },
      { files: { 'data/things/all.yaml': things({ a: 1, b: 6 }) }, staged: true },
      { files: { 'data/things/new.yaml': things({ n: 1 }) } },
      { files: { 'data/things/more.yaml': null } },
    ]
    for (const { files, staged } of cases) {
      await rig.write(files)
      if (staged === true) await rig.git('add', '--all')
      const { decision, stderr } = await rig.decide(['plan', 'things', '--base', 'HEAD'])
      expect(decision, JSON.stringify(files)).toMatchObject({
        action: 'run',
        reason: 'desired-changed',
        head: 'worktree',
        dirty: true,
      })
      expect(decision.headCommit).toBe(await rig.git('rev-parse', 'HEAD'))
      expect(stderr).toContain('dirty=true')
      const committed = await rig.decide(['plan', 'things', '--base', 'HEAD', '--committed'])
      expect(committed.decision).toMatchObject({ action: 'skip', reason: 'inputs-unchanged', dirty: false })
      expect(committed.decision.head).toBe(await rig.git('rev-parse', 'HEAD'))
      await rig.git('reset', '--quiet', '--hard')
      await rig.git('clean', '--quiet', '-d', '--force')
    }
  })

  it('is dirty by its code and its trueup.yaml too, warm or cold, and not by what the run does not read', async () => {
    await using rig = await createThings()
    const dirty = async (): Promise<boolean> => (await rig.decide(['plan', 'things', '--base', 'HEAD'])).decision.dirty
    await rig.write({ 'README.md': 'Other.\n', 'data/parts/all.yaml': things({}) })
    expect(await dirty()).toBe(false)
    expect(await dirty()).toBe(false)
    await rig.write({ 'trueup.yaml': `# a comment\n${FILES['trueup.yaml']}` })
    expect(await dirty()).toBe(true)
    expect(await dirty()).toBe(true)
    await rig.write({ 'trueup.yaml': FILES['trueup.yaml'], 'lib/world.mjs': `${FILES['lib/world.mjs']}// other\n` })
    expect(await dirty()).toBe(true)
    expect(await dirty()).toBe(true)
  })
})

describe('--committed', () => {
  it('plans what HEAD says, whatever lies in the working tree', async () => {
    await using rig = await createThings()
    await rig.write({ 'data/things/all.yaml': 'things: [', 'data/things/new.yaml': things({ n: 1 }) })
    const { record, decision } = await rig.decide(['plan', 'things', '--committed'])
    expect(decision).toMatchObject({ action: 'run', dirty: false, head: await rig.git('rev-parse', 'HEAD') })
    expect(record.plan?.changes.map(({ key }) => key)).toEqual(['a', 'b'])
  })

  it('refuses code that is not that of HEAD, naming the files: 4', async () => {
    await using rig = await createThings()
    const refused = async (change: Files, names: readonly string[]): Promise<void> => {
      await rig.write(change)
      for (const args of [
        ['plan', 'things'],
        ['plan', 'things', '--base', 'HEAD'],
        ['apply', 'things'],
      ]) {
        const { decision, code, record } = await rig.decide([...args, '--committed'])
        expect(code).toBe(4)
        expect(decision).toMatchObject({ action: 'none', reason: 'precondition-failed' })
        for (const name of names) expect(record.error?.message).toContain(name)
      }
      await rig.git('checkout', '--', '.')
    }
    await refused({ 'lib/world.mjs': `${FILES['lib/world.mjs']}// other\n` }, ['lib/world.mjs'])
    // Also when the declaration is known from an earlier run.
    expect((await rig.decide(['plan', 'things', '--committed'])).code).toBe(0)
    expect((await rig.decide(['plan', 'things', '--committed', '--base', 'HEAD'])).code).toBe(0)
    const both = {
      'lib/world.mjs': `${FILES['lib/world.mjs']}// other\n`,
      'integrations/things.mjs': `${FILES['integrations/things.mjs']}// other\n`,
    }
    await refused(both, ['lib/world.mjs', 'integrations/things.mjs'])
    // What is not loaded may be anything.
    await rig.write({ 'integrations/parts.mjs': 'export default {' })
    expect((await rig.decide(['plan', 'things', '--committed'])).code).toBe(0)
    expect(await rig.readWorld()).toEqual({})
  })

  it('refuses an integration that was never committed', async () => {
    await using rig = await createThings()
    await rig.write({
      'integrations/fresh.mjs': FILES['integrations/things.mjs']
        .replaceAll("'things'", "'fresh'")
        .replaceAll('data/things', 'data/fresh'),
    })
    const { code, record } = await rig.decide(['plan', 'fresh', '--committed'])
    expect([code, record.error?.code]).toEqual([4, 'head-unclean'])
    expect(record.error?.message).toContain('integrations/fresh.mjs')
  })

  it('takes trueup.yaml from HEAD', async () => {
    await using rig = await createThings()
    await rig.write({ 'trueup.yaml': 'version: 1\ntargets: { things: { params: { greeting: bye } } }\n' })
    const values = async (...args: readonly string[]): Promise<unknown> => {
      const { record } = await rig.decide(['plan', 'things', ...args])
      return record.plan?.changes[0]?.fields[0]?.after
    }
    expect(await values()).toMatchObject({ value: 'bye 1' })
    expect(await values('--committed')).toMatchObject({ value: 'hello 1' })
    await rig.write({ 'trueup.yaml': 'no: [yaml' })
    expect(await values('--committed')).toMatchObject({ value: 'hello 1' })
    expect((await rig.run(['plan', 'things'])).code).toBe(64)
  })

  it('says what to do with a trueup.yaml that was never committed', async () => {
    await using rig: Things = await createThings({ files: { 'trueup.yaml': null } })
    await rig.write({ 'trueup.yaml': FILES['trueup.yaml'] })
    const { code, stderr } = await rig.run(['plan', 'things', '--committed'])
    expect(code).toBe(4)
    expect(stderr).toContain('trueup.yaml is not committed')
    await rm(join(rig.repo, 'trueup.yaml'))
    expect((await rig.decide(['plan', 'things', '--committed'])).code).toBe(0)
  })
})
