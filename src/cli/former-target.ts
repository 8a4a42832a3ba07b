// A target that trueup.yaml may no longer have, as it was configured when it last acted. Loads no integration.
import { isTrueupError, TrueupError } from '../errors.js'
import type { Json, RunConfiguration } from '../event.js'
import { createRecordStore } from '../store/records.js'
import type { ObjectStore } from '../store/object-store.js'
import { holdsHidden } from '../store/undo.js'
import { defaultTarget, resolveTargets, type TargetConfig } from './config-targets.js'
import { targetOf } from './load-target.js'
import type { Project } from './project.js'

export interface FormerTarget {
  readonly target: TargetConfig
  /** Texts of `--param` that it had. */
  readonly params: Readonly<Record<string, string>>
  /** The run whose record tells of it; null for a target that is configured now. */
  readonly from: string | null
}

/**
 * As configured now, else as the record of its last apply says: a default target of the same name could act somewhere else.
 *
 * @throws usage when neither knows it
 */
export async function targetOrFormer(project: Project, name: string, store: ObjectStore): Promise<FormerTarget> {
  const configured = resolveTargets(project.config).get(name)
  if (configured !== undefined) return { target: configured, params: {}, from: null }
  for await (const record of createRecordStore(store).list(name)) {
    const { run, configured: then } = record
    if (then === undefined || run.mode !== 'apply') continue
    const isDefault =
      then.integration === name && then.destination === null && isEmpty(then.params) && isEmpty(then.flags)
    refuseHidden(project, { run: run.id, target: name, values: { ...then.params, ...then.flags } })
    if (then.destination !== null && holdsHidden(then.destination)) {
      throw new TrueupError(
        'usage',
        `trueup.yaml has no target ${name}, and the destination it had in run ${run.id} holds a secret, which no record keeps: name the target in trueup.yaml again.`,
        { details: { target: name, run: run.id } },
      )
    }
    return { ...formerTarget(project, name, then), from: isDefault ? null : run.id }
  }
  try {
    return { target: await targetOf(project, name), params: {}, from: null }
  } catch (error) {
    if (!isTrueupError(error) || (error.code !== 'usage' && error.code !== 'integration-unknown')) throw error
    throw new TrueupError('usage', `${error.message} No record of an apply tells how it was configured, either.`, {
      cause: error,
      details: error.details,
    })
  }
}

/** @throws usage for a parameter that a record does not keep whole, unless `--param` gives it */
export function refuseHidden(
  { settings }: Project,
  {
    run,
    target,
    values,
  }: { readonly run: string; readonly target: string; readonly values: Readonly<Record<string, Json>> },
): void {
  const given = new Set(settings.params.value.map(({ name }) => name))
  const hidden = Object.keys(values).find((name) => !given.has(name) && holdsHidden({ [name]: values[name] ?? null }))
  if (hidden === undefined) return
  throw new TrueupError(
    'usage',
    `the parameter ${hidden} of ${target} held a secret in run ${run}, which no record keeps: give it with --param ${hidden}=<value>`,
    { details: { target, run, parameter: hidden } },
  )
}

function isEmpty(object: object): boolean {
  return Object.keys(object).length === 0
}

function formerTarget(project: Project, name: string, configured: RunConfiguration): Omit<FormerTarget, 'from'> {
  const { integration, params, destination, flags } = configured
  return { target: { ...defaultTarget(project.config, name), integration, params, destination }, params: flags }
}
