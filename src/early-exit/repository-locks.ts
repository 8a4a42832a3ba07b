// A folder of one snapshot in, the lockfiles above it and the repository's own packages out. Reads the tree only.
import { NPM_LOCKFILES, OTHER_LOCKFILES, PackageLock } from './locked-packages.js'
import { ancestors, directoryOf, within } from './tree-files.js'
import type { TreeFiles } from './tree-files.js'

export const LOCKFILES = [...NPM_LOCKFILES, ...OTHER_LOCKFILES]

/** The lockfiles of the nearest folder that has any. */
export interface Locks {
  readonly directory: string
  readonly npm: PackageLock | undefined
  /** Paths of lockfiles that count whole. */
  readonly whole: readonly string[]
}

/** Answers are remembered: a snapshot does not change. */
export class RepositoryLocks {
  readonly #tree: TreeFiles
  readonly #locks = new Map<string, Locks | undefined>()
  #packages: ReadonlyMap<string, readonly string[]> | undefined

  constructor(tree: TreeFiles) {
    this.#tree = tree
  }

  /** The lockfiles of the nearest folder, from this one upwards, that has any. */
  async above(directory: string): Promise<Locks | undefined> {
    if (this.#locks.has(directory)) return this.#locks.get(directory)
    await this.#tree.prefetch(ancestors(directory).flatMap((at) => LOCKFILES.map((name) => within(at, name))))
    let found: Locks | undefined
    for (const at of ancestors(directory)) {
      found = await this.#locksIn(at)
      if (found !== undefined) break
    }
    this.#locks.set(directory, found)
    return found
  }

  async #locksIn(directory: string): Promise<Locks | undefined> {
    const known = [...this.#locks.values()].find((locks) => locks?.directory === directory)
    if (known !== undefined) return known
    const present: string[] = []
    for (const name of LOCKFILES)
      if ((await this.#tree.entry(within(directory, name))) !== undefined) present.push(within(directory, name))
    const first = present[0]
    if (first === undefined) return undefined
    const isNpm = NPM_LOCKFILES.some((name) => within(directory, name) === first)
    const npm = isNpm ? PackageLock.parse(await this.#tree.text(first)) : undefined
    return { directory, npm, whole: present }
  }

  /** Folders of this repository by the package name they carry; asked only where no npm lockfile answers. */
  async packagesOfRepository(): Promise<ReadonlyMap<string, readonly string[]>> {
    if (this.#packages !== undefined) return this.#packages
    const paths = (await this.#tree.below('', '**/package.json'))
      .map((entry) => entry.path)
      .filter((path) => !path.includes('node_modules/'))
    await this.#tree.readAll(paths)
    const found = new Map<string, string[]>()
    for (const path of paths) {
      const name = (await this.#tree.json(path))?.['name']
      if (typeof name === 'string') found.set(name, [...(found.get(name) ?? []), directoryOf(path)])
    }
    this.#packages = found
    return found
  }
}
