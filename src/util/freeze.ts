// Plain data comes in, the same data goes out, unchangeable.

/**
 * Freezes plain objects and arrays through and through, and returns the value itself. Other objects (dates, maps, class instances)
 * are left as they are. Any depth, shared parts and cycles are fine.
 */
export function deepFreeze<T>(value: T): T {
  const seen = new Set<object>()
  const pending: unknown[] = [value]
  while (pending.length > 0) {
    const next = pending.pop()
    if (typeof next !== 'object' || next === null || seen.has(next) || !isPlainData(next)) continue
    seen.add(next)
    Object.freeze(next)
    // Not push(...values): a long array would overflow the stack.
    for (const inner of Object.values(next)) if (typeof inner === 'object' && inner !== null) pending.push(inner)
  }
  return value
}

function isPlainData(value: object): boolean {
  if (Array.isArray(value)) return true
  const prototype = Object.getPrototypeOf(value) as object | null
  return prototype === null || Object.getPrototypeOf(prototype) === null
}
