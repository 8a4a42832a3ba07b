// A project comes in; where its commits are had, where its runs keep what they keep, and under which name its times are kept, go out.
import { createHash } from 'node:crypto'
import { join, resolve } from 'node:path'
import { openRevisions, type RevisionSource } from '../../desired/export-revision.js'
import { TrueupError } from '../../errors.js'
import { parseStoreUrl } from '../../store/open-store.js'
import { systemClock } from '../../util/clock.js'
import { secretsOf } from '../config-targets.js'
import type { Environment } from '../process-context.js'
import { pathInside, type Project } from '../project.js'

/** Relative to trueup.yaml it would lie in a tree that is removed. */
export function storeForChildren({ settings, directory }: Project): string {
  const location = parseStoreUrl(settings.store.value)
  if (location.kind === 'memory')
    throw new TrueupError(
      'usage',
      'serve runs each target in a process of its own, which share nothing with --store memory: use file:<dir> or s3://bucket/prefix',
    )
  return location.kind === 'directory' ? `file:${resolve(directory, location.path)}` : settings.store.value
}

export function openRevisionsOf(
  { repository, settings, directory, config }: Project,
  environment: Environment,
  signal: AbortSignal,
): Promise<RevisionSource> {
  const own = pathInside(repository.root, directory)
  const secrets = secretsOf(config)
  const secretsAt =
    secrets.backend === 'file' && secrets.dir !== undefined
      ? pathInside(repository.root, resolve(directory, secrets.dir))
      : null
  const links = [
    'node_modules',
    ...(own === null ? [] : [join(own, 'node_modules')]),
    ...(secretsAt === null ? [] : [secretsAt]),
  ]
  return openRevisions({
    root: repository.root,
    branch: settings.ref.value ?? null,
    links: [...new Set(links)],
    clock: systemClock,
    environment,
    trustRepository: settings.trustRepo.value,
    signal,
  })
}

/** Daemons that serve something else, or apply where this one does not, keep times of their own. */
export function identityOf({ configPath, settings }: Project, { description }: RevisionSource): readonly string[] {
  const mode = settings.apply.value || settings.noDryRun.value ? 'apply' : 'dry-run'
  const what = createHash('sha256')
    .update(JSON.stringify([description, configPath]))
    .digest('hex')
  return [mode, what.slice(0, 16)]
}
