// The only file that puts a run's dependencies together. Heavy adapters stay behind dynamic imports.
import { createCacheHealth, type CacheHealth } from '../early-exit/cache-health.js'
import type { LimitCheck, LogRecord, PlanData, Reporter, RunActor } from '../event.js'
import { installDryRunGuard, type DryRunGuard } from '../reconcile/dry-run-guard.js'
import { createProviders, type Providers } from '../reconcile/providers.js'
import type { Answers } from '../reconcile/relations.js'
import type { SharedAnswers } from '../reconcile/shared-answers.js'
import type { Redactor } from '../report/redact.js'
import type { OwnedDependencies } from '../run-owned.js'
import type { RunDependencies } from '../run-types.js'
import { LEASE_MS, takeLease } from '../store/leases.js'
import type { ObjectStore } from '../store/object-store.js'
import { createBudget, type Budget } from '../util/budget.js'
import { systemClock } from '../util/clock.js'
import { createRandomStock } from '../util/random-stock.js'
import { newUlid } from '../util/ulid.js'
import { providerRates } from './config-providers.js'
import { openTarget, type TargetReference } from './open-target.js'
import { actorOf, isCi, isDead, thisProcess, type ProcessContext } from './process-context.js'
import type { Project } from './project.js'
import type { StopSignals } from './stop-signals.js'

/** What all runs of one command share. */
export interface Shared {
  readonly budget: Budget
  readonly guard: DryRunGuard
  readonly providers: Providers
  readonly relations: Answers
  readonly cacheHealth: CacheHealth
  /** Gives those of other processes, for one run. @param isSecret - whether a text holds something of what the run has read of secrets */
  readonly sharedAnswers?: (isSecret: (text: string) => boolean) => SharedAnswers
  /** Several runs may be under way. */
  readonly sideBySide: boolean
}

/** @param sideBySide - several runs may be under way */
export function shareOf({ settings, config }: Project, sideBySide: boolean): Shared {
  return {
    budget: createBudget(settings.concurrency.value),
    guard: installDryRunGuard(),
    providers: createProviders({ clock: systemClock, rates: providerRates(config.providers) }),
    relations: new Map(),
    cacheHealth: createCacheHealth({ clock: systemClock }),
    sideBySide,
  }
}

export interface Wiring {
  readonly shared: Shared
  /** Of this run alone. */
  readonly redactor: Redactor
  readonly context: ProcessContext
  readonly project: Project
  readonly reporter: Reporter
  readonly signals: StopSignals
  readonly reference: TargetReference
  readonly confirm: (plan: PlanData, limits: readonly LimitCheck[]) => Promise<boolean>
  /** What the integration printed when it was loaded before. */
  readonly printed: readonly LogRecord[]
}

export function wireRun({
  shared,
  redactor,
  context,
  project,
  reporter,
  signals,
  reference,
  confirm,
  printed,
}: Wiring): RunDependencies {
  const random = createRandomStock()
  return {
    clock: systemClock,
    newId: () => newUlid(systemClock.now(), random),
    reporter,
    repository: project.repository,
    by: actorOf(context.environment, project.tool),
    process: thisProcess(),
    isDead,
    environment: context.environment,
    ci: isCi(context.environment),
    stop: signals.stop,
    giveUp: signals.giveUp,
    budget: shared.budget,
    sideBySide: shared.sideBySide,
    guard: shared.guard,
    capture: context.capture,
    printed,
    redactor,
    fetch: globalThis.fetch,
    providers: shared.providers,
    relations: shared.relations,
    cacheHealth: shared.cacheHealth,
    ...(shared.sharedAnswers === undefined
      ? {}
      : { sharedAnswers: shared.sharedAnswers((text) => redactor.text(text) !== text) }),
    openTarget: (sides) => openTarget(reference, { ...sides, environment: context.environment }),
    confirm,
  }
}

export interface LedgerWiring {
  readonly store: ObjectStore
  readonly by: RunActor
  /** How long to wait for a lease, ms. */
  readonly waitMs: number
  readonly warn: (message: string) => void
  readonly stop: AbortSignal
}

/** What changes of the ledger alone need: they keep applies away as another apply would. */
export function wireOwned({ store, by, waitMs, warn, stop }: LedgerWiring): OwnedDependencies {
  return {
    store,
    clock: systemClock,
    newId: () => newUlid(systemClock.now()),
    by,
    warn,
    lease: ({ run, target, destination, shards, atLeast }) =>
      takeLease({
        store,
        clock: systemClock,
        destination,
        shards,
        // Nothing tells here in which shards the targets are cut now.
        keys: null,
        holder: { run, target, host: by.host, url: by.url, actor: by.actor, ...thisProcess() },
        isDead,
        leaseMs: LEASE_MS,
        waitMs,
        atLeast,
        stop,
        onWait: warn,
      }),
  }
}
