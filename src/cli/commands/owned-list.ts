// owned list: the objects that a target (or each) owns, as the ledger knows them. Reads only.
import { TrueupError } from '../../errors.js'
import { readAllLedgers } from '../../store/ledger.js'
import { compareText } from '../../util/compare-text.js'
import { styleOf } from '../appearance.js'
import type { CommandInput } from '../command.js'
import { targetOf } from '../load-target.js'
import { openStoreOf } from '../open-target.js'
import { printed, table } from '../print.js'
import { openProject } from '../project.js'

export async function ownedListCommand(input: CommandInput): Promise<number> {
  const { context } = input
  const [target] = input.positionals
  const { allTargets } = input.settings
  if ((target === undefined) !== allTargets.value) {
    throw new TrueupError('usage', 'trueup owned list needs a target, or --all for those of every target')
  }
  const project = await openProject(context, input.settings)
  try {
    const { settings } = project
    const store = await openStoreOf(project, settings.store.value)
    const ledgers = (await readAllLedgers(store)).filter(({ value }) => target === undefined || value.target === target)
    // A target that owns something is known by that; of another one the name is checked.
    if (target !== undefined && ledgers.length === 0) await targetOf(project, target)
    const owned = ledgers
      .flatMap(({ value, destination }) =>
        Object.entries(value.objects).map(([key, object]) => ({
          target: value.target,
          destination,
          key,
          shard: value.shard === '' ? null : value.shard,
          state: object.state,
          run: object.run,
        })),
      )
      .sort((a, b) => compareText(a.target, b.target) || compareText(a.key, b.key))
    const style = styleOf(context, settings, 'stdout')
    context.output.out(
      await printed(settings, {
        json: () => ({ schema: 'trueup/1', owned }),
        text: () => {
          if (owned.length === 0) return `${target === undefined ? 'No target' : style.data(target)} owns nothing.\n`
          const rows = owned.map((one) => [
            ...(target === undefined ? [style.data(one.target)] : []),
            style.data(one.key),
            style.data(one.shard ?? '-'),
            one.state === 'owned' ? 'owned' : style.yellow('intended'),
            style.data(one.run),
          ])
          const head = ['KEY', 'SHARD', 'STATE', 'SINCE RUN']
          const hint = owned.some(({ state }) => state === 'intended')
            ? 'intended: a change was started whose end nobody saw; it counts only if the object is as it was meant to be.\n'
            : ''
          return `${table(target === undefined ? ['TARGET', ...head] : head, rows, style)}${hint}`
        },
      }),
    )
    return 0
  } finally {
    await project.repository.close()
  }
}
