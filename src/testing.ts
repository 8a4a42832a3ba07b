// The second door, `trueup/testing`: what tests of integrations need. Real engine, memory store, fake clock.
import { AssertionError } from 'node:assert'
import { tmpdir } from 'node:os'
import { dirname, join, resolve } from 'node:path'
import { fileURLToPath } from 'node:url'
import { toError } from './errors.js'
import type { LogRecord, PlanData, RunEvent, RunMode, RunRecord } from './event.js'
import type { AnyIntegration, Integration } from './integration.js'
import { loadIntegration } from './load-integration.js'
import { createMemoryStore } from './store/memory-store.js'
import type { ObjectStore } from './store/object-store.js'
import { runRecorded, type RecordedRun, type TestOptions } from './testing-run.js'
import { createFakeClock, type FakeClock } from './util/fake-clock.js'

export { createFakeClock, createMemoryStore }
export type { FakeClock, LogRecord, ObjectStore, PlanData, RecordedRun, RunEvent, RunRecord, TestOptions }

/** Runs an integration once through the real engine, and gives back what it left behind. A failed run is in the record, not thrown. */
export function recordRun(
  integration: Integration | AnyIntegration,
  options: TestOptions & { readonly mode?: RunMode } = {},
): Promise<RecordedRun> {
  return runRecorded(integration, options)
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
