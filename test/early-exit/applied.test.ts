// What the marks answer, on a memory store: every way not to be applied, and what may answer without evaluating anything.
import { describe, expect, it } from 'vitest'
import type { DesiredState } from '../../src/desired/evaluate.js'
import { askMarks } from '../../src/early-exit/applied.js'
import type { Applied } from '../../src/early-exit/decide.js'
import type { HeadFacts } from '../../src/early-exit/head-facts.js'
import { createMarkStore, type ApplyMark, type EvaluatedShards, type MarkStore } from '../../src/store/marks.js'
import { createMemoryStore } from '../../src/store/memory-store.js'
import { digestOf } from '../../src/util/digest.js'
import { createFakeClock } from '../../src/util/fake-clock.js'

const noSecrets = digestOf([])
const facts: HeadFacts = {
  code: 'code1',
  config: 'config1',
  inputs: 'trees1',
  env: 'env1',
  external: false,
  hasSecrets: false,
  noSecrets,
  semantics: 1,
  secrets: () => Promise.resolve(noSecrets),
}
const mark: ApplyMark = {
  shard: '',
  desired: digestOf('v1'),
  code: 'code1',
  config: 'config1',
  inputs: 'trees1',
  env: 'env1',
  secrets: noSecrets,
  semantics: 1,
  counter: 1,
  status: 'completed',
  run: 'RUN',
  at: 0,
}
const evaluated: EvaluatedShards = { inputs: 'trees1', code: 'code1', config: 'config1', env: 'env1', shards: [''] }
const whole = (value: string): DesiredState => ({
  value,
  digest: digestOf(value),
  shards: new Map([['', { key: '', value, digest: digestOf(value) }]]),
})
const sharded = (parts: Readonly<Record<string, string>>): DesiredState => ({
  value: parts,
  digest: digestOf(parts),
  shards: new Map(Object.entries(parts).map(([key, value]) => [key, { key, value, digest: digestOf(value) }])),
})

interface Case {
  readonly marks?: readonly Partial<ApplyMark>[]
  readonly evaluated?: Partial<EvaluatedShards> | null
  readonly facts?: Partial<HeadFacts>
  readonly desired?: DesiredState
  readonly removed?: ReadonlyMap<string, string>
}

async function ask(given: Case): Promise<Applied & { readonly asked: number }> {
  const marks: MarkStore = createMarkStore(createMemoryStore({ clock: createFakeClock() }), 'target', 'place')
  for (const each of given.marks ?? [{}]) await marks.write({ ...mark, ...each }, undefined)
  if (given.evaluated !== null) await marks.writeEvaluated({ ...evaluated, ...given.evaluated })
  let asked = 0
  const answer = await askMarks({
    target: 'target',
    marks,
    facts: { ...facts, ...given.facts },
    desired: () => {
      asked += 1
      return Promise.resolve(given.desired ?? whole('v1'))
    },
    removed: () => Promise.resolve(given.removed ?? new Map()),
  })
  return { ...answer, asked }
}

describe('git alone', () => {
  it('answers when every shard that was evaluated for these trees was applied at them', async () => {
    expect(await ask({})).toMatchObject({ kind: 'applied', by: 'inputs', asked: 0 })
    const both = { marks: [{ shard: 'a' }, { shard: 'b' }], evaluated: { shards: ['a', 'b'] } }
    expect(await ask(both)).toMatchObject({ kind: 'applied', by: 'inputs', asked: 0 })
  })

  const doubts: Record<string, Case> = {
    'no list of shards': { evaluated: null },
    'a list of none': { evaluated: { shards: [] } },
    'a list for other trees': { evaluated: { inputs: 'trees0' } },
    'a list for other code': { evaluated: { code: 'code0' } },
    'a list for another configuration': { evaluated: { config: 'config0' } },
    'a list for another environment': { evaluated: { env: 'env0' } },
    'a shard applied at other trees': { marks: [{ inputs: 'trees0' }] },
    'secrets that are declared': { facts: { hasSecrets: true } },
    'data from outside': { facts: { external: true } },
    'no inputs declared': { facts: { inputs: null }, marks: [{ inputs: null }], evaluated: { inputs: null } },
  }
  it.each(Object.entries(doubts))('does not answer with %s: the desired state does, once', async (_name, given) => {
    expect(await ask(given)).toMatchObject({ kind: 'applied', by: 'desired', asked: 1, digest: digestOf('v1') })
    expect(await ask({ ...given, desired: whole('v2') })).toMatchObject({
      kind: 'not-applied',
      differs: 'desired',
      asked: 1,
    })
  })

  it('does not answer for a shard of the list that has no mark', async () => {
    const given: Case = {
      marks: [{ shard: 'a' }],
      evaluated: { shards: ['a', 'b'] },
      desired: sharded({ a: 'v1', b: 'v1' }),
    }
    expect(await ask(given)).toMatchObject({ kind: 'not-applied', differs: 'shards', asked: 1 })
  })
})

