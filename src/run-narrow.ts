// Between decision and planning, where it was asked for: only the shards that differ from the base. In: session, base, decision, desired state.
// Out: the session, narrowed or as it was. Must not: leave out a shard that may need something; what cannot be told runs in full.
import { unappliedShards } from './early-exit/applied.js'
import type { Base } from './early-exit/compare-revisions.js'
import { shardChanges, type DesiredState } from './desired/evaluate.js'
import type { Decision } from './event.js'
import type { RunSession } from './run-session.js'

export interface Narrowing {
  readonly session: RunSession
  readonly base: Base | undefined
  readonly decision: Decision
  readonly desired: DesiredState
}

/** Shards shown of those that run. */
const SHOWN = 5

export async function narrowed(input: Narrowing): Promise<RunSession> {
  const { session, desired } = input
  const { request, deps, target } = session
  const { declaration } = target.declared
  if (request.onlyAffected !== true || request.instead !== undefined || !declaration.sharded) return session
  const tell = (message: string): void => {
    const record = { level: 'info', time: deps.clock.now(), message } as const
    deps.reporter.report({ kind: 'logged', target: request.target, record })
  }
  if (declaration.deletePolicy !== 'never' && [...desired.shards.values()].some(({ items }) => items === undefined)) {
    tell('all shards run: what each desires cannot be told without items() in the integration')
    return session
  }
  const only = await affectedShards(input)
  if (only === undefined || only.size === 0) {
    tell('all shards run')
    return session
  }
  const keys = [...only].sort()
  const shown = keys.slice(0, SHOWN).join(', ')
  const more = keys.length > SHOWN ? ` and ${String(keys.length - SHOWN)} more` : ''
  tell(`only the shards that are affected run: ${shown}${more} (of ${String(desired.shards.size)})`)
  return { ...session, only }
}

/** undefined for all of them. */
async function affectedShards({
  session,
  base,
  decision,
  desired,
}: Narrowing): Promise<ReadonlySet<string> | undefined> {
  const { request } = session
  const affected = new Set<string>()
  switch (decision.reason) {
    case 'desired-changed':
      if (base?.kind !== 'found') break
      for (const { shard } of shardChanges(await session.desiredAt(base.snapshot), desired)) affected.add(shard)
      // The whole differs and no shard does: whatever the rest is for, all of them are meant.
      if (affected.size === 0) return undefined
      break
    case 'base-not-applied':
      break
    default:
      return undefined
  }
  if (request.mode === 'dry-run' && request.base !== 'last-applied') return affected
  const marks = await session.marks()
  if (marks === undefined) return undefined
  const unapplied = await unappliedShards({
    target: request.target,
    marks: { all: async () => (await session.own()).marks, readEvaluated: () => marks.readEvaluated() },
    facts: session.facts,
    desired: () => Promise.resolve(desired),
    removed: () => session.owning(),
  })
  return unapplied === undefined ? undefined : new Set([...affected, ...unapplied])
}
