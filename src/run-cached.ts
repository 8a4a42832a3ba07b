// Stage between decision and plan: has the same run converged a while ago? In: session, desired state, the decision so far. Out: the decision
// with what the run cache said, a hit to be replayed, and the way to store this run if it converges. A store that fails costs a warning.
import type { DesiredState } from './desired/evaluate.js'
import { askMarks } from './early-exit/applied.js'
import { createCacheHealth } from './early-exit/cache-health.js'
import { createRunCache, type Address, type CacheLookup, type RunCache } from './early-exit/run-cache.js'
import type { CacheEntry, CacheKeys } from './early-exit/run-cache-entry.js'
import { cacheKey, type CacheKey } from './early-exit/run-cache-key.js'
import { zonesOf } from './early-exit/trust-zones.js'
import { TrueupError } from './errors.js'
import type { CacheStatus, Decision, DecisionReason, RunRecord } from './event.js'
import { formatAge } from './report/format.js'
import { selectShards, type PlannedRun, type ShardSelection } from './run-plan.js'
import { headSide, type RunSession } from './run-session.js'
import { changedBasis, openMark, readStanding, type Standing } from './run-standing.js'

export interface AskedCache {
  readonly decision: Decision
  readonly hit: CacheHit | undefined
  /** Stores this run, if it converged. Never throws. */
  keep(planned: PlannedRun, record: RunRecord): Promise<void>
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
  const cache = openCache(session)
  const keep: AskedCache['keep'] = (planned, record) => keepRun({ session, cache, place, standing }, planned, record)
  // A plan that is expected can only be judged by making it.
  if (request.force || request.expectPlan !== null || request.cache.access === 'w')
    return { decision, hit: undefined, keep }
  const found = await cache.look(place.address, (entry) => staleness(session, desired, { entry, place, standing }))
  return { decision: answered(decision, place.key, found), hit: hitOf(found, place), keep }
}

interface Place {
  readonly kind: 'place'
  readonly key: CacheKey
  readonly address: Address
  readonly selection: ShardSelection
}

async function placeOf(
  session: RunSession,
  desired: DesiredState,
): Promise<Place | { readonly kind: 'none'; readonly why: string }> {
  const { request, facts, target } = session
  const { cache } = request
  if (cache === undefined) throw new Error('Internal error: there is no cache to be asked')
  const { zone, access, nodeMajor } = cache
  const { trusted } = zonesOf(zone)
  if (!trusted && request.mode === 'apply')
    return { kind: 'none', why: `an apply is never skipped by the cache of a zone that is not trusted (${zone})` }
  const destination = await session.destination()
  if (destination === undefined) return { kind: 'none', why: 'the place it acts on has no identity yet' }
  const selection = await selectShards(session, desired)
  const key = cacheKey({
    declaration: target.declared.declaration,
    facts,
    mode: request.mode,
    shards: selection.selected,
    nodeMajor,
    // The key by which values are told apart lies outside of every zone: only a trusted run may put it there.
    secrets: await facts.secrets(desired, { create: trusted && access !== 'r' }),
  })
  if (key.kind === 'none') return key
  return {
    kind: 'place',
    key,
    selection,
    address: { target: request.target, destination, mode: request.mode, key: key.digest },
  }
}

function openCache(session: RunSession): RunCache {
  const { deps, request, target } = session
  const { cache } = request
  if (cache === undefined) throw new Error('Internal error: there is no cache to be opened')
  return createRunCache({
    store: target.store,
    clock: deps.clock,
    zones: zonesOf(cache.zone, cache.readZone),
    ttlMs: cache.ttlMs,
    health: deps.cacheHealth ?? createCacheHealth({ clock: deps.clock }),
    keys: target.cacheSigning === undefined ? undefined : () => signingKeys(session),
    warn: (message) => {
      warn(session, message)
    },
    place: request.place ?? '',
    stop: deps.stop,
  })
}

const SHORTEST_KEY = 32

/** The fields of the secret are the keys, by their ids. */
async function signingKeys({ target, secrets, request }: RunSession): Promise<CacheKeys> {
  const { secret, key } = target.cacheSigning ?? { secret: '', key: '' }
  secrets.accept([secret])
  const ids = (await target.secrets.fields(secret)) ?? []
  if (request.cache?.access !== 'r' && !ids.includes(key))
    throw new TrueupError(
      'secret-missing',
      `the secret ${secret} has no field ${key} to sign cache entries with (cache.sign in trueup.yaml)`,
    )
  const byId = new Map<string, string>()
  for (const field of ids) {
    const value = await secrets.read({ path: secret, field })
    if (value.length < SHORTEST_KEY)
      throw new TrueupError(
        'secret-missing',
        `the field ${field} of the secret ${secret} is too short to sign with: give it ${String(SHORTEST_KEY)} random characters or more`,
      )
    byId.set(field, value)
  }
  return { signWith: key, byId }
}

interface Remembered {
  readonly entry: CacheEntry
  readonly place: Place
  readonly standing: Standing
}

/** Whether anything that an entry remembers holds no longer. */
async function staleness(
  session: RunSession,
  desired: DesiredState,
  { entry, place, standing }: Remembered,
): Promise<string | undefined> {
  const { request, facts } = session
  const why = openMark(standing, request.target) ?? changedBasis(entry.basis, standing.basis)
  if (why !== undefined || request.mode === 'dry-run') return why
  const marks = await session.marks()
  if (marks === undefined) return 'the place it acts on has no identity yet'
  // As any skip of an apply: the marks must say that exactly this was brought about, in each shard that would run.
  const shards = new Set(place.selection.selected.map(({ key }) => key))
  const applied = await askMarks({
    target: request.target,
    marks,
    facts,
    desired: () =>
      Promise.resolve({ ...desired, shards: new Map([...desired.shards].filter(([key]) => shards.has(key))) }),
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

function hitOf(found: CacheLookup, { address, selection }: Place): CacheHit | undefined {
  if (found.status !== 'HIT') return undefined
  const { id, zone, entry } = found
  return {
    destination: address.destination,
    shards: selection.selected.map(({ key }) => key),
    id,
    zone,
    ageMs: found.ageMs ?? 0,
    expiresAt: found.expiresAt ?? entry.expiresAt,
    entry,
  }
}

interface Kept {
  readonly session: RunSession
  readonly cache: RunCache
  readonly place: Place
  readonly standing: Standing
}

async function keepRun(
  { session, cache, place, standing }: Kept,
  planned: PlannedRun,
  record: RunRecord,
): Promise<void> {
  const { request, target, head, runId } = session
  const isOpen = openMark(standing, request.target) !== undefined
  if (request.cache?.access === 'r' || isOpen || !hasConverged(planned, record)) return
  if (headSide(head).dirty && target.store.shared) {
    warn(session, `not cached: the working tree is not as committed, and others read ${target.store.description}`)
    return
  }
  await cache.keep(place.address, async () => {
    const now = await readStanding(session)
    // Whatever was applied meanwhile, this run may have seen it or not.
    if (openMark(now, request.target) !== undefined || changedBasis(standing.basis, now.basis) !== undefined)
      return undefined
    const { records, dropped } = record.log
    return {
      run: runId,
      basis: standing.basis,
      components: place.key.components,
      parts: place.key.parts,
      log: { records, dropped },
    }
  })
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

function warn({ deps, request }: RunSession, message: string): void {
  deps.reporter.report({ kind: 'warned', target: request.target, message })
}
