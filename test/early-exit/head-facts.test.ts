import { describe, expect, it } from 'vitest'
import type { DesiredState } from '../../src/desired/evaluate.js'
import type { SourceEntry } from '../../src/desired/source.js'
import type { Declaration } from '../../src/early-exit/declaration.js'
import { envDigest, headFacts, treeDigest } from '../../src/early-exit/head-facts.js'
import type { Digest, Json } from '../../src/event.js'
import { digestOf } from '../../src/util/digest.js'

const entry = (path: string, oid = '1'.repeat(40), mode = '100644', dirty = false): SourceEntry => ({
  path,
  oid,
  mode,
  dirty,
})
const declaration: Declaration = {
  integration: 'x',
  version: '1',
  entry: 'x.mjs',
  builtin: false,
  inputs: ['data/**'],
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
const code = {
  kind: 'known',
  digest: 'c'.repeat(64) as Digest,
  files: {},
  packages: {},
  probed: {},
  installed: {},
} as const
const desired = (value: Json): DesiredState => ({ value, digest: digestOf(value), shards: new Map() })
const factsOf = (
  changes: Partial<Declaration> = {},
  inputs: readonly SourceEntry[] = [],
  secretOf: (address: { readonly path: string }) => string | null = () => null,
) =>
  headFacts({
    target: { declaration: { ...declaration, ...changes }, manifest: code },
    inputs,
    environment: {},
    secretOf: (address) => Promise.resolve(secretOf(address)),
  })

describe('treeDigest', () => {
  it('tells paths, modes and object ids apart, not how clean they are', () => {
    const one = treeDigest([entry('a'), entry('b')])
    expect(treeDigest([entry('a', undefined, undefined, true), entry('b')])).toBe(one)
    const others = [
      [entry('a')],
      [entry('a'), entry('c')],
      [entry('a', '2'.repeat(40)), entry('b')],
      [entry('a', undefined, '100755'), entry('b')],
      [],
    ]
    expect(new Set([one, ...others.map(treeDigest)]).size).toBe(others.length + 1)
  })
})

describe('envDigest', () => {
  it('tells unset from empty, and names from values; order does not count', () => {
    const digests = [
      envDigest(['A'], {}),
      envDigest(['A'], { A: '' }),
      envDigest(['A'], { A: 'x' }),
      envDigest(['A', 'B'], { A: 'x' }),
      envDigest(['B'], {}),
      envDigest([], { A: 'x' }),
    ]
    expect(new Set(digests).size).toBe(digests.length)
    expect(envDigest(['B', 'A'], { A: '1', B: '2', C: '3' })).toBe(envDigest(['A', 'B'], { B: '2', A: '1' }))
    expect(envDigest(['A'], { A: undefined })).toBe(envDigest(['A'], {}))
  })
})

describe('headFacts', () => {
  it('has no inputs where none are declared, and no code where it cannot be told', () => {
    expect(factsOf({ inputs: [] }).inputs).toBeNull()
    expect(factsOf().inputs).toBe(treeDigest([]))
    const unknown = headFacts({
      target: { declaration, manifest: { kind: 'unknown', reason: 'computed', files: {} } },
      inputs: [],
      environment: {},
      secretOf: () => Promise.resolve(null),
    })
    expect(unknown.code).toBeNull()
    expect(factsOf().code).toBe(code.digest)
  })

  it('has a digest of the configuration in which the order of keys does not count', () => {
    expect(factsOf({ config: { b: 1, a: [1, 2] } }).config).toBe(factsOf({ config: { a: [1, 2], b: 1 } }).config)
    expect(factsOf({ config: { a: [2, 1], b: 1 } }).config).not.toBe(factsOf({ config: { a: [1, 2], b: 1 } }).config)
  })

  it('tells secrets apart by place and version, however they are named, and gives none up', async () => {
    const of = (
      versions: Readonly<Record<string, string>>,
      secrets: Declaration['secrets'],
      value: Json = [],
    ): Promise<string | null> => factsOf({ secrets }, [], ({ path }) => versions[path] ?? null).secrets(desired(value))
    const one = await of({ x: '1', y: '1' }, [{ path: 'x' }, { path: 'y', field: 'f' }])
    expect(one).toMatch(/^[0-9a-f]{64}$/)
    expect(
      await of({ x: '1', y: '1' }, [
        { path: 'y', field: 'f' },
        { path: 'x', for: 'plan' },
      ]),
    ).toBe(one)
    expect(await of({ x: '1', y: '1' }, [{ path: 'x' }], { a: [{ $secret: { path: 'y', field: 'f' } }] })).toBe(one)
    const others = [
      await of({ x: '1', y: '2' }, [{ path: 'x' }, { path: 'y', field: 'f' }]),
      await of({ x: '1', y: '1' }, [{ path: 'x' }, { path: 'y', field: 'g' }]),
      await of({ x: '1', y: '1' }, [{ path: 'x' }, { path: 'y', field: 'f', version: '7' }]),
      await of({ x: '1' }, [{ path: 'x' }]),
    ]
    expect(new Set([one, ...others]).size).toBe(5)
    expect(await of({ x: '1' }, [{ path: 'x' }, { path: 'y' }])).toBeNull()
    expect(await of({ x: '1' }, [{ path: 'x' }], [{ $secret: 'x' }])).toBeNull()
  })

  it('knows no version of a secret, declared or referenced anywhere in the desired state', async () => {
    const none = factsOf()
    expect(none.hasSecrets).toBe(false)
    expect(await none.secrets(desired([{ name: 'a', secret: '$secret' }]))).toBe(none.noSecrets)
    expect(await none.secrets(desired({ list: [{ deep: { $secret: { path: 'x' } } }] }))).toBeNull()
    const declared = factsOf({ secrets: [{ path: 'x' }] })
    expect(declared.hasSecrets).toBe(true)
    expect(await declared.secrets(desired([]))).toBeNull()
  })
})
