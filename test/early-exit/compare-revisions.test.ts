// Head and base as in-memory parts: the order of the questions, what each answer gives, and whose error is whose.
import { describe, expect, it } from 'vitest'
import type { DesiredState } from '../../src/desired/evaluate.js'
import type { Repository, Snapshot } from '../../src/desired/source.js'
import type { CodeManifest, KnownCode } from '../../src/early-exit/code-manifest.js'
import { compareRevisions, openBase, type Comparison } from '../../src/early-exit/compare-revisions.js'
import type { Declaration } from '../../src/early-exit/declaration.js'
import type { Finding } from '../../src/early-exit/decide.js'
import type { Json } from '../../src/event.js'
import { digestOf } from '../../src/util/digest.js'
import { memorySnapshot } from '../support/memory-snapshot.js'

const declaration: Declaration = {
  integration: 'x',
  version: '1',
  entry: 'x.mjs',
  builtin: false,
  inputs: ['data/*'],
  env: [],
  secrets: [],
  external: false,
  deletePolicy: 'owned',
  sharded: false,
  destination: false,
  limits: {},
  config: { params: { a: 1 } },
  params: { a: 1 },
}
const codeOf = (text: string, files: Readonly<Record<string, string>> = { 'x.mjs': text }): KnownCode => ({
  kind: 'known',
  digest: digestOf(text),
  files,
  packages: {},
  probed: {},
  installed: {},
})
const unknown: CodeManifest = { kind: 'unknown', reason: 'x.mjs:3: a computed import', files: {} }
const state = (value: Json): DesiredState => ({
  value,
  digest: digestOf(value),
  shards: new Map([['', { key: '', value, digest: digestOf(value) }]]),
})
const shards = (parts: Readonly<Record<string, Json>>): DesiredState => ({
  value: parts,
  digest: digestOf(parts),
  shards: new Map(Object.entries(parts).map(([key, value]) => [key, { key, value, digest: digestOf(value) }])),
})

const files = { 'x.mjs': 'code', 'data/a': 'one\ntwo\nthree\n' }
const repository: Repository = {
  root: '/',
  head: () => Promise.reject(new Error('not asked')),
  resolve: (revision) =>
    Promise.resolve(
      revision === 'gone'
        ? { kind: 'missing', reason: 'no such commit. Fetch more history.' }
        : { kind: 'found', id: 'b'.repeat(40), fetched: false },
    ),
  at: () => Promise.resolve(memorySnapshot(files)),
  committedAt: () => Promise.reject(new Error('not asked')),
  changedPaths: () => Promise.reject(new Error('not asked')),
  isTracked: () => Promise.resolve(false),
  facts: () => Promise.resolve({ tool: 'git', shallow: false, commit: null }),
  close: () => Promise.resolve(),
}

interface Case extends Partial<Omit<Comparison, 'declared'>> {
  readonly headFiles?: Readonly<Record<string, string>>
  readonly baseFiles?: Readonly<Record<string, string>>
  readonly declaration?: Partial<Declaration>
  readonly manifest?: CodeManifest
}

interface Compared {
  readonly finding: Finding
  /** What was asked, in order. */
  readonly asked: readonly string[]
  readonly warnings: readonly string[]
}

async function compare(given: Case): Promise<Compared> {
  const head = memorySnapshot(given.headFiles ?? files)
  const asked: string[] = []
  const warnings: string[] = []
  const noted =
    <A extends readonly unknown[], T>(name: string, ask: (...args: A) => Promise<T>) =>
    (...args: A): Promise<T> => {
      asked.push(name)
      return ask(...args)
    }
  const declared = { declaration: { ...declaration, ...given.declaration }, manifest: given.manifest ?? codeOf('code') }
  const question: Comparison = {
    target: 't',
    revision: 'main',
    requireCompare: given.requireCompare ?? false,
    repository,
    head,
    declared,
    headInputs: await head.entries(declared.declaration.inputs),
    configAt: noted('config', given.configAt ?? (() => Promise.resolve(declaration.config))),
    manifestAt: noted('code', given.manifestAt ?? (() => Promise.resolve(codeOf('code')))),
    desired: noted('head', given.desired ?? (() => Promise.resolve(state('same')))),
    desiredAt: noted('base', given.desiredAt ?? (() => Promise.resolve(state('same')))),
    warn: (message) => warnings.push(message),
  }
  const finding = await compareRevisions(question, {
    id: 'b'.repeat(40),
    snapshot: memorySnapshot(given.baseFiles ?? files),
  })
  return { finding, asked, warnings }
}

const changed = { 'x.mjs': 'code', 'data/a': 'one\nTWO\nthree\n' }

