// Settings and target in, how the run cache is used out.
import { DEFAULT_ZONE } from '../early-exit/trust-zones.js'
import type { RunRequest } from '../run-types.js'
import type { TargetConfig } from './config-targets.js'
import type { Settings } from './options.js'
import type { Project } from './project.js'

/** Nothing where the cache is not asked for. The target's own `ttl` stands between variables and the top of trueup.yaml. */
export function cacheRequest({ settings }: Project, target: TargetConfig): Pick<RunRequest, 'cache'> {
  const { extendedEarlyExit, cache, noCache, ttl, trustZone, trustZoneRead } = settings
  if (!extendedEarlyExit.value || noCache.value || cache.value === 'off') return {}
  const isGiven = ttl.origin === 'flag' || ttl.origin === 'variable'
  return {
    cache: {
      access: cache.value,
      ttlMs: isGiven ? ttl.value : (target.ttlMs ?? ttl.value),
      zone: trustZone.value ?? DEFAULT_ZONE,
      ...(trustZoneRead.value === undefined ? {} : { readZone: trustZoneRead.value }),
      nodeMajor: Number(process.versions.node.split('.')[0]),
    },
  }
}

/** What is wrong with a flag that is about the run cache where the cache was not asked for; undefined where nothing is. */
export function uselessCacheFlag({ extendedEarlyExit, ttl, cache }: Settings): string | undefined {
  if (extendedEarlyExit.value) return undefined
  const given = [ttl, ...(cache.value === 'off' ? [] : [cache])].find(({ origin }) => origin === 'flag')
  return given === undefined ? undefined : `${given.from ?? ''} does nothing without --enable-extended-early-exit`
}
