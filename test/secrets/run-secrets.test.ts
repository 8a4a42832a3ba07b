import { describe, expect, it } from 'vitest'
import { TrueupError } from '../../src/errors.js'
import { createRunSecrets, type RunSecrets } from '../../src/secrets/run-secrets.js'
import type { SecretBackend } from '../../src/secrets/secret-backend.js'
import { versionKey } from '../../src/secrets/version-key.js'
import { createMemoryStore } from '../../src/store/memory-store.js'
import { createFakeClock } from '../../src/util/fake-clock.js'

interface World {
  readonly values: Record<string, string>
  version?: string
  reads: number
}

/** Paths are `path` or `path field`. */
function backendOf(world: World): SecretBackend {
  return {
    description: 'test',
    accept: () => undefined,
    read(path, field) {
      world.reads += 1
      const value = world.values[field === undefined ? path : `${path} ${field}`]
      return value === undefined
        ? Promise.reject(new TrueupError('secret-missing', `no ${path}`))
        : Promise.resolve({ value, ...(world.version === undefined ? {} : { version: world.version }) })
    },
    versionOf: () => Promise.resolve(world.version),
    fields(path) {
      const names = Object.keys(world.values).flatMap((name) =>
        name.startsWith(`${path} `) ? [name.slice(path.length + 1)] : [],
      )
      return Promise.resolve(names.length === 0 ? undefined : names.sort())
    },
  }
}

function open(world: World, warnings: string[] = []): RunSecrets {
  return createRunSecrets({
    backend: backendOf(world),
    register: (value) => (value.length < 6 ? 'whole-only' : 'hidden'),
    warn: (message) => warnings.push(message),
  })
}

const key = () => Promise.resolve(Uint8Array.of(1, 2, 3))

describe('read', () => {
  it('reads each value once, and again after a failure', async () => {
    const world: World = { values: {}, reads: 0 }
    const secrets = open(world)
    await expect(secrets.read({ path: 'a' })).rejects.toThrow('no a')
    world.values['a'] = 'first value'
    expect(await Promise.all([secrets.read({ path: 'a' }), secrets.read({ path: 'a' })])).toEqual([
      'first value',
      'first value',
    ])
    world.values['a'] = 'second value'
    expect(await secrets.read({ path: 'a' })).toBe('first value')
    expect(world.reads).toBe(2)
  })

  it('warns once of a value that is too short to be hidden inside of texts, by its name', async () => {
    const warnings: string[] = []
    const secrets = open({ values: { 'a pin': '1234' }, reads: 0 }, warnings)
    await secrets.read({ path: 'a', field: 'pin' })
    await secrets.read({ path: 'a', field: 'pin' })
    expect(warnings).toEqual([
      'the secret a pin has fewer than 6 characters: it is hidden only where a whole text equals it. Use a longer one.',
    ])
  })
})

describe('fingerprint', () => {
  const of = async (world: Partial<World>, address = { path: 'a' }): Promise<string | null> =>
    open({ values: {}, reads: 0, ...world }).fingerprint(address, key)

  it('is another for another value, another place and another key, and holds no value', async () => {
    const one = await of({ values: { a: 'value one' } })
    expect(one).toMatch(/^[0-9a-f]{64}$/)
    expect(await of({ values: { a: 'value one' } })).toBe(one)
    expect(await of({ values: { a: 'value two' } })).not.toBe(one)
    expect(await of({ values: { b: 'value one' } }, { path: 'b' })).not.toBe(one)
    const other = open({ values: { a: 'value one' }, reads: 0 })
    expect(await other.fingerprint({ path: 'a' }, () => Promise.resolve(Uint8Array.of(9)))).not.toBe(one)
  })

  it('is the version where there is one, and then reads nothing', async () => {
    const world: World = { values: { a: 'value one' }, version: '7', reads: 0 }
    expect(await open(world).fingerprint({ path: 'a' }, key)).toBe('version 7')
    expect(world.reads).toBe(0)
  })

  it('speaks of the value that this run has read, not of a newer one', async () => {
    const world: World = { values: { a: 'value one' }, version: '7', reads: 0 }
    const secrets = open(world)
    await secrets.read({ path: 'a' })
    world.version = '8'
    expect(await secrets.fingerprint({ path: 'a' }, key)).toBe('version 7')

    const plain: World = { values: { a: 'value one' }, reads: 0 }
    const before = await open(plain).fingerprint({ path: 'a' }, key)
    const held = open(plain)
    await held.read({ path: 'a' })
    plain.values['a'] = 'value two'
    expect(await held.fingerprint({ path: 'a' }, key)).toBe(before)
    expect(await open(plain).fingerprint({ path: 'a' }, key)).not.toBe(before)
  })

  it('counts all fields of a folder', async () => {
    const one = await of({ values: { 'a x': '1', 'a y': '2' } })
    expect(one).not.toBeNull()
    expect(await of({ values: { 'a x': '1', 'a y': '3' } })).not.toBe(one)
    expect(await of({ values: { 'a x': '1' } })).not.toBe(one)
  })

  it('is null without a key, and for what cannot be read', async () => {
    expect(await of({})).toBeNull()
    expect(
      await open({ values: { a: 'x' }, reads: 0 }).fingerprint({ path: 'a' }, () => Promise.resolve(undefined)),
    ).toBeNull()
  })
})

describe('versionKey', () => {
  it('is made once, in an apply only, and is the same ever after', async () => {
    const store = createMemoryStore({ clock: createFakeClock() })
    expect(await versionKey(store, { create: false })).toBeUndefined()
    const [one, two] = await Promise.all([versionKey(store, { create: true }), versionKey(store, { create: true })])
    expect(one).toHaveLength(32)
    expect([two, await versionKey(store, { create: false })]).toEqual([one, one])
  })
})
