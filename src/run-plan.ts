// Stage 2 of a run: read current state shard by shard, plan, check limits. In: session and desired state. Out: one plan. Writes nothing.
import { scheduler } from 'node:timers/promises'
import type { DesiredState } from './desired/evaluate.js'
import { emptyLike, UNSHARDED } from './desired/shards.js'
import { staticShardsOf } from './desired/static-shards.js'
import { isTrueupError, toError, TrueupError } from './errors.js'
import type { Json, LeftOut, LimitCheck } from './event.js'
import { applyApprovals } from './reconcile/approvals.js'
import { authorMap } from './reconcile/author-map.js'
import { createExec } from './reconcile/exec.js'
import { createHttp } from './reconcile/http.js'
import { createPostgres } from './reconcile/postgres.js'
import { checkLimits } from './reconcile/limits.js'
import { createOwnershipView, type OwnershipView } from './reconcile/ownership-view.js'
import type { Plan } from './integration.js'
import { buildPlan, type BuiltPlan, type PlanShard } from './reconcile/plan.js'
import { createEnv, createRunContext } from './reconcile/run-context.js'
import { createRunMemory, type RunMemory } from './run-memory.js'
import { notPlanned, steer } from './reconcile/steer.js'
import { createRunLog } from './report/run-log.js'
import { foldedLedger, ledgerEntries, releasedEntries } from './run-ledger.js'
import { desiredElsewhere } from './run-shards.js'
import { steeredShards } from './run-steer.js'
import { relatedOf } from './run-related.js'
import type { RunSession } from './run-session.js'
import type { RunRequest } from './run-types.js'
import { createSecretAccess } from './secrets/secret-access.js'
import { referencesIn, type SecretAddress } from './secrets/secret-reference.js'
import type { StoredLedger } from './store/ledger.js'
import { boundedMap } from './util/bounded-map.js'
import { boundSignal } from './util/bound-signal.js'
import { digestOf } from './util/digest.js'

/** A shard as it is run: its part of the desired state, or nothing when it was removed. */
export interface SelectedShard {
  readonly key: string
  readonly value: Json
  readonly digest: string
  readonly removed: boolean
}

export interface PlannedRun {
  readonly built: BuiltPlan
  readonly limits: readonly LimitCheck[]
  readonly blocked: boolean
  readonly shards: readonly SelectedShard[]
  /** All shard keys of this evaluation, selected or not. */
  readonly allShards: readonly string[]
  /** The ledger as it was read for this plan, with what dead runs did folded in. */
  readonly ledger: readonly StoredLedger[]
  /** What was asked to be brought back and is not in the plan; undefined where nothing was asked. */
  readonly left: readonly LeftOut[] | undefined
  /** What it was planned from, for planning the same again; shards in the order of `shards`. */
  readonly planning: {
    readonly shards: readonly PlanShard[]
    readonly ledger: OwnershipView
    readonly referenced: readonly SecretAddress[]
  }
  readonly memory: RunMemory
}

export interface ShardSelection {
  /** Keys of every shard of this evaluation. */
  readonly all: readonly string[]
  readonly selected: readonly SelectedShard[]
}

