// A process that applies, or that only takes and gives back leases, on a directory store or one of a URL. Arguments: one JSON text (see LeaseJob); prints one
// line for each thing it did, written before anything else is done. Bundled by the tests that run it.
import {
  appendFileSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
  writeSync,
} from 'node:fs'
import { hostname } from 'node:os'
import { join } from 'node:path'
import { isDead, thisProcess } from '../../src/cli/process-context.js'
import { createMemoryRepository } from '../../src/desired/memory-repository.js'
import { groupBy } from '../../src/desired/shards.js'
import { defineIntegration } from '../../src/integration.js'
import { diff } from '../../src/reconcile/diff.js'
import { listing } from '../../src/reconcile/listing.js'
import { installDryRunGuard } from '../../src/reconcile/dry-run-guard.js'
import { unlimitedProviders } from '../../src/reconcile/providers.js'
import { runOnce } from '../../src/run.js'
import type { OpenTarget } from '../../src/run-types.js'
import { createRedactor } from '../../src/report/redact.js'
import { createEnvBackend } from '../../src/secrets/env-backend.js'
import { openDirectoryStore } from '../../src/store/directory-store.js'
import { takeLease } from '../../src/store/leases.js'
import { openStore } from '../../src/store/open-store.js'
import type { ObjectStore } from '../../src/store/object-store.js'
import { createBudget } from '../../src/util/budget.js'
import { systemClock, type Clock } from '../../src/util/clock.js'
import { digestOf } from '../../src/util/digest.js'
import { newUlid } from '../../src/util/ulid.js'

export type LeaseJob = {
  /** Of a directory store; or the URL of a store on S3. */
  readonly directory: string
  /** A dead process of this host counts as one of elsewhere: its lease has to expire. */
  readonly sparesTheDead?: boolean
  readonly leaseMs: number
  readonly waitMs: number
  /** Added to the clock of this process alone. */
  readonly offsetMs?: number
} & (
  | {
      /** Brings `count` files in the folder `world` to `value`, each taking `stepMs`; prints `start` and `end` of each, then the record. */
      readonly kind: 'apply'
      readonly world: string
      readonly count: number
      readonly value: string
      readonly stepMs: number
      readonly concurrency: number
      readonly sharded: boolean
      /**
       * Stops itself (SIGSTOP) in the middle of that many's effect, the first being 1, and prints `freezes` before. From outside a signal may
       * also land between the last look at the lease and the line that tells of the start, which no tool can close.
       */
      readonly freezesIn?: number
    }
  /** Takes what `wants` says, one after the other, and notes in `log` when it entered and left. */
  | {
      readonly kind: 'contend'
      readonly log: string
      readonly wants: readonly { readonly keys: string | null; readonly shards: readonly string[] }[]
    }
)

const say = (line: string): void => {
  writeSync(1, `${line}\n`)
}

async function main(job: LeaseJob): Promise<void> {
  const { offsetMs = 0 } = job
  const clock: Clock = { ...systemClock, now: () => systemClock.now() + offsetMs }
  const store = job.directory.startsWith('s3:')
    ? await openStore(job.directory, { baseDirectory: '/', clock })
    : await openDirectoryStore(job.directory, { clock })
  if (job.kind === 'apply') await apply(store, clock, job)
  else await contend(store, clock, job)
  await store.close()
}

async function contend(store: ObjectStore, clock: Clock, job: LeaseJob & { readonly kind: 'contend' }): Promise<void> {
  const { log, wants, leaseMs, waitMs } = job
  for (const { keys, shards } of wants) {
    const run = newUlid(clock.now())
    const lease = await takeLease({
      store,
      clock,
      destination: 'place',
      shards,
      keys,
      holder: { run, target: 'contender', host: hostname(), url: null, actor: null, ...thisProcess() },
      isDead,
      leaseMs,
      waitMs,
      atLeast: () => 0,
      stop: new AbortController().signal,
      onWait: () => undefined,
    })
    const tokens = shards.map((shard) => lease.token(shard))
    const note = (what: string): void => {
      appendFileSync(log, `${JSON.stringify({ what, run, keys, shards, tokens })}\n`)
    }
    note('enter')
    await systemClock.sleep(2)
    await lease.verify()
    note('leave')
    await lease.release()
    say('had it')
  }
}

