// A commit id in, one attempt to fetch it out: the one place that writes to a repository (objects only) and that knows simple-git.
// Imported only when a commit is missing. Moves no ref, writes no FETCH_HEAD, and cuts no history that was whole.
import { simpleGit } from 'simple-git'
import { toError } from '../errors.js'
import type { Git } from './git.js'

export type FetchResult = { readonly kind: 'fetched' } | { readonly kind: 'failed'; readonly reason: string }

export interface FetchCommitOptions {
  readonly git: Git
  readonly remote: string
  /** Full id. */
  readonly commit: string
  /** The clone is shallow already. */
  readonly isShallow: boolean
}

/** Other processes fetch in the same clone too: their locks are waited for, this often and this long at most. */
const LOCK_ATTEMPTS = 50
const LOCK_WAIT_MS = 100

/**
 * Fetches one commit. `--depth=1` only where the clone is shallow already: in a whole clone it would record the commit as a boundary, and
 * history that later passes through it would be cut there.
 */
export async function fetchCommit({ git, remote, commit, isShallow }: FetchCommitOptions): Promise<FetchResult> {
  const args = [
    'fetch',
    '--quiet',
    '--no-tags',
    '--no-write-fetch-head',
    '--no-recurse-submodules',
    '--no-prune',
    '--no-auto-maintenance',
  ]
  const command = [...args, '--refmap=', ...(isShallow ? ['--depth=1'] : []), remote, commit]
  for (let attempt = 1; ; attempt += 1) {
    const reason = await fetchOnce(git, command)
    if (reason === undefined) return { kind: 'fetched' }
    if (attempt === LOCK_ATTEMPTS || !/\.lock': File exists|shallow file has changed/.test(reason))
      return { kind: 'failed', reason }
    await git.clock.sleep(LOCK_WAIT_MS, git.signal)
  }
}

async function fetchOnce(git: Git, command: readonly string[]): Promise<string | undefined> {
  const client = simpleGit({
    baseDir: git.place.root,
    config: [...git.settings],
    allowEnvironment: Object.keys(git.environment),
    timeout: { block: git.timeoutMs },
    ...(git.signal === undefined ? {} : { abort: git.signal }),
    // These guard against arguments from strangers; ours are fixed, and the environment is the one of every other git call.
    unsafe: {
      allowUnsafeHooksPath: true,
      allowUnsafeFsMonitor: true,
      allowUnsafePager: true,
      allowUnsafeAskPass: true,
      allowUnsafeEditor: true,
      allowUnsafeConfigPaths: true,
      allowUnsafeSshCommand: true,
      allowUnsafeGitProxy: true,
      allowUnsafeExec: true,
      allowUnsafeDiffExternal: true,
      allowUnsafeTemplateDir: true,
    },
  })
  try {
    await client.env({ ...git.environment }).raw([...command])
    return undefined
  } catch (error) {
    return toError(error).message.trim()
  }
}
