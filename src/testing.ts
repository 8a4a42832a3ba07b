// The second door, `trueup/testing`: what tests of integrations need. Real engine, memory store, fake clock.
import { AssertionError } from 'node:assert'
import { tmpdir } from 'node:os'
import { dirname, join, resolve } from 'node:path'
import { fileURLToPath } from 'node:url'
import { createMemoryRepository } from './desired/memory-repository.js'
import type { Snapshot } from './desired/source.js'
import { toError, TrueupError } from './errors.js'
import type { Json, LogRecord, PlanData, RunEvent, RunMode, RunRecord } from './event.js'
import type { AnyIntegration, Integration, LimitSettings } from './integration.js'
import { loadIntegration } from './load-integration.js'
import { installDryRunGuard } from './reconcile/dry-run-guard.js'
import { resolveParams } from './params.js'
import { runOnce } from './run.js'
import type { OpenTarget, RunDependencies } from './run-types.js'
import { createRedactor } from './report/redact.js'
import { createEnvBackend, secretVariable } from './secrets/env-backend.js'
import type { SecretBackend } from './secrets/secret-backend.js'
import { createMemoryStore } from './store/memory-store.js'
import type { ObjectStore } from './store/object-store.js'
import { createBudget } from './util/budget.js'
import { createFakeClock, type FakeClock } from './util/fake-clock.js'
import { digestOf } from './util/digest.js'
import { newUlid } from './util/ulid.js'

export { createFakeClock, createMemoryStore }
export type { FakeClock, ObjectStore, RunEvent, RunRecord, PlanData, LogRecord }

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
  /** Name of the target. @defaultValue the integration's name */
  readonly target?: string
}

export interface RecordedRun {
  readonly record: RunRecord
  /** Everything that was reported, in order. */
  readonly events: readonly RunEvent[]
  readonly plan: PlanData | null
}

/** Runs an integration once through the real engine, and gives back what it left behind. A failed run is in the record, not thrown. */
export async function recordRun(
  integration: Integration | AnyIntegration,
  options: TestOptions & { readonly mode?: RunMode } = {},
): Promise<RecordedRun> {
  const definition = 'definition' in integration ? integration.definition : integration
  const clock = options.clock ?? createFakeClock()
  const repository = createMemoryRepository(options.data ?? {})
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
    openTarget: ({ head }) => openTestTarget({ definition, options, store, target, head }),
    confirm: () => Promise.resolve(true),
  }
  try {
    const record = await runOnce(deps, {
      target,
      mode: options.mode ?? 'dry-run',
      base: null,
      requireCompare: false,
      committed: false,
      force: false,
      shards: options.shards ?? [],
      overrides: {},
      expectPlan: null,
      savedPlan: null,
      initStore: true,
      detailedExitcode: false,
      command: target,
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
        limits: {},
        config: options.params ?? {},
        params: options.params ?? {},
      },
      manifest: {
        kind: 'known',
        digest: digestOf(`${definition.name} ${definition.version}`),
        files: {},
        packages: {},
        probed: {},
        installed: {},
      },
    },
    limits: { ...limits, ...options.limits },
    store,
    secrets: testSecrets(options),
    storeIsFreshInCi: false,
    notes: [],
    load: () => Promise.resolve({ definition, params: values }),
    configAt: () => Promise.reject(new TrueupError('usage', 'a recorded run has no base')),
    manifestAt: () => Promise.reject(new TrueupError('usage', 'a recorded run has no base')),
  }
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

/** Applies, then plans again and expects nothing to do. Gives both runs, for further expectations. */
export async function assertConverges(
  integration: Integration | AnyIntegration,
  options: TestOptions = {},
): Promise<{ readonly applied: RecordedRun; readonly again: RecordedRun }> {
  const clock = options.clock ?? createFakeClock()
  const shared = { ...options, clock, store: options.store ?? createMemoryStore({ clock }) }
  const applied = await recordRun(integration, { ...shared, mode: 'apply' })
  if (applied.record.exitCode !== 0) throw failure(`the apply did not succeed: ${troubleOf(applied.record)}`, applied)
  const again = await recordRun(integration, shared)
  if (again.record.exitCode !== 0)
    throw failure(`planning after the apply did not succeed: ${troubleOf(again.record)}`, again)
  const left = again.plan?.changes ?? []
  if (left.length > 0) {
    const shown = left
      .slice(0, 5)
      .map(
        ({ action, key, fields }) =>
          `${action} ${key}${action === 'update' ? ` (${fields.map(({ path }) => path).join(', ')})` : ''}`,
      )
    throw failure(
      `it does not converge: after an apply the plan still has ${String(left.length)} changes: ${shown.join('; ')}. Does normalize() give exactly what desiredState() says?`,
      again,
    )
  }
  return { applied, again }
}

/** Plans as a dry run and fails on any write: a handler called, an unsafe request, or a `world()` that differs afterwards. */
export async function assertDryRunIsPure(
  integration: Integration | AnyIntegration,
  options: TestOptions = {},
): Promise<RecordedRun> {
  const before = JSON.stringify(await options.world?.())
  const run = await recordRun(integration, { ...options, mode: 'dry-run' })
  if (run.record.error !== null) throw failure(`the dry run failed: ${run.record.error.message}`, run)
  const started = run.events.find((event) => event.kind === 'change-started')
  if (started !== undefined) throw failure('the dry run called a handler', run)
  const after = JSON.stringify(await options.world?.())
  if (before !== after) throw failure(`the dry run changed the world: ${before} became ${after}`, run)
  return run
}

/** Loads an integration's file as the command line does: TypeScript too, without a build step. */
export async function loadForTest(file: URL | string): Promise<AnyIntegration> {
  const path = typeof file === 'string' ? resolve(file) : fileURLToPath(file)
  const here = dirname(fileURLToPath(import.meta.url))
  const { definition } = await loadIntegration(path, {
    configDirectory: dirname(path),
    places: [],
    workingDirectory: dirname(path),
    cacheDirectory: join(tmpdir(), 'trueup-testing', 'jiti'),
    builtins: {},
    trueupEntry: { main: join(here, 'index.js'), testing: join(here, 'testing.js') },
  })
  return definition
}

function troubleOf(record: RunRecord): string {
  const blocked = record.limits.filter((check) => check.blocked).map((check) => check.message)
  const failed = record.outcomes
    .filter(({ result }) => result !== 'applied')
    .map(({ action, key, error }) => `${action} ${key}: ${error ?? 'not applied'}`)
  return [record.error?.message, ...blocked, ...failed].filter((text) => text !== undefined).join('; ')
}

function failure(message: string, run: RecordedRun): AssertionError {
  const error = new AssertionError({ message, stackStartFn: recordRun })
  error.cause = run.record.error === null ? undefined : toError(run.record.error.message)
  return error
}