describe('not applied', () => {
  it('is what has no mark, and every mark that is not completed, before anything is evaluated', async () => {
    expect(await ask({ marks: [] })).toMatchObject({
      differs: 'never',
      asked: 0,
      explanation: 'target was never applied at this destination',
    })
    for (const status of ['started', 'failed'] as const) {
      expect(await ask({ marks: [{ status }] })).toMatchObject({ kind: 'not-applied', differs: 'never', asked: 0 })
      const other = await ask({ marks: [{ shard: 'a' }, { shard: 'gone', status }], evaluated: { shards: ['a'] } })
      expect(other).toMatchObject({ kind: 'not-applied', differs: 'never', asked: 0 })
      expect(other.kind === 'not-applied' ? other.explanation : '').toContain('shard gone (run RUN)')
    }
  })

  const differing: Record<string, readonly [Case, string]> = {
    code: [{ marks: [{ code: 'code0' }] }, 'code'],
    'decision rules': [{ marks: [{ semantics: 0 }] }, 'code'],
    configuration: [{ marks: [{ config: 'config0' }] }, 'config'],
    environment: [{ marks: [{ env: 'env0' }] }, 'env'],
    secrets: [{ marks: [{ secrets: 'other' }] }, 'secrets'],
    'secrets of an unknown version': [{ marks: [{ secrets: null }] }, 'secrets'],
    'desired state': [{ marks: [{ desired: digestOf('v0') }], evaluated: null }, 'desired'],
  }
  it.each(Object.entries(differing))('is what was applied with other %s', async (_name, [given, differs]) => {
    expect(await ask(given)).toMatchObject({ kind: 'not-applied', differs })
  })

  it('is what has code or secrets that cannot be told', async () => {
    expect(await ask({ facts: { code: null } })).toMatchObject({ differs: 'code', asked: 0 })
    expect(await ask({ facts: { code: null }, marks: [{ code: '' }], evaluated: { code: '' } })).toMatchObject({
      differs: 'code',
    })
    expect(await ask({ facts: { hasSecrets: true, secrets: () => Promise.resolve(null) } })).toMatchObject({
      differs: 'secrets-unknown',
    })
  })

  it('is a new shard, a changed one, and one that is desired no longer but owns something', async () => {
    const marks = [
      { shard: 'a', desired: digestOf('1') },
      { shard: 'b', desired: digestOf('2') },
    ]
    const given = { marks, evaluated: null }
    expect(await ask({ ...given, desired: sharded({ a: '1', b: '2' }) })).toMatchObject({
      kind: 'applied',
      by: 'desired',
    })
    expect(await ask({ ...given, desired: sharded({ a: '1', b: '2', c: '3' }) })).toMatchObject({
      differs: 'shards',
      explanation: 'shard c was never applied',
    })
    expect(await ask({ ...given, desired: sharded({ a: '1', b: '3' }) })).toMatchObject({ differs: 'desired' })
    const removed = new Map([['b', digestOf([])]])
    expect(await ask({ ...given, desired: sharded({ a: '1' }), removed })).toMatchObject({ differs: 'desired' })
    // Reconciled to nothing, or owning nothing: it needs no run.
    expect(await ask({ ...given, desired: sharded({ a: '1' }) })).toMatchObject({ kind: 'applied' })
    const done = [marks[0] ?? {}, { shard: 'b', desired: digestOf([]) }]
    expect(await ask({ marks: done, evaluated: null, desired: sharded({ a: '1' }), removed })).toMatchObject({
      kind: 'applied',
    })
  })
})

describe('components', () => {
  it('stand beside what the marks tell', async () => {
    const { components } = await ask({
      marks: [{ code: 'code0', inputs: 'trees0' }],
      evaluated: null,
      desired: whole('v2'),
    })
    expect(components).toEqual({
      config: { head: 'config1', base: 'config1', same: true },
      code: { head: 'code1', base: 'code0', same: false },
      inputs: { head: 'trees1', base: 'trees0', same: false },
      env: { head: 'env1', base: 'env1', same: true },
      desired: { head: digestOf('v2'), base: mark.desired, same: false },
    })
  })

  it('name the shards that differ, and are not compared where nothing was applied', async () => {
    const marks = ['a', 'b', 'c', 'd', 'e'].map((shard) => ({ shard }))
    const parts = { a: 'v1', b: 'x', c: 'x', d: 'x', e: 'x' }
    const { components } = await ask({ marks, evaluated: null, desired: sharded(parts) })
    expect(components['desired']).toMatchObject({ same: false, detail: 'shards: b, c, d and 1 more (of 5)' })
    const never = await ask({ marks: [] })
    expect(Object.values(never.components).map(({ same }) => same)).toEqual([null, null, null, null])
  })
})
