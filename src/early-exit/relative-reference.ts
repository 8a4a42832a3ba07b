// A relative import and its file in, the repository paths that it may mean out. Pure.
import type { ModuleReference } from './module-graph.js'
import { candidatesOf, directoryOf, joinInside, within } from './tree-files.js'

/** One import and where it stands. */
export interface Place {
  readonly file: string
  readonly reference: ModuleReference
}

/** `./x`, `../x`, `.` or `..`. */
export function isRelative(specifier: string): boolean {
  return /^\.\.?(?:\/|$)/.test(specifier)
}

/** The repository path that a relative name means; undefined outside the repository. */
export function relativePath({ file, reference }: Place): string | undefined {
  const bare = reference.kind === 'require' ? reference.specifier : reference.specifier.replace(/[?#].*$/s, '')
  return joinInside(directoryOf(file), reference.kind === 'require' ? bare : decode(bare))
}

function decode(text: string): string {
  try {
    return decodeURIComponent(text)
  } catch {
    return text
  }
}

/** Every path that may answer a relative import, so that many can be asked for at once. */
export function candidatePaths({ file, reference }: Place): readonly string[] {
  if (reference.kind !== 'url' && !isRelative(reference.specifier)) return []
  const path = relativePath({ file, reference })
  if (path === undefined) return []
  const { exact, groups } = candidatesOf(path)
  return [exact, ...groups.flat(), within(path, 'package.json')]
}
