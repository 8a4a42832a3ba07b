// store copy: moves what is in one store to another, compares each object, and leaves a mark in the old one that configurations with its name stop at.
import { copyStore } from '../../store/copy-store.js'
import { count } from '../../report/format.js'
import { TrueupError } from '../../errors.js'
import { styleOf } from '../appearance.js'
import type { CommandInput } from '../command.js'
import { openStoreOf } from '../open-target.js'
import { printed } from '../print.js'
import { isDead } from '../process-context.js'
import { openProject } from '../project.js'

export async function storeCopyCommand(input: CommandInput): Promise<number> {
  const { context } = input
  const [fromUrl = '', toUrl = ''] = input.positionals
  const project = await openProject(context, input.settings)
  try {
    const { settings } = project
    const [from, to] = [
      await openStoreOf(project, fromUrl, { evenIfMoved: true }),
      await openStoreOf(project, toUrl, { evenIfMoved: true }),
    ]
    for (const { description } of [from, to])
      if (description === 'memory:')
        throw new TrueupError('usage', 'memory: ends with the process: there is nothing to copy from or into it.')
    if (from.description === to.description)
      throw new TrueupError('usage', `both are ${from.description}: name the old store first, then the new one.`)
    const counts = await copyStore({ from, to, toUrl, isDead })
    await Promise.all([from.close(), to.close()])
    const style = styleOf(context, settings, 'stdout')
    context.output.out(
      await printed(settings, {
        json: () => ({
          schema: 'trueup/1',
          exitCode: 0,
          from: from.description,
          to: to.description,
          ...counts,
        }),
        text: () => {
          const same = counts.same === 0 ? '' : `, ${String(counts.same)} there already and the same`
          return (
            `Copied ${count(counts.copied, 'object')}${same}; each was read back and compared.\n` +
            `${style.data(from.description)} is marked as moved: runs that still name it stop there.\n` +
            `Now write it into trueup.yaml: store: ${style.data(toUrl)}\n`
          )
        },
      }),
    )
    return 0
  } finally {
    await project.repository.close()
  }
}
