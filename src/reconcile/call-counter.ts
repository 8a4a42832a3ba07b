// How often a run called whom by `ctx.http`. In: each call. Out: the counts for its record, the most called first.
import type { ProviderCalls } from '../event.js'
import { compareText } from '../util/compare-text.js'

export interface CallCounter {
  /** @param waitedMs before it could be sent */
  called(provider: string, call: { readonly reads: boolean; readonly waitedMs: number }): void
  /** Undefined while there was none. */
  counts(): readonly ProviderCalls[] | undefined
}

export function createCallCounter(): CallCounter {
  const counts = new Map<string, ProviderCalls>()
  return {
    called(provider, { reads, waitedMs }) {
      const before = counts.get(provider) ?? { provider, reads: 0, writes: 0, waitedMs: 0 }
      counts.set(provider, {
        provider,
        reads: before.reads + (reads ? 1 : 0),
        writes: before.writes + (reads ? 0 : 1),
        waitedMs: before.waitedMs + waitedMs,
      })
    },
    counts() {
      if (counts.size === 0) return undefined
      const whole = [...counts.values()].map((one) => ({ ...one, waitedMs: Math.round(one.waitedMs) }))
      return whole.sort((a, b) => b.reads + b.writes - a.reads - a.writes || compareText(a.provider, b.provider))
    },
  }
}
