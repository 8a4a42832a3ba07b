// Runs of one small integration with the run cache, in this process: real engine, a store and a world that outlive the runs, a fake clock.
// In: what is as it is at each run. Out: its record, its events, and whether the integration really planned.
import { createMemoryRepository } from '../../src/desired/memory-repository.js'
import type { CodeManifest } from '../../src/early-exit/code-manifest.js'
import type { RunEvent, RunMode, RunRecord } from '../../src/event.js'
import { defineIntegration, diff, groupBy, listing } from '../../src/index.js'
import type { AnyIntegration } from '../../src/integration.js'
import { installDryRunGuard } from '../../src/reconcile/dry-run-guard.js'
import { unlimitedProviders } from '../../src/reconcile/providers.js'
import { createRedactor } from '../../src/report/redact.js'
import { runOnce } from '../../src/run.js'
import type { CacheRequest, OpenTarget, RunDependencies, RunRequest } from '../../src/run-types.js'
import { createEnvBackend } from '../../src/secrets/env-backend.js'
import { createMemoryStore } from '../../src/store/memory-store.js'
import type { ObjectStore } from '../../src/store/object-store.js'
import { createBudget } from '../../src/util/budget.js'
import { createFakeClock, type FakeClock } from '../../src/util/fake-clock.js'
import { digestOf } from '../../src/util/digest.js'
import { newUlid } from '../../src/util/ulid.js'

export interface Given {
  readonly mode: RunMode
  readonly target: string
  /** Things that should be, by name. */
  readonly data: Readonly<Record<string, string>>
  readonly params: Readonly<Record<string, string>>
  readonly env: Readonly<Record<string, string | undefined>>
  /** Text of the declared secret; undefined where it cannot be read. */
  readonly secret: string | undefined
  /** It declares the secret. Without secrets, what inputs come to is remembered. */
  readonly secretly: boolean
  /** Digest of the code as loaded; null for unknown code. */
  readonly code: string | null
  readonly version: string
  /** By the first letter of names, or of values. */
  readonly sharded: false | 'name' | 'value'
  readonly shards: readonly string[]
  readonly force: boolean
  readonly expectPlan: string | null
  readonly base: string | null
  readonly dirty: boolean
  readonly fresh: boolean
  /** Names that cannot be written. */
  readonly refuse: readonly string[]
  readonly incomplete: boolean
  readonly cache: Partial<CacheRequest> | null
  /** Fields of the signing secret, and the one that signs. */
  readonly signing: { readonly keys: Readonly<Record<string, string>>; readonly key: string } | undefined
  readonly store: ObjectStore
  readonly health: RunDependencies['cacheHealth']
  readonly logs: readonly string[]
  readonly stop: AbortSignal
}

export interface CachedRun {
  readonly record: RunRecord
  readonly events: readonly RunEvent[]
  /** `run()` was called. */
  readonly planned: boolean
  /** `desiredState()` was called. */
  readonly evaluated: boolean
  readonly warnings: readonly string[]
}

export interface CachedRuns {
  readonly clock: FakeClock
  readonly store: ObjectStore
  /** What the outside holds. */
  readonly world: Map<string, string>
  run(given?: Partial<Given>): Promise<CachedRun>
}

interface Thing {
  readonly name: string
  readonly value: string
}

const DEFAULTS: Omit<Given, 'store' | 'stop' | 'health'> = {
  mode: 'dry-run',
  target: 'things',
  data: { a: '1', b: '2' },
  params: { place: 'here' },
  env: {},
  secret: 'first value of the secret',
  secretly: true,
  code: 'code 1',
  version: '1',
  sharded: false,
  shards: [],
  force: false,
  expectPlan: null,
  base: null,
  dirty: false,
  fresh: false,
  refuse: [],
  incomplete: false,
  cache: {},
  signing: undefined,
  logs: [],
}

export function createCachedRuns(always: Partial<Given> = {}): CachedRuns {
  const clock = createFakeClock()
  const memory = createMemoryStore({ clock })
  const world = new Map<string, string>()
  return {
    clock,
    store: memory,
    world,
    async run(given = {}) {
      const all: Given = {
        ...DEFAULTS,
        store: memory,
        stop: new AbortController().signal,
        health: undefined,
        ...always,
        ...given,
      }
      const events: RunEvent[] = []
      const called = { planned: false, evaluated: false }
      const definition = things(all, world, called)
      const guard = installDryRunGuard()
      const files = { 'data/things.json': JSON.stringify(all.data) }
      const repository = createMemoryRepository({ head: 'head', commits: { head: files, base: files } })
      const deps: RunDependencies = {
        clock,
        newId: () => newUlid(clock.now()),
        reporter: { report: (event) => void events.push(event) },
        repository: {
          ...repository,
          head: async (options) => Object.assign(await repository.head(options), { isDirty: all.dirty }),
        },
        by: { actor: 'test', url: null, host: 'test', tool: 'test' },
        process: { pid: 0, processStart: '' },
        isDead: () => false,
        environment: all.env,
        ci: false,
        stop: all.stop,
        giveUp: all.stop,
        budget: createBudget(8),
        guard,
        redactor: createRedactor(),
        providers: unlimitedProviders(),
        fetch: () => Promise.reject(new Error('there is no network')),
        openTarget: () => Promise.resolve(targetOf(definition, all)),
        confirm: () => Promise.resolve(true),
        ...(all.health === undefined ? {} : { cacheHealth: all.health }),
      }
      try {
        const record = await runOnce(deps, requestOf(all))
        const warnings = events.flatMap((event) => (event.kind === 'warned' ? [event.message] : []))
        return { record, events, ...called, warnings }
      } finally {
        guard.uninstall()
      }
    },
  }
}

