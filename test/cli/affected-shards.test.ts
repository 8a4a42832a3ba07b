// --check-only-affected-shards through the command line: which shards are even planned, and with what it cannot stand together.
import { describe, expect, it } from 'vitest'
import { createThings, FILES, things } from '../support/things.js'

const ARGS = ['parts', '--base', 'HEAD', '--check-only-affected-shards']

describe('--check-only-affected-shards', () => {
  it('plans what differs, suggests the same for the apply, and that applies it', async () => {
    await using rig = await createThings()
    expect((await rig.run(['apply', 'parts', '--yes'])).code).toBe(0)
    await rig.write({ 'data/parts/all.yaml': things({ a1: 1, a2: 2, b1: 7 }) })
    const env = rig.noting('narrow')
    const plan = await rig.run(['plan', ...ARGS, '--out', '../plan.json'], { env })
    expect(await rig.notes('narrow.planned')).toEqual(['shard b'])
    expect(plan.stderr).toContain('only the shards that are affected run: b (of 2)')
    const command = /trueup (apply parts .*)$/m.exec(plan.stdout)?.[1] ?? ''
    expect(command).toContain('--early-exit-compare-sha HEAD --check-only-affected-shards --expect-plan ')
    expect((await rig.run([...command.split(' '), '--yes'])).code).toBe(0)
    expect(await rig.readWorld()).toMatchObject({ b1: 'hello 7' })
  })

  it('keeps a plan for apply <file>', async () => {
    await using rig = await createThings()
    expect((await rig.run(['apply', 'parts', '--yes'])).code).toBe(0)
    await rig.write({ 'data/parts/all.yaml': things({ a1: 1, a2: 2, b1: 7 }) })
    expect((await rig.run(['plan', ...ARGS, '--out', '../plan.json'])).code).toBe(0)
    const applied = await rig.run(['apply', '../plan.json', '--yes'])
    expect([applied.code, await rig.readWorld()], applied.stderr).toMatchObject([0, { b1: 'hello 7' }])
  })

  it('plans all shards when the code or the configuration differs', async () => {
    await using rig = await createThings()
    await rig.write({
      'data/parts/all.yaml': things({ a1: 1, a2: 2, b1: 7 }),
      'integrations/parts.mjs': `${FILES['integrations/parts.mjs']}// Changed.\n`,
    })
    const code = await rig.decide(['plan', ...ARGS])
    expect([code.decision.reason, code.record.run]).toMatchObject(['code-changed', { shards: ['a', 'b'] }])
  })

  it.each([
    [['parts', '--check-only-affected-shards'], 'needs a revision to compare with: --base <rev>'],
    [[...ARGS, '--shard', 'a'], '--check-only-affected-shards and --shard both say which shards to run'],
  ])('refuses %j', async (args, message) => {
    await using rig = await createThings()
    const result = await rig.run(['plan', ...args])
    expect([result.code, result.stderr]).toEqual([64, expect.stringContaining(message)])
  })
})
