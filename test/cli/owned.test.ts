// owned and destroy on the built CLI: whose objects are, and how all of a target's go.
import { writeFile } from 'node:fs/promises'
import { describe, expect, it } from 'vitest'
import { createThings, integration, things, type RunJson, type Things } from '../support/things.js'

const changes = (record: RunJson): readonly string[] =>
  record.plan?.changes.map(({ action, key }) => `${action} ${key}`) ?? []

async function apply(rig: Things, target: string, ...args: readonly string[]): Promise<RunJson> {
  const { record, code, stderr } = await rig.decide(['apply', target, '--yes', ...args])
  expect(code, stderr).toBe(0)
  return record
}

async function owned(rig: Things, target: string): Promise<readonly string[]> {
  const { json } = await rig.run(['owned', 'list', target, '-o', 'json'])
  return (json() as { owned: readonly { key: string }[] }).owned.map(({ key }) => key)
}

/** Two targets that act on one place. */
const TWO = {
  'trueup.yaml': 'version: 1\ntargets:\n  things: { destination: place }\n  more: { destination: place }\n',
  'integrations/more.mjs': integration({ name: 'more' }),
  'data/more/all.yaml': things({ m: 1 }),
}

describe('owned', () => {
  it('list shows key, shard, state and run, of one target or of all', async () => {
    await using rig = await createThings()
    const { run } = await apply(rig, 'parts')
    const { stdout } = await rig.run(['owned', 'list', 'parts'])
    expect(
      stdout
        .split('\n')
        .slice(0, 2)
        .map((line) => line.split(/ {2,}/)),
    ).toEqual([
      ['KEY', 'SHARD', 'STATE', 'SINCE RUN'],
      ['a1', 'a', 'owned', run.id],
    ])
    const all = await rig.run(['owned', 'list', '--all'])
    expect(all.stdout).toContain('parts')
    expect((await rig.run(['owned', 'list'])).code).toBe(64)
    expect((await rig.run(['owned', 'list', 'part'])).stderr).toContain('Did you mean "parts"?')
  })

  it('adopt takes an object that exists and differs; the next plan updates it; what does not exist is refused', async () => {
    await using rig = await createThings()
    await writeFile(rig.world, JSON.stringify({ a: 'by hand', z: 'foreign' }))
    const blocked = await rig.decide(['plan', 'things'])
    expect(blocked.code).toBe(3)
    const missing = await rig.run(['owned', 'adopt', 'things', 'b'])
    expect([missing.code, missing.stderr]).toEqual([64, expect.stringContaining('there is no object "b" among the 2')])

    const shown = await rig.decide(['owned', 'adopt', 'things', 'a', '--dry-run'])
    expect(changes(shown.record)).toEqual(['adopt a'])
    expect(await owned(rig, 'things')).toEqual([])
    const done = await rig.decide(['owned', 'adopt', 'things', 'a'])
    expect([done.code, changes(done.record)]).toEqual([0, ['adopt a']])
    expect(await owned(rig, 'things')).toEqual(['a'])
    expect(await rig.readWorld()).toEqual({ a: 'by hand', z: 'foreign' })
    expect(changes((await rig.decide(['plan', 'things'])).record)).toEqual(['create b', 'update a'])
    expect((await rig.run(['history', 'things', 'a'])).stdout).toContain('adopted')
    const again = await rig.run(['owned', 'adopt', 'things', 'a'])
    expect([again.code, again.stdout]).toEqual([0, 'Nothing to adopt: it is owned already.\n'])
  })

  it('release forgets without deleting, and an apply is not skipped on what it said before', async () => {
    await using rig = await createThings()
    await apply(rig, 'things')
    const { code, stdout } = await rig.run(['owned', 'release', 'things', 'b'])
    expect([code, stdout]).toEqual([0, expect.stringContaining('things owns 1 object less. They stay as they are.')])
    expect(await owned(rig, 'things')).toEqual(['a'])
    expect(await rig.readWorld()).toEqual({ a: 'hello 1', b: 'hello 2' })
    const again = await rig.decide(['apply', 'things', '--yes', '--base', 'last-applied'])
    expect(again.decision.reason).toBe('base-not-applied')
    expect(changes(again.record)).toEqual(['adopt b'])

    await rig.run(['owned', 'release', 'things', 'b'])
    await rig.write({ 'data/things/all.yaml': things({ a: 1 }) })
    expect(changes((await rig.decide(['apply', 'things', '--yes'])).record)).toEqual([])
    expect(await rig.readWorld()).toEqual({ a: 'hello 1', b: 'hello 2' })
    const unknown = await rig.run(['owned', 'release', 'things', 'b'])
    expect([unknown.code, unknown.stderr]).toEqual([64, expect.stringContaining('things does not own "b"')])
    expect((await rig.run(['history', 'things', 'b'])).stdout).toMatch(/released\n +run \w+ by /)
  })

  it('move hands an object to another target of one destination, and to none elsewhere', async () => {
    await using rig = await createThings({ files: TWO })
    await apply(rig, 'things')
    await apply(rig, 'more')
    await rig.write({ 'data/more/all.yaml': things({ m: 1, b: 2 }) })
    const blocked = await rig.run(['plan', 'more'])
    expect(blocked.code).toBe(3)
    expect(blocked.stdout.replace(/\s+/g, ' ')).toContain('trueup owned move b --from things --to more')

    const { code, stderr } = await rig.run(['owned', 'move', 'b', '--from', 'things', '--to', 'more'])
    expect([code, stderr]).toEqual([0, ''])
    expect([await owned(rig, 'things'), await owned(rig, 'more')]).toEqual([['a'], ['b', 'm']])
    await rig.write({ 'data/things/all.yaml': things({ a: 1 }) })
    expect(changes((await rig.decide(['plan', 'things'])).record)).toEqual([])
    expect(changes((await rig.decide(['plan', 'more'])).record)).toEqual([])
    for (const target of ['things', 'more'])
      expect((await rig.run(['history', target, 'b'])).stdout).toMatch(/moved +things → more/)

    const elsewhere = await rig.run(['owned', 'move', 'a', '--from', 'things', '--to', 'parts'])
    expect([elsewhere.code, elsewhere.stderr]).toEqual([64, expect.stringContaining('but parts acts on parts')])
    expect(await owned(rig, 'things')).toEqual(['a'])
  })

  it('waits for nobody: while an apply holds the target, the ledger stays as it is', async () => {
    await using rig = await createThings()
    await apply(rig, 'things')
    await writeFile(`${rig.world}.wait`, '')
    await rig.write({ 'data/things/all.yaml': things({ a: 9, b: 2 }) })
    const running = rig.start(['apply', 'things', '--yes'])
    await running.until(/decision=run/)
    const { code, stderr } = await rig.run(['owned', 'release', 'things', 'b'])
    expect([code, stderr]).toEqual([75, expect.stringContaining('is held by run')])
    await rig.write({ '../world.json.wait': null })
    expect((await running.result).code).toBe(0)
    expect(await owned(rig, 'things')).toEqual(['a', 'b'])
  })
})