function things(
  given: Given,
  world: Map<string, string>,
  called: { planned: boolean; evaluated: boolean },
): AnyIntegration {
  const write = ({ key, after }: { readonly key: string; readonly after: Thing }): void => {
    if (given.refuse.includes(key)) throw new Error(`${key} is refused`)
    world.set(key, after.value)
  }
  const { definition } = defineIntegration({
    name: 'things',
    version: given.version,
    inputs: ['data/*.json'],
    env: ['FLAVOUR'],
    secrets: given.secretly ? [{ path: 'things/token' }] : [],
    deletePolicy: 'owned',
    destination: () => 'somewhere',
    desiredState: async (ctx): Promise<Thing[]> => {
      called.evaluated = true
      const data = (await ctx.source.load('data/things.json')) as Record<string, string>
      return Object.entries(data).map(([name, value]) => ({ name, value }))
    },
    shards: (desired) => groupBy(desired, (thing) => thing[given.sharded || 'name'].slice(0, 1)),
    run: async (ctx, desired: Thing[]) => {
      called.planned = true
      for (const line of given.logs) ctx.log.info(line)
      ctx.log.warn('listed', { things: world.size })
      if (given.secretly && given.secret !== undefined) ctx.log.info(`token ${await ctx.secrets.read('things/token')}`)
      const items = [...world]
        .map(([name, value]) => ({ name, value }))
        .filter(({ name }) => given.sharded === 'value' || name.startsWith(ctx.shard))
      const current = await listing.fromPages(
        (page) => {
          if (page !== undefined) throw new Error('page 2 answered 403')
          return Promise.resolve(given.incomplete ? { items, next: 'page 2' } : { items })
        },
        given.incomplete ? { partial: true } : {},
      )
      return ctx.plan(diff({ desired, current, key: ({ name }) => name }), {
        create: write,
        update: write,
        delete: ({ key }) => void world.delete(key),
      })
    },
  })
  if (given.sharded !== false) return definition
  const { shards, ...unsharded } = definition
  return unsharded
}

function targetOf(definition: AnyIntegration, given: Given): OpenTarget {
  const secrets = {
    ...(given.secret === undefined ? {} : { TRUEUP_SECRET_THINGS_TOKEN: given.secret }),
    ...(given.signing === undefined ? {} : { TRUEUP_SECRET_CACHE_KEYS: JSON.stringify(given.signing.keys) }),
  }
  return {
    declared: {
      declaration: {
        integration: definition.name,
        version: definition.version,
        entry: null,
        builtin: false,
        inputs: ['data/*.json'],
        env: definition.env ?? [],
        secrets: definition.secrets ?? [],
        external: false,
        deletePolicy: definition.deletePolicy,
        sharded: given.sharded !== false,
        destination: definition.destination !== undefined,
        limits: {},
        config: { params: given.params },
        params: given.params,
      },
      manifest:
        given.code === null ? { kind: 'unknown', reason: 'an import is computed', files: {} } : knownCode(given.code),
    },
    limits: {},
    store: given.store,
    secrets: createEnvBackend(secrets),
    storeIsFreshInCi: given.fresh,
    notes: [],
    ...(given.signing === undefined ? {} : { cacheSigning: { secret: 'cache/keys', key: given.signing.key } }),
    load: () => Promise.resolve({ definition, params: given.params }),
    configAt: () => Promise.resolve({ params: given.params }),
    // The base has other code than any head.
    manifestAt: () => Promise.resolve(knownCode('code of the base')),
  }
}

function knownCode(code: string): CodeManifest {
  return { kind: 'known', digest: digestOf(code), files: {}, packages: {}, probed: {}, installed: {} }
}

function requestOf(given: Given): RunRequest {
  return {
    target: given.target,
    mode: given.mode,
    base: given.base,
    requireCompare: false,
    committed: false,
    force: given.force,
    shards: given.shards,
    overrides: {},
    expectPlan: given.expectPlan,
    savedPlan: null,
    initStore: true,
    detailedExitcode: false,
    command: given.target,
    ...(given.cache === null
      ? {}
      : { cache: { access: 'rw', ttlMs: 3_600_000, zone: 'local', nodeMajor: 22, ...given.cache } }),
  }
}
