// Digests of everything beside desired state that decides whether a run could change anything.
import type { DesiredState } from '../desired/evaluate.js'
import type { SourceEntry } from '../desired/source.js'
import { addressId, referencesIn, type SecretAddress } from '../secrets/secret-reference.js'
import { digestBytes, digestOf } from '../util/digest.js'
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
  /**
   * Digest of the versions of all secrets declared or referenced (of values, where there are no versions); null where one cannot be told.
   * `create`: an apply is about to keep it, so what it needs is made where it is missing.
   */
  secrets(desired: DesiredState, options?: { readonly create: boolean }): Promise<string | null>
}

export interface HeadFactsInput {
  readonly target: DeclaredTarget
  /** The head's entries under the declared inputs. */
  readonly inputs: readonly SourceEntry[]
  readonly environment: Readonly<Record<string, string | undefined>>
  /** Stands for the value of a secret: another text when the value is another. Null when it cannot be told. */
  readonly secretOf: (address: SecretAddress, options: { readonly create: boolean }) => Promise<string | null>
}

export function headFacts({ target, inputs, environment, secretOf }: HeadFactsInput): HeadFacts {
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
    async secrets(desired, options = { create: false }) {
      const { addresses, isWhole } = referencesIn(desired.value)
      if (!isWhole) return null
      const all = new Map(
        [...declaration.secrets, ...addresses].map(({ path, field, version }) => {
          const address = {
            path,
            ...(field === undefined ? {} : { field }),
            ...(version === undefined ? {} : { version }),
          }
          return [addressId(address), address]
        }),
      )
      // One after the other: the first may have to make the key that the others use.
      const told: (readonly [string, string])[] = []
      for (const [id, address] of [...all].sort(([a], [b]) => (a < b ? -1 : 1))) {
        const found = await secretOf(address, options)
        if (found === null) return null
        told.push([id, found])
      }
      return digestOf(told)
    },
  }
}

/** Digest of paths, modes and git object ids: equal exactly when git stores the same trees there. */
export function treeDigest(entries: readonly SourceEntry[]): string {
  // No path holds a zero byte. One text, not a canonical value: there may be 50,000 of them on the way to a skip.
  return digestBytes(entries.map(({ path, mode, oid }) => `${mode} ${oid} ${path}\0`).join(''))
}

/** Declared variables by name; one that is unset counts as null, which differs from an empty text. */
export function envDigest(names: readonly string[], environment: Readonly<Record<string, string | undefined>>): string {
  return digestOf(Object.fromEntries([...names].sort().map((name) => [name, environment[name] ?? null])))
}
