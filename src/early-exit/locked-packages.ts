// Text of an npm lockfile in, the locked packages that an import reaches out. Pure: what is installed is looked at in
// installed-packages.ts.
import { isRecord } from '../util/is-record.js'
import { ancestors, directoryOf, within } from './tree-files.js'

/** npm's own, in the order npm prefers them: these are read package by package. */
export const NPM_LOCKFILES = ['npm-shrinkwrap.json', 'package-lock.json'] as const
/** Of these the whole file counts. */
export const OTHER_LOCKFILES = ['pnpm-lock.yaml', 'yarn.lock', 'bun.lock', 'bun.lockb'] as const

export type LockedMatch =
  | { readonly kind: 'package'; readonly path: string }
  /** A folder of the same repository, relative to the lockfile. */
  | { readonly kind: 'workspace'; readonly directory: string }
  | { readonly kind: 'absent' }

/** Packages by lock path with their version and integrity, and the workspace folders among their dependencies. */
export type LockedClosure =
  | { readonly kind: 'known'; readonly packages: ReadonlyMap<string, string>; readonly workspaces: readonly string[] }
  | { readonly kind: 'unknown'; readonly reason: string }

/** One `package-lock.json` or `npm-shrinkwrap.json` with a `packages` table (lockfile version 2 or 3). */
export class PackageLock {
  readonly #packages: Readonly<Record<string, unknown>>

  private constructor(packages: Readonly<Record<string, unknown>>) {
    this.#packages = packages
  }

  /** Undefined for text that is no such lockfile: then the whole file counts. */
  static parse(text: string): PackageLock | undefined {
    try {
      const value: unknown = JSON.parse(text)
      return isRecord(value) && isRecord(value['packages']) ? new PackageLock(value['packages']) : undefined
    } catch {
      return undefined
    }
  }

  /** What Node would find for a package name from a folder (relative to the lockfile) or from another package's lock path. */
  find(from: string, name: string): LockedMatch {
    for (const directory of ancestors(from)) {
      if (directory.endsWith('/node_modules') || directory === 'node_modules') continue
      const path = within(directory, `node_modules/${name}`)
      const entry = this.#entry(path)
      if (entry === undefined) continue
      const resolved = entry['resolved']
      if (entry['link'] === true && typeof resolved === 'string') return { kind: 'workspace', directory: resolved }
      return { kind: 'package', path }
    }
    return { kind: 'absent' }
  }

  /** Version and integrity as text, or undefined when nothing is locked at that path. */
  describe(path: string): string | undefined {
    const entry = this.#entry(path)
    if (entry === undefined) return undefined
    const proof = typeof entry['integrity'] === 'string' ? entry['integrity'] : entry['resolved']
    return `${this.version(path) ?? ''} ${typeof proof === 'string' ? proof : ''}`.trim()
  }

  version(path: string): string | undefined {
    const version = this.#entry(path)?.['version']
    return typeof version === 'string' ? version : undefined
  }

  isOptional(path: string): boolean {
    const entry = this.#entry(path)
    return entry?.['optional'] === true || entry?.['devOptional'] === true || entry?.['peer'] === true
  }

  /** A package and everything it depends on: dependencies, optional ones and peers that are there, with Node's nesting. */
  closure(start: string): LockedClosure {
    const packages = new Map<string, string>()
    const workspaces = new Set<string>()
    const visited = new Set<string>()
    const queue = [start]
    for (let path = queue.pop(); path !== undefined; path = queue.pop()) {
      const entry = this.#entry(path)
      if (visited.has(path) || entry === undefined) continue
      visited.add(path)
      if (!workspaces.has(path)) packages.set(path, this.describe(path) ?? '')
      for (const [kind, names] of dependenciesOf(entry)) {
        for (const name of names) {
          // trueup counts by its own version, which says what else it brings.
          if (name === 'trueup') continue
          const match = this.find(path, name)
          if (match.kind === 'package') queue.push(match.path)
          else if (match.kind === 'workspace') {
            workspaces.add(match.directory)
            queue.push(match.directory)
          } else if (kind === 'dependencies')
            return { kind: 'unknown', reason: `the lockfile has no ${name}, which ${path} needs` }
        }
      }
    }
    return { kind: 'known', packages, workspaces: [...workspaces].sort() }
  }

  #entry(path: string): Record<string, unknown> | undefined {
    const entry = Object.hasOwn(this.#packages, path) ? this.#packages[path] : undefined
    return isRecord(entry) ? entry : undefined
  }
}

function dependenciesOf(entry: Record<string, unknown>): (readonly [string, readonly string[]])[] {
  const optional = namesIn(entry, 'optionalDependencies')
  return [
    // npm repeats optional ones among the dependencies of some versions.
    ['dependencies', namesIn(entry, 'dependencies').filter((name) => !optional.includes(name))],
    ['optionalDependencies', optional],
    ['peerDependencies', namesIn(entry, 'peerDependencies')],
  ]
}

function namesIn(entry: Record<string, unknown>, key: string): readonly string[] {
  const value = entry[key]
  return isRecord(value) ? Object.keys(value) : []
}

/** `@scope/name/sub/path` → its package name and `./sub/path` (or `.`). */
export function splitSpecifier(specifier: string): { readonly name: string; readonly subpath: string } {
  const parts = specifier.split('/')
  const name = parts.slice(0, specifier.startsWith('@') ? 2 : 1).join('/')
  const rest = specifier.slice(name.length)
  return { name, subpath: rest === '' ? '.' : `.${rest}` }
}

/** The lock path of a file inside an installed package: `node_modules/a/lib/x.js` → `node_modules/a`; undefined elsewhere. */
export function packageOfFile(path: string): string | undefined {
  const match = /^((?:.*\/)?node_modules\/(?:@[^/]+\/)?[^/]+)\//.exec(path)
  return match?.[1] ?? (directoryOf(path).includes('node_modules') ? directoryOf(path) : undefined)
}
