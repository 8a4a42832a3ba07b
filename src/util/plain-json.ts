// Whatever an author or a library hands over comes in, JSON goes out. Never throws: what JSON cannot say becomes text or is left out.
type Json = null | boolean | number | string | readonly Json[] | { readonly [key: string]: Json }

/** Errors become their message. `text` is asked for every text in it. */
export function plainJson(value: unknown, text: (text: string) => string = (it) => it): Json {
  return walk(value, text, [])
}

function walk(value: unknown, text: (text: string) => string, above: readonly unknown[]): Json {
  if (typeof value === 'string') return text(value)
  if (value === null || typeof value === 'boolean') return value
  if (typeof value === 'number') return Number.isFinite(value) ? value : String(value)
  if (typeof value === 'bigint') return value.toString()
  if (typeof value !== 'object') return null
  if (value instanceof Error) return text(value.message)
  if (value instanceof Date) return Number.isNaN(value.getTime()) ? null : value.toISOString()
  if (value instanceof URL) return text(value.href)
  if (above.includes(value)) return '(circular)'
  const path = [...above, value]
  if (Array.isArray(value) || value instanceof Set) return Array.from(value, (item) => walk(item, text, path))
  const entries: readonly (readonly [string, unknown])[] =
    value instanceof Map ? [...value].map(([key, item]) => [String(key), item]) : Object.entries(value)
  return Object.fromEntries(
    entries.filter(([, item]) => item !== undefined).map(([key, item]) => [text(key), walk(item, text, path)]),
  )
}
