// Evaluates an integration's desired state on one snapshot: the one function used for head and base alike.
// In: definition, parameters, snapshot. Out: the frozen value with its digest, and its shards with theirs.
import { isTrueupError, toError, TrueupError } from '../errors.js'
import type { Digest, Json } from '../event.js'
import type { AnyIntegration, BoundedMap, DesiredContext, Env, Http, Log } from '../integration.js'
import { digestOf, InvalidJsonValue } from '../util/digest.js'
import { deepFreeze } from '../util/freeze.js'
import { createSource } from './source-context.js'
import { MOVED, type DataQueries } from './graphql/data-queries.js'
import { checkPartition, itemsOf } from './partition.js'
import { splitShards, UNSHARDED } from './shards.js'
import type { Snapshot } from './source.js'

export interface EvaluateRequest {
  readonly definition: AnyIntegration
  readonly target: string
  readonly params: unknown
  readonly inputs: readonly string[]
  readonly snapshot: Snapshot
  readonly env: Env
  readonly log: Log
  readonly map: BoundedMap
  readonly signal: AbortSignal
  readonly http: Http
  /** Answers `ctx.source.query`. @defaultValue there is no data to ask */
  readonly queries?: DataQueries | undefined
}

export interface ShardState {
  readonly key: string
  readonly value: Json
  readonly digest: Digest
  /** What `diff()` gets of it, as far as can be told: what is desired there must not be deleted by another shard. @defaultValue not to be told */
  readonly items?: readonly unknown[]
}

export interface DesiredState {
  readonly value: Json
  readonly digest: Digest
  /** By key, sorted by code unit; an unsharded target has one, under the empty key. */
  readonly shards: ReadonlyMap<string, ShardState>
}

/** Any failure is a TrueupError that names the target: what cannot be read is never taken for "nothing desired". */
export async function evaluateDesired(request: EvaluateRequest): Promise<DesiredState> {
  const { definition, target, snapshot, params } = request
  const context: DesiredContext<unknown> & { readonly http?: Http } = {
    params,
    log: request.log,
    source: createSource({
      snapshot,
      inputs: request.inputs,
      integration: definition.name,
      queries: request.queries,
    }),
    env: request.env,
    map: request.map,
    signal: request.signal,
    secrets: {
      reference: (path, field, version) => ({
        $secret: { path, ...(field === undefined ? {} : { field }), ...(version === undefined ? {} : { version }) },
      }),
    },
    ...(definition.external === true ? { http: request.http } : {}),
  }
  try {
    const value: unknown = deepFreeze(await ofOneState(request, async () => definition.desiredState(context as never)))
    const digest = digestOf(value)
    const parts = splitShards(definition, value, params)
    const shards = new Map<string, ShardState>()
    for (const [key, part] of [...parts].sort(([a], [b]) => (a < b ? -1 : 1))) {
      // An unsharded target's only part is the whole value: not digested twice.
      const state = { key, value: part as Json, digest: part === value ? digest : digestOf(deepFreeze(part)) }
      const items = itemsOf(definition, part, params)
      shards.set(key, items === undefined ? state : { ...state, items })
    }
    if (!shards.has(UNSHARDED)) proveParts(request, value, shards)
    return { value: value as Json, digest, shards }
  } catch (thrown) {
    if (isTrueupError(thrown)) throw thrown
    if (thrown instanceof InvalidJsonValue) {
      throw new TrueupError(
        'desired-invalid',
        `${target}: the desired state is not plain JSON: ${thrown.message}. Return plain objects, lists, texts, numbers, booleans and null.`,
        { cause: thrown, details: { target, path: thrown.path } },
      )
    }
    const error = toError(thrown)
    throw new TrueupError('desired-unreadable', `${target}: desiredState() failed: ${error.message}`, {
      cause: error,
      details: { target },
    })
  }
}

/** What comes from an endpoint that changes meanwhile is asked for once more, from the start. */
async function ofOneState<T>({ queries, target }: EvaluateRequest, evaluate: () => Promise<T>): Promise<T> {
  for (let attempt = 1; ; attempt++) {
    try {
      const value = await evaluate()
      if (queries === undefined || (await queries.settle())) return value
      if (attempt === 2)
        throw new TrueupError(
          'source-unavailable',
          `${target}: the data it reads changed under the run, and again when it began anew. Run again when they are quiet, or ask an endpoint that can be pinned (docs/graphql.md).`,
          { retryable: true, details: { target } },
        )
    } catch (thrown) {
      const isMoved = isTrueupError(thrown) && thrown.details['moved'] === MOVED.moved
      if (!isMoved || attempt === 2) throw thrown
      await queries?.settle()
    }
  }
}

/** Where items can be told of the whole and of every part. */
function proveParts(
  { definition, target, params }: EvaluateRequest,
  value: unknown,
  shards: ReadonlyMap<string, ShardState>,
): void {
  const whole = itemsOf(definition, value, params)
  const told = [...shards.values()].flatMap(({ key, items }) => (items === undefined ? [] : [[key, items] as const]))
  if (whole !== undefined && told.length === shards.size) checkPartition({ target, whole, parts: new Map(told) })
}

/** One shard that differs between two desired states. */
export interface ShardChange {
  readonly shard: string
  readonly change: 'added' | 'changed' | 'removed'
}

/** The shards of either side whose desired state is not that of the other side, sorted by key. */
export function shardChanges(base: DesiredState, head: DesiredState): readonly ShardChange[] {
  const keys = [...new Set([...base.shards.keys(), ...head.shards.keys()])].sort()
  return keys.flatMap((shard): ShardChange[] => {
    const [before, after] = [base.shards.get(shard)?.digest, head.shards.get(shard)?.digest]
    if (before === after) return []
    return [{ shard, change: before === undefined ? 'added' : after === undefined ? 'removed' : 'changed' }]
  })
}
