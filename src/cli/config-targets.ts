// The checked trueup.yaml in, targets with their defaults out: by name, with a suggestion, and as what decides outcomes.
// Loads no integration: which names exist is told by the caller.
import { TrueupError } from '../errors.js'
import type { Json } from '../event.js'
import type { LimitSettings } from '../integration.js'
import type { Config, ConfigPolicies, ConfigTarget, SecretsConfig, SourceConfig } from './config-types.js'
import { OPTIONS } from './options.js'
import { didYouMean } from '../util/suggest.js'

/** An integration as configured. */
export interface TargetConfig {
  readonly name: string
  /** Name or path. */
  readonly integration: string
  /** As written; the integration's schema gives types and defaults. */
  readonly params: Readonly<Record<string, Json>>
  /** `limits:` of the file with the target's own on top; the integration's lie under them. */
  readonly limits: LimitSettings
  readonly labels: Readonly<Record<string, string>>
  /** Targets that come first where one command runs several. */
  readonly after: readonly string[]
  /** Concerns the daemon alone. */
  readonly apply: boolean
  readonly schedule: string | null
  /** When a daemon may apply it. */
  readonly policies: ConfigPolicies
  readonly ttlMs: number | null
  /** In place of what the integration says; null to ask it. */
  readonly destination: string | null
  readonly source: SourceConfig
}

/** The targets that the file names, in its order. */
export function resolveTargets(config: Config): ReadonlyMap<string, TargetConfig> {
  return new Map(Object.entries(config.targets ?? {}).map(([name, target]) => [name, resolved(config, name, target)]))
}

/** The target that an integration has without an entry: its own name, and defaults. */
export function defaultTarget(config: Config, integration: string): TargetConfig {
  return resolved(config, integration, {})
}

/** A target of the file, else the default target of an integration of that name; `usage` with a suggestion for neither. */
export async function findTarget(config: Config, name: string, integrations: Iterable<string>): Promise<TargetConfig> {
  const targets = resolveTargets(config)
  const target = targets.get(name)
  if (target !== undefined) return target
  const known = new Set([...targets.keys(), ...integrations])
  if (known.has(name)) return defaultTarget(config, name)
  const suggestion = didYouMean(name, known)
  const all =
    known.size === 0
      ? 'There are none yet: `trueup init` makes a first one.'
      : `\`trueup list\` shows ${known.size === 1 ? 'the only one' : `all ${known.size}`}.`
  throw new TrueupError('usage', `no target or integration is called "${name}".${suggestion} ${all}`, {
    details: { target: name },
  })
}

/** The target with the flags of one run on top. */
export function withOverrides(
  target: TargetConfig,
  overrides: { readonly params?: Readonly<Record<string, Json>>; readonly limits?: LimitSettings },
): TargetConfig {
  return {
    ...target,
    params: { ...target.params, ...overrides.params },
    limits: { ...target.limits, ...overrides.limits },
  }
}

/**
 * What decides the outcome of a run of this target, as JSON to compare and to digest: two that are equal are one configuration.
 * Left out, since they only decide when and by whom it runs: schedule, ttl, labels, after, apply, policies, concurrency, timeout, log level.
 */
export function effectiveTargetSettings(config: Config, target: TargetConfig): Json {
  return {
    integration: target.integration,
    params: target.params,
    data: typeof config.data === 'object' ? { ...config.data } : (config.data ?? null),
    limits: { ...target.limits },
    store: config.store ?? OPTIONS.store.default,
    secrets: { ...secretsOf(config) },
    destination: target.destination,
    source: target.source as Json,
  }
}

/** `secrets:` of the file with its default. */
export function secretsOf({ secrets }: Config): SecretsConfig {
  return { backend: secrets?.backend ?? 'env', ...(secrets?.dir === undefined ? {} : { dir: secrets.dir }) }
}

function resolved(config: Config, name: string, target: ConfigTarget): TargetConfig {
  return {
    name,
    integration: target.integration ?? name,
    params: target.params ?? {},
    limits: { ...config.limits, ...target.limits },
    labels: target.labels ?? {},
    after: target.after ?? [],
    apply: target.apply ?? false,
    schedule: target.schedule ?? null,
    policies: target.policies ?? {},
    ttlMs: target.ttl ?? null,
    destination: target.destination ?? null,
    source: target.source ?? 'git',
  }
}
