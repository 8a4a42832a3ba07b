// history and undo on the built CLI: what is told of an object, and the way back from a run, limited, recorded and followed by an apply.
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import type { RunRecord } from '../../src/event.js'
import { openDirectoryStore } from '../../src/store/directory-store.js'
import { createRecordStore } from '../../src/store/records.js'
import { systemClock } from '../../src/util/clock.js'
import { newUlid } from '../../src/util/ulid.js'
import { createThings, things, type RunJson, type Things } from '../support/things.js'

interface RecordJson extends RunJson {
  readonly instead: {
    readonly kind: string
    readonly run?: string
    readonly left?: readonly { key: string; why: string }[]
  } | null
}
interface HistoryJson {
  readonly history: readonly {
    readonly key: string
    readonly action: string
    readonly run: string
    readonly before?: unknown
  }[]
}

const MANY = Object.fromEntries(Array.from({ length: 12 }, (_, index) => [`n${String(index).padStart(2, '0')}`, index]))

/** Applies data/things/all.yaml as given; gives the run's id. */
async function apply(rig: Things, values: Readonly<Record<string, string | number>>, env = {}): Promise<string> {
  await rig.write({ 'data/things/all.yaml': things(values) })
  await rig.commit()
  const { record, code, stderr } = await rig.decide(['apply', 'things', '--yes', '--max-deletes', '100%'], { env })
  expect(code, stderr).toBe(0)
  return record.run.id
}

async function undo(rig: Things, args: readonly string[]): Promise<RecordJson & { readonly code: number | null }> {
  const { record, code } = await rig.decide(['undo', ...args])
  return { ...(record as RecordJson), code }
}

const changes = (record: RunJson): readonly string[] =>
  record.plan?.changes.map(({ action, key }) => `${action} ${key}`) ?? []

describe('history', () => {
  it('tells of one object what was done, when, by which run, person and job, with the value before and the proof of a delete', async () => {
    await using rig = await createThings()
    await apply(rig, { a: 1, b: 2 })
    const update = await apply(rig, { a: 3, b: 2 })
    const ci = {
      GITHUB_SERVER_URL: 'https://ci.example.com',
      GITHUB_REPOSITORY: 'org/infra',
      GITHUB_RUN_ID: '81',
      GITHUB_ACTOR: 'someone',
    }
    const removal = await apply(rig, { b: 2 }, ci)
    const commit = await rig.git('rev-parse', '--short=8', 'HEAD')

    const { stdout, code } = await rig.run(['history', 'things', 'a'])
    expect(code).toBe(0)
    const lines = stdout.split('\n')
    expect(lines[0]).toMatch(/^\d{4}-\d\d-\d\d \d\d:\d\d {2}deleted {2}value: hello 3$/)
    expect(lines[1]).toContain(`run ${removal} by someone on `)
    expect(lines[1]).toContain(`(https://ci.example.com/org/infra/actions/runs/81), commit ${commit}`)
    expect(lines[2]?.trim()).toBe(
      'proof: complete listing of 2 owned; limit 30 %, used 50 % (allowed by --max-deletes 100%)',
    )
    expect(lines[3]).toMatch(/updated {2}value: hello 1 → hello 3$/)
    expect(lines[4]).toContain(`run ${update} by `)
    expect(lines[5]).toMatch(/created {2}value: hello 1$/)
    expect(lines.at(-2)).toBe(`To bring it back: trueup undo ${removal} --only a`)

    const json = (await rig.run(['history', 'things', '-o', 'json'])).json() as HistoryJson
    expect(json.history.map(({ key, action }) => `${action} ${key}`)).toEqual([
      'delete a',
      'update a',
      'create a',
      'create b',
    ])
    expect(json.history[0]?.before).toEqual({ name: 'a', value: 'hello 3' })
    expect(json.history[1]?.before).toEqual({ name: 'a', value: 'hello 1' })
  })

  it('says nothing is on record of a target that never acted, and refuses a name that nothing knows', async () => {
    await using rig = await createThings()
    const empty = await rig.run(['history', 'things'])
    expect([empty.code, empty.stdout]).toEqual([0, expect.stringContaining('Nothing is on record')])
    const unknown = await rig.run(['history', 'thing'])
    expect([unknown.code, unknown.stderr]).toEqual([64, expect.stringContaining('Did you mean "things"?')])
  })

  it('tells what a killed run did as unknown, not as done', async () => {
    await using rig = await createThings()
    await rig.write({ '../world.json.wait': '' })
    const killed = await rig.run(['apply', 'things', '--yes', '--log-level', 'debug'], {
      killAfter: { output: /started +create/ },
    })
    expect(killed.signal).toBe('SIGKILL')
    const { stdout } = await rig.run(['history', 'things', 'a'])
    expect(stdout).toContain('perhaps created (unknown)')
    expect(stdout).not.toContain('To undo')
    const [run = ''] = /01\w{24}/.exec(stdout) ?? []
    const { code, stderr } = await rig.run(['undo', run])
    expect([code, stderr]).toEqual([64, expect.stringContaining('is still going on, or was killed')])
  })
})

