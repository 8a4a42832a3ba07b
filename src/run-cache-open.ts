// The run cache of one run: its zones, its keys, its voice. In: what a session holds. Out: the cache. Reads nothing before it is asked.
import { createCacheHealth } from './early-exit/cache-health.js'
import { createRunCache, type Address, type RunCache } from './early-exit/run-cache.js'
import type { CacheKey } from './early-exit/run-cache-key.js'
import type { CacheKeys } from './early-exit/signature.js'
import { zonesOf } from './early-exit/trust-zones.js'
import { TrueupError } from './errors.js'
import type { RunSession } from './run-session.js'

/** Where in the cache a run looks, and would be kept. */
export interface Place {
  readonly kind: 'place'
  readonly key: CacheKey
  readonly address: Address
  /** Keys of those that run, sorted. */
  readonly shards: readonly string[]
  /** As {@link HeadFacts.secrets} gives it. */
  readonly secrets: string | null
}

type Asking = Pick<RunSession, 'deps' | 'request' | 'target' | 'secrets'>

/** The run cache as this run asks it. */
export function openCache(session: Asking): RunCache {
  const { deps, request, target } = session
  const { cache } = request
  if (cache === undefined) throw new Error('Internal error: there is no cache to be opened')
  return createRunCache({
    store: target.store,
    clock: deps.clock,
    zones: zonesOf(cache.zone, cache.readZone),
    ttlMs: cache.ttlMs,
    health: deps.cacheHealth ?? createCacheHealth({ clock: deps.clock }),
    keys: target.cacheSigning === undefined ? undefined : () => signingKeys(session),
    warn: (message) => {
      deps.reporter.report({ kind: 'warned', target: request.target, message })
    },
    place: request.place ?? '',
    stop: deps.stop,
  })
}

const SHORTEST_KEY = 32

/** The fields of the secret are the keys, by their ids. */
async function signingKeys({ target, secrets, request }: Asking): Promise<CacheKeys> {
  const { secret, key } = target.cacheSigning ?? { secret: '', key: '' }
  secrets.accept([secret])
  const ids = (await target.secrets.fields(secret)) ?? []
  if (request.cache?.access !== 'r' && !ids.includes(key))
    throw new TrueupError(
      'secret-missing',
      `the secret ${secret} has no field ${key} to sign cache entries with (cache.sign in trueup.yaml)`,
    )
  const byId = new Map<string, string>()
  for (const field of ids) {
    const value = await secrets.read({ path: secret, field })
    if (value.length < SHORTEST_KEY)
      throw new TrueupError(
        'secret-missing',
        `the field ${field} of the secret ${secret} is too short to sign with: give it ${String(SHORTEST_KEY)} random characters or more`,
      )
    byId.set(field, value)
  }
  return { signWith: key, byId }
}
