// Facts that cost time to find out again, kept by what they were made from: the parsed trueup.yaml, declarations of integrations.
// Lies in the user's own cache folder, never in the repository: a pull request could forge it there. Any trouble means "not kept".
import { randomBytes } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { mkdir, rename, rm, writeFile } from 'node:fs/promises'
import { homedir } from 'node:os'
import { dirname, isAbsolute, join } from 'node:path'
import { digestBytes } from '../util/digest.js'
import type { Environment } from './process-context.js'
import type { Tool } from './tool.js'

export interface LocalCache {
  /** Absolute folder for this repository and this trueup; null when there is no place for one. */
  readonly directory: string | null
  get<T>(key: readonly string[]): Promise<T | undefined>
  /** As {@link LocalCache.get}, at once; whether it is what was put is for the caller to check. */
  getNow(key: readonly string[]): unknown
  put(key: readonly string[], value: unknown): Promise<void>
}

export function openLocalCache(options: {
  readonly environment: Environment
  readonly tool: Tool
  readonly root: string
}): LocalCache {
  const { environment, tool, root } = options
  const base =
    environment['XDG_CACHE_HOME'] ??
    (environment['HOME'] === undefined ? homeOf() : join(environment['HOME'], '.cache'))
  if (base === undefined || !isAbsolute(base))
    return {
      directory: null,
      get: () => Promise.resolve(undefined),
      getNow: () => undefined,
      put: () => Promise.resolve(),
    }
  // Another build, Node or repository never reads what this one kept.
  const id = digestBytes(JSON.stringify([tool.version, tool.build, process.versions.node, root]))
  const directory = join(base, 'trueup', id.slice(0, 32))
  const fileOf = (key: readonly string[]): string => join(directory, `${digestBytes(JSON.stringify(key))}.json`)
  // At once: of a small file, the detour by a thread costs several times the reading.
  function getNow(key: readonly string[]): unknown {
    try {
      const kept = JSON.parse(readFileSync(fileOf(key), 'utf8')) as { key: readonly string[]; value: unknown }
      return JSON.stringify(kept.key) === JSON.stringify(key) ? kept.value : undefined
    } catch {
      return undefined
    }
  }
  return {
    directory,
    getNow,
    get: <T>(key: readonly string[]) => Promise.resolve(getNow(key) as T | undefined),
    async put(key, value) {
      const file = fileOf(key)
      const part = `${file}.${randomBytes(6).toString('hex')}`
      try {
        await makeFolder(dirname(file))
        await writeFile(part, JSON.stringify({ key, value }), { mode: 0o600 })
        await rename(part, file)
      } catch {
        await rm(part, { force: true }).catch(() => undefined)
      }
    },
  }
}

/** Not `recursive`: where nothing can be made and nothing is said to be wrong (/proc, automounts), Node tries for ever. */
async function makeFolder(folder: string): Promise<void> {
  try {
    await mkdir(folder, { mode: 0o700 })
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException
    if (code === 'EEXIST') return
    if (code !== 'ENOENT' || dirname(folder) === folder) throw error
    await makeFolder(dirname(folder))
    // Another process may be making the same one.
    await mkdir(folder, { mode: 0o700 }).catch((again: unknown) => {
      if ((again as NodeJS.ErrnoException).code !== 'EEXIST') throw again
    })
  }
}

function homeOf(): string | undefined {
  try {
    return join(homedir(), '.cache')
  } catch {
    return undefined
  }
}
