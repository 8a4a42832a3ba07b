// `why` after each kind of decision: one sentence, each component with both sides, and the first difference; and the same as JSON.
import { describe, expect, it } from 'vitest'
import { createThings, FILES, things, type Things } from '../support/things.js'
import type { Decision } from '../../src/event.js'

interface WhyJson {
  readonly schema: string
  readonly run: string
  readonly target: string
  readonly mode: string
  readonly at: string
  readonly decision: Decision
  readonly exitCode: number
}

/** Makes a run, then asks why; times and ids are replaced in the text. */
async function why(
  rig: Things,
  args: readonly string[],
): Promise<{ readonly text: string; readonly json: WhyJson; readonly run: string }> {
  const made = await rig.decide(args)
  const { stdout, code } = await rig.run(['why', args[1] ?? ''])
  expect(code).toBe(0)
  const json = (await rig.run(['why', args[1] ?? '', '-o', 'json'])).json() as WhyJson
  expect(json).toMatchObject({ schema: 'trueup/1', run: made.record.run.id, target: args[1], exitCode: made.code })
  expect(json.decision).toMatchObject({
    action: made.decision.action,
    reason: made.decision.reason,
    explanation: made.decision.explanation,
  })
  expect(Object.keys(json.decision.components)).toEqual(Object.keys(made.decision.components))
  const text = stdout
    .replace(/at \d\d:\d\d:\d\d/, 'at T')
    .replace(/run [0-9A-Z]{26}/g, 'run R')
    .replace(/\b[0-9a-f]{12}\b/g, 'D')
  return { text, json, run: made.record.run.id }
}

describe('why', () => {
  it('tells of a run without a comparison', async () => {
    await using rig = await createThings()
    const { text } = await why(rig, ['plan', 'things'])
    expect(text).toContain('things ran at T (dry-run, run R): no base to compare with was given.')
    expect(text).toMatch(/^ {2}config +not compared +D$/m)
  })

  it('tells of a skip and of what changed, component by component', async () => {
    await using rig = await createThings()
    const same = await why(rig, ['plan', 'things', '--base', 'HEAD'])
    expect(same.text).toMatch(
      /^things was skipped at T \(dry-run, run R\): nothing that things reads differs between [0-9a-f]{8} and the working tree\.$/m,
    )
    expect(same.text).toMatch(/^ {2}config {2}same +D$/m)
    expect(same.text).toMatch(/^ {2}inputs {2}same +D$/m)

    await rig.write({ 'data/things/all.yaml': things({ a: 1, b: 3 }) })
    const changed = await why(rig, ['plan', 'things', '--base', 'HEAD'])
    expect(changed.text).toMatch(/^ {2}inputs +differs +D → D {2}data\/things\/all\.yaml$/m)
    expect(changed.text).toMatch(/^ {2}desired +differs +D → D$/m)
    expect(changed.text).toMatch(/^First difference: \[1\]\.value hello 2 → hello 3 +\(data\/things\/all\.yaml:3\)$/m)
    expect(changed.json.decision.firstDifference).toEqual({
      path: '[1].value',
      before: 'hello 2',
      after: 'hello 3',
      file: 'data/things/all.yaml',
      line: 3,
    })

    await rig.git('checkout', '--', '.')
    await rig.write({ 'lib/world.mjs': `${FILES['lib/world.mjs']}// other\n` })
    expect((await why(rig, ['plan', 'things', '--base', 'HEAD'])).text).toMatch(
      /^ {2}code +differs +D → D {2}lib\/world\.mjs$/m,
    )
    await rig.write({ 'trueup.yaml': 'version: 1\ntargets: { things: { params: { greeting: bye } } }\n' })
    expect((await why(rig, ['plan', 'things', '--base', 'HEAD'])).text).toMatch(
      /^ {2}config +differs +D → D {2}params\.greeting: "hello" → "bye"$/m,
    )
  })

  it('tells with last-applied what the marks say', async () => {
    await using rig = await createThings()
    const never = await why(rig, ['plan', 'things', '--base', 'last-applied'])
    expect(never.text).toContain('things ran at T (dry-run, run R): things was never applied at this destination.')
    await rig.decide(['apply', 'things'])
    const same = await why(rig, ['apply', 'things', '--base', 'last-applied'])
    expect(same.text).toContain(
      'things was skipped at T (apply, run R): things was last applied with exactly this code, configuration and inputs.',
    )
    for (const name of ['config', 'code', 'inputs', 'env'])
      expect(same.text).toMatch(new RegExp(`^  ${name} +same +D$`, 'm'))
    await rig.write({ 'data/things/all.yaml': things({ a: 1, b: 3 }) })
    const changed = await why(rig, ['plan', 'things', '--base', 'last-applied'])
    expect(changed.text).toMatch(/^ {2}desired +differs +D → D$/m)
    expect(changed.text).toMatch(/^ {2}inputs +differs +D → D$/m)
  })

  it('tells of an apply that runs since the last one did not succeed', async () => {
    await using rig = await createThings()
    await rig.refuse('b')
    await rig.decide(['apply', 'things'])
    const { text } = await why(rig, ['apply', 'things', '--base', 'HEAD'])
    expect(text).toMatch(/But the last apply of things \(run R\) did not succeed, so it runs\./)
  })

  it('tells of runs that ended before a decision', async () => {
    await using rig = await createThings()
    await rig.write({ 'data/things/all.yaml': 'things: [' })
    const broken = await why(rig, ['plan', 'things', '--base', 'HEAD'])
    expect(broken.text).toContain('things failed before it could be decided at T (dry-run, run R):')
    expect(broken.text).toContain('data/things/all.yaml:1')
    expect(broken.json.exitCode).toBe(1)
  })

  it('finds a run by its id, and says what to do when there is none', async () => {
    await using rig = await createThings()
    const none = await rig.run(['why', 'things'])
    expect(none.code).toBe(64)
    expect(none.stderr).toContain('trueup plan things')
    const first = await why(rig, ['plan', 'things'])
    await why(rig, ['plan', 'things', '--base', 'HEAD'])
    const { stdout } = await rig.run(['why', '--run', first.run])
    expect(stdout).toContain('no base to compare with was given.')
  })
})
