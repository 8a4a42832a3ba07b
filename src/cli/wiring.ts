// The only file that puts a run's dependencies together. Heavy adapters stay behind dynamic imports.
import type { LimitCheck, PlanData, Reporter, RunActor } from '../event.js'
import { installDryRunGuard, type DryRunGuard } from '../reconcile/dry-run-guard.js'
import type { OwnedDependencies } from '../run-owned.js'
import type { RunDependencies } from '../run-types.js'
import { createEnvBackend } from '../secrets/env-backend.js'
import { takeClaims } from '../store/claims.js'
import type { ObjectStore } from '../store/object-store.js'
import { systemClock } from '../util/clock.js'
import { newUlid } from '../util/ulid.js'
import { openTarget, type TargetReference } from './open-target.js'
import { actorOf, isCi, isDead, thisProcess, type ProcessContext } from './process-context.js'
import type { Project } from './project.js'
import type { StopSignals } from './stop-signals.js'

export interface Wiring {
  readonly context: ProcessContext
  readonly project: Project
  readonly reporter: Reporter
  readonly signals: StopSignals
  readonly reference: TargetReference
  readonly confirm: (plan: PlanData, limits: readonly LimitCheck[]) => Promise<boolean>
}

export function wireRun({
  context,
  project,
  reporter,
  signals,
  reference,
  confirm,
}: Wiring): RunDependencies & { readonly guard: DryRunGuard } {
  return {
    clock: systemClock,
    newId: () => newUlid(systemClock.now()),
    reporter,
    repository: project.repository,
    by: actorOf(context.environment, project.tool),
    process: thisProcess(),
    isDead,
    environment: context.environment,
    ci: isCi(context.environment),
    stop: signals.stop,
    giveUp: signals.giveUp,
    concurrency: project.settings.concurrency.value,
    guard: installDryRunGuard(),
    secrets: createEnvBackend(context.environment),
    fetch: globalThis.fetch,
    openTarget: (sides) => openTarget(reference, sides),
    confirm,
  }
}

/** Keeps applies away while the ledger is changed without one. */
export function ledgerClaim(store: ObjectStore, by: RunActor): OwnedDependencies['claim'] {
  return ({ run, target, destination, shards }) =>
    takeClaims({
      store,
      destination,
      shards,
      holder: { run, target, host: by.host, url: by.url, ...thisProcess() },
      isDead,
    })
}
