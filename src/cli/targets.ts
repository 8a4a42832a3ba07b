// All targets of a revision: those that trueup.yaml names, and the files of integrations without an entry. Looks at names; loads nothing.
import { basename, dirname, extname, relative, resolve, sep } from 'node:path'
import { escapeGlob } from '../desired/globs.js'
import type { Snapshot } from '../desired/source.js'
import { findInPlaces, nameOfFile } from '../loading/find-integrations.js'
import { emptyConfig, type Config } from './config.js'
import { defaultTarget, resolveTargets, type TargetConfig } from './config-targets.js'
import { loadOptions } from './load-target.js'
import { configAt, pathInside, type Project } from './project.js'

export interface HeadTarget {
  readonly target: TargetConfig
  /** trueup.yaml names it. */
  readonly isConfigured: boolean
}

/** Of the head, by name. Integrations of packages and built-in ones count where trueup.yaml names them. */
export async function targetsOfHead(project: Project): Promise<readonly HeadTarget[]> {
  const named = resolveTargets(project.config)
  const { places } = await loadOptions(project)
  const { files } = await findInPlaces(places, project.directory)
  const free = unnamed(
    named,
    files.map(({ name, file }) => ({ name, file: relative(project.directory, file).split(sep).join('/') })),
  )
  return [
    ...[...named.values()].map((target) => ({ target, isConfigured: true })),
    ...free.map((name) => ({ target: defaultTarget(project.config, name), isConfigured: false })),
  ].sort((a, b) => compare(a.target.name, b.target.name))
}

/** Names of targets that a base had and the head has not, sorted. */
export async function removedTargets(
  project: Project,
  base: Snapshot,
  head: readonly HeadTarget[],
): Promise<readonly string[]> {
  // A file outside of the repository is the same on both sides, and so are its targets.
  const found = project.configPath === null ? { config: project.config } : await configAt(project, base)
  const config = found?.config ?? emptyConfig()
  const named = resolveTargets(config)
  const here = new Set(head.map(({ target }) => target.name))
  const names = [...named.keys(), ...unnamed(named, await filesOf(project, config, base))]
  return [...new Set(names)].filter((name) => !here.has(name)).sort()
}

interface NamedFile {
  readonly name: string
  /** From the folder of trueup.yaml. */
  readonly file: string
}

/** Names of files that no target means, by name or by path. */
function unnamed(named: ReadonlyMap<string, TargetConfig>, files: readonly NamedFile[]): readonly string[] {
  const meant = new Set([...named.values()].map(({ integration }) => integration.replace(/^(?:\.\/)+/, '')))
  return [
    ...new Set(
      files.flatMap(({ name, file }) => {
        const isMeant = meant.has(name) || meant.has(file) || meant.has(dirname(file))
        return isMeant || named.has(name) ? [] : [name]
      }),
    ),
  ]
}

const NAME = /^[a-z][a-z0-9-]*$/

/** Files that may hold an integration, in the places that are folders of the repository. */
async function filesOf(project: Project, config: Config, base: Snapshot): Promise<readonly NamedFile[]> {
  const folder = pathInside(project.repository.root, project.directory) ?? ''
  const globs = (config.integrations ?? ['integrations']).flatMap((place) => {
    const path = pathInside(project.repository.root, resolve(project.directory, place))
    return path === null ? [] : [`${escapeGlob(path)}/*.{ts,mts,js,mjs}`, `${escapeGlob(path)}/*/index.{ts,mts,js,mjs}`]
  })
  if (globs.length === 0) return []
  return (await base.entries(globs)).flatMap(({ path }) => {
    const name = nameOfFile(path)
    if (!NAME.test(name) || name === 'index' || basename(path, extname(path)).includes('.')) return []
    return [{ name, file: folder === '' ? path : path.slice(folder.length + 1) }]
  })
}

function compare(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0
}
