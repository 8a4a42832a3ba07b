// Every exit code that plan, apply and run can give, reached on the built CLI; and that none is a count.
import { mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { EXIT_CODES } from '../../src/exit-codes.js'
import type { RunResult } from '../support/rig.js'
import { createWorld, type Objects, type World, type WorldOptions } from '../support/world.js'

const some: Objects = { a: '1', b: '2' }
const many = (count: number): Objects =>
  Object.fromEntries(Array.from({ length: count }, (_, index) => [`k${String(index)}`, 'x']))

interface Case {
  readonly code: (typeof EXIT_CODES)[number]['code']
  readonly when: string
  readonly options?: WorldOptions
  readonly run: (world: World) => Promise<RunResult>
  readonly says?: RegExp
}

const applied = async (world: World): Promise<void> => {
  expect((await world.rig.run(['apply', 'world'])).code).toBe(0)
}
const plan =
  (...flags: string[]) =>
  (world: World): Promise<RunResult> =>
    world.rig.run(['plan', 'world', ...flags])
const apply =
  (...flags: string[]) =>
  (world: World): Promise<RunResult> =>
    world.rig.run(['apply', 'world', ...flags])

/** An apply in the middle of its first change. */
async function inTheMiddle(world: World): Promise<ReturnType<World['rig']['start']>> {
  await world.arrange('wait', 'in', 'create', 'a')
  const child = world.rig.start(['apply', 'world', '--concurrency', '1'])
  await child.until(/reached in create a/)
  return child
}
async function stopped(world: World, signal: NodeJS.Signals): Promise<RunResult> {
  const child = await inTheMiddle(world)
  child.kill(signal)
  await child.until(/nothing more is started/)
  await world.go()
  return child.result
}

const CASES: readonly Case[] = [
  { code: 0, when: 'a plan has changes', run: plan() },
  { code: 0, when: 'an apply did everything', run: apply() },
  {
    code: 0,
    when: 'a run is skipped, also with --detailed-exitcode',
    run: (world) => plan('--base', 'HEAD', '--detailed-exitcode')(world),
  },
  {
    code: 0,
    when: '--detailed-exitcode finds nothing to do',
    run: async (world) => {
      await applied(world)
      return plan('--detailed-exitcode')(world)
    },
  },
  {
    code: 1,
    when: 'the desired state cannot be read',
    run: plan(),
    options: { desiring: "throw new Error('no such zone')" },
    says: /no such zone/,
  },
  { code: 1, when: 'run() fails', run: apply(), options: { planning: "throw new Error('503')" }, says: /503/ },
  {
    code: 1,
    when: 'every change failed',
    run: async (world) => {
      await world.arrange('fail', 'before', 'create', 'a')
      await world.arrange('fail', 'before', 'create', 'b')
      return apply()(world)
    },
    says: /refused by the outside/,
  },
  {
    code: 1,
    when: '256 changes failed',
    options: { objects: many(256), handling: "throw new Error('no')" },
    run: apply('-q'),
    says: /Applied 0 of 256 changes/,
  },
  { code: 2, when: '--detailed-exitcode finds changes', run: plan('--detailed-exitcode') },
  {
    code: 3,
    when: 'a limit blocks a plan',
    run: plan('--max-changes', '1', '--detailed-exitcode'),
    says: /--max-changes 2/,
  },
  { code: 3, when: 'a limit blocks an apply', run: apply('--max-changes', '1'), says: /--max-changes 2/ },
  {
    code: 4,
    when: 'the base is needed and missing',
    run: plan('--base', 'c'.repeat(40), '--require-compare'),
  },
  {
    code: 4,
    when: 'it is not the plan that was expected',
    run: apply('--expect-plan', 'c'.repeat(64)),
    says: /nothing was changed/,
  },
  {
    code: 4,
    when: 'the journal cannot be written',
    run: async (world) => {
      // A file where the journal's folder would be.
      await mkdir(join(world.rig.repo, '.trueup/objects'), { recursive: true })
      await writeFile(join(world.rig.repo, '.trueup/format'), 'trueup-directory-store 1\n')
      await writeFile(join(world.rig.repo, '.trueup/objects/journal'), '')
      return apply()(world)
    },
    says: /journal cannot be written, so nothing was changed/,
  },
  {
    code: 5,
    when: 'one change was applied and one failed',
    run: async (world) => {
      await world.arrange('fail', 'before', 'create', 'b')
      return apply()(world)
    },
    says: /Applied 1 of 2 changes/,
  },
  {
    code: 5,
    when: '256 changes failed and one was applied',
    options: { objects: { a: '1', ...many(256) }, handling: "if (key !== 'a') throw new Error('no')" },
    run: apply('-q'),
    says: /Applied 1 of 257 changes/,
  },
  {
    code: 5,
    when: 'an outcome is unknown: a handler waits for what never comes',
    options: { objects: { a: '1' }, handling: 'await new Promise(() => undefined)' },
    run: apply(),
    says: /unknown/,
  },
  { code: 64, when: 'a flag is unknown', run: plan('--frob'), says: /--frob/ },
  { code: 64, when: 'a target is unknown', run: (world) => world.rig.run(['plan', 'wrld']), says: /Did you mean/ },
  { code: 64, when: 'plan is told to apply', run: plan('--apply') },
  {
    code: 64,
    when: 'run is told both to apply and not to',
    run: (world) => world.rig.run(['run', 'world', '--apply', '--dry-run']),
  },
  {
    code: 75,
    when: 'another apply holds the target',
    run: async (world) => {
      const first = await inTheMiddle(world)
      const second = await apply()(world)
      await world.go()
      expect((await first.result).code).toBe(0)
      return second
    },
    says: /held by run/,
  },
  {
    code: 75,
    when: 'the target is held',
    run: async (world) => {
      await world.rig.run(['hold', 'world', '--for', '2h', '--reason', 'frozen'])
      return apply()(world)
    },
    says: /is held until .*: frozen/,
  },
  { code: 130, when: 'it is interrupted', run: (world) => stopped(world, 'SIGINT') },
  { code: 143, when: 'it is terminated', run: (world) => stopped(world, 'SIGTERM') },
]

describe('exit codes', () => {
  it.each(CASES)('$code: $when', async ({ code, options, run, says }) => {
    await using world = await createWorld({ objects: some, ...options })
    const { code: ended, stdout, stderr } = await run(world)
    expect({ ended, stdout, stderr }).toMatchObject({ ended: code })
    if (says !== undefined) expect(stdout + stderr).toMatch(says)
  })

  it('has a case for every code of the table', () => {
    const reached = new Set(CASES.map(({ code }) => code))
    expect(EXIT_CODES.map(({ code }) => code).filter((code) => !reached.has(code))).toEqual([])
  })
})
