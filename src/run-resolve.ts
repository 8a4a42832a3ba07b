// What a person says of a change whose outcome nobody saw. In: the change, and whether it has happened. Out: the ledger as it must be then, and a record
// of who said so. Nothing outside is read or changed.
import type { RunRecord } from './event.js'
import { giveBack, takeDestination, type OwnedDependencies } from './run-owned.js'
import { trace } from './run-trace.js'
import { readLedger, writeLedger, type LedgerObject } from './store/ledger.js'
import type { UnknownChange } from './store/unknown-changes.js'

/** Takes the destination, as an apply does: what the dead run left is settled first, and nobody plans meanwhile. */
export async function resolveChange(
  deps: OwnedDependencies,
  { run: { target, destination }, outcome }: UnknownChange,
  as: 'done' | 'absent',
): Promise<RunRecord> {
  if (destination === null) throw new Error('Internal error: an apply without a destination')
  const run = deps.newId()
  const shard = outcome.shard ?? ''
  const shards = [shard]
  const lease = await takeDestination(deps, { run, targets: [target], destination, shards })
  try {
    const ledger = await readLedger(deps.store, destination)
    const before = ledger.find(({ value }) => value.target === target && value.shard === shard)
    if (before !== undefined) {
      const objects = objectsAfter(before.value.objects, outcome, as)
      await lease.check()
      await writeLedger(deps.store, destination, { ...before.value, objects, fence: lease.token(shard) }, before)
    }
    const said = as === 'done' ? 'has happened' : 'has not happened'
    return await trace({
      deps,
      run,
      target,
      destination,
      shards,
      instead: { kind: 'resolve', keys: [outcome.key], as },
      explanation: `\`trueup doubts resolve\`: ${outcome.action} ${outcome.key} ${said}; nothing outside was changed.`,
    })
  } finally {
    await giveBack(deps, lease)
  }
}

function objectsAfter(
  objects: Readonly<Record<string, LedgerObject>>,
  { key, action }: UnknownChange['outcome'],
  as: 'done' | 'absent',
): Readonly<Record<string, LedgerObject>> {
  const { [key]: object, ...rest } = objects
  if (object === undefined) return objects
  const { state, digest, run, also = [] } = object
  if (as === 'done') return action === 'delete' ? rest : { ...objects, [key]: { state: 'owned', digest, run } }
  if (state !== 'intended') return objects
  // What earlier changes may have made of it is another question.
  const [earlier, ...others] = also
  if (earlier === undefined) return rest
  const claims = others.length === 0 ? {} : { also: others }
  return { ...objects, [key]: { state, digest: earlier, run, ...claims } }
}
