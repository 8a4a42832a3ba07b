// shards list, shards verify: the parts of a target's desired state, and the proof that they are parts. Evaluates the head; changes nothing.
import { itemsOf } from '../../desired/partition.js'
import { UNSHARDED } from '../../desired/shards.js'
import { staticShardsOf, type StaticShards } from '../../desired/static-shards.js'
import type { DesiredState } from '../../desired/evaluate.js'
import { TrueupError } from '../../errors.js'
import { count, formatAge, shortDigest } from '../../report/format.js'
import type { RunSession } from '../../run-session.js'
import type { ApplyMark } from '../../store/marks.js'
import { systemClock } from '../../util/clock.js'
import { styleOf } from '../appearance.js'
import type { CommandInput } from '../command.js'
import { targetOf } from '../load-target.js'
import { facts, printed, table } from '../print.js'
import { reading, type Reading } from '../target-session.js'

interface Row {
  readonly shard: string
  /** null where they cannot be told. */
  readonly items: number | null
  /** null for a shard that is no longer desired. */
  readonly digest: string | null
  readonly lastApply: { readonly status: ApplyMark['status']; readonly at: string; readonly run: string } | null
}

export function shardsListCommand(input: CommandInput): Promise<number> {
  const [name = ''] = input.positionals
  return reading(input, async ({ project, session }: Reading) => {
    const target = await targetOf(project, name)
    const opened = await session(target)
    const rows = await rowsOf(opened)
    const style = styleOf(input.context, project.settings, 'stdout')
    const now = systemClock.now()
    input.context.output.out(
      await printed(project.settings, {
        json: () => ({ schema: 'trueup/1', target: target.name, shards: rows }),
        text: () => {
          if (rows.length === 0) return `${style.data(target.name)} has no shards: it is run whole.\n`
          const cells = rows.map(({ shard, items, digest, lastApply }) => [
            style.data(shard),
            items === null ? '?' : String(items),
            digest === null ? 'no longer desired' : shortDigest(digest),
            lastApply === null ? 'never' : `${lastApply.status} ${formatAge(now - Date.parse(lastApply.at))}`,
          ])
          return table(['SHARD', 'ITEMS', 'DIGEST', 'LAST APPLY'], cells, style)
        },
      }),
    )
    return 0
  })
}

/** The shards desired, and those that own something or are marked although nobody desires them. */
async function rowsOf(session: RunSession): Promise<readonly Row[]> {
  if (!session.target.declared.declaration.sharded) return []
  const desired = await session.desired()
  const marks = (await (await session.marks())?.all()) ?? new Map<string, { readonly mark: ApplyMark }>()
  const unfinished = [...marks.values()].filter(({ mark }) => mark.status !== 'completed').map(({ mark }) => mark.shard)
  const keys = new Set([...desired.shards.keys(), ...(await session.owning()).keys(), ...unfinished])
  keys.delete(UNSHARDED)
  return [...keys].sort().map((shard) => {
    const state = desired.shards.get(shard)
    const mark = marks.get(shard)?.mark
    return {
      shard,
      items: state === undefined ? 0 : (state.items?.length ?? null),
      digest: state?.digest ?? null,
      lastApply:
        mark === undefined ? null : { status: mark.status, at: new Date(mark.at).toISOString(), run: mark.run },
    }
  })
}

export function shardsVerifyCommand(input: CommandInput): Promise<number> {
  const [name = ''] = input.positionals
  return reading(input, async ({ project, session }: Reading) => {
    const target = await targetOf(project, name)
    const opened = await session(target)
    if (!opened.target.declared.declaration.sharded)
      throw new TrueupError('usage', `${target.name} has no shards: there is nothing to verify`)
    const { definition, params } = await opened.loaded()
    // Evaluating proves the partition, or fails with the item that breaks it.
    const desired = await opened.desired()
    const items = itemsOf(definition, desired.value, params)
    const sizes = sizesOf(desired)
    if (items === undefined || sizes === undefined) {
      throw new TrueupError(
        'integration-invalid',
        `${target.name}: whether its shards are a partition cannot be told, since its desired state is no list: declare items() in ${definition.name}`,
      )
    }
    const moves = movesOf(staticShardsOf(definition.shards), items, {
      name: target.name,
      counts: project.settings.counts.value,
    })
    const proof = {
      items: items.length,
      shards: sizes.length,
      smallest: sizes.length === 0 ? 0 : Math.min(...sizes),
      largest: Math.max(0, ...sizes),
    }
    const style = styleOf(input.context, project.settings, 'stdout')
    input.context.output.out(
      await printed(project.settings, {
        json: () => ({ schema: 'trueup/1', target: target.name, partition: true, ...proof, moves: moves ?? null }),
        text: () =>
          `The ${count(proof.shards, 'shard')} of ${style.data(target.name)} hold each of its ${count(proof.items, 'item')} exactly once.\n` +
          `${facts(
            [
              ...(sizes.length === 0
                ? []
                : [['items a shard', `${String(proof.smallest)} to ${String(proof.largest)}`] as const]),
              ...(moves === undefined
                ? []
                : [
                    [
                      `from ${String(moves.from)} to ${String(moves.to)}`,
                      `${String(moves.moved)} of ${count(proof.items, 'item')} would move`,
                    ] as const,
                  ]),
            ],
            style,
          )}\n`,
      }),
    )
    return 0
  })
}

/** Items of each shard; undefined where those of one cannot be told. */
function sizesOf({ shards }: DesiredState): readonly number[] | undefined {
  const sizes = [...shards.values()].flatMap(({ items }) => (items === undefined ? [] : [items.length]))
  return sizes.length === shards.size ? sizes : undefined
}

interface Moves {
  readonly from: number
  readonly to: number
  readonly moved: number
}

/** How many items lie in another shard at another number of shards; undefined where the number is none of the integration's. */
function movesOf(
  fixed: StaticShards | undefined,
  items: readonly unknown[],
  { name, counts }: { readonly name: string; readonly counts: string | undefined },
): Moves | undefined {
  if (fixed === undefined) {
    if (counts === undefined) return undefined
    throw new TrueupError(
      'usage',
      `--counts: the shards of ${name} are not made by staticShards(), so there is no number of them to change`,
    )
  }
  const [, from = '', to = ''] =
    /^(\d{1,5}),(\d{1,5})$/.exec(counts ?? `${String(fixed.count)},${String(fixed.count + 1)}`) ?? []
  if (from === '') throw new TrueupError('usage', `--counts must be two numbers such as 16,20, not "${String(counts)}"`)
  const [before, after] = [Number(from), Number(to)]
  const moved = items.filter((item) => fixed.shardAt(before, item) !== fixed.shardAt(after, item)).length
  return { from: before, to: after, moved }
}
