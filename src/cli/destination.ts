// Where a target acts, asked outside of a run: loads its code, gives it no identity.
import { TrueupError } from '../errors.js'
import { loadTarget, targetOf } from './load-target.js'
import type { LoadedTarget } from '../run-types.js'
import { isCi, type Environment } from './process-context.js'
import type { Project } from './project.js'

export interface PlacedTarget extends LoadedTarget {
  readonly name: string
  readonly destination: string
}

/** @throws usage when the place has no identity yet; `why` ends the message */
export async function placeOf(
  project: Project,
  given: { readonly name: string; readonly environment: Environment; readonly why: string },
): Promise<PlacedTarget> {
  const target = await targetOf(project, given.name)
  const params = Object.fromEntries(project.settings.params.value.map(({ name, value }) => [name, value]))
  const loaded = await loadTarget({ project, target, params, ci: isCi(given.environment) })
  const { definition } = loaded
  const destination =
    definition.destination === undefined
      ? target.name
      : await project.authored('', async () => definition.destination?.(loaded.params, { create: false }))
  if (destination !== undefined) return { ...loaded, name: target.name, destination }
  throw new TrueupError(
    'usage',
    `${target.name} has no destination yet; apply it once before ${given.why}: trueup apply ${target.name}`,
  )
}
