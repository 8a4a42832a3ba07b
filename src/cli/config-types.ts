// What a checked trueup.yaml holds. Types only.
import type { Json } from '../event.js'
import type { LimitSettings } from '../integration.js'
import type { NoticeKind } from '../notify/notice.js'
import type { Approval } from '../reconcile/approvals.js'

/** A target as the file says it, before defaults. `ttl` is in ms. */
export interface ConfigTarget {
  readonly integration?: string
  readonly params?: Readonly<Record<string, Json>>
  readonly schedule?: string
  readonly ttl?: number
  readonly apply?: boolean
  readonly labels?: Readonly<Record<string, string>>
  /** Targets that must have succeeded before, in a command that runs them too. */
  readonly after?: readonly string[]
  readonly policies?: ConfigPolicies
  readonly limits?: LimitSettings
  readonly destination?: string
  readonly source?: SourceConfig
}

/** When a daemon may apply a target; all must allow it. Durations are in ms. */
export interface ConfigPolicies {
  readonly soak?: { readonly after: string; readonly for: number }
  readonly rollout?: ConfigRollout
  readonly cooldown?: number
  readonly windows?: readonly { readonly schedule: string; readonly for: number; readonly timeZone?: string }[]
  readonly approval?: 'required'
}

/** Either `each` (linear) or `over` (linear, normalised). */
export interface ConfigRollout {
  readonly group?: string
  readonly each?: number
  readonly over?: number
}

/** Where desired state is read from: the files of the revision, or a GraphQL endpoint. */
export type SourceConfig = 'git' | { readonly graphql: GraphqlSource }

export interface GraphqlSource {
  readonly url: string
  /** `bundle`: the server tells which bundle is its newest, and answers from that one (default). */
  readonly pin?: 'bundle' | 'none'
  readonly auth?: { readonly secret: string; readonly field?: string; readonly scheme?: string }
  /** Of one attempt, ms. */
  readonly timeout?: number
  readonly attempts?: number
}

/** Where secrets are read from; `dir` belongs to `file` alone, and is relative to trueup.yaml. */
export interface SecretsConfig {
  readonly backend: 'env' | 'file'
  readonly dir?: string
}

/** Where data lies, relative to trueup.yaml. */
export interface DataConfig {
  readonly dir?: string
  readonly format?: 'default' | 'qontract'
  readonly schemas?: string
  readonly graphql?: string
  readonly resources?: string
}

/** Which secret holds the HMAC keys of cache entries (a field each), and the field that signs. */
export interface CacheConfig {
  readonly sign: { readonly secret: string; readonly key: string }
}

/** Recurring times at which a daemon applies nothing. */
export interface ConfigFreeze {
  /** Cron expression of its beginnings. */
  readonly schedule: string
  /** ms. */
  readonly for: number
  readonly timeZone?: string
  readonly reason: string
  /** Absent: all. */
  readonly targets?: readonly string[]
}

/** Where notices are sent to, or the secret that says so. */
export type NoticeAddress = string | { readonly secret: string; readonly field?: string }

/** Exactly one of `webhook`, `slack` and `command`. */
export interface ConfigReceiver {
  readonly webhook?: NoticeAddress
  readonly slack?: NoticeAddress
  readonly command?: readonly string[]
  readonly on?: readonly NoticeKind[]
  readonly labels?: Readonly<Record<string, string>>
}

/** Whom a daemon tells when the state of a target changes. */
export interface NotificationsConfig {
  /** ms. */
  readonly overdueAfter?: number
  readonly to: Readonly<Record<string, ConfigReceiver>>
}

/** How often one origin may be called, e.g. `10/s`. */
export interface ProviderConfig {
  readonly rate: string
  readonly burst?: number
}

/** The checked file. Plain JSON data, so that it can be kept by the digest of its text. Durations are in ms. */
export interface Config {
  /** The file as it is named in messages; null when there is none. */
  readonly file: string | null
  readonly version: 1
  /** Absent: the folder `integrations` beside the file, where there is one. */
  readonly integrations?: readonly string[]
  readonly data?: string | DataConfig
  readonly store?: string
  /** Where the replicas of `serve` share their targets: may hold a password. */
  readonly queue?: string
  readonly timeout?: number
  readonly concurrency?: number
  readonly logLevel?: 'debug' | 'info' | 'warn' | 'error'
  readonly secrets?: Partial<SecretsConfig>
  readonly cache?: Partial<CacheConfig>
  readonly ttl?: number
  readonly limits?: LimitSettings
  readonly approvals?: readonly Approval[]
  readonly freezes?: readonly ConfigFreeze[]
  readonly notifications?: NotificationsConfig
  /** By origin. */
  readonly providers?: Readonly<Record<string, ProviderConfig>>
  readonly targets?: Readonly<Record<string, ConfigTarget>>
  /** 1-based line of each key by its path, e.g. `secrets.backend`. */
  readonly lines: Readonly<Record<string, number>>
}