describe('undo', () => {
  it('shows the way back as a dry run, then takes it: created goes, updated and deleted come back', async () => {
    await using rig = await createThings()
    await apply(rig, { a: 1, b: 2 })
    const run = await apply(rig, { a: 5, c: 3 })
    const shown = await undo(rig, [run])
    expect(shown.code).toBe(0)
    expect(changes(shown).toSorted()).toEqual(['create b', 'delete c', 'update a'])
    expect(shown.limits.filter(({ blocked }) => blocked).map(({ rule }) => rule)).toEqual([])
    expect(await rig.readWorld()).toEqual({ a: 'hello 5', c: 'hello 3' })

    const done = await undo(rig, [run, '--apply'])
    expect(done.code).toBe(0)
    expect(done.instead).toMatchObject({ kind: 'undo', run, left: [] })
    expect(done.run.id).not.toBe(run)
    expect(await rig.readWorld()).toEqual({ a: 'hello 1', b: 'hello 2' })
    const text = (await rig.run(['history', 'things', 'b'])).stdout
    expect(text.split('\n')[1]).toContain(`undoing run ${run}`)
  })

  it('is followed by a regular apply that is not skipped, and brings the desired state back', async () => {
    await using rig = await createThings()
    await apply(rig, { a: 1 })
    const run = await apply(rig, { a: 5 })
    await undo(rig, [run, '--apply'])
    const again = await rig.decide(['apply', 'things', '--yes', '--base', 'last-applied'])
    expect(again.decision).toMatchObject({ action: 'run', reason: 'base-not-applied' })
    expect(again.decision.explanation).toContain(`undid run ${run}`)
    expect(await rig.readWorld()).toEqual({ a: 'hello 5' })
  })

  it('takes one object alone, and leaves what is desired of the others alone', async () => {
    await using rig = await createThings()
    await apply(rig, { a: 1, b: 2 })
    const run = await apply(rig, { c: 3 })
    await rig.write({ 'data/things/all.yaml': things({ c: 9, d: 4 }) })
    const done = await undo(rig, [run, '--only', 'b', '--apply'])
    expect(changes(done)).toEqual(['create b'])
    expect(await rig.readWorld()).toEqual({ b: 'hello 2', c: 'hello 3' })
    const wrong = await rig.run(['undo', run, '--only', 'x'])
    expect([wrong.code, wrong.stderr]).toEqual([64, expect.stringContaining(`did not change "x"`)])
  })

  it('does not go back behind a later run, and says by whom the object was changed since', async () => {
    await using rig = await createThings()
    await apply(rig, { a: 1, b: 1 })
    const run = await apply(rig, { a: 2, b: 2 })
    const later = await apply(rig, { a: 3, b: 2 })
    const done = await undo(rig, [run, '--apply'])
    expect(changes(done)).toEqual(['update b'])
    expect(done.instead?.left).toEqual([
      { key: 'a', why: expect.stringMatching(`changed since: updated .* by .* on .*, run ${later}`) as string },
    ])
    expect(await rig.readWorld()).toEqual({ a: 'hello 3', b: 'hello 1' })
    const { stdout } = await rig.run(['undo', run])
    expect(stdout).toContain('Nothing to undo')
    expect(stdout).toContain('Not brought back, 2 objects:')
  })

  it('is limited like any other plan', async () => {
    await using rig = await createThings()
    const run = await apply(rig, MANY)
    const shown = await undo(rig, [run, '--apply'])
    expect(shown.code).toBe(3)
    expect(shown.limits.filter(({ blocked }) => blocked).map(({ rule }) => rule)).toEqual([
      'empty-desired',
      'max-deletes',
    ])
    expect(Object.keys((await rig.readWorld()) as object)).toHaveLength(12)
    const { stdout } = await rig.run(['undo', run])
    expect(stdout).toMatch(
      new RegExp(`trueup undo ${run} --apply --expect-plan [0-9a-f]{64} --allow-empty --max-deletes 12`),
    )
  })

  it('brings objects of a shard back that is gone, and an undo can be undone', async () => {
    await using rig = await createThings()
    const applyParts = async (values: Readonly<Record<string, number>>): Promise<string> => {
      await rig.write({ 'data/parts/all.yaml': things(values) })
      return (await rig.decide(['apply', 'parts', '--yes', '--max-deletes', '9'])).record.run.id
    }
    await applyParts({ a1: 1, b1: 1 })
    const run = await applyParts({ a1: 1 })
    expect(await rig.readWorld()).toEqual({ a1: 'hello 1' })
    const back = await undo(rig, [run, '--apply'])
    expect(changes(back)).toEqual(['create b1'])
    expect(await rig.readWorld()).toEqual({ a1: 'hello 1', b1: 'hello 1' })
    const forth = await undo(rig, [back.run.id, '--apply', '--allow-empty'])
    expect(changes(forth)).toEqual(['delete b1'])
    expect(await rig.readWorld()).toEqual({ a1: 'hello 1' })
  })

  it('refuses unknown runs, dry runs, runs of another target and runs that acted elsewhere, changing nothing', async () => {
    await using rig = await createThings({
      files: { 'trueup.yaml': 'version: 1\ntargets:\n  things: { destination: here }\n' },
    })
    const run = await apply(rig, { a: 1 })
    const dry = (await rig.decide(['plan', 'things'])).record.run.id
    for (const [args, said] of [
      [['01ZZZZZZZZ'], 'no run "01ZZZZZZZZ" is on record'],
      [[dry], 'was a dry run and changed nothing'],
      [[run, '--target', 'parts'], `is one of things, not of parts`],
    ] as const) {
      const { code, stderr } = await rig.run(['undo', ...args, '--apply'])
      expect([code, stderr]).toEqual([64, expect.stringContaining(said)])
    }
    await rig.write({ 'trueup.yaml': 'version: 1\ntargets:\n  things: { destination: there }\n' })
    const moved = await rig.run(['undo', run, '--apply', '--allow-empty'])
    expect([moved.code, moved.stderr]).toEqual([
      64,
      expect.stringContaining('acted on here, but things acts on there now'),
    ])
    expect(await rig.readWorld()).toEqual({ a: 'hello 1' })
  })
})

