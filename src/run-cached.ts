// Stage between decision and plan: has the same run converged a while ago? In: session, desired state, the decision so far. Out: the decision
// with what the run cache said, a hit to be replayed, and the way to store this run if it converges. A store that fails costs a warning.
import type { DesiredState } from './desired/evaluate.js'
import { askMarks } from './early-exit/applied.js'
import type { CacheLookup } from './early-exit/run-cache.js'
import type { CacheEntry } from './early-exit/run-cache-entry.js'
import { cacheKey, type CacheKey } from './early-exit/run-cache-key.js'
import { zonesOf } from './early-exit/trust-zones.js'
import type { CacheStatus, Decision, DecisionReason, RunRecord } from './event.js'
import { formatAge } from './report/format.js'
import { evaluatedOf, evaluationOf, keepRun } from './run-cache-keep.js'
import type { Place } from './run-cache-open.js'
import { selectShards, type PlannedRun } from './run-plan.js'
import type { RunSession } from './run-session.js'
import { changedBasis, glanceAtStanding, openMark, readStanding, type Standing } from './run-standing.js'

export interface AskedCache {
  readonly decision: Decision
  readonly hit: CacheHit | undefined
  /** Stores this run, if it converged. Never throws. */
  keep(planned: PlannedRun, recorded: () => RunRecord): Promise<void>
}

export interface CacheHit {
  readonly destination: string
  readonly shards: readonly string[]
  readonly id: string
  readonly zone: string
  readonly ageMs: number
  readonly expiresAt: number
  readonly entry: CacheEntry
}

export async function askCache(session: RunSession, desired: DesiredState, decision: Decision): Promise<AskedCache> {
  const { request } = session
  const left: AskedCache = { decision, hit: undefined, keep: () => Promise.resolve() }
  if (request.cache === undefined || request.instead !== undefined) return left
  const standing = await readStanding(session)
  const place = await placeOf(session, desired)
  if (place.kind === 'none') {
    // Of unknown code the run has told already.
    if (decision.reason !== 'code-unknown') warn(session, `not cached: ${place.why}`)
    return left
  }
  if (session.target.storeIsFreshInCi)
    warn(
      session,
      `the store ${session.target.store.description} is empty and this is CI: the run cache can only answer from a store that outlives the job`,
    )
  const cache = session.runCache()
  const kept = { session, cache, place, standing, evaluated: evaluatedOf(session, desired, place) }
  const keep: AskedCache['keep'] = (planned, recorded) => keepRun(kept, planned, recorded())
  // A plan that is expected can only be judged by making it.
  if (request.force || request.expectPlan !== null || request.cache.access === 'w')
    return { decision, hit: undefined, keep }
  const known = (): Promise<DesiredState> => Promise.resolve(desired)
  const found = await cache.look(place.address, (entry) => staleness(session, known, { entry, place, standing }))
  return { decision: answered(decision, place.key, found), hit: hitOf(found, place), keep }
}

/**
 * As {@link askCache}, before desired state is evaluated: an earlier run remembers what these inputs come to. Undefined where only
 * evaluating can tell, and wherever there is no hit: then everything is asked once more, the usual way.
 */
export async function askCacheFirst(
  session: RunSession,
  decision: Decision,
): Promise<{ readonly decision: Decision; readonly hit: CacheHit } | undefined> {
  const { request, facts } = session
  const { cache: wanted } = request
  // With a base the comparison is the reason of the run, and needs what is desired.
  if (wanted === undefined || request.base !== null || request.instead !== undefined) return undefined
  if (request.force || request.expectPlan !== null || wanted.access === 'w') return undefined
  const inputs = evaluationOf(session)
  if (inputs === undefined) return undefined
  const cache = session.runCache()
  // Beside evaluation and entry. Which is read first does not matter, as long as all of it is read in this run.
  const standingLike = glanceAtStanding(session)
  standingLike.catch(() => undefined)
  const evaluation = await cache.evaluated({ target: request.target, key: inputs })
  const digests = new Map(evaluation?.shards)
  if (evaluation === undefined) return undefined
  const asked = request.shards.length > 0 ? [...new Set(request.shards)].sort() : [...digests.keys()].sort()
  const shards = asked.flatMap((key) => {
    const digest = digests.get(key)
    return digest === undefined ? [] : [{ key, digest }]
  })
  if (shards.length < asked.length) return undefined
  const place = await placeAt(session, shards, facts.noSecrets)
  if (place.kind === 'none') return undefined
  const known = (): Promise<DesiredState> => session.desired()
  const stale = async (entry: CacheEntry): Promise<string | undefined> => {
    const standing = (await standingLike)(entry.basis)
    return standing === undefined
      ? 'what the target owns is to be read'
      : staleness(session, known, { entry, place, standing })
  }
  const found = await cache.look(place.address, stale)
  const hit = hitOf(found, place)
  if (hit === undefined) return undefined
  return { decision: answered({ ...decision, digest: evaluation.desired }, place.key, found), hit }
}

