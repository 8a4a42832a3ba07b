// An exported revision comes in; the targets that its trueup.yaml names, and how trueup is started in it, go out.
import { join } from 'node:path'
import type { RevisionTree } from '../../desired/export-revision.js'
import type { Approval } from '../../reconcile/approvals.js'
import type { CommandInput } from '../command.js'
import { resolveTargets, secretsOf, type TargetConfig } from '../config-targets.js'
import type { ConfigFreeze, NotificationsConfig, SecretsConfig } from '../config-types.js'
import { openProject, pathInside, type Project } from '../project.js'

/** A revision with its targets. Its folder stays until it is retired and nothing runs in it. */
export interface ServedTree {
  readonly tree: RevisionTree
  /** Absolute: where trueup is started. */
  readonly directory: string
  /** `--config …` where the file is not found by itself. */
  readonly configWords: readonly string[]
  readonly targets: ReadonlyMap<string, TargetConfig>
  readonly freezes: readonly ConfigFreeze[]
  readonly approvals: readonly Approval[]
  readonly notifications: Partial<NotificationsConfig>
  readonly secrets: SecretsConfig
  /** Absolute: the folder of its trueup.yaml. */
  readonly configDirectory: string
  users: number
  isRetired: boolean
}

/** @throws as opening a project does: a trueup.yaml that is wrong, say */
export async function openServed(input: CommandInput, home: Project, tree: RevisionTree): Promise<ServedTree> {
  const directory = join(tree.folder, pathInside(home.repository.root, home.workingDirectory) ?? '')
  const config = home.configFile === null ? undefined : (inTree(home, tree, home.configFile) ?? home.configFile)
  const settings = {
    ...input.settings,
    directory: { ...input.settings.directory, value: directory },
    ...(config === undefined ? {} : { config: { ...input.settings.config, value: config } }),
  }
  const project = await openProject(input.context, settings)
  try {
    return {
      tree,
      directory,
      configWords: config === undefined ? [] : ['--config', config],
      targets: resolveTargets(project.config),
      freezes: project.config.freezes ?? [],
      approvals: project.config.approvals ?? [],
      notifications: project.config.notifications ?? {},
      secrets: secretsOf(project.config),
      configDirectory: project.directory,
      users: 0,
      isRetired: false,
    }
  } finally {
    await project.repository.close()
  }
}

/** Where a file of the repository lies in the tree. */
function inTree(home: Project, tree: RevisionTree, file: string): string | undefined {
  const path = pathInside(home.repository.root, file)
  return path === null ? undefined : join(tree.folder, path)
}

/** Runs `work` in a tree that stays until it has ended. */
export async function within<T>(served: ServedTree, work: () => Promise<T>): Promise<T> {
  served.users += 1
  try {
    return await work()
  } finally {
    served.users -= 1
    await removeIfUnused(served)
  }
}

export async function retire(served: ServedTree): Promise<void> {
  served.isRetired = true
  await removeIfUnused(served)
}

async function removeIfUnused({ isRetired, users, tree }: ServedTree): Promise<void> {
  if (isRetired && users === 0) await tree.remove()
}
