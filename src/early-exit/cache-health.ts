// Whether the cache is worth asking: after a first trouble it is left alone. In: a clock. Keeps one moment and its reason, nothing else.
import type { Clock } from '../util/clock.js'

export interface CacheHealth {
  /** Why it is to be left alone, as it was told when it failed; undefined where it is worth asking. */
  fault(): string | undefined
  failed(why: string): void
}

/** @param retryAfterMs after which it is tried again, for a process that lives long. @defaultValue never */
export function createCacheHealth({
  clock,
  retryAfterMs = Number.POSITIVE_INFINITY,
}: {
  readonly clock: Clock
  readonly retryAfterMs?: number
}): CacheHealth {
  let last: { readonly at: number; readonly why: string } | undefined
  return {
    fault: () => (last !== undefined && clock.monotonic() - last.at < retryAfterMs ? last.why : undefined),
    failed: (why) => {
      last = { at: clock.monotonic(), why }
    },
  }
}
