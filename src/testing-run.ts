// What `recordRun` of trueup/testing is made of: one run of the real engine on a memory repository. In: an integration, data, and what is to be
// otherwise. Out: record and events.
import { createMemoryRepository } from './desired/memory-repository.js'
import type { DataQueries } from './desired/graphql/data-queries.js'
import type { Snapshot } from './desired/source.js'
import type { Json, PlanData, RunEvent, RunMode, RunRecord } from './event.js'
import type { AnyIntegration, Integration, LimitSettings } from './integration.js'
import { installDryRunGuard } from './reconcile/dry-run-guard.js'
import { unlimitedProviders } from './reconcile/providers.js'
import { resolveParams } from './params.js'
import { runOnce } from './run.js'
import type { OpenTarget, RunDependencies, RunRequest } from './run-types.js'
import { createRedactor } from './report/redact.js'
import { createEnvBackend, secretVariable } from './secrets/env-backend.js'
import type { SecretBackend } from './secrets/secret-backend.js'
import { createMemoryStore } from './store/memory-store.js'
import type { ObjectStore } from './store/object-store.js'
import { createBudget } from './util/budget.js'
import { createFakeClock, type FakeClock } from './util/fake-clock.js'
import { digestOf } from './util/digest.js'
import { once } from './util/once.js'
import { newUlid } from './util/ulid.js'

export interface TestOptions {
  /** Files of the repository, by path. */
  readonly data?: Readonly<Record<string, string>>
  /** Parameters as trueup.yaml would give them. */
  readonly params?: Readonly<Record<string, Json>>
  /** Environment variables that `ctx.env` may find. */
  readonly env?: Readonly<Record<string, string>>
  /** Secrets by path: a text, or fields. */
  readonly secrets?: Readonly<Record<string, string | Readonly<Record<string, string>>>>
  /** What `ctx.http` sends with. @defaultValue the global `fetch` */
  readonly http?: typeof globalThis.fetch
  /** Reads the outside world, to be compared before and after. */
  readonly world?: () => unknown
  /** @defaultValue a new memory store */
  readonly store?: ObjectStore
  /** @defaultValue a clock that stands still at 2026-01-01 */
  readonly clock?: FakeClock
  readonly limits?: LimitSettings
  readonly shards?: readonly string[]
  /** Files of the revision to compare with, by path; nothing is compared without. */
  readonly base?: Readonly<Record<string, string>>
  /** Run although nothing differs from `base`. @defaultValue false */
  readonly force?: boolean
  /** Only the shards that differ from `base`. @defaultValue false */
  readonly onlyAffectedShards?: boolean
  /** Name of the target. @defaultValue the integration's name */
  readonly target?: string
}

export interface RecordedRun {
  readonly record: RunRecord
  /** Everything that was reported, in order. */
  readonly events: readonly RunEvent[]
  readonly plan: PlanData | null
}

/** What a run is given in place of what a test of an integration needs. */
export interface RunOverrides {
  readonly deps?: Partial<RunDependencies>
  readonly request?: Partial<RunRequest>
}

