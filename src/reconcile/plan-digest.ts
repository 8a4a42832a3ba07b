// The changes of a plan come in, the digest that people approve goes out.
// Must not: depend on time, host, run or the order in which shards were planned.
import type { Digest, PlannedChange } from '../event.js'
import { digestOf } from '../util/digest.js'

export interface PlanDigestInput {
  readonly target: string
  readonly destination: string | null
  /** In the order of the plan. */
  readonly changes: readonly PlannedChange[]
}

/** SHA-256 over canonical JSON: equal exactly when the same things would be done to the same objects in the same place. */
export function planDigest(input: PlanDigestInput): Digest {
  return digestOf({
    // Two versions that mean different things by one plan must not share a digest.
    schema: 'trueup/plan/1',
    // The same changes made by another target, or elsewhere, are another plan.
    target: input.target,
    destination: input.destination,
    actions: input.changes.map((change) => ({
      action: change.action,
      key: change.key,
      shard: change.shard,
      // What is done: with its values, since these are what was reviewed.
      fields: change.fields.map(({ path, before, after }) => ({
        path,
        ...(before === undefined ? {} : { before }),
        ...(after === undefined ? {} : { after }),
      })),
      // What it is done to: fields that do not change are part of that.
      live: change.live,
      dependsOn: change.dependsOn,
      destructive: change.destructive,
    })),
  })
}
