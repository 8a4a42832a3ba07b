// What commands about the store have in common: project and store opened, the project closed whatever happens.
import type { Style } from '../report/style.js'
import type { ObjectStore } from '../store/object-store.js'
import { styleOf } from './appearance.js'
import type { CommandInput } from './command.js'
import { openStoreOf } from './open-target.js'
import { printed, type Forms } from './print.js'
import { openProject, type Project } from './project.js'

export interface StoreCommand {
  readonly project: Project
  readonly store: ObjectStore
  /** Of stdout. */
  readonly style: Style
  readonly print: (forms: Forms) => Promise<void>
}

export async function withStore(
  input: CommandInput,
  work: (command: StoreCommand) => Promise<number>,
): Promise<number> {
  const { context } = input
  const project = await openProject(context, input.settings)
  try {
    const { settings } = project
    return await work({
      project,
      store: await openStoreOf(project, settings.store.value),
      style: styleOf(context, settings, 'stdout'),
      print: async (forms) => {
        context.output.out(await printed(settings, forms))
      },
    })
  } finally {
    await project.repository.close()
  }
}
