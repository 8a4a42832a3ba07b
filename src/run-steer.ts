// Which shards a run is about that brings something else about than the desired state of its head. Reads ledger and marks; writes nothing.
import type { DesiredState } from './desired/evaluate.js'
import { emptyLike, UNSHARDED } from './desired/shards.js'
import { TrueupError } from './errors.js'
import type { SelectedShard } from './run-plan.js'
import type { RunSession } from './run-session.js'
import { digestOf } from './util/digest.js'

/** The shards to run, each with what is desired in it (nothing, where it is gone); undefined for an ordinary run and for all shards. */
export async function steeredShards(
  session: RunSession,
  desired: DesiredState,
): Promise<readonly SelectedShard[] | undefined> {
  const { request, target } = session
  const { instead } = request
  if (instead === undefined || instead.kind === 'adopt') return undefined
  const kept = await session.kept()
  const ledger = kept.ledger.filter(({ value }) => value.target === request.target)
  const empty = (key: string): SelectedShard => {
    const shape = ledger.find(({ value }) => value.shard === key)?.value.shape
    const value = shape === undefined ? emptyLike(desired.value) : emptyLike(shape === 'list' ? [] : {})
    return { key, value, digest: digestOf(value), removed: true }
  }
  if (instead.kind === 'destroy') {
    const keys = new Set([...ledger.map(({ value }) => value.shard), ...kept.marks.keys()])
    if (target.declared.declaration.sharded) keys.delete(UNSHARDED)
    else keys.add(UNSHARDED)
    return [...keys].sort().map(empty)
  }
  const destination = (await session.destination()) ?? null
  if (destination !== instead.destination) {
    throw new TrueupError(
      'usage',
      `run ${instead.run} acted on ${instead.destination ?? 'a place without identity'}, but ${request.target} acts on ${destination ?? 'none'} now: there is no way back from here. Give the parameters it had then (--param).`,
      { details: { then: instead.destination, now: destination } },
    )
  }
  const wanted = new Set(instead.wanted.map(({ key }) => key))
  const keys = new Set(instead.wanted.map(({ shard }) => shard))
  // An object that moved to another shard since is looked for there too.
  for (const { value } of ledger) if (Object.keys(value.objects).some((key) => wanted.has(key))) keys.add(value.shard)
  return [...keys].sort().map((key) => {
    const now = desired.shards.get(key)
    return now === undefined ? empty(key) : { ...now, removed: false }
  })
}
