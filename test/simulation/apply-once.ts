// One whole apply of the real engine in a simulated process. In: the process, its signals, what is desired. Out: the record of the run.
import { createMemoryRepository } from '../../src/desired/memory-repository.js'
import type { RunEvent, RunRecord } from '../../src/event.js'
import type { Integration } from '../../src/integration.js'
import type { DryRunGuard } from '../../src/reconcile/dry-run-guard.js'
import { unlimitedProviders } from '../../src/reconcile/providers.js'
import { createRedactor } from '../../src/report/redact.js'
import { runOnce } from '../../src/run.js'
import type { OpenTarget } from '../../src/run-types.js'
import { createEnvBackend } from '../../src/secrets/env-backend.js'
import { createBudget } from '../../src/util/budget.js'
import { digestOf } from '../../src/util/digest.js'
import { LEASE_MS, type Room } from './machine-room.js'
import type { SimulatedProcess } from './scheduler.js'

export interface ApplyGiven {
  readonly room: Room
  readonly process: SimulatedProcess
  readonly signals: { readonly stop: AbortSignal; readonly giveUp: AbortSignal }
  readonly newId: () => string
  readonly report: (event: RunEvent) => void
  readonly desired: unknown
  readonly base: 'last-applied' | null
  readonly integration: Integration
}

/** Nothing is sent in a simulation. */
const unguarded: DryRunGuard = { planning: (_run, fn) => fn(), uninstall: () => undefined }

export async function applyOnce({
  room,
  process,
  signals,
  newId,
  report,
  desired,
  base,
  integration,
}: ApplyGiven): Promise<RunRecord> {
  return runOnce(
    {
      clock: room.scheduler.clockOf(process),
      newId,
      reporter: { report },
      repository: createMemoryRepository({ 'data/things.json': JSON.stringify(desired) }),
      by: { actor: null, url: null, host: process.host, tool: 'simulation' },
      process: { pid: process.pid, processStart: '' },
      isDead: (holder) => room.isDead(holder),
      leaseMs: LEASE_MS,
      environment: {},
      ci: false,
      ...signals,
      budget: createBudget(2),
      guard: unguarded,
      redactor: createRedactor(),
      providers: unlimitedProviders(),
      fetch: () => Promise.reject(new Error('there is no network')),
      openTarget: () => Promise.resolve(targetOf(room, process, integration)),
      confirm: () => Promise.resolve(true),
    },
    {
      target: 'things',
      mode: 'apply',
      base,
      requireCompare: false,
      committed: false,
      force: false,
      shards: [],
      overrides: { maxDeletes: 100, maxChanges: 100, allowEmpty: true },
      expectPlan: null,
      savedPlan: null,
      initStore: true,
      leaseWaitMs: LEASE_MS * 4,
      detailedExitcode: false,
      command: 'things',
    },
  )
}

function targetOf(room: Room, process: SimulatedProcess, { definition }: Integration): OpenTarget {
  return {
    declared: {
      declaration: {
        integration: definition.name,
        version: definition.version,
        entry: null,
        builtin: false,
        inputs: ['data/*.json'],
        env: [],
        secrets: [],
        external: false,
        deletePolicy: definition.deletePolicy,
        sharded: definition.shards !== undefined,
        destination: definition.destination !== undefined,
        limits: {},
        config: {},
        params: {},
      },
      manifest: { kind: 'known', digest: digestOf('things'), files: {}, packages: {}, probed: {}, installed: {} },
    },
    limits: {},
    store: room.storeOf(process),
    secrets: createEnvBackend({}),
    storeIsFreshInCi: false,
    notes: [],
    load: () => Promise.resolve({ definition, params: {} }),
    configAt: () => Promise.resolve(undefined),
    manifestAt: () => Promise.reject(new Error('there is no base')),
  }
}
