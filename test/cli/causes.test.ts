// Change and drift through the command line: what is shown, and what --detailed-exitcode=change looks at.
import { describe, expect, it } from 'vitest'
import { createThings, FILES, things, type Things } from '../support/things.js'

/** Applied, then changed behind the tool's back. */
async function drifted(): Promise<Things> {
  const rig = await createThings()
  expect((await rig.run(['apply', 'things', '--yes'])).code).toBe(0)
  await rig.write({ '../world.json': { a: 'hello 1', b: 'other' } })
  return rig
}

describe('a plan with a base', () => {
  it('tells the two apart, in text, Markdown and JSON', async () => {
    await using rig = await drifted()
    await rig.write({ 'data/things/all.yaml': things({ a: 5, b: 2, c: 3 }) })
    const text = await rig.run(['plan', 'things', '--base', 'HEAD', '--report', 'markdown=report.md'])
    expect(text.stdout).toContain('3 changes: 2 caused by this range, 1 drift.\n')
    expect(text.stdout).toMatch(/~ b .*\(drift\)/)
    const markdown = await rig.read('report.md')
    expect(markdown).toContain('\n3 changes: 2 caused by this range, 1 drift.\n')
    expect(markdown).toContain('- `b` (drift)\n')
    await rig.write({ 'data/things/all.yaml': things({ a: 1, b: 9 }) })
    const { record } = await rig.decide(['plan', 'things', '--base', 'HEAD'])
    expect(record.plan?.changes).toMatchObject([{ key: 'b', cause: 'change', overwritesDrift: true }])
    expect((await rig.run(['plan', 'things', '--base', 'HEAD'])).stdout).toMatch(/~ b .*\(overwrites drift\)/)
    expect((await rig.run(['plan', 'things'])).stdout).not.toContain('caused by')
  })

  it('that changes nothing shows 0 caused over a drifted destination', async () => {
    await using rig = await drifted()
    const args = ['plan', 'things', '--base', 'HEAD', '--force']
    const forced = await rig.run([...args, '--detailed-exitcode=change'])
    expect(forced.stdout).toContain('1 change: 0 caused by this range, 1 drift.\n')
    expect(forced.code).toBe(0)
    expect((await rig.run([...args, '--detailed-exitcode'])).code).toBe(2)
  })

  it('exits 2 for what the range causes', async () => {
    await using rig = await drifted()
    await rig.write({ 'data/things/all.yaml': things({ a: 1, b: 2, c: 3 }) })
    expect((await rig.run(['plan', 'things', '--base', 'HEAD', '--detailed-exitcode=change'])).code).toBe(2)
    // Without a base nothing is known to be drift.
    expect((await rig.run(['plan', 'things', '--detailed-exitcode=change'])).code).toBe(2)
  })

  it('does not call drift what other code may do', async () => {
    await using rig = await drifted()
    const text = FILES['integrations/things.mjs']
    await rig.write({ 'integrations/things.mjs': `${text}// Changed.\n` })
    const changed = await rig.decide(['plan', 'things', '--base', 'HEAD', '--detailed-exitcode=change'])
    expect(changed.decision.reason).toBe('code-changed')
    expect(changed.record.plan?.changes).toMatchObject([{ key: 'b', cause: 'unknown' }])
    expect(changed.code).toBe(2)
    await rig.write({ 'integrations/things.mjs': text, 'trueup.yaml': 'version: 1\nlimits: { maxChanges: 7 }\n' })
    const limits = await rig.decide(['plan', 'things', '--base', 'HEAD', '--detailed-exitcode=change'])
    expect([limits.decision.reason, limits.code]).toEqual(['config-changed', 0])
    expect(limits.record.plan?.changes).toMatchObject([{ key: 'b', cause: 'drift' }])
  })

  it('knows the parameters of the base, and a target that is new', async () => {
    await using rig = await drifted()
    await rig.write({
      'trueup.yaml': 'version: 1\ntargets:\n  things: { params: { greeting: hi } }\n  more: { integration: things }\n',
    })
    const greeting = await rig.decide(['plan', 'things', '--base', 'HEAD'])
    expect(greeting.record.plan?.changes.map(({ key, cause }) => [key, cause])).toEqual([
      ['a', 'change'],
      ['b', 'change'],
    ])
    const fresh = await rig.decide(['plan', 'more', '--base', 'HEAD'])
    expect(fresh.record.plan?.changes.map(({ cause }) => cause)).toEqual(['change', 'change'])
  })
})
