// What commands that ask data have in common: the project opened, and closed whatever happens. They load data only once they know that they need it.
import type { CommandInput } from './command.js'
import { openProject, type Project } from './project.js'

export async function withProject(input: CommandInput, work: (project: Project) => Promise<number>): Promise<number> {
  const warn = (message: string): void => input.context.output.err(`trueup: warning: ${message}\n`)
  const project = await openProject(input.context, input.settings, { warn })
  try {
    return await work(project)
  } finally {
    await project.repository.close()
  }
}
