// The key of the run cache, as a pure function of what a run would depend on. In: facts of the head. Out: its digest and every component by
// name, or why there can be no key. Reads nothing.
import type { Json, KeyParts, RunMode } from '../event.js'
import { digestBytes, digestOf } from '../util/digest.js'
import { isRecord } from '../util/is-record.js'
import type { Declaration } from './declaration.js'
import type { HeadFacts } from './head-facts.js'

/** Number of the form of keys and entries. Raise it when a field comes, goes or is made otherwise. */
export const CACHE_SCHEMA = 1

export interface CacheKeyInput {
  readonly declaration: Pick<Declaration, 'integration' | 'version' | 'params'>
  readonly facts: Pick<HeadFacts, 'code' | 'config' | 'env' | 'semantics'>
  readonly mode: RunMode
  /** The shards that would run, in any order. */
  readonly shards: readonly { readonly key: string; readonly digest: string }[]
  readonly nodeMajor: number
  /** As {@link HeadFacts.secrets} gives it. */
  readonly secrets: string | null
}

/** The fields of the key, in the order in which they are told. */
export type ComponentName =
  'schema' | 'semantics' | 'integration' | 'code' | 'mode' | 'config' | 'params' | 'env' | 'shards' | 'node' | 'secrets'

export interface CacheKey {
  readonly kind: 'key'
  readonly digest: string
  /** A short text or a digest each. */
  readonly components: Readonly<Record<ComponentName, string>>
  readonly parts: KeyParts
}

/** `why` ends the sentence "not cached: …". */
export type CacheKeyResult = CacheKey | { readonly kind: 'none'; readonly why: string }

export function cacheKey({ declaration, facts, mode, shards, nodeMajor, secrets }: CacheKeyInput): CacheKeyResult {
  if (facts.code === null)
    return { kind: 'none', why: 'what the integration imports cannot be told, so its code cannot be compared' }
  if (secrets === null)
    return {
      kind: 'none',
      why: 'the version of a secret that it declares or refers to cannot be told, so a rotation would go unnoticed',
    }
  const ordered = [...shards].sort((a, b) => (a.key < b.key ? -1 : 1))
  const fields: Readonly<Record<ComponentName, Json>> = {
    // An entry of another form is not ours to read.
    schema: CACHE_SCHEMA,
    // The same inputs may mean another decision or other changes to another engine.
    semantics: facts.semantics,
    // Who says so: a version is raised when an author changes what it does outside of the code that is followed.
    integration: [declaration.integration, declaration.version],
    // What would run: other code may find something where this found nothing.
    code: facts.code,
    // A dry run proves less than an apply, and neither may answer for the other.
    mode,
    // Limits, data place, store, secrets backend, destination: what decides outcomes besides the data.
    config: facts.config,
    // Part of `config` too; told apart so that a difference has a name.
    params: declaration.params,
    // Declared variables reach author code; one that is unset is not an empty one.
    env: facts.env,
    // What should be, of the shards of this run alone: a list, so that no two lists are one text.
    shards: ordered.map(({ key, digest }) => [key, digest]),
    // Author code may do otherwise under another major of Node.
    node: nodeMajor,
    // A rotated secret may open, or close, what was read with the former one.
    secrets,
  }
  const plain = (value: Json): string => (typeof value === 'object' ? digestOf(value) : String(value))
  const components = Object.fromEntries(Object.entries(fields).map(([name, value]) => [name, plain(value)]))
  return {
    kind: 'key',
    digest: digestOf(fields),
    components: {
      ...(components as Readonly<Record<ComponentName, string>>),
      integration: `${declaration.integration} ${declaration.version}`,
    },
    parts: {
      ...(isRecord(declaration.params) ? { params: short(Object.entries(declaration.params)) } : {}),
      ...(ordered.some(({ key }) => key !== '')
        ? { shards: short(ordered.map(({ key, digest }) => [key, digest])) }
        : {}),
    },
  }
}

/** Enough to tell them apart for people; the key itself has them whole. */
function short(entries: readonly (readonly [string, Json])[]): Readonly<Record<string, string>> {
  return Object.fromEntries(
    entries.map(([name, value]) => [
      name,
      (typeof value === 'string' ? digestBytes(value) : digestOf(value)).slice(0, 12),
    ]),
  )
}