type Placed = Place | { readonly kind: 'none'; readonly why: string }

async function placeOf(session: RunSession, desired: DesiredState): Promise<Placed> {
  const { facts, request } = session
  const { selected } = await selectShards(session, desired)
  const { trusted } = zonesOf(request.cache?.zone ?? '')
  // The key by which values are told apart lies outside of every zone: only a trusted run may put it there.
  const secrets = await facts.secrets(desired, { create: trusted && request.cache?.access !== 'r' })
  return placeAt(session, selected, secrets)
}

async function placeAt(
  session: RunSession,
  shards: readonly { readonly key: string; readonly digest: string }[],
  secrets: string | null,
): Promise<Placed> {
  const { request, facts, target } = session
  const { cache } = request
  if (cache === undefined) throw new Error('Internal error: there is no cache to be asked')
  const { zone, nodeMajor } = cache
  const { trusted } = zonesOf(zone)
  if (!trusted && request.mode === 'apply')
    return { kind: 'none', why: `an apply is never skipped by the cache of a zone that is not trusted (${zone})` }
  const destination = await session.destination()
  if (destination === undefined) return { kind: 'none', why: 'the place it acts on has no identity yet' }
  const key = cacheKey({
    declaration: target.declared.declaration,
    facts,
    mode: request.mode,
    shards,
    nodeMajor,
    secrets,
  })
  if (key.kind === 'none') return key
  return {
    kind: 'place',
    key,
    secrets,
    shards: shards.map((shard) => shard.key),
    address: { target: request.target, destination, mode: request.mode, key: key.digest },
  }
}

interface Remembered {
  readonly entry: CacheEntry
  readonly place: Place
  readonly standing: Standing
}

/** Whether anything that an entry remembers holds no longer. */
async function staleness(
  session: RunSession,
  desired: () => Promise<DesiredState>,
  { entry, place, standing }: Remembered,
): Promise<string | undefined> {
  const { request, facts } = session
  const why = openMark(standing, request.target) ?? changedBasis(entry.basis, standing.basis)
  if (why !== undefined || request.mode === 'dry-run') return why
  // As any skip of an apply: the marks must say that exactly this was brought about, in each shard that would run.
  const shards = new Set(place.shards)
  const applied = await askMarks({
    target: request.target,
    marks: {
      all: () => Promise.resolve(standing.marks),
      readEvaluated: () => Promise.resolve(standing.evaluated),
    },
    facts,
    desired: async () => {
      const whole = await desired()
      return { ...whole, shards: new Map([...whole.shards].filter(([key]) => shards.has(key))) }
    },
    removed: () => Promise.resolve(new Map([...standing.owning].filter(([key]) => shards.has(key)))),
  })
  return applied.kind === 'applied' ? undefined : applied.explanation
}

const REASONS: Readonly<Record<CacheStatus, DecisionReason>> = {
  HIT: 'cache-hit',
  MISS: 'cache-miss',
  EXPIRED: 'cache-expired',
  STALE: 'cache-stale',
  UNTRUSTED: 'cache-untrusted',
  ERROR: 'cache-error',
}

/** A hit skips, whatever was compared. Otherwise a comparison that was asked for stays the reason. */
function answered(decision: Decision, key: CacheKey, found: CacheLookup): Decision {
  const { status, id, zone, ageMs, expiresAt, expiresInMs } = found
  const why = found.status === 'HIT' ? null : found.why
  const alone = decision.reason === 'no-comparison-asked'
  const known = Object.entries(key.components).filter(([name]) => decision.components[name] === undefined)
  const common = {
    ...decision,
    components: {
      ...decision.components,
      ...Object.fromEntries(known.map(([name, head]) => [name, { head, base: null, same: null }])),
    },
    cache: { status, id, zone, ageMs, expiresAt, expiresInMs, why, parts: key.parts },
  }
  if (found.status === 'HIT') {
    const explanation = `the same desired state converged ${formatAge(found.ageMs ?? 0)}.`
    return { ...common, action: 'skip', reason: 'cache-hit', explanation }
  }
  return {
    ...common,
    reason: alone ? REASONS[status] : decision.reason,
    explanation: alone
      ? `the run cache had no answer: ${found.why}.`
      : `${decision.explanation} The run cache had no answer: ${found.why}.`,
  }
}

function hitOf(found: CacheLookup, { address, shards }: Place): CacheHit | undefined {
  if (found.status !== 'HIT') return undefined
  const { id, zone, entry } = found
  return {
    destination: address.destination,
    shards,
    id,
    zone,
    ageMs: found.ageMs ?? 0,
    expiresAt: found.expiresAt ?? entry.expiresAt,
    entry,
  }
}

function warn({ deps, request }: RunSession, message: string): void {
  deps.reporter.report({ kind: 'warned', target: request.target, message })
}
