// The end of a run that the cache was asked for: it is stored, if it converged. In: the run, and what was known when it began to read. Out: an entry
// in the store, and beside it what its inputs came to.
import type { DesiredState } from './desired/evaluate.js'
import { evaluationKey } from './early-exit/evaluations.js'
import type { EntryContent, Evaluated, RunCache } from './early-exit/run-cache.js'
import { zonesOf } from './early-exit/trust-zones.js'
import type { RunRecord } from './event.js'
import type { Place } from './run-cache-open.js'
import type { PlannedRun } from './run-plan.js'
import { headSide, type RunSession } from './run-session.js'
import { changedBasis, listStanding, openMark, type Standing } from './run-standing.js'

/** Under what the evaluation of these inputs is remembered; undefined where only evaluating can tell. */
export function evaluationOf({ target, facts, request }: RunSession): string | undefined {
  const { cache } = request
  if (cache === undefined) return undefined
  return evaluationKey({ declaration: target.declared.declaration, facts, nodeMajor: cache.nodeMajor })
}

export interface Kept {
  readonly session: RunSession
  readonly cache: RunCache
  readonly place: Place
  readonly standing: Standing
  readonly evaluated: Evaluated | undefined
}

/** What the inputs came to, where they alone decide it. Secrets that desired state refers to are found by evaluating. */
export function evaluatedOf(session: RunSession, desired: DesiredState, { secrets }: Place): Evaluated | undefined {
  const key = evaluationOf(session)
  if (key === undefined || secrets !== session.facts.noSecrets) return undefined
  const shards = [...desired.shards.values()].map((shard) => [shard.key, shard.digest] as const)
  return { key, evaluation: { desired: desired.digest, shards } }
}

/** Stores a run that converged; what prevents it is told, never thrown. */
export async function keepRun(
  { session, cache, place, standing, evaluated }: Kept,
  planned: PlannedRun,
  record: RunRecord,
): Promise<void> {
  const { request, target, head, runId } = session
  const isOpen = openMark(standing, request.target) !== undefined
  if (request.cache?.access === 'r' || isOpen || !hasConverged(planned, record)) return
  if (headSide(head).dirty && target.store.shared) {
    const message = `not cached: the working tree is not as committed, and others read ${target.store.description}`
    session.deps.reporter.report({ kind: 'warned', target: request.target, message })
    return
  }
  const make = async (): Promise<EntryContent | undefined> => {
    const now = await listStanding(session)
    // Whatever was applied meanwhile, this run may have seen it or not.
    if (openMark(now, request.target) !== undefined || changedBasis(standing.basis, now.basis) !== undefined)
      return undefined
    await makeIndex(session)
    const { records, dropped } = record.log
    return {
      run: runId,
      // Told from the documents as they are now: that is what a later run finds.
      basis: now.basis,
      components: place.key.components,
      parts: place.key.parts,
      log: { records, dropped },
    }
  }
  await cache.keep(place.address, make, evaluated)
}

/** Of a target that was never applied, or not since there is an index: without one, each hit would list. */
async function makeIndex(session: RunSession): Promise<void> {
  const { request, target } = session
  // It lies outside of every zone. A folder is listed for nothing, and is to look as fresh as before where only dry runs have used it.
  if (!target.store.shared || !zonesOf(request.cache?.zone ?? '').trusted) return
  const marks = await session.marks()
  // Whoever may write to the cache alone lists on.
  await marks?.index.make().catch(() => undefined)
}

/** Nothing failed, blocked, unknown, applied or planned, and nothing overlooked. */
function hasConverged({ built, blocked, shards, allShards }: PlannedRun, record: RunRecord): boolean {
  return (
    record.error === null &&
    record.exitCode === 0 &&
    !blocked &&
    built.data.changes.length === 0 &&
    record.outcomes.length === 0 &&
    // What planning wants to be remembered is kept by a run alone.
    built.data.remember === undefined &&
    built.facts.shards.every(({ incomplete }) => incomplete === null) &&
    // What the shards outside of this run desire is not in its key.
    (shards.length === allShards.length || !built.leansOnOthers)
  )
}
