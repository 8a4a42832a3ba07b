// Loads a target's integration with its parameters; knows where integrations are found in this project.
import { join } from 'node:path'
import { isTrueupError, TrueupError } from '../errors.js'
import { moduleLoaded } from '../reconcile/made-relations.js'
import type { Authored } from '../report/capture.js'
import type { LoadOptions } from '../load-integration.js'
import type { LoadedTarget } from '../run-types.js'
import { isDirectory } from '../util/path-kind.js'
import { builtins } from './builtins.js'
import { defaultTarget, findTarget, resolveTargets, type TargetConfig } from './config-targets.js'
import type { TargetReference } from './open-target.js'
import type { Project } from './project.js'
import { doors } from './tool.js'

/** `authored`: whose prints they are that loading causes. @defaultValue nobody's yet */
export async function loadTarget(
  reference: TargetReference,
  authored: Authored = reference.project.authored,
): Promise<LoadedTarget & { readonly file: string | null }> {
  const { project, target } = reference
  const [{ loadIntegration }, { resolveParams }] = await Promise.all([
    import('../load-integration.js'),
    import('../params.js'),
  ])
  const options = await loadOptions(project)
  const { definition, file, values } = await authored('', async () => {
    const loaded = await loadIntegration(target.integration, options)
    moduleLoaded(loaded.file ?? `built-in ${loaded.name}`)
    const params = { file: target.params, flags: reference.params, target: target.name }
    return { ...loaded, ...(await resolveParams(loaded.definition, params)) }
  })
  const withDestination = target.destination
  return {
    // trueup.yaml may name the destination in place of the integration.
    definition: withDestination === null ? definition : { ...definition, destination: () => withDestination },
    params: values,
    file,
  }
}

export async function loadOptions(project: Project): Promise<LoadOptions> {
  return {
    configDirectory: project.directory,
    places:
      project.config.integrations ??
      ((await isDirectory(join(project.directory, 'integrations'))) ? ['integrations'] : []),
    workingDirectory: project.workingDirectory,
    cacheDirectory: join(project.cache.directory ?? join(project.directory, '.trueup', 'cache'), 'jiti'),
    builtins,
    trueupEntry: doors(project.tool),
  }
}

/** A target of trueup.yaml, an integration's name, or a path to its file. */
export async function targetOf(project: Project, name: string): Promise<TargetConfig> {
  const configured = resolveTargets(project.config).get(name)
  if (configured !== undefined) return configured
  if (Object.hasOwn(builtins, name)) return defaultTarget(project.config, name)
  const { loadIntegration, listIntegrations } = await import('../load-integration.js')
  const options = await loadOptions(project)
  try {
    const loaded = await project.authored('', () => loadIntegration(name, options))
    return { ...defaultTarget(project.config, loaded.name), integration: name }
  } catch (error) {
    if (!isTrueupError(error) || error.code !== 'integration-unknown') throw error
    if (/[/\\]|\.[mc]?[jt]s$/.test(name))
      throw new TrueupError('usage', error.message, { cause: error, details: error.details })
    const known = await project.authored('', () => listIntegrations(options))
    return findTarget(
      project.config,
      name,
      known.map((it) => it.name),
    )
  }
}
