// From one entry along its imports through the tree of a revision: files with their object ids, locked packages, and what
// could not be followed. Goes on after a problem, so that the files found are as many as can be.
import { isBuiltin } from 'node:module'
import { posix } from 'node:path'
import type { Snapshot } from '../desired/source.js'
import { packageOfFile, splitSpecifier } from './locked-packages.js'
import type { PackageLock } from './locked-packages.js'
import { findReferences, isCode } from './module-graph.js'
import { exportTarget, importTarget } from './package-exports.js'
import { candidatePaths, isRelative, relativePath } from './relative-reference.js'
import type { Place } from './relative-reference.js'
import { LOCKFILES, RepositoryLocks } from './repository-locks.js'
import type { Locks } from './repository-locks.js'
import { ancestors, directoryOf, joinInside, TreeFiles, within } from './tree-files.js'

export class CodeWalk {
  readonly files = new Map<string, string>()
  readonly packages = new Map<string, string>()
  readonly problems: string[] = []
  /** Version of trueup in the npm lockfile above the entry, where there is one. */
  lockedTool: string | undefined
  readonly #tree: TreeFiles
  readonly #runningTool: string
  readonly #locks: RepositoryLocks
  readonly #locked = new Map<
    PackageLock,
    { readonly directory: string; readonly lock: PackageLock; readonly paths: Set<string> }
  >()

  constructor(options: { readonly snapshot: Snapshot; readonly runningTool: string }) {
    this.#tree = new TreeFiles(options.snapshot)
    this.#locks = new RepositoryLocks(this.#tree)
    this.#runningTool = options.runningTool
  }

  get probed(): Readonly<Record<string, string>> | null {
    return this.#tree.asked
  }

  /** Reached packages by the npm lockfile that locks them. */
  get locked(): Iterable<{
    readonly directory: string
    readonly lock: PackageLock
    readonly paths: ReadonlySet<string>
  }> {
    return this.#locked.values()
  }

