// affected: which targets and shards a change touches, as a table, JSON or a matrix. Evaluates only what git cannot answer for; plans nothing.
import { openBase, type Base } from '../../early-exit/compare-revisions.js'
import { TrueupError } from '../../errors.js'
import { count } from '../../report/format.js'
import type { Style } from '../../report/style.js'
import { headSide } from '../../run-session.js'
import { findAffected, type AffectedTarget, type FoundBase } from '../affected.js'
import { matrixOf } from '../affected-matrix.js'
import { styleOf } from '../appearance.js'
import type { CommandInput } from '../command.js'
import { isBundleOf } from '../data-queries.js'
import { printed, table } from '../print.js'
import { reading, type Reading } from '../target-session.js'
import { removedTargets, targetsOfHead } from '../targets.js'

export async function affectedCommand(input: CommandInput): Promise<number> {
  const { compareWith } = input.settings
  if (compareWith.value === undefined || compareWith.value === 'last-applied') {
    throw new TrueupError(
      'usage',
      'trueup affected compares two revisions, so it needs the one to compare with: trueup affected --base origin/main',
    )
  }
  const revision = compareWith.value
  return reading(input, async (opened: Reading) => {
    const { project, head, warn } = opened
    const { settings } = project
    const all = await targetsOfHead(project)
    const isOfBundle = all.map(({ target }) => isBundleOf(target, revision))
    const bundle = isOfBundle.includes(true) ? await bundleBase(opened, revision) : undefined
    await using _ = bundle?.snapshot
    const base = bundle === undefined || isOfBundle.includes(false) ? await baseOf(opened, revision, bundle) : undefined
    await using snapshot = base?.kind === 'found' ? base.snapshot : undefined
    const removed = snapshot === undefined ? [] : await removedTargets(project, snapshot, all)
    const targets = await findAffected(opened, all, { revision: base, bundle })
    const side = headSide(head)
    const any = targets.some(({ affected }) => affected)
    const style = styleOf(input.context, settings, 'stdout')
    input.context.output.out(
      await printed(settings, {
        json: () => ({
          schema: 'trueup/1',
          base: bundle?.id ?? (base?.kind === 'found' ? base.id : null),
          head: side.head,
          any,
          targets,
          removed,
        }),
        text: () => textOf(targets, removed, style),
        matrix: () => {
          const matrix = matrixOf(targets)
          if (matrix.truncated)
            warn(`more than 256 shards are affected, so these are one entry each: ${matrix.grouped.join(', ')}`)
          return matrix
        },
      }),
    )
    return 0
  })
}

/** This very head, with the data of that bundle: what a run with such a base compares with. */
async function bundleBase({ project }: Reading, id: string): Promise<FoundBase> {
  const { committed } = project.settings
  const snapshot = await project.repository.head({ committed: committed.value })
  return { kind: 'found', id, isBundle: true, snapshot }
}

function baseOf({ project, warn }: Reading, revision: string, bundle: FoundBase | undefined): Promise<Base> {
  const { requireCompare } = project.settings
  return openBase({
    repository: project.repository,
    revision,
    requireCompare: requireCompare.value,
    target: 'affected',
    warn: (message) => {
      const which = bundle === undefined ? 'Every target' : 'Every target that asks no endpoint for a bundle'
      warn(message.replace('Running in full', `${which} counts as affected`))
    },
  })
}

/** Shards shown of one target. */
const SHOWN = 5

function textOf(targets: readonly AffectedTarget[], removed: readonly string[], style: Style): string {
  const affected = targets.filter((one) => one.affected)
  const rows = [
    ...affected.map(({ target, reason, sharded, shards }) => [
      style.data(target),
      shards === null ? (sharded ? 'all' : '-') : shardsText(shards, style),
      reason,
    ]),
    ...removed.map((target) => [style.data(target), '-', style.yellow('removed')]),
  ]
  const rest = targets.length - affected.length
  const others = rest === 0 ? '' : `${count(rest, 'target')} not affected.\n`
  if (rows.length === 0) return `Nothing is affected: ${others === '' ? 'there are no targets.\n' : others}`
  const remarks = affected.filter(({ reason }) => ['head-failed', 'base-failed', 'code-unknown'].includes(reason))
  const told = remarks.map(
    ({ target, explanation }) => `${style.yellow(`${style.data(target)}:`)} ${style.data(explanation)}\n`,
  )
  const gone = removed.map(
    (target) =>
      `${style.data(target)} is no longer configured; what it owns stays: trueup destroy ${style.data(target)}\n`,
  )
  return [table(['TARGET', 'SHARDS', 'WHY'], rows, style), others, ...told, ...gone].join('')
}

function shardsText(shards: NonNullable<AffectedTarget['shards']>, style: Style): string {
  const shown = shards.slice(0, SHOWN).map(({ shard, change }) => {
    const sign = { added: '+', removed: '-', changed: '' }[change]
    return `${sign}${style.data(shard)}`
  })
  return shards.length > SHOWN ? `${shown.join(', ')} and ${String(shards.length - SHOWN)} more` : shown.join(', ')
}
