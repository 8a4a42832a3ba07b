// Keys with values come in; the newest of them can be asked for until their time is over. Bounded: the oldest go first. Keeps nothing elsewhere.
import type { Clock } from './clock.js'

export interface Remembered<T> {
  get(key: string): T | undefined
  set(key: string, value: T): void
  forget(key: string): void
}

export interface RememberedOptions {
  readonly clock: Clock
  readonly ttlMs: number
  /** Keys at most. */
  readonly most: number
}

export function createRemembered<T>({ clock, ttlMs, most }: RememberedOptions): Remembered<T> {
  const kept = new Map<string, { readonly value: T; readonly until: number }>()
  return {
    get(key) {
      const found = kept.get(key)
      if (found === undefined || found.until > clock.monotonic()) return found?.value
      kept.delete(key)
      return undefined
    },
    set(key, value) {
      kept.delete(key)
      kept.set(key, { value, until: clock.monotonic() + ttlMs })
      for (const oldest of kept.keys()) {
        if (kept.size <= most) break
        kept.delete(oldest)
      }
    },
    forget(key) {
      kept.delete(key)
    },
  }
}
