// Stage 3 of a run, in apply mode only: where it acts, on which shards, and the lease of them. In: session and desired state. Out: the ground
// an apply stands on. From here on the loss of the lease stops the run as a signal would, and gives up what is under way.
import { setMaxListeners } from 'node:events'
import type { DesiredState } from './desired/evaluate.js'
import { toError } from './errors.js'
import type { RunDraft } from './run-record.js'
import { selectShards, type ShardSelection } from './run-plan.js'
import { freshStore, type RunSession } from './run-session.js'
import { LEASE_MS, takeLease, type Lease } from './store/leases.js'
import { digestOf } from './util/digest.js'
import { unlessAborted } from './util/unless-aborted.js'

export interface Ground {
  /** The session, stopped also by the loss of the lease. */
  readonly session: RunSession
  readonly destination: string
  readonly selection: ShardSelection
  readonly lease: Lease
}

/** @throws lease-held when another run has what this one needs */
export async function takeGround(session: RunSession, desired: DesiredState, draft: RunDraft): Promise<Ground> {
  const { deps, request, target } = session
  const { definition } = await session.loaded()
  if (target.storeIsFreshInCi && definition.deletePolicy !== 'never' && !request.initStore)
    throw freshStore(session, 'what this target owns')
  // A place that is given an identity is changed.
  if (deps.sharedAnswers !== undefined && (await session.destination()) === undefined)
    await deps.sharedAnswers.changing()
  const destination = await unlessAborted(session.createDestination(), deps.stop)
  draft.at(destination)
  const selection = await selectShards(session, desired)
  const { marks, ledger } = await session.kept()
  const fences = new Map([...marks].map(([shard, { mark }]) => [shard, mark.fence ?? 0]))
  for (const { value } of ledger) {
    if (value.target === request.target)
      fences.set(value.shard, Math.max(value.fence ?? 0, fences.get(value.shard) ?? 0))
  }
  const { host, url, actor } = deps.by
  const lease = await takeLease({
    store: target.store,
    clock: deps.clock,
    destination,
    shards: selection.selected.map(({ key }) => key),
    // Removed shards are not in it: they come and go with what the runs beside this one do.
    keys: target.declared.declaration.sharded ? digestOf([...desired.shards.keys()].sort()) : null,
    holder: { run: session.runId, target: request.target, host, url, actor, ...deps.process },
    isDead: deps.isDead,
    leaseMs: deps.leaseMs ?? LEASE_MS,
    waitMs: request.leaseWaitMs ?? 0,
    ...(deps.sideBySide === true ? { waitForOwn: true } : {}),
    atLeast: (shard) => fences.get(shard) ?? 0,
    stop: deps.stop,
    onWait: (message) => {
      // Whoever has it may change what the others have read.
      session.relations.alone()
      deps.reporter.report({
        kind: 'logged',
        target: request.target,
        record: { level: 'info', time: deps.clock.now(), message },
      })
    },
  })
  session.readAgain()
  const stop = AbortSignal.any([deps.stop, lease.signal])
  const giveUp = AbortSignal.any([deps.giveUp, lease.signal])
  // As many listen as changes are under way, and that is no leak.
  setMaxListeners(0, stop, giveUp)
  return { session: { ...session, lease, deps: { ...deps, stop, giveUp } }, destination, selection, lease }
}

/** That a lease could not be given back changes nothing of what the run did: it expires. */
export async function releaseGround({ session, lease }: Ground): Promise<void> {
  try {
    await lease.release()
  } catch (thrown) {
    const { deps, request } = session
    const message = `the lease could not be given back, and holds until it expires: ${toError(thrown).message}`
    deps.reporter.report({ kind: 'warned', target: request.target, message })
  }
}