/** The shards of a full run are those desired, those that own something and those whose last apply did not complete. */
export async function selectShards(session: RunSession, desired: DesiredState): Promise<ShardSelection> {
  const { request } = session
  const { marks } = await session.known()
  const unfinished = [...marks.values()].filter(({ mark }) => mark.status !== 'completed')
  const all = new Map<string, SelectedShard>()
  const { definition } = await session.loaded()
  // A fixed shard is there with nothing in it, too: as one that went.
  const isFixed = staticShardsOf(definition.shards) !== undefined
  for (const shard of desired.shards.values())
    all.set(shard.key, { ...shard, removed: isFixed && isEmpty(shard.value) })
  const gone = [...(await session.owning()).keys(), ...unfinished.map(({ mark }) => mark.shard)]
  for (const key of gone) {
    if (all.has(key)) continue
    const value = emptyLike(desired.value)
    all.set(key, { key, value, digest: digestOf(value), removed: true })
  }
  // Its author cannot list "no shard": what such objects became is found in the shards that desire them now.
  if (session.target.declared.declaration.sharded) all.delete(UNSHARDED)
  const steered = await steeredShards(session, desired)
  for (const shard of steered ?? []) if (!all.has(shard.key)) all.set(shard.key, shard)
  const keys = [...all.keys()].sort()
  for (const wanted of request.shards) {
    if (!all.has(wanted)) {
      const some = keys
        .slice(0, 5)
        .map((key) => `"${key}"`)
        .join(', ')
      throw new TrueupError(
        'usage',
        `${request.target} has no shard "${wanted}"; it has ${String(keys.length)}${some === '' ? '' : `: ${some}${keys.length > 5 ? ' …' : ''}`}`,
        {
          details: { shard: wanted },
        },
      )
    }
  }
  const narrowed = keys.filter((key) => session.only?.has(key) === true)
  const asked = steered?.map(({ key }) => key) ?? (request.shards.length > 0 ? request.shards : narrowed)
  const chosen = steered === undefined && asked.length === 0 ? keys : keys.filter((key) => asked.includes(key))
  return { all: keys, selected: chosen.flatMap((key) => all.get(key) ?? []) }
}

export async function planRun(
  session: RunSession,
  desired: DesiredState,
  selection: ShardSelection,
): Promise<PlannedRun> {
  const { request, target, deps } = session
  const { definition } = await session.loaded()
  const { all, selected } = selection
  const ledger = await foldedLedger(session)
  const view = createOwnershipView(ledgerEntries(ledger), releasedEntries(ledger))
  const map = boundedMap(deps.budget, { signal: deps.stop })
  const memory = createRunMemory(session)
  const { instead } = request
  // What is brought back may refer to secrets that nothing desires any more.
  const former = instead?.kind === 'undo' ? instead.wanted.map(({ value }) => value) : []
  const referenced = referencesIn([desired.value, ...former]).addresses
  session.secrets.accept([...target.declared.declaration.secrets, ...referenced].map(({ path }) => path))
  const shards = await deps.guard.planning({ integration: definition.name, mode: request.mode }, () =>
    map(selected, (shard) => planShard(session, shard, { view, referenced, memory })),
  )
  const { deletePolicy, limits } = definition
  const steered =
    instead === undefined ? undefined : steer({ target: request.target, deletePolicy, shards, steering: instead })
  const destination = (await session.destination()) ?? null
  // Protection and invariants are the author's code.
  const planned = session.authored('', () =>
    buildPlan({
      target: request.target,
      destination,
      integration: definition.name,
      deletePolicy,
      shards: steered?.shards ?? shards,
      only: steered?.only,
      ledger: view,
      elsewhere: desiredElsewhere({
        target: request.target,
        // What is undone names each object that may be deleted.
        deletePolicy: instead === undefined ? deletePolicy : 'never',
        desired,
        selected,
      }),
      // Author functions: their parameter types were checked against the author's own diff.
      ...(limits?.protect === undefined ? {} : { protect: limits.protect }),
      ...(limits?.invariants === undefined ? {} : { invariants: limits.invariants }),
    }),
  )
  const remember = memory.remembered()
  const built = remember.length === 0 ? planned : { ...planned, data: { ...planned.data, remember } }
  const approved = applyApprovals({
    facts: built.facts,
    plan: built.data,
    approvals: target.approvals ?? [],
    now: deps.clock.now(),
  })
  const checks = [...checkLimits(approved.facts, target.limits, request.overrides), ...approved.checks]
  return {
    built,
    limits: checks,
    blocked: checks.some((check) => check.blocked),
    shards: selected,
    allShards: all,
    ledger,
    left: steered === undefined ? undefined : notPlanned(steered, new Set(built.data.changes.map(({ key }) => key))),
    planning: { shards, ledger: view, referenced },
    memory,
  }
}