describe('runs gc', () => {
  it('shows what may go and keeps the young', async () => {
    await using rig = await createThings()
    await rig.run(['plan', 'things'])
    for (const args of [[], ['--yes'], ['--target', 'things']])
      expect((await rig.run(['runs', 'gc', ...args])).stdout).toBe('Nothing to delete: 1 record kept.\n')
  })

  it('deletes with --yes what no rule keeps: never the last changes of what is owned, nor a doubt', async () => {
    await using rig = await createThings()
    const applied = await apply(rig, { a: 1 })
    const store = await openDirectoryStore(join(rig.repo, '.trueup'), { clock: systemClock })
    const records = createRecordStore(store)
    const [model] = await records.find(applied)
    if (model === undefined) throw new Error('the apply left no record')
    const day = 86_400_000
    const old = async (index: number, more: Partial<RunRecord>): Promise<string> => {
      const at = Date.UTC(2020, 0, 1) + index * day
      const id = newUlid(at)
      await records.write({ ...model, ...more, run: { ...model.run, id, startedAt: at } }, { durable: false })
      return id
    }
    const nothing = { outcomes: [], plan: null }
    const outcome = { key: 'a', action: 'update', shard: null, result: 'applied', error: null } as const
    const kept = [
      await old(0, { outcomes: [{ ...outcome, result: 'unknown' }] }),
      await old(1, { ...nothing, state: 'running' }),
    ]
    const gone = [await old(2, { outcomes: [outcome] }), await old(3, { outcomes: [{ ...outcome, key: 'not-owned' }] })]
    kept.push(await old(4, { outcomes: [outcome] }))
    for (let index = 5; index < 104; index += 1) kept.push(await old(index, nothing))

    const shown = await rig.run(['runs', 'gc'])
    expect(shown.stdout).toContain('2 records may go, 103 records kept. To delete them: trueup runs gc --yes')
    expect(await records.ids()).toHaveLength(105)
    expect((await rig.run(['runs', 'gc', '--yes'])).stdout).toBe('Deleted 2 records; 103 records kept.\n')
    const left = (await records.ids()).map(({ id }) => id)
    expect(left.toSorted()).toEqual([applied, ...kept].toSorted())
    expect(left).not.toEqual(expect.arrayContaining(gone))
  }, 60_000)
})