async function apply(store: ObjectStore, clock: Clock, job: LeaseJob & { readonly kind: 'apply' }): Promise<void> {
  const { world, count, value, stepMs } = job
  mkdirSync(world, { recursive: true })
  let effects = 0
  const act = async (name: string, signal: AbortSignal, text: string | undefined): Promise<void> => {
    say(`start ${name}`)
    await systemClock.sleep(stepMs, signal)
    effects += 1
    if (effects === job.freezesIn) {
      say('freezes')
      process.kill(process.pid, 'SIGSTOP')
    }
    if (text === undefined) rmSync(join(world, name))
    else {
      // Whole or not at all: a kill between opening and writing would leave an object that is nobody's, and blocks rightly.
      const part = join(world, '..', `${String(process.pid)}-${name}`)
      writeFileSync(part, text)
      renameSync(part, join(world, name))
    }
    say(`end ${name}`)
  }
  const { definition } = defineIntegration({
    name: 'files',
    version: '1',
    deletePolicy: 'owned',
    ...(job.sharded
      ? {
          shards: (desired: readonly { name: string; value: string }[]) =>
            groupBy(desired, ({ name }) => name.slice(-1)),
        }
      : {}),
    desiredState: () =>
      Promise.resolve(Array.from({ length: count }, (_, at) => ({ name: `f${String(at).padStart(3, '0')}`, value }))),
    async run(ctx, desired) {
      const names = readdirSync(world).filter((name) => ctx.shard === '' || name.endsWith(ctx.shard))
      const current = await listing.fromPages(() =>
        Promise.resolve({ items: names.map((name) => ({ name, value: readFileSync(join(world, name), 'utf8') })) }),
      )
      return ctx.plan(diff({ desired, current, key: ({ name }) => name }), {
        create: ({ after, signal }) => act(after.name, signal, after.value),
        update: ({ after, signal }) => act(after.name, signal, after.value),
        delete: ({ before, signal }) => act(before.name, signal, undefined),
      })
    },
  })
  const open: OpenTarget = {
    declared: {
      declaration: {
        integration: 'files',
        version: '1',
        entry: null,
        builtin: false,
        inputs: [],
        env: [],
        secrets: [],
        external: false,
        deletePolicy: 'owned',
        sharded: job.sharded,
        destination: definition.destination !== undefined,
        limits: {},
        config: {},
        params: {},
      },
      manifest: { kind: 'known', digest: digestOf('files 1'), files: {}, packages: {}, probed: {}, installed: {} },
    },
    limits: { maxDeletes: '100%' },
    secrets: createEnvBackend({}),
    store,
    storeIsFreshInCi: false,
    notes: [],
    load: () => Promise.resolve({ definition, params: {} }),
    configAt: () => Promise.resolve(undefined),
    manifestAt: () => Promise.resolve({ kind: 'unknown', reason: 'no base', files: {} }),
  }
  const guard = installDryRunGuard()
  const never = new AbortController().signal
  const record = await runOnce(
    {
      clock,
      newId: () => newUlid(clock.now()),
      reporter: {
        report: (event) => {
          if (event.kind === 'recovered') say(`recovered ${String(event.unknown.length)}`)
          if (event.kind === 'logged') say(event.record.message)
        },
      },
      repository: createMemoryRepository({}),
      by: { actor: null, url: 'https://ci.example.com/jobs/81', host: hostname(), tool: 'test' },
      process: thisProcess(),
      isDead: job.sparesTheDead === true ? () => false : isDead,
      leaseMs: job.leaseMs,
      environment: {},
      ci: false,
      stop: never,
      giveUp: never,
      budget: createBudget(job.concurrency),
      guard,
      redactor: createRedactor(),
      providers: unlimitedProviders(),
      fetch: globalThis.fetch,
      openTarget: () => Promise.resolve(open),
      confirm: () => Promise.resolve(true),
    },
    {
      target: 'files',
      mode: 'apply',
      base: null,
      requireCompare: false,
      committed: false,
      force: false,
      shards: [],
      overrides: {},
      expectPlan: null,
      savedPlan: null,
      initStore: true,
      leaseWaitMs: job.waitMs,
      detailedExitcode: false,
      command: 'files',
    },
  )
  guard.uninstall()
  say(`record ${JSON.stringify(record)}`)
}

await main(JSON.parse(process.argv[2] ?? '') as LeaseJob)
