// Locked packages in, the first that is not installed as locked out. Reads node_modules, nothing else.
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { PackageLock } from './locked-packages.js'
import { isRecord } from '../util/is-record.js'

export interface InstalledOptions {
  /** Absolute folder that holds the lockfile. */
  readonly root: string
  readonly lock: PackageLock
  /** Lock paths. */
  readonly paths: Iterable<string>
}

/** The first package that is not installed as locked, as a sentence; undefined when all are. */
export async function findInstalledDifference(options: InstalledOptions): Promise<string | undefined> {
  const { root, lock } = options
  const differences = await Promise.all(
    [...options.paths].map(async (path) => {
      const installed = await installedVersion(join(root, path, 'package.json'))
      const locked = lock.version(path)
      if (installed === undefined)
        return lock.isOptional(path) ? undefined : `${path} is locked at ${locked ?? '?'} but not installed: run npm ci`
      if (locked === undefined || installed === locked) return undefined
      return `${path} is installed at ${installed} but locked at ${locked}: run npm ci`
    }),
  )
  return differences.find((difference) => difference !== undefined)
}

async function installedVersion(path: string): Promise<string | undefined> {
  try {
    const value: unknown = JSON.parse(await readFile(path, 'utf8'))
    return isRecord(value) && typeof value['version'] === 'string' ? value['version'] : ''
  } catch {
    return undefined
  }
}