describe('compareRevisions', () => {
  it('asks configuration, code, trees, desired state, and stops at the first answer', async () => {
    const config = await compare({ configAt: () => Promise.resolve({ params: { a: 2 } }), headFiles: changed })
    expect(config).toMatchObject({ asked: ['config'], finding: { reason: 'config-changed' } })
    expect(config.finding.explanation).toContain('params.a: 2 → 1')
    const code = await compare({ manifestAt: () => Promise.resolve(codeOf('old')), headFiles: changed })
    expect(code).toMatchObject({
      asked: ['config', 'code'],
      finding: { reason: 'code-changed', components: { code: { same: false, detail: 'x.mjs' } } },
    })
    expect(await compare({})).toMatchObject({
      asked: ['config', 'code'],
      finding: { reason: 'inputs-unchanged', base: 'b'.repeat(40) },
    })
    const same = await compare({ headFiles: changed })
    expect(same).toMatchObject({
      asked: ['config', 'code', 'head', 'base'],
      finding: { reason: 'desired-unchanged', digest: digestOf('same') },
    })
    const differs = await compare({
      headFiles: changed,
      desired: () => Promise.resolve(state({ a: [1, 2] })),
      desiredAt: () => Promise.resolve(state({ a: [1, 3] })),
    })
    expect(differs.finding).toMatchObject({
      reason: 'desired-changed',
      digest: digestOf({ a: [1, 2] }),
      firstDifference: { path: 'a[1]', before: 3, after: 2, file: 'data/a', line: 2 },
    })
  })

  it('evaluates where nothing is declared as input: no tree can answer', async () => {
    expect(await compare({ declaration: { inputs: [] } })).toMatchObject({
      asked: ['config', 'code', 'head', 'base'],
      finding: { reason: 'desired-unchanged' },
    })
  })

  it('takes a target that the base has not for new, and an entry that the base has not for new code', async () => {
    const target = await compare({ configAt: () => Promise.resolve(undefined) })
    expect(target.finding).toMatchObject({
      reason: 'config-changed',
      components: { config: { base: null, same: false, detail: 'the target is new' } },
    })
    const entry = await compare({ baseFiles: { 'data/a': 'one' } })
    expect(entry).toMatchObject({
      asked: ['config'],
      finding: { reason: 'code-changed', components: { code: { detail: 'x.mjs is new' } } },
    })
    // What lies in node_modules is in no tree.
    const installed = { entry: 'node_modules/p/x.mjs' }
    expect(await compare({ declaration: installed })).toMatchObject({ finding: { reason: 'inputs-unchanged' } })
  })

  it('never takes unknown code for the same, on either side', async () => {
    expect(await compare({ manifest: unknown, manifestAt: () => Promise.resolve(unknown) })).toMatchObject({
      asked: ['config'],
      finding: { reason: 'code-unknown' },
    })
    const base = await compare({ manifestAt: () => Promise.resolve(unknown) })
    expect(base.finding).toMatchObject({ reason: 'code-unknown', components: { code: { same: null } } })
    expect(base.finding.explanation).toContain('a computed import')
  })

  it('compares paths, modes and removed files, not only content', async () => {
    const trees = [{ ...files, 'data/b': '' }, { 'x.mjs': 'code' }, { 'x.mjs': 'code', 'data/b': files['data/a'] }]
    for (const headFiles of trees) expect((await compare({ headFiles })).finding.reason).toBe('desired-unchanged')
    const several = await compare({ headFiles: { 'x.mjs': 'code', 'data/b': '', 'data/c': '', 'data/d': '' } })
    expect(several.finding.components['inputs']).toMatchObject({
      same: false,
      detail: 'data/a, data/b, data/c and 1 more',
    })
  })

  it('names the shards that differ, new and removed ones too', async () => {
    const { finding } = await compare({
      declaration: { sharded: true },
      headFiles: changed,
      desired: () => Promise.resolve(shards({ a: 1, b: 2, c: 3 })),
      desiredAt: () => Promise.resolve(shards({ a: 1, b: 3, d: 4 })),
    })
    expect(finding.components['desired']).toMatchObject({ same: false, detail: 'shards: b, c, d (of 3)' })
  })
})

describe('an error', () => {
  const fails = (): Promise<never> => Promise.reject(new Error('broken'))
  const onBase: Record<string, Case> = {
    configuration: { configAt: fails },
    code: { manifestAt: fails },
    'desired state': { desiredAt: fails, headFiles: changed },
  }
  it.each(Object.entries(onBase))(
    'of the base’s %s runs in full with a warning, or is one with requireCompare',
    async (_name, given) => {
      const { finding, warnings } = await compare(given)
      expect(finding.reason).toBe('base-failed')
      expect(warnings).toHaveLength(1)
      expect(warnings[0]).toMatch(/of bbbbbbbb cannot be evaluated: broken/)
      await expect(compare({ ...given, requireCompare: true })).rejects.toMatchObject({ code: 'base-unavailable' })
    },
  )

  it('of the head is the run’s own, also when the base fails too', async () => {
    await expect(compare({ desired: fails, desiredAt: fails, headFiles: changed })).rejects.toThrow('broken')
  })

  it('of a file that is only shown does not matter', async () => {
    const base = memorySnapshot(files)
    const unreadable: Snapshot = { ...base, read: fails }
    const head = memorySnapshot(changed)
    const finding = await compareRevisions(
      {
        target: 't',
        revision: 'main',
        requireCompare: false,
        repository,
        head,
        declared: { declaration, manifest: codeOf('code') },
        headInputs: await head.entries(declaration.inputs),
        configAt: () => Promise.resolve(declaration.config),
        manifestAt: () => Promise.resolve(codeOf('code')),
        desired: () => Promise.resolve(state(1)),
        desiredAt: () => Promise.resolve(state(2)),
        warn: () => undefined,
      },
      { id: 'b'.repeat(40), snapshot: unreadable },
    )
    expect(finding).toMatchObject({ reason: 'desired-changed', firstDifference: { file: 'data/a' } })
  })
})

describe('openBase', () => {
  it('finds a revision, or says why it runs in full, or fails where a comparison is required', async () => {
    const warnings: string[] = []
    const ask = (revision: string, requireCompare = false) =>
      openBase({ repository, revision, requireCompare, target: 't', warn: (message) => warnings.push(message) })
    expect(await ask('main')).toMatchObject({ kind: 'found', id: 'b'.repeat(40) })
    expect(await ask('gone')).toMatchObject({ kind: 'missing', finding: { reason: 'base-missing', base: 'gone' } })
    expect(warnings).toEqual([
      'cannot compare with gone: no such commit. Fetch more history. Running in full; pass --require-compare to fail instead.',
    ])
    await expect(ask('gone', true)).rejects.toMatchObject({ code: 'base-unavailable' })
  })
})