describe('the ledger and leases', () => {
  it('settles what a killed run left before objects are released, so that its journal does not bring them back', async () => {
    await using rig = await createThings()
    await apply(rig, 'things')
    await rig.write({ 'data/things/all.yaml': things({ a: 9, b: 9 }) })
    await writeFile(`${rig.world}.wait`, '')
    const killed = await rig.run(['apply', 'things', '--yes', '--log-level', 'debug'], {
      killAfter: { output: /started +update/ },
    })
    expect(killed.signal).toBe('SIGKILL')
    await rig.write({ '../world.json.wait': null })
    const { code, stderr } = await rig.run(['owned', 'release', 'things', 'b'])
    expect([code, stderr]).toEqual([0, expect.stringContaining('had not ended; what it did was settled first')])
    expect(await owned(rig, 'things')).toEqual(['a'])
    expect((await rig.run(['lease', 'list'])).stdout).toBe('No apply holds a lease.\n')
    await rig.write({ 'data/things/all.yaml': things({ a: 1 }) })
    expect(changes((await rig.decide(['apply', 'things', '--yes'])).record)).not.toContain('delete b')
    expect(await rig.readWorld()).toHaveProperty('b')
  })
})

describe('destroy', () => {
  it('plans the deletes of all that a target owns, and of nothing else, under its limits', async () => {
    await using rig = await createThings({ files: TWO })
    await apply(rig, 'things')
    await apply(rig, 'more')
    await writeFile(rig.world, JSON.stringify({ ...((await rig.readWorld()) as object), z: 'foreign' }))
    const shown = await rig.decide(['destroy', 'things'])
    expect([shown.code, changes(shown.record)]).toEqual([3, ['delete a', 'delete b']])
    expect(shown.record.limits.filter(({ blocked }) => blocked).map(({ rule }) => rule)).toEqual(['empty-desired'])
    expect((await rig.run(['destroy', 'things', '--apply'])).code).toBe(3)
    const text = (await rig.run(['destroy', 'things'])).stdout
    expect(text).toMatch(/trueup destroy things --apply --expect-plan [0-9a-f]{64} --allow-empty/)

    const done = await rig.decide(['destroy', 'things', '--apply', '--allow-empty'])
    expect(done.code).toBe(0)
    expect(await rig.readWorld()).toEqual({ m: 'hello 1', z: 'foreign' })
    expect(await owned(rig, 'things')).toEqual([])
    const next = await rig.decide(['apply', 'things', '--yes', '--base', 'last-applied'])
    expect(changes(next.record)).toEqual(['create a', 'create b'])
  })

  it('works when trueup.yaml no longer names the target, with the parameters it had, and needs no data', async () => {
    const yaml = (targets: string): string => `version: 1\ntargets:\n${targets}`
    await using rig = await createThings({
      files: { 'trueup.yaml': yaml('  things: {}\n  old: { integration: parts, destination: somewhere }\n') },
    })
    await apply(rig, 'old')
    await rig.write({ 'trueup.yaml': yaml('  things: {}\n'), 'data/parts/all.yaml': null })
    const { code, record, stderr } = await rig.decide(['destroy', 'old', '--apply', '--allow-empty'])
    expect([code, changes(record)]).toEqual([0, ['delete a1', 'delete a2', 'delete b1']])
    expect(stderr).toContain('trueup.yaml has no target old')
    expect(record.run.destination).toBe('somewhere')
    expect(await rig.readWorld()).toEqual({})
    // A default target of the same name would act somewhere else.
    const unknown = await rig.run(['destroy', 'older'])
    expect([unknown.code, unknown.stderr]).toEqual([64, expect.stringContaining('No record of an apply')])
  })
})

