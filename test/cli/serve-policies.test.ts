// The daemon on a fake clock, its store in memory: what its policies make of hours. A far end that takes hours of real time, the child, is stood
// for by what it leaves behind (its record, its document); serve-policies-once.test.ts has real ones.
import { describe, expect, it } from 'vitest'
import type { RunRecord } from '../../src/event.js'
import { parseConfig } from '../../src/cli/config-parse.js'
import { resolveTargets } from '../../src/cli/config-targets.js'
import type { ChildResult } from '../../src/cli/serve/child-run.js'
import { createDaemon, type Daemon } from '../../src/cli/serve/daemon.js'
import { scheduleKeeper } from '../../src/cli/serve/kept-schedule.js'
import type { ServedTree } from '../../src/cli/serve/served-tree.js'
import { runJson } from '../../src/report/run-json.js'
import { createMemoryStore } from '../../src/store/memory-store.js'
import type { ObjectStore } from '../../src/store/object-store.js'
import { createRecordStore } from '../../src/store/records.js'
import { createFakeClock, type FakeClock } from '../../src/testing.js'
import { pass } from '../support/schedule-time.js'
import { change, decision, outcome, plan, planDigest, record } from '../report/samples.js'

const MINUTE = 60_000
const HOUR = 60 * MINUTE

/** Of all worlds: those that share a store must not write over each other's records. */
let runs = 0

interface Commit {
  readonly id: string
  readonly yaml: string
  /** Targets that differ from each earlier commit; the others do not. */
  readonly affects?: readonly string[]
}

interface World {
  readonly clock: FakeClock
  readonly store: ObjectStore
  readonly daemon: Daemon
  readonly lines: string[]
  /** `12:30 prod apply`, of all runs so far. */
  readonly ran: readonly string[]
  /** Targets whose applies fail; those that find something to do. */
  readonly failing: Set<string>
  readonly pending: Set<string>
  push(commit: Commit): Promise<void>
}

async function worldOf(
  first: Commit,
  /** `planMs`: how long a plan takes; an apply takes half of that. @defaultValue no time */
  given: { readonly clock?: FakeClock; readonly store?: ObjectStore; readonly planMs?: number } = {},
): Promise<World> {
  const clock = given.clock ?? createFakeClock()
  const store = given.store ?? createMemoryStore({ clock })
  const begun = Date.UTC(2026, 0, 1)
  let newest = first
  const commits: Commit[] = [first]
  const ran: string[] = []
  const lines: string[] = []
  const failing = new Set<string>()
  const pending = new Set<string>()
  const records = createRecordStore(store)

  function affected(served: ServedTree, base: string): ChildResult {
    const at = (id: string): number => commits.findIndex((one) => one.id === id)
    const since = commits.slice(at(base) + 1, at(served.tree.commit) + 1).flatMap(({ affects = [] }) => affects)
    const targets = [...served.targets.keys()].map((target) => ({ target, affected: since.includes(target) }))
    return { exitCode: 0, document: at(base) === -1 ? undefined : { targets }, stderr: '' }
  }

  async function child(
    served: ServedTree,
    [command, name = '', mode, ...flags]: readonly string[],
  ): Promise<ChildResult> {
    if (command === 'affected') return affected(served, flags.length > 0 ? '' : (mode ?? ''))
    const isApply = mode === '--apply'
    ran.push(
      `${new Date(clock.now() - begun + Date.UTC(2026, 0, 1)).toISOString().slice(11, 16)} ${name} ${isApply ? 'apply' : 'plan'}${flags.includes('--expect-plan') ? ' expected' : ''}`,
    )
    runs += 1
    const exitCode = isApply && failing.has(name) ? 1 : 0
    const changes = pending.has(name) && exitCode === 0 ? [change({ action: 'update', key: 'k' })] : []
    const left: RunRecord = record({
      run: {
        id: String(runs).padStart(26, '0'),
        target: name,
        mode: isApply ? 'apply' : 'dry-run',
        startedAt: clock.now(),
        durationMs: 0,
        shards: [],
        destination: name,
      },
      decision: decision({ action: 'run', headCommit: served.tree.commit }),
      plan: plan(changes),
      outcomes: isApply ? changes.map(({ key }) => outcome({ key, action: 'update' })) : [],
      error: exitCode === 0 ? null : { code: 'integration-invalid', message: 'broken', details: {} },
      exitCode,
    })
    if (isApply) pending.delete(name)
    if (given.planMs !== undefined) await clock.sleep(isApply ? given.planMs / 2 : given.planMs)
    await records.write(left, { durable: true })
    return { exitCode, document: runJson([left], exitCode), stderr: '' }
  }

  const daemon = createDaemon({
    clock,
    random: () => 0.5,
    revisions: {
      description: 'commits of a test',
      ref: null,
      watch: null,
      latest: () => Promise.resolve(newest.id),
      exportTree: () => Promise.resolve({ commit: newest.id, folder: '/none', remove: () => Promise.resolve() }),
    },
    open: async (tree) => {
      const config = await parseConfig(`version: 1\n${newest.yaml}`, 'trueup.yaml')
      const { freezes = [], approvals = [] } = config
      return {
        tree,
        directory: '/none',
        configWords: [],
        targets: resolveTargets(config),
        freezes,
        approvals,
        notifications: {},
        secrets: { backend: 'env' },
        configDirectory: '/none',
        users: 0,
        isRetired: false,
      }
    },
    keeper: scheduleKeeper(store, ['apply', 'test']),
    store,
    records,
    child: (served, args) => child(served, args[0] === 'affected' ? ['affected', '', args[2] ?? ''] : args),
    told: {
      line: (_level, message) => void lines.push(message),
      change: (_name, _level, message) => void lines.push(message),
      each: (_name, _level, message) => void lines.push(message),
    },
    apply: true,
    everyMs: HOUR,
    timeoutMs: HOUR,
    concurrency: 4,
    spread: false,
    stop: new AbortController().signal,
  })
  await daemon.refresh()
  daemon.scheduler.start()
  await pass(clock, 0)
  return {
    clock,
    store,
    daemon,
    lines,
    ran,
    failing,
    pending,
    async push(commit) {
      newest = commit
      commits.push(commit)
      await daemon.refresh()
      await pass(clock, 0)
    },
  }
}

