// Project, target and base come in; limits, approvals, store and place of secrets that a run is held to, and notes on them, go out.
import type { Snapshot } from '../desired/source.js'
import { toError } from '../errors.js'
import type { RunMode } from '../event.js'
import type { LimitSettings } from '../integration.js'
import type { Approval } from '../reconcile/approvals.js'
import type { Config } from './config.js'
import { defaultTarget, resolveTargets, secretsOf, type TargetConfig } from './config-targets.js'
import type { CacheConfig, SecretsConfig } from './config-types.js'
import { secretsText } from './open-secrets.js'
import { configAt, type Project } from './project.js'

export interface InForce {
  readonly limits: LimitSettings
  readonly store: string
  readonly approvals: readonly Approval[]
  readonly secrets: SecretsConfig
  /** Who signs cache entries; a pull request must not switch it off. */
  readonly signing: CacheConfig['sign'] | undefined
  readonly notes: readonly string[]
}

export interface InForceQuestion {
  readonly target: TargetConfig
  readonly base: Snapshot | undefined
  readonly mode: RunMode
}

/**
 * In a dry run with a base, limits, approvals, store and place of secrets are the base's: a pull request must not loosen what it is checked
 * by.
 */
export async function settingsInForce(project: Project, { target, base, mode }: InForceQuestion): Promise<InForce> {
  const { store } = project.settings
  const head: InForce = {
    limits: target.limits,
    store: store.value,
    approvals: project.config.approvals ?? [],
    secrets: secretsOf(project.config),
    signing: project.config.cache?.sign,
    notes: [],
  }
  if (mode === 'apply' || base === undefined || project.configFile === null) return head
  const short = base.revision.kind === 'commit' ? base.revision.id.slice(0, 8) : 'the base'
  let found
  try {
    found = await configAt(project, base)
  } catch (thrown) {
    return {
      ...head,
      notes: [
        `limits, approvals, store and secrets come from the head, since trueup.yaml of ${short} cannot be read: ${toError(thrown).message}`,
      ],
    }
  }
  if (found === undefined && project.configPath !== null) {
    return {
      ...head,
      notes: [`limits, approvals, store and secrets come from the head, since ${short} has no ${project.configPath}`],
    }
  }
  if (found === undefined || found.text === project.configText) return head
  const there = targetIn(found.config, target)
  const limits = there?.limits ?? found.config.limits ?? {}
  const url =
    store.origin === 'flag' || store.origin === 'variable' ? store.value : (found.config.store ?? 'file:.trueup')
  const notes: string[] = []
  if (JSON.stringify(limits) !== JSON.stringify(target.limits)) {
    notes.push(
      `limits in force are those of ${short}: ${JSON.stringify(limits)}; those of the head are ${JSON.stringify(target.limits)}`,
    )
  }
  if (url !== store.value)
    notes.push(`the store in force is that of ${short}: ${url}; that of the head is ${store.value}`)
  const approvals = found.config.approvals ?? []
  const mine = (all: readonly Approval[]): string => JSON.stringify(all.filter((one) => one.target === target.name))
  if (mine(approvals) !== mine(head.approvals))
    notes.push(`deletion approvals in force are those of ${short}: what the head adds counts once it is there`)
  const secrets = secretsOf(found.config)
  if (JSON.stringify(secrets) !== JSON.stringify(head.secrets)) {
    notes.push(
      `secrets are read from ${secretsText(secrets)} as at ${short}; the head says ${secretsText(head.secrets)}`,
    )
  }
  return { limits, store: url, approvals, secrets, signing: found.config.cache?.sign, notes }
}

/** The target as another configuration has it; undefined where it has none. */
export function targetIn(config: Config, target: TargetConfig): TargetConfig | undefined {
  const named = resolveTargets(config).get(target.name)
  if (named !== undefined) return named
  // A target without an entry has its integration's name (or is called by path).
  return target.integration === target.name || target.integration.startsWith('.')
    ? { ...defaultTarget(config, target.name), integration: target.integration }
    : undefined
}
