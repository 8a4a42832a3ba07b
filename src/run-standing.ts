// What applies have left behind at the destination: marks, and what the target owns. In: a session. Out: read once, at one point of a run.
import type { Basis } from './early-exit/run-cache-entry.js'
import { owningOf, shapesIn, type KeptState } from './run-kept.js'
import type { RunSession } from './run-session.js'
import { ledgerStampOf } from './store/ledger.js'
import type { EvaluatedShards, StoredMark } from './store/marks.js'
import { digestBytes } from './util/digest.js'

export interface Standing {
  /** By shard. */
  readonly marks: ReadonlyMap<string, StoredMark>
  /** Shards of this target that own something, with the digest of "nothing desired" for each. */
  readonly owning: ReadonlyMap<string, string>
  /** Of an apply alone. */
  readonly evaluated: EvaluatedShards | undefined
  readonly basis: Basis
}

/** Reads the store, whatever was read of it before: a run is told by what is there now, and what follows builds on the same. */
export async function readStanding(session: RunSession): Promise<Standing> {
  session.readAgain()
  const [own, shards] = await Promise.all([session.own(), readEvaluated(session)])
  return standingOf(session, own, shards)
}

/**
 * As {@link readStanding}, without reading what is owned: gives what tells how things stand where they stand as a basis says, and undefined
 * where only reading tells. Asks the store once.
 */
export async function glanceAtStanding(session: RunSession): Promise<(basis: Basis) => Standing | undefined> {
  const [{ marks, ledger }, evaluated] = await Promise.all([session.glance(), readEvaluated(session)])
  return ({ owned, ledger: known }) =>
    known?.stamp === ledger
      ? {
          marks,
          owning: owningOf(new Map(Object.entries(known.shapes))),
          evaluated,
          basis: { counters: countersOf(marks), owned, ledger: known },
        }
      : undefined
}

async function readEvaluated(session: RunSession): Promise<EvaluatedShards | undefined> {
  return session.request.mode === 'apply' ? (await session.marks())?.readEvaluated() : undefined
}

/** As {@link readStanding}, by a listing of all there is: an entry is stored only if that finds the same. */
export async function listStanding(session: RunSession): Promise<Standing> {
  session.readAgain()
  return standingOf(session, await session.kept(), undefined)
}

async function standingOf(
  session: RunSession,
  { marks, ledger: all }: KeptState,
  evaluated: EvaluatedShards | undefined,
): Promise<Standing> {
  const { target } = session.request
  const ledger = all.filter(({ value }) => value.target === target)
  const objects = ledger
    // The run that last touched an object is no fact about it.
    .flatMap(({ value }) =>
      Object.entries(value.objects).map(([key, { state, digest, also = [] }]) =>
        JSON.stringify([value.shard, key, state, digest, ...also]),
      ),
    )
  const shapes = shapesIn(ledger, target)
  return {
    marks,
    owning: owningOf(shapes),
    evaluated,
    basis: {
      counters: countersOf(marks),
      owned: digestBytes(objects.sort().join('\n')),
      ledger: {
        stamp: ledgerStampOf((await session.destination()) ?? '', ledger),
        shapes: Object.fromEntries(shapes),
      },
    },
  }
}

function countersOf(marks: KeptState['marks']): Basis['counters'] {
  // A first apply that changes nothing leaves a mark with the counter 0, which is none.
  const counters = [...marks.values()].flatMap(({ mark }) =>
    mark.counter === 0 ? [] : [[mark.shard, mark.counter] as const],
  )
  return Object.fromEntries(counters.sort(([a], [b]) => (a < b ? -1 : 1)))
}

/** A mark that is not completed, in words; undefined where all are. */
export function openMark({ marks }: Standing, target: string): string | undefined {
  const open = [...marks.values()].find(({ mark }) => mark.status !== 'completed')
  if (open === undefined) return undefined
  const { shard, status, run, reason } = open.mark
  const how = status === 'started' ? 'was interrupted' : (reason ?? 'did not succeed')
  return `the last apply of ${shard === '' ? target : `shard ${shard}`} (run ${run}) ${how}`
}

/** How two standings differ, in words; undefined where they do not. */
export function changedBasis(before: Basis, now: Basis): string | undefined {
  const shards = [...new Set([...Object.keys(before.counters), ...Object.keys(now.counters)])]
    .filter((shard) => (before.counters[shard] ?? 0) !== (now.counters[shard] ?? 0))
    .sort()
  if (shards.length > 0) {
    const named = shards.filter((shard) => shard !== '').slice(0, 3)
    const more = shards.length > 3 ? ' …' : ''
    return `an apply has changed something since${named.length === 0 ? '' : ` (shard ${named.join(', ')}${more})`}`
  }
  return before.owned === now.owned ? undefined : 'what the target owns has changed since'
}