describe('approvals', () => {
  const yaml = (...approvals: readonly string[]): string =>
    `version: 1\nlimits: { maxDeletes: 1 }\napprovals:\n${approvals.map((line) => `  - { target: things, ${line}, reason: the old zone goes, by: the team }\n`).join('')}targets: { things: {} }\n`
  const TOMORROW = '2999-12-31'

  async function prepared(config: string): Promise<Things> {
    const rig = await createThings({ files: { 'data/things/all.yaml': things({ a: 1, b: 2, c: 3, d: 4 }) } })
    await apply(rig, 'things')
    await rig.write({ 'data/things/all.yaml': things({ d: 4 }), 'trueup.yaml': config })
    return rig
  }
  const rules = (record: RunJson): readonly string[] =>
    record.limits.map(
      ({ rule, blocked, ...check }) =>
        `${rule}${blocked ? ' blocked' : ''}${rule === 'approval' ? ` ${(check as unknown as { actual: string }).actual}` : ''}`,
    )

  it('let the deletes go that they name, until they expire', async () => {
    await using rig = await prepared(yaml(`keys: [a, b, x], until: ${TOMORROW}`))
    const { record, code } = await rig.decide(['apply', 'things', '--yes'])
    expect([code, rules(record)]).toEqual([0, ['max-deletes', 'approval used']])
    expect(await rig.readWorld()).toEqual({ d: 'hello 4' })
  })

  it('do nothing once they have expired, and are told of when they have or are not needed', async () => {
    await using rig = await prepared(yaml(`keys: [a, b], until: '2020-01-01'`, `keys: [x], until: ${TOMORROW}`))
    const { stdout, code } = await rig.run(['apply', 'things', '--yes'])
    expect(code).toBe(3)
    const text = stdout.replace(/\s+/g, ' ')
    expect(text).toContain(
      'Approval: the approval of a, b has expired (by the team until 2020-01-01: the old zone goes), so 2 deletes of this plan count like any other',
    )
    expect(text).toContain('Approval: the approval of x is not needed by this plan')
    expect(Object.keys((await rig.readWorld()) as object)).toHaveLength(4)
  })

  it('may name one plan by its digest, and approve no other', async () => {
    await using rig = await prepared('version: 1\nlimits: { maxDeletes: 1 }\ntargets: { things: {} }\n')
    const plan = (await rig.decide(['plan', 'things'])).record.plan?.digest ?? ''
    await rig.write({ 'trueup.yaml': yaml(`plan: ${plan}, until: ${TOMORROW}`) })
    expect((await rig.decide(['plan', 'things'])).code).toBe(0)
    await rig.write({ 'data/things/all.yaml': things({}) })
    const other = await rig.decide(['plan', 'things'])
    expect([other.code, rules(other.record).at(-1)]).toEqual([3, 'approval unused'])
  })

  it('come from the base in a dry run with one: a change cannot approve its own deletes', async () => {
    await using rig = await createThings({
      files: {
        'trueup.yaml': yaml(`keys: [x], until: ${TOMORROW}`),
        'data/things/all.yaml': things({ a: 1, b: 2, c: 3 }),
      },
    })
    await apply(rig, 'things')
    await rig.write({
      'data/things/all.yaml': things({ c: 3 }),
      'trueup.yaml': yaml(`keys: [a, b], until: ${TOMORROW}`),
    })
    await rig.commit()
    const shown = await rig.decide(['plan', 'things', '--base', 'HEAD~1'])
    expect([shown.code, rules(shown.record)]).toEqual([3, ['max-deletes blocked', 'approval unused']])
    expect(shown.stderr).toContain('deletion approvals in force are those of')
  })
})