const applies = ({ ran }: World, target: string): readonly string[] =>
  ran.filter((one) => one.includes(` ${target} apply`)).map((one) => one.slice(0, 5))

const SOAK = `targets:
  staging: { integration: dns, apply: true }
  prod: { integration: dns, apply: true, policies: { soak: { after: staging, for: 2h } } }
`

describe('soak time', () => {
  it('counts from the success of the target before; meanwhile there are plans, and it is applied at that time, not later', async () => {
    const world = await worldOf({ id: 'c1', yaml: SOAK })
    await pass(world.clock, 2.5 * HOUR)
    expect(applies(world, 'prod')).toEqual(['02:00'])
    expect(world.ran.filter((one) => one.includes('prod plan')).length).toBeGreaterThan(0)
    expect(world.lines).toContain('prod is not applied until 2026-01-01T02:00:00.000Z: soaking in staging')
  })

  it('a commit that changes either begins it anew: an older success is not one of the newer commit', async () => {
    const world = await worldOf({ id: 'c1', yaml: SOAK })
    await pass(world.clock, 90 * MINUTE)
    await world.push({ id: 'c2', yaml: SOAK, affects: ['prod'] })
    await pass(world.clock, 3 * HOUR)
    expect(applies(world, 'prod')[0]).toBe('03:30')
  })

  it('a commit that changes neither does not', async () => {
    const world = await worldOf({ id: 'c1', yaml: SOAK })
    await pass(world.clock, 90 * MINUTE)
    await world.push({ id: 'c2', yaml: SOAK, affects: [] })
    await pass(world.clock, HOUR)
    expect(applies(world, 'prod')[0]).toBe('02:00')
  })

  it('waits for a first success as long as that takes, and looks as soon as there is one', async () => {
    const world = await worldOf({ id: 'c1', yaml: SOAK })
    world.failing.add('staging')
    await world.push({ id: 'c2', yaml: SOAK, affects: ['staging', 'prod'] })
    await pass(world.clock, 4 * HOUR)
    expect(applies(world, 'prod')).toEqual([])
    expect(world.lines.at(-1)).toMatch(/staging/)
    expect(world.lines).toContain('prod is not applied for now: staging has not succeeded yet')
    world.failing.clear()
    await world.push({ id: 'c3', yaml: SOAK, affects: ['staging'] })
    await pass(world.clock, 3 * HOUR)
    expect(applies(world, 'prod')[0]).toBe('06:00')
  })

  it('a first success that comes while it is being planned is not missed', async () => {
    const world = await worldOf({ id: 'c1', yaml: SOAK }, { planMs: MINUTE })
    // Both began at once; what it waits for is there before its plan is.
    expect(world.ran.slice().sort()).toEqual(['00:00 prod plan', '00:00 staging apply'])
    await pass(world.clock, 5 * MINUTE)
    expect(world.lines).toContain('prod is not applied until 2026-01-01T02:00:00.000Z: soaking in staging')
    await pass(world.clock, 2 * HOUR)
    expect(applies(world, 'prod')[0]).toBe('02:00')
  })

  it('what the target before repairs begins it anew', async () => {
    const world = await worldOf({ id: 'c1', yaml: SOAK })
    world.pending.add('staging')
    await pass(world.clock, 4 * HOUR)
    expect(applies(world, 'prod')[0]).toBe('03:00')
  })

  it('is as it was after a restart', async () => {
    const world = await worldOf({ id: 'c1', yaml: SOAK })
    await pass(world.clock, 30 * MINUTE)
    await world.daemon.close()
    const again = await worldOf({ id: 'c1', yaml: SOAK }, world)
    await pass(again.clock, 2 * HOUR)
    expect(applies(again, 'prod')[0]).toBe('02:00')
  })
})

