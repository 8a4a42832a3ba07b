// Globs in, predicates over repository paths out; the one file that knows picomatch.
// Must not touch the disk: walkers ask `mayContain` which folders are worth opening.
import picomatch from 'picomatch'
import { TrueupError } from '../errors.js'

/** What a list of globs means for repository paths (from the root, with `/`). */
export interface GlobMatcher {
  /** Whether this file is meant. */
  matches(path: string): boolean
  /** Whether a file below this folder (no trailing `/`; empty for the root) could be meant. May say yes too often, never no. */
  mayContain(folder: string): boolean
  /**
   * Where matching files can be: single files, and folders that hold all others. Without repetitions and without a folder inside another.
   * The empty string as a folder is the whole repository.
   */
  readonly roots: readonly GlobRoot[]
}

export interface GlobRoot {
  readonly kind: 'file' | 'folder'
  readonly path: string
}

interface CompiledGlob {
  readonly literal: string | undefined
  readonly base: string
  readonly matches: (path: string) => boolean
  /** One test a segment; undefined stands for `**` and whatever follows; null for a glob that cannot be cut at slashes. */
  readonly segments: readonly ((segment: string) => boolean)[] | null
  readonly open: boolean
}

/** `flags`: a file name may hold a newline, and `*` means it too. */
const OPTIONS = { dot: true, nonegate: true, flags: 's' } as const
const SPECIAL = /[\\*?[\]{}()!+@|^$]/g
/** A slash inside braces, parentheses or brackets: such a glob has no segments of its own. */
const SLASH_IN_GROUP = /[([{][^)\]}]*\//

/**
 * Compiles globs: picomatch's, with `dot: true`. A glob without magic is a path. A glob that starts with `!` takes away from what the
 * others match. A leading `./` is dropped.
 *
 * @throws TrueupError `usage` for an absolute glob, one with a `..` segment, or a list of exclusions only
 */
export function compileGlobs(globs: readonly string[]): GlobMatcher {
  const included: CompiledGlob[] = []
  const excluded: CompiledGlob[] = []
  for (const glob of globs) {
    if (glob.startsWith('!') && !glob.startsWith('!(')) excluded.push(compile(glob.slice(1), glob))
    else included.push(compile(glob, glob))
  }
  if (included.length === 0 && excluded.length > 0) {
    throw new TrueupError(
      'usage',
      `the globs ${globs.join(', ')} only exclude: add one that says what to read, for example **`,
    )
  }
  return matcherOf(included, (path) => excluded.some((glob) => glob.matches(path)))
}

/** A matcher of exactly these paths; nothing in them is magic. */
export function literalPaths(paths: readonly string[]): GlobMatcher {
  const wanted = new Set(paths)
  const folders = new Set<string>()
  for (const path of wanted) {
    for (let end = path.lastIndexOf('/'); end > 0; end = path.lastIndexOf('/', end - 1)) {
      const folder = path.slice(0, end)
      if (folders.has(folder)) break
      folders.add(folder)
    }
  }
  return {
    matches: (path) => wanted.has(path),
    mayContain: (folder) => (folder === '' ? wanted.size > 0 : folders.has(folder)),
    roots: [...wanted].map((path) => ({ kind: 'file', path })),
  }
}

/** A glob that matches exactly this path. */
export function escapeGlob(path: string): string {
  return path.replace(SPECIAL, '\\$&')
}

function compile(text: string, shown: string): CompiledGlob {
  const glob = text.replace(/^(?:\.\/+)+/, '')
  const unescaped = glob.replace(/\\(.)/gs, '$1')
  if (glob === '')
    throw new TrueupError('usage', `the glob '${shown}' is empty: name a path or pattern from the repository root`)
  if (glob.startsWith('/') || unescaped.split('/').includes('..')) {
    throw new TrueupError(
      'usage',
      `the glob '${shown}' leaves the repository: write it from the repository root, without a leading / and without ..`,
    )
  }
  // Everything special is escaped, or there is nothing special: a path. picomatch would normalise it (and take newlines badly).
  if (!/[*?[\]{}()!+@|^$]/.test(glob.replace(/\\./gs, '')) || !picomatch.scan(glob).isGlob) {
    return { literal: unescaped, base: unescaped, matches: (path) => path === unescaped, segments: null, open: false }
  }
  const scanned = picomatch.scan(glob)
  const base = scanned.base.replace(/\\(.)/gs, '$1')
  const matches = testOf(glob)
  if (SLASH_IN_GROUP.test(glob)) return { literal: undefined, base, matches, segments: null, open: true }
  const parts = glob.split('/')
  const globstar = parts.findIndex((part) => part.includes('**'))
  const cut = globstar === -1 ? parts.slice(0, -1) : parts.slice(0, globstar)
  const segments = cut.map(testOf)
  return { literal: undefined, base, matches, segments, open: globstar !== -1 }
}

/** What `picomatch(glob)` answers, by its expression alone: it makes three objects for each text, and there are many thousands of texts. */
function testOf(glob: string): (text: string) => boolean {
  const expression = picomatch.makeRe(glob, OPTIONS)
  return (text) => text !== '' && (text === glob || expression.test(text))
}

function matcherOf(included: readonly CompiledGlob[], isExcluded: (path: string) => boolean): GlobMatcher {
  const literals = literalPaths(included.flatMap((glob) => glob.literal ?? []))
  const patterns = included.filter((glob) => glob.literal === undefined)
  return {
    matches: (path) => (literals.matches(path) || patterns.some((glob) => glob.matches(path))) && !isExcluded(path),
    mayContain: (folder) => literals.mayContain(folder) || patterns.some((glob) => reachesInto(glob, folder)),
    roots: rootsOf(literals, patterns),
  }
}

function reachesInto(glob: CompiledGlob, folder: string): boolean {
  if (folder === '') return true
  const insideBase = glob.base === '' || folder === glob.base || folder.startsWith(`${glob.base}/`)
  if (!insideBase) return glob.base.startsWith(`${folder}/`)
  if (glob.segments === null) return true
  const parts = folder.split('/')
  if (parts.length > glob.segments.length && !glob.open) return false
  return parts.every((part, index) => glob.segments?.[index]?.(part) ?? true)
}

function rootsOf(literals: GlobMatcher, patterns: readonly CompiledGlob[]): GlobRoot[] {
  const bases = [...new Set(patterns.map((glob) => glob.base))].sort()
  const folders: string[] = []
  for (const base of bases) {
    if (!folders.some((folder) => isInside(base, folder))) folders.push(base)
  }
  const files = literals.roots.filter((root) => !folders.some((folder) => isInside(root.path, folder)))
  return [...files, ...folders.map((path): GlobRoot => ({ kind: 'folder', path }))]
}

function isInside(path: string, folder: string): boolean {
  return folder === '' || path === folder || path.startsWith(`${folder}/`)
}