/** One run; a failed one is in the record, not thrown. */
export async function runRecorded(
  integration: Integration | AnyIntegration,
  options: TestOptions & { readonly mode?: RunMode } = {},
  overrides: RunOverrides = {},
): Promise<RecordedRun> {
  const definition = 'definition' in integration ? integration.definition : integration
  const clock = options.clock ?? createFakeClock()
  const data = options.data ?? {}
  const { base } = options
  const repository = createMemoryRepository(base === undefined ? data : { head: 'head', commits: { head: data, base } })
  const store = options.store ?? createMemoryStore({ clock })
  const target = options.target ?? definition.name
  const events: RunEvent[] = []
  const guard = installDryRunGuard()
  const never = new AbortController().signal
  const deps: RunDependencies = {
    clock,
    newId: () => newUlid(clock.now()),
    reporter: { report: (event) => void events.push(event) },
    repository,
    by: { actor: 'test', url: null, host: 'test', tool: 'trueup/testing' },
    process: { pid: 0, processStart: '' },
    isDead: () => false,
    // A test may move its clock by days in the middle of a change.
    leaseMs: 20 * 86_400_000,
    environment: options.env ?? {},
    ci: false,
    stop: never,
    giveUp: never,
    budget: createBudget(8),
    guard,
    redactor: createRedactor(),
    fetch: options.http ?? globalThis.fetch,
    // The clock of a test stands still: nothing may wait for it.
    providers: unlimitedProviders(),
    openTarget: ({ head }) => openTestTarget({ definition, options, store, target, head }),
    confirm: () => Promise.resolve(true),
    ...overrides.deps,
  }
  try {
    const record = await runOnce(deps, {
      target,
      mode: options.mode ?? 'dry-run',
      base: base === undefined ? null : 'base',
      requireCompare: false,
      committed: false,
      force: options.force === true,
      shards: options.shards ?? [],
      onlyAffected: options.onlyAffectedShards === true,
      overrides: {},
      expectPlan: null,
      savedPlan: null,
      initStore: true,
      detailedExitcode: false,
      command: target,
      ...overrides.request,
    })
    return { record, events, plan: record.plan }
  } finally {
    guard.uninstall()
    await repository.close()
  }
}

interface TestTarget {
  readonly definition: AnyIntegration
  readonly options: TestOptions
  readonly store: ObjectStore
  readonly target: string
  readonly head: Snapshot
}

async function openTestTarget({ definition, options, store, target }: TestTarget): Promise<OpenTarget> {
  const { values } = await resolveParams(definition, { file: options.params ?? {}, flags: {}, target })
  const { inputs, limits } = definition
  const manifest = {
    kind: 'known',
    digest: digestOf(`${definition.name} ${definition.version}`),
    files: {},
    packages: {},
    probed: {},
    installed: {},
  } as const
  return {
    declared: {
      declaration: {
        integration: definition.name,
        version: definition.version,
        entry: null,
        builtin: false,
        inputs: typeof inputs === 'function' ? inputs(values) : (inputs ?? []),
        env: definition.env ?? [],
        secrets: definition.secrets ?? [],
        external: definition.external === true,
        deletePolicy: definition.deletePolicy,
        sharded: definition.shards !== undefined,
        destination: definition.destination !== undefined,
        limits: {},
        config: options.params ?? {},
        params: options.params ?? {},
      },
      manifest,
    },
    limits: { ...limits, ...options.limits },
    store,
    secrets: testSecrets(options),
    storeIsFreshInCi: false,
    notes: [],
    load: () => Promise.resolve({ definition, params: values }),
    queriesAt: (snapshot) => testQueries(snapshot),
    // Only the data differ.
    configAt: () => Promise.resolve(options.params ?? {}),
    manifestAt: () => Promise.resolve(manifest),
  }
}

/** Data, schemas and types lie where they do without a `data:` in trueup.yaml. */
function testQueries(snapshot: Snapshot): DataQueries {
  const place = {
    format: 'default',
    dir: 'data',
    schemas: 'schemas',
    graphql: 'graphql-schemas/schema.yml',
    resources: 'resources',
  } as const
  const queries = once(async () => {
    const [{ createEmbeddedQueries }, { openBundle }] = await Promise.all([
      import('./desired/graphql/embedded-queries.js'),
      import('./desired/graphql/open-bundle.js'),
    ])
    return createEmbeddedQueries({ snapshot, folders: place, open: () => openBundle({ snapshot, place }) })
  })
  return { ask: async (question) => (await queries()).ask(question), settle: () => Promise.resolve(true) }
}

function testSecrets({ secrets = {} }: TestOptions): SecretBackend {
  const variables = Object.entries(secrets).map(([path, value]) => [
    secretVariable(path),
    typeof value === 'string' ? value : JSON.stringify(value),
  ])
  const backend = createEnvBackend(Object.fromEntries(variables) as Record<string, string>)
  backend.accept(Object.keys(secrets))
  return backend
}
