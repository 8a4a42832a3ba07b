// Whether the cache is worth asking in this process: after a first trouble it is left alone. In: a clock. Keeps one moment, nothing else.
import type { Clock } from '../util/clock.js'

export interface CacheHealth {
  isDown(): boolean
  failed(): void
}

/** @param retryAfterMs after which it is tried again, for a process that lives long. @defaultValue never */
export function createCacheHealth({
  clock,
  retryAfterMs = Number.POSITIVE_INFINITY,
}: {
  readonly clock: Clock
  readonly retryAfterMs?: number
}): CacheHealth {
  let failedAt: number | undefined
  return {
    isDown: () => failedAt !== undefined && clock.monotonic() - failedAt < retryAfterMs,
    failed: () => {
      failedAt = clock.monotonic()
    },
  }
}
