// trueup status on the built CLI: which targets it tells of, when each last succeeded, what is overdue, held or in doubt.
import { describe, expect, it } from 'vitest'
import { openStore } from '../../src/store/open-store.js'
import { createRecordStore } from '../../src/store/records.js'
import { systemClock } from '../../src/util/clock.js'
import { newUlid } from '../../src/util/ulid.js'
import { outcome, plan, record } from '../report/samples.js'
import { createRig, type Rig } from '../support/rig.js'
import { createWorld } from '../support/world.js'

const HOUR = 3_600_000

/** Targets whose code must not be loaded. */
async function targets(): Promise<Rig> {
  return createRig({
    files: {
      'trueup.yaml': JSON.stringify({
        version: 1,
        targets: Object.fromEntries(['dns', 'files', 'web'].map((name) => [name, { integration: 'own' }])),
      }),
      'integrations/own.mjs': `throw new Error('status has loaded an integration')`,
      '.gitignore': '.trueup/\n',
    },
  })
}

interface Past {
  readonly target: string
  readonly hoursAgo: number
  readonly over?: Parameters<typeof record>[0]
}

/** Leaves records of applies in the store, as if they had happened then. */
async function remember(rig: Rig, ...runs: readonly Past[]): Promise<void> {
  const store = await openStore('file:.trueup', {
    baseDirectory: rig.repo,
    clock: systemClock,
    isTracked: () => Promise.resolve(false),
  })
  for (const { target, hoursAgo, over = {} } of runs) {
    const startedAt = Date.now() - hoursAgo * HOUR
    const run = { id: newUlid(startedAt), target, mode: 'apply', startedAt, destination: target, ...over.run } as const
    await createRecordStore(store).write(record({ plan: plan([]), ...over, run }), { durable: true })
  }
  await store.close()
}

interface StatusJson {
  readonly exitCode: number
  readonly overdue: readonly string[]
  readonly targets: readonly { readonly target: string; readonly ageMs: number | null }[]
}

async function status(rig: Rig, ...args: readonly string[]): Promise<StatusJson> {
  const result = await rig.run(['status', '-o', 'json', ...args])
  const json = result.json() as StatusJson
  expect(result.code).toBe(json.exitCode)
  return json
}

