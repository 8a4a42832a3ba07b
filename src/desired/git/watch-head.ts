// The places of a repository come in; whenever HEAD may have moved, somebody is told: by a commit, a switch, a push into it, packed refs, from any
// of its working trees. Watches folders, of which there are three or four, never the tree. Must not read more than HEAD, nor keep a process alive.
import { existsSync, readFileSync, watch, type FSWatcher } from 'node:fs'
import { basename, dirname, join, sep } from 'node:path'
import type { Clock } from '../../util/clock.js'
import type { RepositoryPlace } from './locate.js'

export interface HeadListener {
  /** Soon after HEAD may have moved; sometimes when it did not. */
  readonly onChange: () => void
  /** From now on not everything is seen (too many files are watched on this machine, say). */
  readonly onTrouble: (error: Error) => void
}

export interface HeadWatch {
  close(): void
}

/** One git command moves several files; they are one change. */
const SETTLE_MS = 50

export function watchHead(place: RepositoryPlace, clock: Clock, { onChange, onTrouble }: HeadListener): HeadWatch {
  const watchers = new Map<string, FSWatcher>()
  const ended = new AbortController()
  let isSettling = false

  async function touched(): Promise<void> {
    if (isSettling) return
    isSettling = true
    try {
      await clock.sleep(SETTLE_MS, ended.signal, { background: true })
    } catch {
      return
    } finally {
      isSettling = false
    }
    // First, so that what happens from here on is seen.
    arm()
    onChange()
  }

  function arm(): void {
    const wanted = new Map(watchedFolders(place).map((one) => [one.folder, one]))
    for (const folder of watchers.keys()) if (!wanted.has(folder)) unwatch(folder)
    for (const one of wanted.values()) if (!watchers.has(one.folder)) begin(one)
  }

  function begin({ folder, isMeant }: WatchedFolder): void {
    try {
      const watcher = watch(folder, { persistent: false }, (_kind, name) => {
        // Its own name: the folder is gone, and one that is made anew is another one.
        const isGone = name === basename(folder)
        if (isGone) unwatch(folder)
        if (isGone || name === null || isMeant(name)) void touched()
      })
      watcher.on('error', onTrouble)
      watchers.set(folder, watcher)
    } catch (error) {
      // Gone since it was looked at: the folder above tells of that.
      if ((error as NodeJS.ErrnoException).code !== 'ENOENT') onTrouble(error as Error)
    }
  }

  function unwatch(folder: string): void {
    watchers.get(folder)?.close()
    watchers.delete(folder)
  }

  arm()
  return {
    close() {
      ended.abort(new Error('HEAD is not watched any more'))
      for (const watcher of watchers.values()) watcher.close()
    },
  }
}

interface WatchedFolder {
  readonly folder: string
  readonly isMeant: (name: string) => boolean
}

function watchedFolders({ gitDirectory, commonDirectory }: RepositoryPlace): readonly WatchedFolder[] {
  const branch = branchOf(gitDirectory)
  // Both are one folder but in a linked working tree. In the reftable format each change of refs writes its list of tables.
  const names = ['HEAD', 'packed-refs', 'refs', 'reftable']
  return [
    ...[...new Set([gitDirectory, commonDirectory])].flatMap((folder) => [
      { folder, isMeant: (name: string) => names.includes(name) },
      { folder: join(folder, 'reftable'), isMeant: (name: string) => name === 'tables.list' },
    ]),
    ...(branch === undefined ? [] : [nearest(commonDirectory, branch)]),
  ]
}

/** `refs/heads/main`; undefined where HEAD is a commit. */
function branchOf(gitDirectory: string): string | undefined {
  try {
    return /^ref: (refs\/.+)/.exec(readFileSync(join(gitDirectory, 'HEAD'), 'utf8'))?.[1]?.trim()
  } catch {
    return undefined
  }
}

/** The folder of a ref, or the one above in which it would come to be: of a packed one there is neither file nor folder. */
function nearest(top: string, ref: string): WatchedFolder {
  let path = join(top, ...ref.split('/'))
  while (path.startsWith(top + sep) && !existsSync(dirname(path))) path = dirname(path)
  const next = basename(path)
  return { folder: dirname(path), isMeant: (name) => name === next }
}
