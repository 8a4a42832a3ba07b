// A package.json and a name in, the target that Node would take out. Pure; follows Node's rules for `exports` and `imports`.
import { isRecord } from '../util/is-record.js'

const CONDITIONS = new Set(['node', 'import', 'module-sync', 'default'])
const REQUIRE_CONDITIONS = new Set(['node', 'require', 'module-sync', 'default'])

export type TargetKind = 'import' | 'require'

/** The target of `.` or `./sub` in `exports`, e.g. `./src/index.ts`; null where `exports` hides it; undefined without `exports`. */
export function exportTarget(
  manifest: Record<string, unknown>,
  subpath: string,
  kind: TargetKind,
): string | null | undefined {
  const declared = manifest['exports']
  if (declared === undefined || declared === null) return undefined
  const isTable = isRecord(declared) && Object.keys(declared).some((key) => key.startsWith('.'))
  return targetFor(isTable ? declared : { '.': declared }, subpath, kind) ?? null
}

/** The target of `#name` in `imports`: a path starting `./`, a package name, or undefined. */
export function importTarget(
  manifest: Record<string, unknown>,
  specifier: string,
  kind: TargetKind,
): string | undefined {
  const declared = manifest['imports']
  return isRecord(declared) ? targetFor(declared, specifier, kind) : undefined
}

function targetFor(table: Record<string, unknown>, name: string, kind: TargetKind): string | undefined {
  if (Object.hasOwn(table, name) && !name.includes('*')) return pick(table[name], kind)
  // The longest matching pattern wins, as in Node.
  const patterns = Object.keys(table)
    .filter((key) => key.includes('*'))
    .sort((a, b) => b.indexOf('*') - a.indexOf('*') || b.length - a.length)
  for (const pattern of patterns) {
    const [before = '', after = ''] = pattern.split('*')
    if (!name.startsWith(before) || !name.endsWith(after) || name.length < pattern.length) continue
    return pick(table[pattern], kind)?.replaceAll('*', name.slice(before.length, name.length - after.length))
  }
  return undefined
}

function pick(target: unknown, kind: TargetKind): string | undefined {
  if (typeof target === 'string') return target
  if (Array.isArray(target)) return target.map((each: unknown) => pick(each, kind)).find((each) => each !== undefined)
  if (!isRecord(target)) return undefined
  const conditions = kind === 'import' ? CONDITIONS : REQUIRE_CONDITIONS
  for (const [condition, value] of Object.entries(target)) {
    const found = conditions.has(condition) ? pick(value, kind) : undefined
    if (found !== undefined) return found
  }
  return undefined
}
