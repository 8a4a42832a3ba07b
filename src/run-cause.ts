// After planning a dry run with a base: which changes this range causes, and which were due before. In: session, base, what was planned. Out:
// the same with causes. Current state is read once: only where run() makes its objects itself, a second time. Trouble here only means "unknown".
import type { Base } from './early-exit/compare-revisions.js'
import { treeDigest } from './early-exit/head-facts.js'
import type { DesiredState } from './desired/evaluate.js'
import { itemsOf } from './desired/partition.js'
import { emptyLike } from './desired/shards.js'
import type { Snapshot } from './desired/source.js'
import { isTrueupError, toError } from './errors.js'
import type { Json, PlannedChange } from './event.js'
import { attribute } from './reconcile/attribute.js'
import { jsonForm } from './reconcile/json-value.js'
import { noCapture } from './report/capture.js'
import { planFor } from './reconcile/plan-for.js'
import { buildPlan, readPlanPart, type PlanShard } from './reconcile/plan.js'
import { createRunMemory } from './run-memory.js'
import { planShard, type PlannedRun, type SelectedShard } from './run-plan.js'
import type { RunSession } from './run-session.js'
import { desiredElsewhere } from './run-shards.js'
import { boundedMap } from './util/bounded-map.js'
import { digestOf } from './util/digest.js'
import { isRecord } from './util/is-record.js'

export interface Planned {
  readonly session: RunSession
  readonly base: Base | undefined
  readonly desired: DesiredState
  readonly planned: PlannedRun
}

/** Never fails for what it cannot find out. */
export async function withCauses(input: Planned): Promise<PlannedRun> {
  const { session, base, planned } = input
  const { deps, request } = session
  const { data } = planned.built
  if (base?.kind !== 'found' || request.instead !== undefined || data.changes.length === 0) return planned
  try {
    const changes = await caused(input, base.snapshot)
    return { ...planned, built: { ...planned.built, data: { ...data, changes } } }
  } catch (thrown) {
    const error = toError(thrown)
    if (deps.stop.aborted || (isTrueupError(error) && error.code === 'interrupted')) throw error
    deps.reporter.report({
      kind: 'warned',
      target: request.target,
      message: `what caused the changes cannot be told: ${error.message}`,
    })
    return planned
  }
}

/** What author code says while the same is planned again, it has said already. */
function quiet(session: RunSession): RunSession {
  const { deps } = session
  const authored: RunSession['authored'] = (_shard, fn) => (deps.capture ?? noCapture).silently(fn)
  return { ...session, authored, deps: { ...deps, reporter: { report: () => undefined } } }
}

async function caused(input: Planned, base: Snapshot): Promise<readonly PlannedChange[]> {
  const { planned } = input
  const session = quiet(input.session)
  const { changes } = planned.built.data
  const config = await session.target.configAt(base)
  // The target is new: before this range nothing was desired.
  if (config === undefined) return changes.map((change) => ({ ...change, cause: 'change' }))
  const former = await formerDesired(input, base, config)
  const { ledger: view, referenced } = planned.planning
  // What the base would remember, or call, is nobody's.
  const memory = createRunMemory({ ...session, deps: { ...session.deps, reporter: { report: () => undefined } } })
  const { definition, params } = await session.loaded()
  const reread = new Map<string, ReadonlyMap<string, string | null>>()

  const map = boundedMap(session.deps.budget, { signal: session.deps.stop })
  const shards = await session.deps.guard.planning({ integration: definition.name, mode: session.request.mode }, () =>
    map(planned.shards, async (shard, index): Promise<PlanShard> => {
      const now = planned.planning.shards[index]
      const before = former.shards.get(shard.key)
      const value = before?.value ?? emptyLike(former.value)
      const items = session.authored(shard.key, () => ({
        head: itemsOf(definition, shard.value, params),
        base: itemsOf(definition, value, params),
      }))
      const parts = now === undefined ? undefined : session.authored(shard.key, () => planFor(now.parts, items))
      if (now !== undefined && parts !== undefined) return { ...now, parts }
      const again = await planShard(session, formerShard(shard, value), { view, referenced, memory })
      reread.set(shard.key, liveOf(again))
      return again
    }),
  )
  const built = session.authored('', () =>
    buildPlan({
      target: session.request.target,
      destination: null,
      integration: definition.name,
      deletePolicy: definition.deletePolicy,
      shards,
      ledger: view,
      // Only to be compared: an object that another shard desired is nothing that this one would do.
      elsewhere: desiredElsewhere({
        target: session.request.target,
        deletePolicy: 'never',
        desired: former,
        selected: planned.shards,
      }),
    }),
  )
  return attribute({
    changes,
    base: new Map(built.data.changes.map((change) => [change.key, change])),
    isSameGround: await isSameGround(session, base, config),
    seen: (change) => {
      const seen = reread.get(change.shard ?? '')
      return seen === undefined ? undefined : (seen.get(change.key) ?? null)
    },
  })
}

function formerShard(shard: SelectedShard, value: Json): SelectedShard {
  return { ...shard, value, digest: digestOf(value) }
}

/** Digests of the objects that were listed, by key. */
function liveOf({ parts }: PlanShard): ReadonlyMap<string, string | null> {
  return new Map(
    parts
      .flatMap((part) => readPlanPart(part).diff.pairs)
      .flatMap(({ key, current }): [string, string][] =>
        current === undefined ? [] : [[key, jsonForm(current.normalized, `current ${key}`).digest]],
      ),
  )
}

/** The base's desired state: by the head's code, with the base's own parameters. */
async function formerDesired({ session, desired }: Planned, base: Snapshot, config: Json): Promise<DesiredState> {
  const { declaration } = session.target.declared
  const now = paramsIn(declaration.config)
  const then = paramsIn(config)
  if (then !== undefined && digestOf(then) !== digestOf(now ?? null)) return session.desiredAt(base, then)
  const { inputs, external } = declaration
  const isRead = external || inputs.length === 0
  if (!isRead && treeDigest(await base.entries(inputs)) === treeDigest(session.headInputs)) return desired
  return session.desiredAt(base)
}

/** Whether code and configuration, as far as they decide what is done, are those of the base. */
async function isSameGround(session: RunSession, base: Snapshot, config: Json): Promise<boolean> {
  const { declaration, manifest } = session.target.declared
  if (digestOf(deciding(config)) !== digestOf(deciding(declaration.config))) return false
  if (manifest.kind === 'unknown') return false
  const there = await session.target.manifestAt(base)
  return there.kind === 'known' && there.digest === manifest.digest
}

/** Limits, store and place of secrets decide whether something is done, not what. */
function deciding(config: Json): Json {
  if (!isRecord(config)) return config
  return Object.fromEntries(Object.entries(config).filter(([name]) => !['limits', 'store', 'secrets'].includes(name)))
}

function paramsIn(config: Json): Json | undefined {
  return isRecord(config) ? config['params'] : undefined
}
