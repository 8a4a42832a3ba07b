// In an apply the marks decide: a skip needs the destination brought to exactly this state. On the built CLI.
import { rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { createStoreReader } from '../support/store-reader.js'
import { createThings, FILES, integration, sameness, things, type Decided, type Things } from '../support/things.js'

const apply = (rig: Things, base: string, ...more: readonly string[]): Promise<Decided> =>
  rig.decide(['apply', 'things', '--base', base, ...more])

async function commitData(rig: Things, text: string): Promise<string> {
  await rig.write({ 'data/things/all.yaml': text })
  return rig.commit()
}
async function commitReadme(rig: Things, text: string): Promise<string> {
  await rig.write({ 'README.md': text })
  return rig.commit()
}

describe('an apply that did not happen', () => {
  it('failed at commit A, so the apply of commit B, which touches only the README, runs', async () => {
    await using rig = await createThings()
    expect((await rig.decide(['apply', 'things'])).code).toBe(0)
    const first = await rig.git('rev-parse', 'HEAD')
    const a = await commitData(rig, things({ a: 1, b: 3 }))
    await rig.refuse('b')
    const failed = await apply(rig, first)
    expect(failed.decision).toMatchObject({ action: 'run', reason: 'desired-changed' })
    expect(failed.code).toBe(1)

    const b = await commitReadme(rig, 'Other.\n')
    await rig.refuse()
    const plan = await rig.decide(['plan', 'things', '--base', a])
    expect(plan.decision).toMatchObject({ action: 'skip', reason: 'inputs-unchanged' })
    const repaired = await apply(rig, a)
    expect(repaired.decision).toMatchObject({ action: 'run', reason: 'base-not-applied', base: a })
    expect(repaired.decision.explanation).toContain('did not succeed')
    expect(repaired.record.outcomes).toEqual([expect.objectContaining({ key: 'b', result: 'applied' })])
    expect(await rig.readWorld()).toEqual({ a: 'hello 1', b: 'hello 3' })

    await commitReadme(rig, 'Third.\n')
    const skipped = await apply(rig, b)
    expect(skipped.decision).toMatchObject({ action: 'skip', reason: 'inputs-unchanged', digest: null })
  })

  it('was dropped: nobody applied commit A, so the apply of B runs', async () => {
    await using rig = await createThings()
    await rig.decide(['apply', 'things'])
    const a = await commitData(rig, things({ a: 1, b: 3 }))
    await commitReadme(rig, 'Other.\n')
    const { decision } = await apply(rig, a)
    expect(decision).toMatchObject({ action: 'run', reason: 'base-not-applied' })
    expect(decision.explanation).toContain('another desired state')
    expect(sameness(decision)).toMatchObject({ config: true, code: true, inputs: true, desired: false, env: true })
    expect(await rig.readWorld()).toEqual({ a: 'hello 1', b: 'hello 3' })
  })

  it('never was: nothing was ever applied there', async () => {
    await using rig = await createThings()
    const { decision } = await apply(rig, 'HEAD')
    expect(decision).toMatchObject({ action: 'run', reason: 'base-not-applied' })
    expect(decision.explanation).toContain('never applied')
  })

  it('was blocked by a limit', async () => {
    const many = Object.fromEntries(Array.from({ length: 12 }, (_, index) => [`k${String(index)}`, index]))
    await using rig = await createThings({ files: { 'data/things/all.yaml': things(many) } })
    expect((await rig.decide(['apply', 'things'])).code).toBe(0)
    const first = await rig.git('rev-parse', 'HEAD')
    const a = await commitData(rig, things({ k0: 0 }))
    expect((await apply(rig, first)).code).toBe(3)
    await commitReadme(rig, 'Other.\n')
    const again = await apply(rig, a)
    expect(again.decision).toMatchObject({ action: 'run', reason: 'base-not-applied' })
    expect(again.code).toBe(3)
  })

  it('went back: what a revert left undone is applied, whatever was applied between', async () => {
    await using rig = await createThings()
    await rig.decide(['apply', 'things'])
    const first = await rig.git('rev-parse', 'HEAD')
    await commitData(rig, things({ a: 5 }))
    expect((await apply(rig, first)).code).toBe(0)
    await commitData(rig, FILES['data/things/all.yaml'])
    // Its trees are those of the first commit, which was applied; but something else was applied since.
    const { decision } = await apply(rig, first)
    expect(decision).toMatchObject({ action: 'run', reason: 'base-not-applied' })
    expect(await rig.readWorld()).toEqual({ a: 'hello 1', b: 'hello 2' })
    expect((await apply(rig, first)).decision).toMatchObject({ action: 'skip', reason: 'inputs-unchanged' })
  })
})

describe('--base last-applied', () => {
  const last = (rig: Things, command = 'apply'): Promise<Decided> =>
    rig.decide([command, 'things', '--base', 'last-applied'])

  it('runs when nothing was applied, skips by the trees, then by the desired state, and tells what the marks say', async () => {
    await using rig = await createThings()
    const never = await last(rig, 'plan')
    expect(never.decision).toMatchObject({ action: 'run', reason: 'base-not-applied', base: 'last-applied' })
    expect(sameness(never.decision)).toEqual({ config: null, code: null, inputs: null, env: null })
    expect((await last(rig)).decision.reason).toBe('base-not-applied')

    const trees = await last(rig)
    expect(trees.decision).toMatchObject({
      action: 'skip',
      reason: 'inputs-unchanged',
      base: 'last-applied',
      digest: null,
    })
    expect(sameness(trees.decision)).toEqual({ config: true, code: true, inputs: true, env: true })
    const { inputs } = trees.decision.components
    expect(inputs?.base).toBe(inputs?.head)

    await commitData(rig, things({ a: 1, b: 2 }, 'a comment'))
    for (const command of ['plan', 'apply']) {
      const { decision } = await last(rig, command)
      expect(decision).toMatchObject({ action: 'skip', reason: 'desired-unchanged' })
      expect(decision.digest).toMatch(/^[0-9a-f]{64}$/)
      expect(sameness(decision)).toEqual({ config: true, code: true, inputs: false, env: true, desired: true })
      expect(decision.components['inputs']?.base).toBe(inputs?.head)
    }
  })

  it('runs when data, code, configuration or a declared variable changed since, naming it', async () => {
    const more = "env: ['REGION'],"
    await using rig = await createThings({
      files: { 'integrations/things.mjs': integration({ name: 'things', more }) },
    })
    expect((await last(rig)).code).toBe(0)
    const cases = [
      { write: { 'data/things/all.yaml': things({ a: 1, b: 9 }) }, reason: 'desired-changed', component: 'desired' },
      { write: { 'lib/world.mjs': `${FILES['lib/world.mjs']}// other\n` }, reason: 'code-changed', component: 'code' },
      {
        write: { 'trueup.yaml': 'version: 1\ntargets: { things: { params: { greeting: bye } } }\n' },
        reason: 'config-changed',
        component: 'config',
      },
    ]
    for (const { write, reason, component } of cases) {
      await rig.write(write)
      const { decision } = await last(rig, 'plan')
      expect(decision).toMatchObject({ action: 'run', reason, base: 'last-applied' })
      const { head, base, same } = decision.components[component] ?? {}
      expect(same).toBe(false)
      expect(base).not.toBe(head)
      expect(base).toMatch(/^[0-9a-f]{64}$/)
      await rig.git('checkout', '--', '.')
    }
    const env = await rig.decide(['plan', 'things', '--base', 'last-applied'], { env: { REGION: 'eu' } })
    expect(env.decision).toMatchObject({ action: 'run', reason: 'config-changed' })
    expect(sameness(env.decision)).toMatchObject({ config: true, code: true, inputs: true, env: false })
    expect((await last(rig)).decision.action).toBe('skip')
  })
})

describe('what git does not know', () => {
  it('a declared variable that changed makes an apply run; unset is not empty', async () => {
    const more = "env: ['REGION'],"
    await using rig = await createThings({
      files: { 'integrations/things.mjs': integration({ name: 'things', more }) },
    })
    const run = async (region?: string): Promise<string> =>
      (await rig.decide(['apply', 'things', '--base', 'HEAD'], { env: { REGION: region } })).decision.reason
    expect(await run()).toBe('base-not-applied')
    expect(await run()).toBe('inputs-unchanged')
    expect(await run('')).toBe('base-not-applied')
    expect(await run('')).toBe('inputs-unchanged')
    expect(await run('eu')).toBe('base-not-applied')
    expect(await run('eu')).toBe('inputs-unchanged')
    expect(await run()).toBe('base-not-applied')
  })

  it('a target with secrets, declared or only referenced, is never skipped in an apply', async () => {
    const text = integration({ name: 'things', more: "secrets: [{ path: 'api/token' }]," })
    const referencing = integration({ name: 'parts' }).replace(
      'value: ctx.params',
      "token: ctx.secrets.reference('api/token'), value: ctx.params",
    )
    await using rig = await createThings({
      files: { 'integrations/things.mjs': text, 'integrations/parts.mjs': referencing },
    })
    for (const target of ['things', 'parts']) {
      for (const base of ['HEAD', 'HEAD', 'last-applied']) {
        const { decision, code } = await rig.decide(['apply', target, '--base', base])
        expect(code).toBe(0)
        expect(decision, `${target} ${base}`).toMatchObject({ action: 'run', reason: 'base-not-applied' })
      }
      // What a commit changes can be told all the same.
      expect((await rig.decide(['plan', target, '--base', 'HEAD'])).decision).toMatchObject({
        action: 'skip',
        reason: 'inputs-unchanged',
      })
    }
  })

  it('data from outside is evaluated before an apply is skipped; a dry run is answered by git', async () => {
    const text = integration({ name: 'things', more: 'external: true,' })
    await using rig = await createThings({ files: { 'integrations/things.mjs': text } })
    await rig.decide(['apply', 'things', '--base', 'HEAD'])
    const { decision } = await rig.decide(['apply', 'things', '--base', 'HEAD'], { env: rig.noting('second') })
    expect(decision).toMatchObject({ action: 'skip', reason: 'inputs-unchanged' })
    expect(decision.digest).toMatch(/^[0-9a-f]{64}$/)
    expect(await rig.notes('second.evaluated')).toHaveLength(1)
    await rig.decide(['plan', 'things', '--base', 'HEAD'], { env: rig.noting('third') })
    expect(await rig.notes('third.evaluated')).toEqual([])
  })
})

describe('marks', () => {
  it('are completed after an empty plan without raising the counter, and raised by changes', async () => {
    await using rig = await createThings()
    const store = createStoreReader(join(rig.repo, '.trueup'))
    await rig.decide(['apply', 'things'])
    const [first] = await store.marks()
    expect(first).toMatchObject({ shard: '', status: 'completed', counter: 1 })
    await commitData(rig, things({ a: 1, b: 2 }, 'comment'))
    const empty = await rig.decide(['apply', 'things'])
    expect(empty.record.plan?.changes).toEqual([])
    const [second] = await store.marks()
    expect(second).toMatchObject({ status: 'completed', counter: 1, run: empty.record.run.id, desired: first?.desired })
    expect(second?.inputs).not.toBe(first?.inputs)
    expect((await apply(rig, 'HEAD')).decision).toMatchObject({ action: 'skip', reason: 'inputs-unchanged' })
    await commitData(rig, things({ a: 2, b: 2 }))
    await rig.decide(['apply', 'things'])
    expect((await store.marks())[0]).toMatchObject({ status: 'completed', counter: 2 })
  })

  it('of an apply killed in the middle keep the next one from being skipped', async () => {
    await using rig = await createThings()
    await rig.decide(['apply', 'things'])
    const first = await commitData(rig, things({ a: 1, b: 2 }, 'comment'))
    const a = await commitData(rig, things({ a: 1, b: 7 }))
    await writeFile(`${rig.world}.wait`, '')
    const killed = await rig.run(['apply', 'things', '--base', first, '--log-level', 'debug'], {
      killAfter: { output: /started {2}update/ },
    })
    expect(killed.signal).toBe('SIGKILL')
    await rm(`${rig.world}.wait`)
    await commitReadme(rig, 'Other.\n')
    const { decision, code } = await apply(rig, a)
    expect(decision).toMatchObject({ action: 'run', reason: 'base-not-applied' })
    expect(decision.explanation).toContain('interrupted')
    expect(code).toBe(0)
    expect(await rig.readWorld()).toEqual({ a: 'hello 1', b: 'hello 7' })
  })
})

describe('shards', () => {
  const parts = (rig: Things, ...more: readonly string[]): Promise<Decided> =>
    rig.decide(['apply', 'parts', '--base', 'HEAD', ...more])

  it('git alone answers only when every shard was applied at these trees', async () => {
    await using rig = await createThings()
    const one = await parts(rig, '--shard', 'a')
    expect(one.decision).toMatchObject({ action: 'run', reason: 'base-not-applied' })
    expect(await rig.readWorld()).toEqual({ a1: 'hello 1', a2: 'hello 2' })
    const rest = await parts(rig)
    expect(rest.decision).toMatchObject({ action: 'run', reason: 'base-not-applied' })
    expect(rest.decision.explanation).toContain('shard b was never applied')
    expect(await rig.readWorld()).toMatchObject({ b1: 'hello 1' })
    expect((await parts(rig)).decision).toMatchObject({ action: 'skip', reason: 'inputs-unchanged', digest: null })

    // Only one shard brought to new trees: the other's desired state must be looked at.
    await rig.write({ 'data/parts/all.yaml': things({ a1: 1, a2: 3, b1: 1 }) })
    await rig.commit()
    expect((await parts(rig, '--shard', 'a')).record.outcomes).toHaveLength(1)
    const evaluated = await parts(rig)
    expect(evaluated.decision).toMatchObject({ action: 'skip', reason: 'inputs-unchanged' })
    expect(evaluated.decision.digest).toMatch(/^[0-9a-f]{64}$/)
    expect(sameness(evaluated.decision)).toMatchObject({ desired: true })
  })

  it('one that failed keeps the target from being skipped; the others are not touched again', async () => {
    await using rig = await createThings()
    await rig.refuse('b1')
    expect((await parts(rig)).code).toBe(5)
    await rig.refuse()
    const { decision, record } = await parts(rig)
    expect(decision).toMatchObject({ action: 'run', reason: 'base-not-applied' })
    expect(decision.explanation).toContain('shard b')
    expect(record.outcomes).toEqual([expect.objectContaining({ key: 'b1', result: 'applied' })])
    expect((await parts(rig)).decision.action).toBe('skip')
  })

  it('one that was removed is reconciled to nothing before anything is skipped', async () => {
    await using rig = await createThings()
    await parts(rig)
    await rig.write({ 'data/parts/all.yaml': things({ a1: 1, a2: 2 }) })
    const removed = await rig.commit()
    await commitReadme(rig, 'Other.\n')
    const run = await rig.decide(['apply', 'parts', '--base', removed])
    expect(run.decision).toMatchObject({ action: 'run', reason: 'base-not-applied' })
    expect(await rig.readWorld()).toEqual({ a1: 'hello 1', a2: 'hello 2' })
    expect((await parts(rig)).decision).toMatchObject({ action: 'skip', reason: 'inputs-unchanged' })
    expect((await rig.decide(['apply', 'parts', '--base', 'last-applied'])).decision).toMatchObject({ action: 'skip' })
  })

  it('that differ between two commits are named', async () => {
    await using rig = await createThings()
    await rig.write({ 'data/parts/all.yaml': things({ a1: 1, a2: 2, b1: 5 }) })
    const { decision } = await rig.decide(['plan', 'parts', '--base', 'HEAD'])
    expect(decision.components['desired']).toMatchObject({ same: false, detail: 'shards: b (of 2)' })
  })
})
