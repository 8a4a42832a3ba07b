// Affected targets in, a matrix of GitHub Actions out. Never fewer than are affected: what is too many is put together, or refused.
import { TrueupError } from '../errors.js'
import type { AffectedTarget } from './affected.js'

/** https://docs.github.com/actions/how-tos/write-workflows/choose-what-workflows-do/run-job-variations: jobs that one matrix may make. */
const MOST = 256

export interface Matrix {
  /** Whether there is anything to run: a matrix without entries is an error there. */
  readonly any: boolean
  /** An entry without shard means the whole target. */
  readonly include: readonly { readonly target: string; readonly shard?: string }[]
  /** Targets that would have had an entry a shard, were there not too many. */
  readonly grouped: readonly string[]
  readonly truncated: boolean
}

/**
 * A target has an entry for each of its shards that differ, or one for all of it: where all are meant, where a shard is no longer desired (only
 * a run of the target finds out what is left of it), and, the largest first, where there would be more than 256 entries.
 *
 * @throws TrueupError `usage` for more than 256 targets
 */
export function matrixOf(targets: readonly AffectedTarget[]): Matrix {
  const affected = targets.filter((one) => one.affected)
  if (affected.length > MOST) {
    throw new TrueupError(
      'usage',
      `${String(affected.length)} targets are affected, but a matrix holds ${String(MOST)} entries: use -o json and run several targets in one job`,
      { details: { targets: affected.length } },
    )
  }
  const shardsOf = new Map(affected.map((one) => [one.target, runnable(one)]))
  const bySize = affected.map(({ target }) => target).sort((a, b) => size(shardsOf, b) - size(shardsOf, a))
  let total = bySize.reduce((sum, target) => sum + size(shardsOf, target), 0)
  const grouped: string[] = []
  for (const target of bySize) {
    if (total <= MOST) break
    total -= size(shardsOf, target) - 1
    shardsOf.set(target, null)
    grouped.push(target)
  }
  const include = affected.flatMap(({ target }) => {
    const shards = shardsOf.get(target) ?? null
    return shards === null ? [{ target }] : shards.map((shard) => ({ target, shard }))
  })
  return { any: include.length > 0, include, grouped: grouped.sort(), truncated: grouped.length > 0 }
}

/** Shards that can be run alone; null for all of the target. */
function runnable({ shards }: AffectedTarget): readonly string[] | null {
  if (shards === null || shards.some(({ change }) => change === 'removed')) return null
  return shards.map(({ shard }) => shard)
}

function size(shards: ReadonlyMap<string, readonly string[] | null>, target: string): number {
  return shards.get(target)?.length ?? 1
}
