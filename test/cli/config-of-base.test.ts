// Whose trueup.yaml is in force: in a dry run with a base the base's limits and store, in an apply the head's. On the built CLI.
import { existsSync } from 'node:fs'
import { rename } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { createThings, things, type Decided, type Things } from '../support/things.js'
import type { Files } from '../support/rig.js'

const yaml = (text: string): Files => ({ 'trueup.yaml': `version: 1\n${text}\n` })
const three = things({ a: 1, b: 2, c: 3 })

/** Three things are applied; then a commit takes two away and changes trueup.yaml. Gives the commit before that. */
async function takesAway(rig: Things, change: Files): Promise<string> {
  expect((await rig.decide(['apply', 'things'])).code).toBe(0)
  const base = await rig.git('rev-parse', 'HEAD')
  await rig.write({ ...change, 'data/things/all.yaml': things({ a: 1 }) })
  await rig.commit()
  return base
}

const blocked = ({ record }: Decided): readonly string[] =>
  record.limits.filter((limit) => limit.blocked).map(({ rule }) => rule)

describe('limits', () => {
  it('of a dry run with a base are the base’s, and what differs is printed; an apply takes the head’s', async () => {
    await using rig = await createThings({
      files: { ...yaml('targets: { things: { limits: { maxDeletes: 1 } } }'), 'data/things/all.yaml': three },
    })
    const base = await takesAway(rig, yaml('targets: { things: { limits: { maxDeletes: 5 } } }'))
    for (const more of [[], ['--committed'], ['--force']]) {
      const plan = await rig.decide(['plan', 'things', '--base', base, ...more])
      expect(plan.code, more.join()).toBe(3)
      expect(blocked(plan)).toEqual(['max-deletes'])
      expect(plan.stderr).toContain(`limits in force are those of ${base.slice(0, 8)}`)
      expect(plan.stderr).toContain('{"maxDeletes":1}')
      expect(plan.stderr).toContain('{"maxDeletes":5}')
    }
    expect((await rig.decide(['plan', 'things'])).code).toBe(0)
    expect((await rig.decide(['plan', 'things', '--base', 'last-applied'])).code).toBe(0)
    const applied = await rig.decide(['apply', 'things', '--base', base])
    expect(applied.code).toBe(0)
    expect(applied.stderr).not.toContain('limits in force')
    expect(await rig.readWorld()).toEqual({ a: 'hello 1' })
  })

  it('of the whole file count as those of the target; a target that is new has the base’s of the file', async () => {
    await using rig = await createThings({
      files: { ...yaml('limits: { maxDeletes: 1 }'), 'data/things/all.yaml': three },
    })
    const base = await takesAway(rig, yaml('limits: { maxDeletes: 5 }\ntargets: { things: {} }'))
    const plan = await rig.decide(['plan', 'things', '--base', base])
    expect([plan.code, blocked(plan)]).toEqual([3, ['max-deletes']])
  })

  it('are the head’s with a warning when the base’s trueup.yaml cannot be read', async () => {
    await using rig = await createThings({ files: { ...yaml('targets: [') } })
    const base = await rig.git('rev-parse', 'HEAD')
    await rig.write(yaml('targets: { things: { limits: { maxChanges: 1 } } }'))
    await rig.commit()
    const plan = await rig.decide(['plan', 'things', '--base', base])
    expect(plan.decision).toMatchObject({ action: 'run', reason: 'base-failed' })
    expect([plan.code, blocked(plan)]).toEqual([3, ['max-changes']])
    expect(plan.stderr).toMatch(/warning: limits, .* come from the head/)
  })

  it('are the head’s, said so, when the base has no trueup.yaml', async () => {
    await using rig = await createThings({ files: { 'trueup.yaml': null } })
    const base = await rig.git('rev-parse', 'HEAD')
    await rig.write(yaml('targets: { things: { limits: { maxChanges: 1 } } }'))
    await rig.commit()
    const plan = await rig.decide(['plan', 'things', '--base', base])
    expect([plan.code, blocked(plan)]).toEqual([3, ['max-changes']])
    expect(plan.stderr).toMatch(/warning:.*has no trueup\.yaml/)
  })
})

describe('the store', () => {
  it('of a dry run with a base is the base’s, and that is printed; a flag lies on top of both', async () => {
    await using rig = await createThings({ files: yaml('store: file:.trueup') })
    await rig.decide(['apply', 'things'])
    const base = await rig.git('rev-parse', 'HEAD')
    await rig.write({ ...yaml('store: file:.other'), '.gitignore': '.trueup\n.other\n.flag\n' })
    await rig.commit()
    const plan = await rig.decide(['plan', 'things', '--base', base])
    expect(plan.decision).toMatchObject({ reason: 'config-changed' })
    expect(plan.stderr).toContain(`the store in force is that of ${base.slice(0, 8)}: file:.trueup`)
    expect(plan.stderr).toContain('file:.other')
    // Read from the base's store: everything is owned there already.
    expect(plan.record.plan?.changes).toEqual([])
    expect(existsSync(join(rig.repo, '.other'))).toBe(false)

    const flag = await rig.decide(['plan', 'things', '--base', base, '--store', 'file:.flag'])
    expect(flag.stderr).not.toContain('in force')
    expect(flag.decision).toMatchObject({ action: 'skip', reason: 'inputs-unchanged' })

    const applied = await rig.decide(['apply', 'things', '--base', base])
    expect(applied.code).toBe(0)
    expect(existsSync(join(rig.repo, '.other'))).toBe(true)
  })

  it('lies beside trueup.yaml, wherever the command is given', async () => {
    await using rig = await createThings({ files: yaml('store: file:.trueup') })
    await rig.decide(['apply', 'things'], { cwd: 'data/things' })
    expect(existsSync(join(rig.repo, 'data/things/.trueup'))).toBe(false)
    expect((await rig.decide(['apply', 'things', '--base', 'last-applied'])).decision.action).toBe('skip')
    // A store that is gone has forgotten what was applied.
    await rename(join(rig.repo, '.trueup'), join(rig.root, 'gone'))
    expect((await rig.decide(['apply', 'things', '--base', 'last-applied'])).decision).toMatchObject({
      reason: 'base-not-applied',
    })
  })
})