describe('trueup status', () => {
  it('tells what is overdue, first of all, and ends with 1', async () => {
    await using rig = await targets()
    await remember(rig, { target: 'dns', hoursAgo: 3 }, { target: 'files', hoursAgo: 30 })
    await remember(rig, { target: 'files', hoursAgo: 1, over: { exitCode: 5 } })
    const { code, stdout } = await rig.run(['status', '--max-age', '26h'])
    expect(code).toBe(1)
    const rows = stdout.split('\n').map((line) => line.replace(/ {2,}/g, ' | '))
    expect(rows.slice(0, 6)).toEqual([
      '2 of 3 targets are overdue: no success within 26h.',
      '',
      'TARGET | LAST SUCCESS | LAST RUN | STATE',
      'dns | 3 hours ago | applied 3 hours ago | ok',
      'files | 30 hours ago | apply ended with 5 1 hour ago | overdue',
      'web | never | never | overdue',
    ])
    expect(stdout).toMatch(/\nTo bring files up to date:\n {2}trueup apply files\n$/)
    expect(await status(rig, '--max-age', '26h')).toMatchObject({ exitCode: 1, overdue: ['files', 'web'] })
    expect(await status(rig, '--max-age', '26h', 'dns')).toMatchObject({ exitCode: 0, overdue: [] })
    expect((await rig.run(['status', 'files'], { env: { TRUEUP_MAX_AGE: '1d' } })).code).toBe(1)
  })

  it('without --max-age finds overdue only what never succeeded', async () => {
    await using rig = await targets()
    await remember(rig, { target: 'dns', hoursAgo: 3000 }, { target: 'files', hoursAgo: 30 })
    expect(await status(rig)).toMatchObject({ exitCode: 1, overdue: ['web'] })
    await remember(rig, { target: 'web', hoursAgo: 2 })
    const { code, stdout } = await rig.run(['status'])
    expect({ code, stdout }).toMatchObject({
      code: 0,
      stdout: expect.stringMatching(/^None of 3 targets is overdue\.\n/) as string,
    })
  })

  it('gives the same as JSON: success, age, last run, holds, doubts', async () => {
    await using rig = await targets()
    const unknown = outcome({ key: 'a', action: 'delete', result: 'unknown' })
    await remember(rig, { target: 'dns', hoursAgo: 3 })
    await remember(rig, {
      target: 'dns',
      hoursAgo: 2,
      over: { outcomes: [unknown], exitCode: 5, run: { id: 'DOUBTFUL' } },
    })
    await rig.run(['hold', 'dns', '--for', '2h', '--reason', 'frozen'])
    const json = await status(rig, 'dns')
    expect(json).toMatchObject({
      schema: 'trueup/1',
      exitCode: 0,
      maxAgeMs: null,
      overdue: [],
      targets: [
        {
          target: 'dns',
          overdue: false,
          lastSuccess: { decision: 'run', at: expect.stringMatching(/Z$/) as string },
          lastRun: { id: 'DOUBTFUL', mode: 'apply', state: 'finished', exitCode: 5 },
          underWay: null,
          holds: [{ target: 'dns', reason: 'frozen' }],
          doubts: [{ kind: 'change', run: 'DOUBTFUL', shard: null, key: 'a', action: 'delete' }],
        },
      ],
    })
    expect(json.targets[0]?.ageMs).toBeGreaterThanOrEqual(3 * HOUR)
    const { stdout } = await rig.run(['status', 'dns'])
    expect(stdout).toMatch(/^None of 1 target is overdue\. 1 is held\. 1 has changes with unknown outcome\.\n/)
    expect(stdout).toMatch(/\ndns is held until .*: frozen\n {2}trueup release dns\n/)
    expect(stdout).toContain(
      'dns: the outcome of 1 change is unknown (a). The next apply looks at that first:\n  trueup apply dns\n',
    )
  })

  it('tells of what trueup.yaml does not name only while something is open there, and never as overdue', async () => {
    await using rig = await targets()
    for (const target of ['dns', 'files', 'web']) await remember(rig, { target, hoursAgo: 1 })
    await remember(rig, { target: 'former', hoursAgo: 99 })
    expect((await status(rig, '--max-age', '26h')).targets.map(({ target }) => target)).toEqual(['dns', 'files', 'web'])
    await rig.run(['hold', 'former', '--for', '2h', '--reason', 'x'])
    const json = await status(rig, '--max-age', '26h')
    expect(json).toMatchObject({ exitCode: 0, targets: [{}, {}, {}, { target: 'former', overdue: false }] })
    expect(await status(rig, '--max-age', '26h', 'former')).toMatchObject({ exitCode: 1, overdue: ['former'] })
  })

  it('knows an integration without an entry once it was applied, and what is under way', async () => {
    await using world = await createWorld({ objects: { a: '1' } })
    const { rig } = world
    expect(await rig.run(['status'])).toMatchObject({
      code: 0,
      stdout: expect.stringMatching(/^No targets yet/) as string,
    })
    expect(await status(rig, 'world')).toMatchObject({ exitCode: 1, overdue: ['world'] })
    await world.arrange('wait', 'in', 'create', 'a')
    const running = rig.start(['apply', 'world'])
    await running.until(/reached/)
    expect(await status(rig)).toMatchObject({
      overdue: ['world'],
      targets: [{ underWay: expect.stringMatching(/^[0-9A-Z]{26}$/) as string, doubts: [] }],
    })
    await world.go()
    await running.result
    expect(await status(rig, '--max-age', '1h')).toMatchObject({
      exitCode: 0,
      targets: [{ target: 'world', underWay: null }],
    })
    await world.arrange('kill', 'in', 'update', 'a')
    await world.desire({ a: '2' })
    await rig.run(['apply', 'world'])
    expect(await status(rig)).toMatchObject({ exitCode: 0, targets: [{ underWay: null, doubts: [{ key: 'a' }] }] })
  })

  it('refuses a name that nothing knows', async () => {
    await using rig = await targets()
    const { code, stderr } = await rig.run(['status', 'fils'])
    expect({ code, stderr }).toMatchObject({
      code: 64,
      stderr: expect.stringContaining('Did you mean "files"?') as string,
    })
  })
})
