// A folder in, the repository around it out, without starting git: `.git` folders, and `.git` files of linked worktrees and submodules.
// Must not look at GIT_DIR and the like: they are removed from every git call.
import { existsSync, lstatSync, readFileSync, realpathSync } from 'node:fs'
import { dirname, join, resolve } from 'node:path'
import { TrueupError } from '../../errors.js'

export interface RepositoryPlace {
  /** Absolute, without symbolic links: top of the working tree. */
  readonly root: string
  /** Where HEAD and the index are. */
  readonly gitDirectory: string
  /** Where objects, refs, config and `shallow` are: another folder than {@link gitDirectory} in a linked worktree. */
  readonly commonDirectory: string
}

/**
 * Walks up from `directory` as git does.
 *
 * @throws TrueupError `source-unavailable` where there is no working tree
 */
export function locateRepository(directory: string): RepositoryPlace {
  let start: string
  try {
    start = realpathSync(directory)
  } catch (cause) {
    throw new TrueupError(
      'source-unavailable',
      `there is no folder ${resolve(directory)}: start trueup in a git repository`,
      { cause },
    )
  }
  for (let folder = start; ; folder = dirname(folder)) {
    const gitDirectory = gitDirectoryOf(join(folder, '.git'))
    if (gitDirectory !== undefined) return placeOf(folder, gitDirectory)
    if (isGitDirectory(folder)) {
      throw new TrueupError(
        'source-unavailable',
        `${folder} is a git repository without a working tree: run trueup in a clone of it (git clone ${folder})`,
      )
    }
    if (dirname(folder) === folder) break
  }
  throw new TrueupError(
    'source-unavailable',
    `${start} is not inside a git repository: run \`git init\` there, or change to the right folder`,
  )
}

function placeOf(folder: string, gitDirectory: string): RepositoryPlace {
  const shared = readText(join(gitDirectory, 'commondir'))
  const commonDirectory = shared === undefined ? gitDirectory : resolve(gitDirectory, shared.trim())
  return { root: folder, gitDirectory, commonDirectory }
}

function gitDirectoryOf(dotGit: string): string | undefined {
  let isFile: boolean
  try {
    isFile = lstatSync(dotGit).isFile()
  } catch {
    return undefined
  }
  if (!isFile) return isGitDirectory(dotGit) ? realpathSync(dotGit) : undefined
  const target = /^gitdir: (.*)/.exec(readText(dotGit) ?? '')?.[1]?.trim()
  const gitDirectory = target === undefined ? undefined : resolve(dirname(dotGit), target)
  if (gitDirectory === undefined || !isGitDirectory(gitDirectory)) {
    throw new TrueupError(
      'source-unavailable',
      `${dotGit} points to ${gitDirectory ?? 'nothing'}, which is not a git repository: run \`git worktree repair\` in the main working tree, or remove ${dotGit}`,
    )
  }
  return realpathSync(gitDirectory)
}

function isGitDirectory(folder: string): boolean {
  return (
    existsSync(join(folder, 'HEAD')) && (existsSync(join(folder, 'commondir')) || existsSync(join(folder, 'objects')))
  )
}

function readText(path: string): string | undefined {
  try {
    return readFileSync(path, 'utf8')
  } catch {
    return undefined
  }
}
