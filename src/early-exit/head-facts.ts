// Digests of everything beside desired state that decides whether a run could change anything.
import type { DesiredState } from '../desired/evaluate.js'
import type { SourceEntry } from '../desired/source.js'
import type { Json } from '../event.js'
import { digestOf } from '../util/digest.js'
import type { DeclaredTarget } from './declaration.js'

/** Number of the engine's decision rules. Raise it when the same inputs would mean another decision or other changes. */
export const SEMANTICS = 1

export interface HeadFacts {
  /** Digest of the code as loaded; null when it cannot be told (a computed import): then nothing is ever skipped. */
  readonly code: string | null
  readonly config: string
  /** Digest of the declared inputs' entries; null when nothing is declared. */
  readonly inputs: string | null
  readonly env: string
  readonly external: boolean
  readonly hasSecrets: boolean
  readonly noSecrets: string
  readonly semantics: number
  /** Digest of the versions of all secrets declared or referenced; null where a version cannot be told. */
  secrets(desired: DesiredState): Promise<string | null>
}

export interface HeadFactsInput {
  readonly target: DeclaredTarget
  /** The head's entries under the declared inputs. */
  readonly inputs: readonly SourceEntry[]
  readonly environment: Readonly<Record<string, string | undefined>>
}

export function headFacts({ target, inputs, environment }: HeadFactsInput): HeadFacts {
  const { declaration, manifest } = target
  const noSecrets = digestOf([])
  return {
    code: manifest.kind === 'known' ? manifest.digest : null,
    config: digestOf(declaration.config),
    inputs: declaration.inputs.length === 0 ? null : treeDigest(inputs),
    env: envDigest(declaration.env, environment),
    external: declaration.external,
    hasSecrets: declaration.secrets.length > 0,
    noSecrets,
    semantics: SEMANTICS,
    // Until a backend gives versions, a target with any secret is never skipped in an apply.
    secrets: (desired) =>
      Promise.resolve(declaration.secrets.length === 0 && !referencesSecret(desired.value) ? noSecrets : null),
  }
}

/** Digest of paths, modes and git object ids: equal exactly when git stores the same trees there. */
export function treeDigest(entries: readonly SourceEntry[]): string {
  return digestOf(entries.map(({ path, mode, oid }) => [path, mode, oid]))
}

/** Declared variables by name; one that is unset counts as null, which differs from an empty text. */
export function envDigest(names: readonly string[], environment: Readonly<Record<string, string | undefined>>): string {
  return digestOf(Object.fromEntries([...names].sort().map((name) => [name, environment[name] ?? null])))
}

function referencesSecret(value: Json): boolean {
  if (value === null || typeof value !== 'object') return false
  if (!Array.isArray(value) && '$secret' in value) return true
  return Object.values(value as Readonly<Record<string, Json>>).some(referencesSecret)
}
