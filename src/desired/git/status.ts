// Where files of interest lie in, how the working tree and the index differ from HEAD out: `git status` as data.
// Must not refresh the index on disk (GIT_OPTIONAL_LOCKS=0 keeps git from it).
import type { GlobMatcher } from '../globs.js'
import type { Git } from '../git.js'

/** What became of one path, seen from HEAD. */
export type PathState =
  /** The index holds it and the disk agrees with the index. */
  | { readonly kind: 'staged'; readonly path: string; readonly oid: string; readonly mode: string }
  /** Not in the working tree (and not by a sparse checkout). */
  | { readonly kind: 'deleted'; readonly path: string }
  /** The disk decides. `mode` is git's view of it (`core.fileMode`); undefined where git has none. */
  | { readonly kind: 'disk'; readonly path: string; readonly mode: string | undefined }

export interface Status {
  /** HEAD as status saw it; null before the first commit. */
  readonly commit: string | null
  readonly states: readonly PathState[]
}

/** Above this many paths git is asked for everything: a command line has an end. */
const MAX_PATHSPECS = 100

const ARGS = [
  'status',
  '--porcelain=v2',
  '-z',
  '--branch',
  '--no-ahead-behind',
  '--untracked-files=all',
  '--no-renames',
  '--ignored=no',
  '--ignore-submodules=dirty',
]

/** Paths below the matcher's roots that differ from HEAD; those that are not mentioned are as in HEAD. */
export async function readStatus(git: Git, matcher: GlobMatcher): Promise<Status> {
  const paths = matcher.roots.map((root) => root.path)
  const pathspecs = paths.length > MAX_PATHSPECS || paths.includes('') ? [] : ['--', ...paths]
  const { stdout } = await git.run([...ARGS, ...pathspecs])
  return parseStatus(stdout.toString('utf8'))
}

/** Reads `git status --porcelain=v2 -z --branch`. */
export function parseStatus(output: string): Status {
  let commit: string | null = null
  const states: PathState[] = []
  for (const record of output.split('\0')) {
    switch (record[0]) {
      case '#': {
        const oid = /^# branch\.oid ([0-9a-f]+)$/.exec(record)?.[1]
        if (oid !== undefined) commit = oid
        break
      }
      case '1': {
        // 1 XY sub mH mI mW hH hI path
        const [, xy = '..', , , indexMode = '', diskMode = '', , indexId = ''] = record.split(' ', 8)
        states.push(ordinary(afterFields(record, 8), { xy, indexMode, diskMode, indexId }))
        break
      }
      case 'u':
        // Unmerged: u XY sub m1 m2 m3 mW h1 h2 h3 path
        states.push({ kind: 'disk', path: afterFields(record, 10), mode: undefined })
        break
      case '?': {
        const path = record.slice(2)
        // With a slash at the end it is another repository, whose files git does not track.
        if (!path.endsWith('/')) states.push({ kind: 'disk', path, mode: undefined })
        break
      }
      default:
    }
  }
  return { commit, states }
}

interface Ordinary {
  readonly xy: string
  readonly indexMode: string
  readonly diskMode: string
  readonly indexId: string
}

function ordinary(path: string, { xy, indexMode, diskMode, indexId }: Ordinary): PathState {
  const [staged, unstaged] = xy
  if (unstaged === 'D') return { kind: 'deleted', path }
  if (unstaged !== '.') return { kind: 'disk', path, mode: diskMode }
  return staged === 'D' ? { kind: 'deleted', path } : { kind: 'staged', path, oid: indexId, mode: indexMode }
}

/** Paths may hold spaces, so everything after the fixed fields is the path. */
function afterFields(record: string, fields: number): string {
  let at = 0
  for (let count = 0; count < fields; count += 1) at = record.indexOf(' ', at) + 1
  return record.slice(at)
}
