// What the declared inputs evaluate to, remembered beside the run cache: a hit then needs no evaluation. In: what desired state is made from. Out: the
// digests it came to. What cannot be trusted, read or understood is no answer; desired state is then evaluated.
import { isTrueupError } from '../errors.js'
import { decodeDocument, encodeDocument } from '../store/document.js'
import { storeKey, type ObjectStore, type StoreKey } from '../store/object-store.js'
import { digestBytes, digestOf } from '../util/digest.js'
import { isRecord } from '../util/is-record.js'
import type { Declaration } from './declaration.js'
import type { HeadFacts } from './head-facts.js'
import { CACHE_SCHEMA } from './run-cache-key.js'
import { CACHE_ROOT, LARGEST_ENTRY } from './run-cache-entry.js'
import { sign, signatureFault, type CacheKeys, type Signature } from './signature.js'

const EVALUATION = { kind: 'evaluation', version: 1 } as const

export interface EvaluationAddress {
  readonly zone: string
  readonly target: string
  /** {@link evaluationKey}. */
  readonly key: string
}

export interface Evaluation {
  /** Digest of the whole desired state. */
  readonly desired: string
  /** Key and digest of every shard. */
  readonly shards: readonly (readonly [string, string])[]
}

interface StoredEvaluation {
  readonly address: EvaluationAddress
  readonly evaluation: Evaluation
  readonly signature?: Signature
}

export interface EvaluationQuestion {
  readonly declaration: Pick<Declaration, 'integration' | 'version' | 'params'>
  readonly facts: HeadFacts
  readonly nodeMajor: number
}

/**
 * Digest of everything that desired state is made from, where git knows all of it; undefined where it does not: data from outside, secrets (their versions
 * are found by evaluating), code that cannot be told.
 */
export function evaluationKey({ declaration, facts, nodeMajor }: EvaluationQuestion): string | undefined {
  const { code, config, env, external, hasSecrets, inputs, semantics } = facts
  if (code === null || inputs === null || external || hasSecrets) return undefined
  const { integration, version, params } = declaration
  return digestOf({
    schema: CACHE_SCHEMA,
    semantics,
    integration,
    version,
    code,
    config,
    params,
    env,
    inputs,
    nodeMajor,
  })
}

export async function readEvaluation(
  store: ObjectStore,
  address: EvaluationAddress,
  keys: CacheKeys | undefined,
): Promise<Evaluation | undefined> {
  const place = placeOf(address)
  try {
    const read = await store.getBounded(place, LARGEST_ENTRY)
    if (read.kind !== 'found') return undefined
    const { value } = decodeDocument<unknown>(read.value, EVALUATION, place)
    if (!isStored(value) || placeOf(value.address) !== place) return undefined
    if (keys !== undefined && signatureFault(signedText(value), value.signature, keys) !== undefined) return undefined
    return value.evaluation
  } catch (thrown) {
    if (isTrueupError(thrown) && (thrown.code === 'store-corrupt' || thrown.code === 'store-refused')) return undefined
    throw thrown
  }
}

export async function writeEvaluation(
  store: ObjectStore,
  { address, evaluation, keys, expiresAt }: WriteEvaluation,
): Promise<void> {
  const plain = { address, evaluation }
  const stored = keys === undefined ? plain : { ...plain, signature: sign(signedText(plain), keys) }
  const bytes = encodeDocument<StoredEvaluation>(EVALUATION, stored)
  if (bytes.byteLength > LARGEST_ENTRY) return
  // It holds for good; `cache gc` removes it with the entries that were made beside it.
  await store.put(placeOf(address), bytes, { metadata: { expires: String(expiresAt) }, durable: false })
}

interface WriteEvaluation {
  readonly address: EvaluationAddress
  readonly evaluation: Evaluation
  readonly keys: CacheKeys | undefined
  /** UTC ms. */
  readonly expiresAt: number
}

function placeOf({ zone, target, key }: EvaluationAddress): StoreKey {
  // Below the zone, as its entries are: who may write to one is told by the prefix. One part shorter than theirs.
  return storeKey(CACHE_ROOT, zone, target, 'evaluated', key)
}

function signedText({ address, evaluation }: Pick<StoredEvaluation, 'address' | 'evaluation'>): string {
  return JSON.stringify([placeOf(address), digestBytes(JSON.stringify(evaluation))])
}

function isStored(value: unknown): value is StoredEvaluation {
  if (!isRecord(value)) return false
  const { address, evaluation, signature } = value
  const isSigned =
    isRecord(signature) && typeof signature['keyId'] === 'string' && typeof signature['hmac'] === 'string'
  return (
    isRecord(address) &&
    ['zone', 'target', 'key'].every((name) => typeof address[name] === 'string') &&
    isRecord(evaluation) &&
    typeof evaluation['desired'] === 'string' &&
    Array.isArray(evaluation['shards']) &&
    evaluation['shards'].every(isPair) &&
    (signature === undefined || isSigned)
  )
}

function isPair(pair: unknown): boolean {
  return Array.isArray(pair) && pair.length === 2 && pair.every((text) => typeof text === 'string')
}
