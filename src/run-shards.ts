// Runs of some shards of a target: what the others desire. In: the desired state, the shards of the run. Out: what planning needs of the rest.
import type { DesiredState } from './desired/evaluate.js'
import { TrueupError } from './errors.js'
import type { DeletePolicy } from './integration.js'

export interface ElsewhereInput {
  readonly target: string
  readonly deletePolicy: DeletePolicy
  readonly desired: DesiredState
  readonly selected: readonly { readonly key: string }[]
}

/**
 * The items of shards outside this run: an object that moved to one of them is theirs.
 * @throws TrueupError `usage` where they cannot be told and something could be deleted for it
 */
export function desiredElsewhere(input: ElsewhereInput): readonly unknown[] {
  const chosen = new Set(input.selected.map(({ key }) => key))
  return [...input.desired.shards.values()].flatMap((shard) => {
    if (chosen.has(shard.key)) return []
    if (shard.items !== undefined) return shard.items
    if (input.deletePolicy === 'never') return []
    throw new TrueupError(
      'usage',
      `${input.target}: what shard ${shard.key} desires cannot be told, so a run of some shards could delete what moved there: declare items() in its integration, or run all shards`,
      { details: { target: input.target, shard: shard.key } },
    )
  })
}
