// What a person did by hand to what the store keeps comes in; its record, written, goes out. Nothing outside is read or changed.
import type { RunActor, RunInstead, RunRecord } from './event.js'
import type { ObjectStore } from './store/object-store.js'
import { createRecordStore } from './store/records.js'
import type { Clock } from './util/clock.js'

export interface Trace {
  readonly run: string
  readonly target: string
  readonly destination: string
  readonly deps: { readonly store: ObjectStore; readonly clock: Clock; readonly by: RunActor }
  readonly shards: readonly string[]
  readonly instead: RunInstead
  /** What was done, in one sentence. @defaultValue that of `trueup owned` */
  readonly explanation?: string
}

/** Leaves a record of what was done by hand. */
export async function trace(step: Trace): Promise<RunRecord> {
  const { deps, run, target, destination, shards, instead } = step
  const records = createRecordStore(deps.store)
  let last: RunRecord | undefined
  for await (const record of records.list(target)) {
    last = record
    break
  }
  const record: RunRecord = {
    run: {
      id: run,
      target,
      integration: last?.run.integration ?? target,
      version: last?.run.version ?? '',
      mode: 'apply',
      destination,
      shards: shards.filter((key) => key !== ''),
      startedAt: deps.clock.now(),
      durationMs: 0,
      by: deps.by,
    },
    state: 'finished',
    decision: {
      action: 'run',
      reason: 'forced',
      base: null,
      head: 'worktree',
      headCommit: null,
      dirty: false,
      digest: null,
      explanation:
        step.explanation ?? `\`trueup owned ${instead.kind}\` changed the ledger; nothing outside was changed.`,
      components: {},
    },
    plan: null,
    limits: [],
    outcomes: [],
    log: { records: [], dropped: 0, replayedFrom: null },
    error: null,
    exitCode: 0,
    instead,
    ...(last?.configured === undefined ? {} : { configured: last.configured }),
  }
  await records.write(record, { durable: true })
  return record
}
