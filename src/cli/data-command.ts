// What commands about the data bundle have in common: the project opened, the snapshot of the revision asked for, both closed whatever happens.
import type { Snapshot } from '../desired/source.js'
import { TrueupError } from '../errors.js'
import type { CommandInput } from './command.js'
import { openProject, type Project } from './project.js'

export async function withData(input: CommandInput, work: (project: Project) => Promise<number>): Promise<number> {
  const warn = (message: string): void => input.context.output.err(`trueup: warning: ${message}\n`)
  const project = await openProject(input.context, input.settings, { warn })
  try {
    return await work(project)
  } finally {
    await project.repository.close()
  }
}

/** The commit that --revision names, else the working tree. @throws base-unavailable for one that cannot be had */
export async function revisionOf({ repository, settings }: Project): Promise<Snapshot> {
  const { value: revision } = settings.revision
  if (revision === undefined) return repository.head({ committed: false })
  const resolved = await repository.resolve(revision)
  if (resolved.kind === 'found') return repository.at(resolved.id)
  throw new TrueupError('base-unavailable', `there is no revision ${revision}: ${resolved.reason}`, {
    details: { revision },
  })
}