/** What the shards of one run have in common. */
export interface Planning {
  readonly view: OwnershipView
  readonly referenced: readonly SecretAddress[]
  readonly memory: RunMemory
}

/** Reads the current state of one shard and plans it. Only inside of the guard's `planning`. */
export async function planShard(
  session: RunSession,
  shard: SelectedShard,
  { view, referenced, memory }: Planning,
): Promise<PlanShard> {
  const { deps, request, target } = session
  const { declaration } = target.declared
  const { definition, params } = await session.loaded()
  const place = { target: request.target, shard: shard.key, clock: deps.clock, reporter: deps.reporter }
  const name = shard.key === UNSHARDED ? request.target : `${request.target}, shard ${shard.key}`
  // Handlers close over this context too: planning is over when run() has returned its plan.
  let planning = true
  const isPlanning = (): boolean => planning
  const postgres = createPostgres({ integration: definition.name, planning: isPlanning })
  session.atEnd(() => postgres.close())
  const env = createEnv(definition.name, declaration.env, deps.environment)
  const log = createRunLog(place)
  const context = createRunContext({
    integration: definition.name,
    target: request.target,
    params,
    dryRun: request.mode === 'dry-run',
    shard: shard.key,
    owned: new Set([
      ...view.ownedBy(request.target, shard.key).map(({ key }) => key),
      ...keysToRead(request, shard.key),
    ]),
    env,
    log,
    related: relatedOf(session, { integration: definition.name, env, log, planning: isPlanning }),
    http: createHttp({
      ...deps,
      integration: definition.name,
      signal: deps.giveUp,
      planning: isPlanning,
      calls: session.calls,
    }),
    postgres: postgres.connect,
    exec: createExec({
      integration: definition.name,
      log: createRunLog({ ...place, source: 'exec' }),
      signal: deps.giveUp,
      planning: isPlanning,
      baseEnv: deps.environment,
    }),
    map: authorMap({ budget: deps.budget, signal: deps.stop, redact: (text) => deps.redactor.text(text) }),
    secrets: createSecretAccess({
      target: request.target,
      declared: definition.secrets ?? [],
      referenced,
      planning: isPlanning,
      secrets: session.secrets,
    }),
    ...memory.context(shard.key, isPlanning),
    signal: session.authored(shard.key, () => boundSignal(deps.stop)),
    clock: deps.clock,
  })
  try {
    const returned = await session
      .authored(shard.key, async () => definition.run(context, shard.value))
      // A process warning is told a tick after it was given, and belongs to this run and its log.
      .finally(() => scheduler.yield())
    planning = false
    const parts: readonly Plan[] = isList(returned) ? returned : [returned]
    return { shard: shard.key, removed: shard.removed, parts, desiredEmpty: isEmpty(shard.value) }
  } catch (thrown) {
    const error = toError(thrown)
    if (isTrueupError(error)) throw named(error, request.target, name)
    throw new TrueupError('current-unreadable', `${name}: run() failed while planning: ${error.message}`, {
      cause: error,
      details: { target: request.target, shard: shard.key },
    })
  }
}

/** Keys that must be read although nobody desires or owns them any more: an integration that lists only those would not see them. */
function keysToRead({ instead }: RunRequest, shard: string): readonly string[] {
  if (instead?.kind === 'adopt') return instead.keys
  return instead?.kind === 'undo' ? instead.wanted.filter((one) => one.shard === shard).map(({ key }) => key) : []
}

/** An error that does not say whose it is. */
function named(error: TrueupError, target: string, name: string): TrueupError {
  if (error.message.includes(target)) return error
  const { code, message, details, retryable } = error
  return new TrueupError(code, `${name}: ${message}`, { cause: error, details, retryable })
}

function isList(returned: Plan | readonly Plan[]): returned is readonly Plan[] {
  return Array.isArray(returned)
}

function isEmpty(value: Json): boolean {
  return value === null || (typeof value === 'object' && Object.keys(value).length === 0)
}
