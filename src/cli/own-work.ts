// An adapter of trueup's own comes in, the same one goes out: what it or its library prints while author code waits for it is not the integration's.
import type { Capture } from '../report/capture.js'

export function ownWork<T extends object>(capture: Capture, adapter: T): T {
  return new Proxy(adapter, {
    get(target, name) {
      const value: unknown = Reflect.get(target, name, target)
      if (typeof value !== 'function') return value
      // On the adapter itself: its private fields are not the proxy's.
      return (...args: unknown[]): unknown => capture.own(() => Reflect.apply(value, target, args) as unknown)
    },
  })
}
