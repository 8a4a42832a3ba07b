// The name of a target as typed in, the name that the store knows it by out: also of one that trueup.yaml no longer has.
import { createRecordStore } from '../store/records.js'
import type { ObjectStore } from '../store/object-store.js'
import { resolveTargets } from './config-targets.js'
import { targetOf } from './load-target.js'
import type { Project } from './project.js'

/**
 * Code is loaded only for a name that neither trueup.yaml nor a record has.
 *
 * @throws usage with a suggestion for a name that nothing knows
 */
export async function knownTarget(project: Project, store: ObjectStore, name: string): Promise<string> {
  if (resolveTargets(project.config).has(name)) return name
  for await (const record of createRecordStore(store).list(name)) return record.run.target
  return (await targetOf(project, name)).name
}
