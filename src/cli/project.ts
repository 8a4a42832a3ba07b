// Where a command works: folder, repository, trueup.yaml, settings with the file's values laid under them.
import { readFile } from 'node:fs/promises'
import { dirname, join, relative, resolve, sep } from 'node:path'
import { openGitRepository } from '../desired/git-repository.js'
import type { BundleQueries } from '../desired/graphql/bundle-queries.js'
import type { Repository, Snapshot } from '../desired/source.js'
import { TrueupError } from '../errors.js'
import type { Authored, Capture } from '../report/capture.js'
import type { ObjectStore } from '../store/object-store.js'
import { systemClock } from '../util/clock.js'
import { digestBytes } from '../util/digest.js'
import { emptyConfig, fileSettings, findConfigFile, parseConfig, type Config } from './config.js'
import type { Settings } from './options.js'
import { withFileSettings } from './options-settings.js'
import type { ProcessContext } from './process-context.js'
import type { LocalCache } from './local-cache.js'
import { openLocalCache } from './local-cache.js'
import { readTool, type Tool } from './tool.js'

export interface Project {
  readonly tool: Tool
  /** Absolute; `-C` applied. */
  readonly workingDirectory: string
  readonly repository: Repository
  /** Absolute; null when there is none. */
  readonly configFile: string | null
  /** Its path in the repository; null when there is none or it lies outside. */
  readonly configPath: string | null
  /** What `file:` stores and relative places are relative to: the folder of trueup.yaml, else the repository's root. */
  readonly directory: string
  readonly config: Config
  /** Text of trueup.yaml as read; empty when there is none. */
  readonly configText: string
  readonly settings: Settings
  readonly cache: LocalCache
  /** Stores that were opened, by URL. */
  readonly stores: Map<string, Promise<ObjectStore>>
  /** Data bundles of revisions, by what they were read from. */
  readonly bundles: Map<string, Promise<BundleQueries>>
  /** Of the process: endpoint and checksums of an S3 store may be in it. */
  readonly environment: ProcessContext['environment']
  readonly capture: Capture
  /** Loads integrations where no run is under way. */
  readonly authored: Authored
}

export async function openProject(
  context: ProcessContext,
  settings: Settings,
  options: {
    readonly signal?: AbortSignal
    readonly warn?: (message: string) => void
    /** What the command is about, where it is one target: git is asked at once for what that took the last time. */
    readonly target?: string
    /** @defaultValue what integrations print goes to stderr */
    readonly authored?: Authored
  } = {},
): Promise<Project> {
  const tool = readTool()
  const workingDirectory = resolve(context.cwd, settings.directory.value ?? '.')
  const { target } = options
  const cacheOf = (root: string): LocalCache => openLocalCache({ environment: context.environment, tool, root })
  const repository = await openGitRepository(workingDirectory, {
    clock: systemClock,
    environment: context.environment,
    trustRepository: settings.trustRepo.value,
    ...(target === undefined
      ? {}
      : { askAhead: (root) => askedAhead(settings, cacheOf(root).getNow(pathsKey(workingDirectory, target))) }),
    ...(options.signal === undefined ? {} : { signal: options.signal }),
    ...(options.warn === undefined ? {} : { warn: options.warn }),
  })
  try {
    const configFile = (await findConfigFile({ directory: workingDirectory, config: settings.config.value })) ?? null
    const configPath = configFile === null ? null : pathInside(repository.root, configFile)
    const cache = cacheOf(repository.root)
    const configText =
      configFile === null
        ? ''
        : await configTextOf({ repository, configFile, configPath, committed: settings.committed.value })
    const config =
      configFile === null
        ? emptyConfig()
        : await parseCached(configText, shownPath(workingDirectory, configFile), cache)
    return {
      tool,
      workingDirectory,
      repository,
      configFile,
      configPath,
      directory: configFile === null ? repository.root : dirname(configFile),
      config,
      configText,
      settings: withFileSettings(settings, fileSettings(config)),
      cache,
      stores: new Map(),
      bundles: new Map(),
      environment: context.environment,
      capture: context.capture,
      authored: options.authored ?? ((_shard, load) => load()),
    }
  } catch (error) {
    await repository.close()
    throw error
  }
}

/** Where the paths are kept that a target's revisions are asked for. */
export function pathsKey(workingDirectory: string, target: string): readonly string[] {
  return ['paths', workingDirectory, target]
}

function askedAhead(
  settings: Settings,
  kept: unknown,
): { readonly revisions: readonly string[]; readonly paths: readonly string[] } {
  const base = settings.force.value ? undefined : settings.compareWith.value
  // With --committed, the configuration asks for HEAD, then the run.
  const head = settings.committed.value ? ['HEAD', 'HEAD'] : ['HEAD']
  const paths = Array.isArray(kept) ? kept.filter((path) => typeof path === 'string') : []
  return { revisions: base === undefined || base === 'last-applied' ? head : [...head, base], paths }
}

/** With `--committed`, trueup.yaml is that of HEAD too. */
async function configTextOf(where: {
  repository: Repository
  configFile: string
  configPath: string | null
  committed: boolean
}): Promise<string> {
  if (!where.committed || where.configPath === null) return readFile(where.configFile, 'utf8')
  await using head = await where.repository.head({ committed: true })
  const bytes = await head.read(where.configPath)
  if (bytes !== undefined) return new TextDecoder().decode(bytes)
  throw new TrueupError(
    'head-unclean',
    `${where.configPath} is not committed, but --committed takes it from HEAD: commit it, or leave --committed out`,
  )
}

/** Parsing YAML costs more than a whole skip, so the parsed file is kept by the digest of its text. */
export async function parseCached(text: string, file: string, cache: LocalCache): Promise<Config> {
  const key = ['config', file, digestBytes(text)]
  const kept = await cache.get<Config>(key)
  if (kept !== undefined) return kept
  const config = await parseConfig(text, file)
  await cache.put(key, config)
  return config
}

/** The configuration at another revision; undefined when that revision has no such file. */
export async function configAt(
  project: Project,
  snapshot: Snapshot,
): Promise<{ readonly config: Config; readonly text: string } | undefined> {
  if (project.configPath === null) return undefined
  const bytes = await snapshot.read(project.configPath)
  if (bytes === undefined) return undefined
  const text = new TextDecoder().decode(bytes)
  if (text === project.configText) return { config: project.config, text }
  const revision = snapshot.revision.kind === 'commit' ? snapshot.revision.id.slice(0, 8) : 'worktree'
  return { config: await parseCached(text, `${revision}:${project.configPath}`, project.cache), text }
}

/** Path from the repository's root with `/`; null outside of it. */
export function pathInside(root: string, file: string): string | null {
  const path = relative(root, file)
  return path === '' || path.startsWith('..') || resolve(root, path) !== resolve(file)
    ? null
    : path.split(sep).join('/')
}

function shownPath(directory: string, file: string): string {
  const path = relative(directory, file)
  return path.startsWith('..') ? file : join(path)
}