describe('a rollout', () => {
  const yaml = (pace: string): string =>
    `targets:\n${['a', 'b', 'c', 'd'].map((name) => `  ${name}: { integration: dns, apply: true, policies: { rollout: { ${pace} } } }\n`).join('')}`
  const firsts = (world: World, from: number): readonly string[] =>
    ['a', 'b', 'c', 'd'].map((name) => applies(world, name)[from] ?? 'none').sort()

  it('linear: one target after the other', async () => {
    const world = await worldOf({ id: 'c1', yaml: yaml('each: 10m') })
    await pass(world.clock, 59 * MINUTE)
    expect(firsts(world, 0)).toEqual(['00:00', '00:10', '00:20', '00:30'])
  })

  it('linear, normalised: those that the commit changes, however many, within one duration', async () => {
    const world = await worldOf({ id: 'c1', yaml: yaml('over: 40m') })
    await pass(world.clock, 40 * MINUTE)
    expect(firsts(world, 0)).toEqual(['00:00', '00:10', '00:20', '00:30'])
    const before = world.ran.length
    await world.push({ id: 'c2', yaml: yaml('over: 40m'), affects: ['a', 'c'] })
    await pass(world.clock, 39 * MINUTE)
    const after = world.ran
      .slice(before)
      .filter((one) => / [ac] apply/.test(one))
      .map((one) => one.slice(0, 5))
    expect(after.slice(0, 2)).toEqual(['00:40', '01:00'])
  })

  it('keeps its turns over a restart', async () => {
    const world = await worldOf({ id: 'c1', yaml: yaml('each: 10m') })
    await pass(world.clock, 15 * MINUTE)
    await world.daemon.close()
    const again = await worldOf({ id: 'c1', yaml: yaml('each: 10m') }, world)
    await pass(again.clock, 20 * MINUTE)
    const later = again.ran.filter((one) => one.includes('apply'))
    expect(later.map((one) => one.slice(0, 5))).toEqual(['00:20', '00:30'])
  })
})

describe('other policies', () => {
  const one = (policies: string, more = ''): string =>
    `targets:\n  dns: { apply: true, policies: { ${policies} } }\n${more}`

  it('cool-down: so long after an apply that changed something', async () => {
    const world = await worldOf({ id: 'c1', yaml: one('cooldown: 30m') })
    world.pending.add('dns')
    await world.push({ id: 'c2', yaml: one('cooldown: 30m'), affects: ['dns'] })
    await pass(world.clock, 5 * MINUTE)
    await world.push({ id: 'c3', yaml: one('cooldown: 30m'), affects: ['dns'] })
    await pass(world.clock, 40 * MINUTE)
    expect(applies(world, 'dns')).toEqual(['00:00', '00:00', '00:30'])
  })

  it('windows: within them alone', async () => {
    const world = await worldOf({ id: 'c1', yaml: one(`windows: [{ schedule: '0 3 * * *', for: 90m }]`) })
    await pass(world.clock, 6 * HOUR)
    expect(applies(world, 'dns')).toEqual(['03:00', '04:00'])
    expect(world.lines).toContain('dns is not applied until 2026-01-01T03:00:00.000Z: outside of its windows')
  })

  it('approval: that plan and no other, once data says so; a plan that is empty needs none', async () => {
    const yaml = one('approval: required')
    const world = await worldOf({ id: 'c1', yaml })
    expect(world.ran).toEqual(['00:00 dns plan', '00:00 dns apply expected'])
    world.pending.add('dns')
    await pass(world.clock, HOUR)
    expect(world.ran.slice(2)).toEqual(['01:00 dns plan'])
    expect(world.lines.at(-1)).toContain(`dns is not applied for now: nobody has approved it (plan ${planDigest}, `)
    const approval = (digest: string): string =>
      `approvals:\n  - { target: dns, plan: ${digest}, until: 2026-01-02, reason: reviewed, by: ops }\n`
    await world.push({ id: 'c2', yaml: `${yaml}${approval('f'.repeat(64))}`, affects: [] })
    expect(world.ran.slice(3)).toEqual(['01:00 dns plan'])
    await world.push({ id: 'c3', yaml: `${yaml}${approval(planDigest)}`, affects: [] })
    expect(world.ran.slice(4)).toEqual(['01:00 dns plan', '01:00 dns apply expected'])
  })
})
