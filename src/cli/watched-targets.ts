// Which targets `status` tells of when none is named. In: the project and its store. Out: names. Looks at the names of files; loads no integration.
import { findInPlaces } from '../loading/find-integrations.js'
import { createRecordStore } from '../store/records.js'
import type { ObjectStore } from '../store/object-store.js'
import { builtins } from './builtins.js'
import { resolveTargets } from './config-targets.js'
import { loadOptions } from './load-target.js'
import type { Project } from './project.js'

export interface WatchedTargets {
  /** Those of trueup.yaml, and integrations without an entry that were applied under their own name. */
  readonly expected: readonly string[]
  /** Known to the store alone: of interest only for what is open there. */
  readonly former: readonly string[]
}

export async function watchedTargets(project: Project, store: ObjectStore): Promise<WatchedTargets> {
  const configured = [...resolveTargets(project.config).keys()]
  const others = await createRecordStore(store).appliedTargets(configured)
  if (others.length === 0) return { expected: configured, former: [] }
  const { places, configDirectory } = await loadOptions(project)
  const { files } = await findInPlaces(places, configDirectory)
  const integrations = new Set([...Object.keys(builtins), ...files.map(({ name }) => name)])
  return {
    expected: [...configured, ...others.filter((name) => integrations.has(name))],
    former: others.filter((name) => !integrations.has(name)),
  }
}
