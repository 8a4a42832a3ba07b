// What is known of a target without evaluating its desired state: plain data, so that it can be kept and a skip loads no author code.
import type { Json } from '../event.js'
import type { DeletePolicy, LimitSettings, SecretRef } from '../integration.js'
import type { CodeManifest } from './code-manifest.js'

export interface Declaration {
  readonly integration: string
  readonly version: string
  /** Repository path of the integration's file; null for a built-in one or one outside the repository. */
  readonly entry: string | null
  readonly builtin: boolean
  readonly inputs: readonly string[]
  readonly env: readonly string[]
  readonly secrets: readonly SecretRef[]
  readonly external: boolean
  readonly deletePolicy: DeletePolicy
  readonly sharded: boolean
  /** It says where it acts (`destination`); else that is the target's name. */
  readonly destination: boolean
  /** The integration's own limits, without its functions. */
  readonly limits: LimitSettings
  /** Effective configuration after defaults: what decides outcomes (parameters, data place, limits, store, secrets backend). */
  readonly config: Json
  /** Parameters after defaults, for people. */
  readonly params: Json
}

/** A target whose head side is known. */
export interface DeclaredTarget {
  readonly declaration: Declaration
  /** Of the code as loaded (or as it would be loaded). */
  readonly manifest: CodeManifest
}