  /** trueup itself, which runs the integration whether it is imported or not. */
  async addTool(entry: string): Promise<void> {
    const directory = joinInside('', directoryOf(entry)) ?? ''
    const locks = await this.#locks.above(directory)
    let text = this.#runningTool
    const match = locks?.npm?.find(posix.relative(locks.directory, directory), 'trueup')
    if (match?.kind === 'package') {
      text = locks?.npm?.describe(match.path) ?? text
      this.lockedTool = locks?.npm?.version(match.path)
    } else if (locks !== undefined && locks.npm === undefined) {
      const naming: string[] = []
      for (const path of locks.whole)
        if (/\btrueup\b/.test(await this.#tree.text(path))) naming.push(await this.#oid(path))
      if (naming.length > 0) text = naming.join(' ')
    }
    this.packages.set('trueup', text)
  }

  async addEntry(entry: string): Promise<void> {
    const installed = packageOfFile(entry)
    if (installed !== undefined) {
      await this.#addInstalledEntry(entry, installed)
      return
    }
    const start = await this.#tree.resolve(entry)
    if (!start.includes(entry)) this.problems.push(`${entry} is not in this revision (new, ignored or not committed)`)
    // Layer by layer, so that each costs one question to git.
    let layer = await this.#addFiles(start)
    while (layer.length > 0) {
      const places = await this.#scan(layer)
      await this.#tree.prefetch(places.flatMap(candidatePaths))
      const found: string[] = []
      for (const place of places) found.push(...(await this.#follow(place)))
      layer = await this.#addFiles(found)
    }
  }

  async #addInstalledEntry(entry: string, path: string): Promise<void> {
    const locks = await this.#locks.above(directoryOf(path.slice(0, path.indexOf('node_modules/') + 1)))
    const lockPath = posix.relative(locks?.directory ?? '', path)
    if (locks?.npm?.describe(lockPath) !== undefined) await this.#addLocked(locks.npm, locks.directory, lockPath)
    else if (locks !== undefined && locks.whole.length > 0) await this.#addWhole(locks)
    else this.problems.push(`${entry} belongs to a package that no lockfile locks: commit one`)
  }

  /** Adds files and the configuration above them; returns those that are new and may import something. */
  async #addFiles(paths: readonly string[]): Promise<readonly string[]> {
    const fresh = [...new Set(paths)].filter((path) => !this.files.has(path))
    for (const path of fresh) this.files.set(path, await this.#oid(path))
    const directories = new Set(fresh.map(directoryOf))
    await this.#tree.prefetch(
      [...directories]
        .flatMap((directory) => ancestors(directory))
        .flatMap((at) => ['package.json', 'tsconfig.json', ...LOCKFILES].map((name) => within(at, name))),
    )
    for (const directory of directories) {
      const manifest = await this.#tree.nearest(directory, 'package.json')
      if (manifest !== undefined) this.files.set(manifest, await this.#oid(manifest))
      const config = await this.#tree.nearest(directory, 'tsconfig.json')
      if (config !== undefined) await this.#addConfig(config)
    }
    return fresh.filter(isCode)
  }

  /** A tsconfig.json and, inside the repository, what it extends. */
  async #addConfig(path: string): Promise<void> {
    if (this.files.has(path)) return
    this.files.set(path, await this.#oid(path))
    const extended = (await this.#tree.json(path, { comments: true }))?.['extends']
    for (const name of Array.isArray(extended) ? (extended as unknown[]) : [extended]) {
      if (typeof name !== 'string' || !name.startsWith('.')) continue
      const target = joinInside(directoryOf(path), name)
      for (const found of target === undefined ? [] : await this.#tree.resolve(target)) await this.#addConfig(found)
    }
  }

  async #scan(paths: readonly string[]): Promise<readonly Place[]> {
    await this.#tree.readAll(paths)
    const places: Place[] = []
    for (const file of paths) {
      const scan = await findReferences(file, await this.#tree.text(file))
      if (scan.kind === 'unknown') this.problems.push(`${file}:${scan.line}: ${scan.reason}`)
      places.push(...scan.references.map((reference) => ({ file, reference })))
    }
    return places
  }

  /** The repository files that one import loads; packages are added on the way. */
  async #follow(place: Place): Promise<readonly string[]> {
    const { kind, specifier } = place.reference
    if (kind === 'url') return this.#followUrl(place)
    if (isBuiltin(specifier) || specifier.startsWith('node:') || specifier.startsWith('data:')) return []
    if (specifier.startsWith('#')) return this.#followAlias(place)
    if (isRelative(specifier)) {
      const path = relativePath(place)
      const found = path === undefined ? [] : await this.#resolveFile(path)
      return found.length > 0 ? found : this.#unresolved(place)
    }
    if (/^(?:\/|[a-z][a-z0-9+.-]+:)/i.test(specifier)) return this.#unresolved(place)
    return this.#followBare(place, specifier)
  }

  async #followUrl(place: Place): Promise<readonly string[]> {
    if (/^[a-z][a-z0-9+.-]+:/i.test(place.reference.specifier) && !place.reference.specifier.startsWith('file:'))
      return []
    const path = relativePath(place)
    if (path === undefined || place.reference.specifier.startsWith('file:')) return this.#unresolved(place)
    if ((await this.#tree.entry(path)) !== undefined) return this.#tree.resolve(path)
    // A folder is read as a whole by whoever asks for its address; its files count, their imports do not.
    const below = await this.#tree.below(path)
    for (const entry of below) this.files.set(entry.path, entry.oid)
    return below.length > 0 ? [] : this.#unresolved(place)
  }

  async #followAlias(place: Place): Promise<readonly string[]> {
    const manifest = await this.#tree.nearest(directoryOf(place.file), 'package.json')
    const json = manifest === undefined ? undefined : await this.#tree.json(manifest)
    const target = json === undefined ? undefined : importTarget(json, place.reference.specifier, targetKind(place))
    if (manifest === undefined || target === undefined) return this.#unresolved(place)
    if (!isRelative(target)) return isBuiltin(target) ? [] : this.#followBare(place, target)
    const path = joinInside(directoryOf(manifest), target)
    const found = path === undefined ? [] : await this.#tree.resolve(path)
    return found.length > 0 ? found : this.#unresolved(place, `${target} (by ${manifest})`)
  }

  async #followBare(place: Place, specifier: string): Promise<readonly string[]> {
    const { name, subpath } = splitSpecifier(specifier)
    if (name === 'trueup') return []
    const directory = directoryOf(place.file)
    const own = await this.#tree.nearest(directory, 'package.json')
    const json = own === undefined ? undefined : await this.#tree.json(own)
    if (own !== undefined && json?.['name'] === name && json['exports'] !== undefined)
      return this.#followInside(place, directoryOf(own), subpath)

    const locks = await this.#locks.above(directory)
    if (locks?.npm !== undefined) {
      const match = locks.npm.find(posix.relative(locks.directory, directory), name)
      if (match.kind === 'package') {
        await this.#addLocked(locks.npm, locks.directory, match.path)
        return []
      }
      if (match.kind === 'workspace') {
        const inside = joinInside(locks.directory, match.directory)
        return inside === undefined ? this.#unresolved(place) : this.#followInside(place, inside, subpath)
      }
    }
    const inRepository = (await this.#locks.packagesOfRepository()).get(name) ?? []
    if (inRepository.length > 0) {
      const found: string[] = []
      for (const inside of inRepository) found.push(...(await this.#followInside(place, inside, subpath)))
      return found
    }
    if (locks !== undefined && locks.npm === undefined) await this.#addWhole(locks)
    else
      this.#problem(
        place,
        `imports the package ${name}, which no lockfile locks: add it to package.json and commit the lockfile`,
      )
    return []
  }

  /** A name inside a package of this repository. */
  async #followInside(place: Place, directory: string, subpath: string): Promise<readonly string[]> {
    const manifest = (await this.#tree.json(within(directory, 'package.json'))) ?? {}
    const target = exportTarget(manifest, subpath, targetKind(place))
    const path = target === null ? undefined : joinInside(directory, target ?? subpath)
    const found =
      path === undefined ? [] : target === undefined ? await this.#resolveFile(path) : await this.#tree.resolve(path)
    if (found.length > 0) return [...found, ...(await this.#manifestOf(directory))]
    return this.#unresolved(place, target === null ? undefined : path)
  }

  async #manifestOf(directory: string): Promise<readonly string[]> {
    const path = within(directory, 'package.json')
    return (await this.#tree.entry(path)) === undefined ? [] : [path]
  }

  /** A file, or a folder by the `main` of its package.json. */
  async #resolveFile(path: string): Promise<readonly string[]> {
    const manifest = within(path, 'package.json')
    const main = (await this.#tree.json(manifest))?.['main']
    const target = typeof main === 'string' ? joinInside(path, main) : undefined
    const found = target === undefined ? [] : await this.#tree.resolve(target)
    return found.length > 0 ? [...found, manifest] : this.#tree.resolve(path)
  }

  async #addLocked(lock: PackageLock, directory: string, path: string): Promise<void> {
    const known = this.#locked.get(lock) ?? { directory, lock, paths: new Set<string>() }
    this.#locked.set(lock, known)
    if (known.paths.has(path)) return
    const closure = lock.closure(path)
    if (closure.kind === 'unknown') {
      this.problems.push(closure.reason)
      return
    }
    for (const [at, text] of closure.packages) {
      known.paths.add(at)
      this.packages.set(within(directory, at), text)
    }
    // A package that leads back into this repository: which of its files it loads is not known, so all count.
    for (const workspace of closure.workspaces) {
      const inside = joinInside(directory, workspace)
      if (inside === undefined) this.problems.push(`${path} needs ${workspace}, which lies outside this repository`)
      else for (const entry of await this.#tree.below(inside)) this.files.set(entry.path, entry.oid)
    }
  }

  async #addWhole(locks: Locks): Promise<void> {
    for (const path of locks.whole) this.packages.set(path, await this.#oid(path))
  }

  async #oid(path: string): Promise<string> {
    return (await this.#tree.entry(path))?.oid ?? ''
  }

  #unresolved(place: Place, looked?: string): readonly string[] {
    const where = looked === undefined ? '' : ` (looked for ${looked})`
    this.#problem(
      place,
      `imports ${JSON.stringify(place.reference.specifier)}, which is not in this revision: ignored, generated or outside the repository${where}`,
    )
    return []
  }

  #problem({ file, reference }: Place, text: string): void {
    this.problems.push(`${file}:${reference.line}: ${text}`)
  }
}

function targetKind({ reference }: Place): 'import' | 'require' {
  return reference.kind === 'require' ? 'require' : 'import'
}
