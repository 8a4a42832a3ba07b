// What every data command begins with: the project, the revision that was asked for, where its data lies by its own trueup.yaml, and where what was
// made of it is kept. Closes everything afterwards.
import { existsSync } from 'node:fs'
import { availableParallelism } from 'node:os'
import { join, posix } from 'node:path'
import type { LoadOptions } from '../desired/data/load-bundle.js'
import type { Snapshot } from '../desired/source.js'
import { TrueupError } from '../errors.js'
import { styleOf } from './appearance.js'
import type { CommandInput } from './command.js'
import { emptyConfig } from './config.js'
import { dataPlaceOf } from './data-place.js'
import { configAt, openProject, type Project } from './project.js'
import { listenForStop } from './stop-signals.js'

export interface OpenedData {
  readonly project: Project
  readonly load: LoadOptions
  /** `HEAD`, a commit, `the working tree`. */
  readonly revision: string
  /** Says it on stderr. */
  readonly warn: (message: string) => void
}

export async function withData<T>(input: CommandInput, work: (opened: OpenedData) => Promise<T>): Promise<T> {
  const { context, settings } = input
  const style = styleOf(context, settings, 'stderr')
  const warn = (message: string): void => {
    context.output.err(`${style.yellow('trueup: warning:')} ${style.data(message)}\n`)
  }
  const signals = listenForStop({
    onStop: (message) => {
      context.output.err(`trueup: ${message}\n`)
    },
  })
  const project = await openProject(context, settings, { signal: signals.stop, warn })
  try {
    await using snapshot = await snapshotOf(project, settings.revision.value)
    return await work({
      project,
      load: await loadOptions(project, snapshot),
      revision: settings.revision.value ?? 'the working tree',
      warn,
    })
  } finally {
    await project.repository.close()
    signals.close()
  }
}

/** The commit that --revision names, else the working tree. @throws source-unavailable for one that cannot be had */
export async function snapshotOf({ repository }: Project, revision: string | undefined): Promise<Snapshot> {
  if (revision === undefined) return repository.head({ committed: false })
  const resolved = await repository.resolve(revision)
  if (resolved.kind === 'found') return repository.at(resolved.id)
  throw new TrueupError('source-unavailable', `--revision ${revision}: ${resolved.reason}`, { details: { revision } })
}

/** The options with which the data of a snapshot of this project is loaded: by the trueup.yaml of that snapshot. */
export async function loadOptions(project: Project, snapshot: Snapshot): Promise<LoadOptions> {
  const { configPath, cache, tool, repository } = project
  const { revision } = snapshot
  const there = revision.kind === 'worktree' ? undefined : await configAt(project, snapshot)
  const config = revision.kind === 'worktree' ? project.config : (there?.config ?? emptyConfig())
  const folder = configPath === null ? '' : posix.dirname(configPath)
  const commit = revision.kind === 'commit' ? revision.id : revision.commit
  const worker = join(tool.root, 'dist/src/desired/data/inspect-worker.js')
  return {
    snapshot,
    place: dataPlaceOf(config, folder === '.' ? '' : folder),
    cacheDirectory: cache.directory,
    ...(commit === null ? {} : { commitTimestamp: String(await repository.committedAt(commit)) }),
    // Where only the sources are, everything is done in this process.
    ...(existsSync(worker)
      ? { workers: { file: worker, count: Math.max(1, Math.min(8, availableParallelism())) } }
      : {}),
  }
}
